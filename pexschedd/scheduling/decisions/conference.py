"""The room of a meeting: a conference with its aliases, new or brought up to date.
Pure."""

from collections.abc import Container
from datetime import datetime

import msgspec

from pexschedd.model import tables
from pexschedd.model.blank_text import shown
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.scheduling.decisions.context import IdSource, KnownMeetings, RoomTexts
from pexschedd.scheduling.decisions.decision import Put, RecordChange

NAME_STEM = 243
"""A conference's name has at most 250 characters; a blank and six digits may follow."""


class ConferenceBuilder(msgspec.Struct, frozen=True):
    """Makes the changes to conferences and their aliases for one meeting request."""

    message: MeetingMessage
    known: KnownMeetings
    connector: Connector
    texts: RoomTexts
    now: datetime
    ids: IdSource

    def new(
        self, alias: ScheduledAlias, *, freed: Container[str] = ()
    ) -> tuple[int, list[RecordChange]]:
        """The id of a conference for this alias, and the changes that make it.

        `freed` are names of conferences that go with the same decision.
        """
        message, connector = self.message, self.connector
        conference = Conference(
            id=self.ids.new_id(tables.CONFERENCE),
            name=self._free_name(alias, own="", freed=freed),
            description=self.texts.description(message, alias),
            primary_owner_email_address=bounded(message.organizer.email, 100),
            is_scheduled=True,
            vmr_origin=self._origin,
            ivr_theme=connector.ivr_theme,
            host_identity_provider_group=connector.host_identity_provider_group,
            non_idp_participants=connector.non_idp_participants,
            creation_time=self.now,
        )
        description = self.texts.alias_description(message, alias)
        addresses = [
            ConferenceAlias(
                id=self.ids.new_id(tables.CONFERENCE_ALIAS),
                alias=address,
                conference=conference.id,
                description=description,
                creation_time=self.now,
            )
            for address in dict.fromkeys((alias.alias, alias.numeric_alias))
        ]
        changes: list[RecordChange] = [Put(tables.CONFERENCE, conference)]
        changes += [Put(tables.CONFERENCE_ALIAS, address) for address in addresses]
        return conference.id, changes

    def renamed(
        self, conference_id: int, alias: ScheduledAlias, *, is_open: bool
    ) -> list[RecordChange]:
        """The change that gives a conference the message's name and description.

        Conferencing nodes identify a running conference by its name, so renaming it
        while it is open would separate the participants from later ones. What an
        administrator has changed stays.
        """
        conference = self.known.conference(conference_id)
        if conference is None:
            return []
        name, description = conference.name, conference.description
        if not conference.has_own_description:
            description = self.texts.description(self.message, alias)
        if not is_open and not conference.has_own_name:
            name = self._free_name(alias, own=name)
        renamed = msgspec.structs.replace(
            conference,
            name=name,
            description=description,
            is_scheduled=True,
            vmr_origin=self._origin,
        )
        return [Put(tables.CONFERENCE, renamed)] if renamed != conference else []

    @property
    def _origin(self) -> str:
        """The room's origin, in the words of the deployment guide ("VMR origin")."""
        return f"VMR Scheduling for Exchange: {self.connector.name}"

    def _free_name(
        self, alias: ScheduledAlias, *, own: str, freed: Container[str] = ()
    ) -> str:
        """A name that no other conference has, with a random number if necessary."""
        wanted = shown(self.texts.name(self.message, alias)) or alias.numeric_alias
        if own == wanted or _made_unique(own, wanted):
            return own
        name = wanted
        while name not in freed and self.known.name_taken(name):
            name = f"{wanted[:NAME_STEM]} {self.ids.digits(6)}"
        return name


def _made_unique(name: str, wanted: str) -> bool:
    """Return whether `name` is `wanted` with a random number added."""
    stem, blank, digits = name.rpartition(" ")
    return bool(blank) and stem == wanted[:NAME_STEM] and digits.isdecimal()


def bounded(text: str, length: int) -> str:
    """The text, or "" if it is too long: half an address is worse than none."""
    return text if len(text) <= length else ""
