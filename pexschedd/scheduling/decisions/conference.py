"""The room of a meeting: a conference with its aliases, new or brought up to date.
Pure."""

from datetime import datetime

import msgspec

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.scheduling.decisions.context import IdSource, KnownMeetings, RoomTexts
from pexschedd.scheduling.decisions.decision import Change, Put

NAME_STEM = 243
"""A conference's name has at most 250 characters: room for a blank and six digits."""


class ConferenceBuilder(msgspec.Struct, frozen=True):
    message: MeetingMessage
    known: KnownMeetings
    connector: Connector
    wording: RoomTexts
    now: datetime
    fresh: IdSource

    def new(self, alias: ScheduledAlias) -> tuple[int, list[Change]]:
        """A conference for this alias; returns its id, too."""
        message, connector = self.message, self.connector
        conference = Conference(
            id=self.fresh.new_id(tables.CONFERENCE),
            name=self._free_name(alias, own=""),
            description=self.wording.description(message, alias),
            primary_owner_email_address=bounded(message.organizer.email, 100),
            ivr_theme=connector.ivr_theme,
            host_identity_provider_group=connector.host_identity_provider_group,
            non_idp_participants=connector.non_idp_participants,
            creation_time=self.now,
        )
        description = self.wording.alias_description(message, alias)
        addresses = [
            ConferenceAlias(
                id=self.fresh.new_id(tables.CONFERENCE_ALIAS),
                alias=address,
                conference=conference.id,
                description=description,
                creation_time=self.now,
            )
            for address in dict.fromkeys((alias.alias, alias.numeric_alias))
        ]
        changes: list[Change] = [Put(tables.CONFERENCE, conference)]
        changes += [Put(tables.CONFERENCE_ALIAS, address) for address in addresses]
        return conference.id, changes

    def renamed(
        self, conference_id: int, alias: ScheduledAlias, *, is_open: bool
    ) -> list[Change]:
        """Name and description as the message has them now.

        Nodes know a running conference by its name: renaming it while people may be
        inside would split them from those who join later.
        """
        conference = self.known.conference(conference_id)
        if conference is None:
            return []
        name = conference.name
        if not is_open:
            name = self._free_name(alias, own=name)
        renamed = msgspec.structs.replace(
            conference,
            name=name,
            description=self.wording.description(self.message, alias),
        )
        return [Put(tables.CONFERENCE, renamed)] if renamed != conference else []

    def _free_name(self, alias: ScheduledAlias, *, own: str) -> str:
        """A name that no other conference has: a random number is added if need be."""
        wanted = self.wording.name(self.message, alias) or alias.numeric_alias
        if own == wanted or _made_unique(own, wanted):
            return own
        name = wanted
        while self.known.name_taken(name):
            name = f"{wanted[:NAME_STEM]} {self.fresh.digits(6)}"
        return name


def _made_unique(name: str, wanted: str) -> bool:
    """Whether `name` is `wanted` with a random number added: it stays as it is."""
    stem, blank, digits = name.rpartition(" ")
    return bool(blank) and stem == wanted[:NAME_STEM] and digits.isdecimal()


def bounded(text: str, length: int) -> str:
    """Empty rather than cut: half an address or id is worse than none."""
    return text if len(text) <= length else ""
