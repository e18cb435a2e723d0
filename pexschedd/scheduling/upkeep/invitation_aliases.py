"""The alias that an invitation in the calendar names."""

import re
from functools import partial

from pexschedd.bodies import tags
from pexschedd.bodies.visible_text import visible_text
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.scheduling.decisions import aliases
from pexschedd.scheduling.decisions.aliases import AliasPair
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.util.worker_processes import HeavyWork, work_at_once


def tags_in(meeting: CalendarMeeting) -> tuple[str, ...]:
    """The UUIDs of the security tags in the invitation, newest first."""
    return tags.tags_of(meeting).pxps


class InvitationAliases:
    """Finds the alias that the attendees of a meeting already have."""

    def __init__(
        self,
        lookup: MeetingLookup,
        allocator: AliasAllocator,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        self._lookup = lookup
        self._allocator = allocator
        self._heavy_work = heavy_work

    async def find(
        self, connector: Connector, meeting: CalendarMeeting
    ) -> ScheduledAlias | None:
        """The alias in the invitation, if it can be this meeting's again.

        The record is not stored yet if only the invitation still knows the alias.
        """
        lookup = self._lookup
        uuids = tags_in(meeting)
        for uuid in uuids:
            alias = lookup.alias(uuid)
            if (
                alias is not None
                and alias.exchange_connector == connector.id
                and alias.ews_item_uid in ("", meeting.uid)
                and lookup.conference_of(alias.alias) is None
                and lookup.conference_of(alias.numeric_alias) is None
            ):
                return alias
        # A tag that is known here belongs to another meeting: this invitation was
        # copied from that one, alias and all.
        if not uuids or any(lookup.alias(uuid) is not None for uuid in uuids):
            return None
        pair = await self._named_pair(meeting, connector)
        if pair is None or any(lookup.alias_taken(text) for text in pair.texts):
            return None
        return self._allocator.record(connector, pair, uuids[0])

    async def _named_pair(
        self, meeting: CalendarMeeting, connector: Connector
    ) -> AliasPair | None:
        return await self._heavy_work(
            partial(
                named_pair,
                meeting.html[: tags.MAX_BODY],
                meeting.text[: tags.MAX_BODY],
                prefix=connector.scheduled_alias_prefix or "",
                domain=connector.scheduled_alias_domain,
            ),
            len(meeting.html) + len(meeting.text),
        )


def named_pair(html: str, text: str, *, prefix: str, domain: str) -> AliasPair | None:
    """The one alias of the integration's form in an invitation. Pure.

    None if the invitation names none, or several. With a domain only the full alias
    counts: a bare number may mean anything.
    """
    if not prefix:
        return None
    number = rf"(?<![\w.@-]){re.escape(prefix)}(\d{{5,15}})"
    end = rf"@{re.escape(domain)}(?![\w@-]|\.\w)" if domain else r"(?![\w@-]|\.\w)"
    shown = visible_text(html[: tags.MAX_BODY]).replace("\0", " ")
    for body in (shown, text[: tags.MAX_BODY]):
        found = set(re.findall(number + end, body, re.IGNORECASE))
        if found:
            digits = found.pop()
            if found or not int(digits):
                return None
            return aliases.pair(prefix, digits, domain)
    return None
