"""One organizer's calendar: a meeting is found by its UID, an occurrence by its
original start."""

from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from pexschedd.errors import MailboxRefused
from pexschedd.graph.client import GraphClient
from pexschedd.graph.entities.events import (
    CalendarEvent,
    EventPage,
    parse_changed,
    parse_events,
    uid_of,
)
from pexschedd.graph.error_policy import is_gone
from pexschedd.graph.organizers.organizer_events import (
    BodyWithheld,
    build_get,
    build_get_changed,
    build_get_uid,
    build_instances,
    build_search,
    parse_i_cal_uid,
    parse_whole,
    rest_id,
    spellings,
)
from pexschedd.graph.problems import GraphProblem
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.model.recurrence import FIRST_YEAR, LAST_YEAR

T = TypeVar("T")

_HALF_DAY = timedelta(hours=12)


class OrganizerCalendar:
    """Finds what its owner organizes. All methods raise `MailboxError`."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._address = client.target.mailbox

    async def find(
        self, uid: str, recurrence_id: datetime | None
    ) -> CalendarMeeting | None:
        """See `scheduling.ports.mailbox.OrganizersCalendars`."""
        own = await self._search(uid)
        if recurrence_id is None:
            return await self._get(own[0].meeting) if own else None
        masters = [each.meeting for each in own if each.meeting.is_series]
        if not masters:
            return None
        occurrence = await self._occurrence(masters[0], recurrence_id)
        return await self._get(occurrence) if occurrence is not None else None

    async def item_uid(self, item_id: str) -> str:
        """See `scheduling.ports.mailbox.ItemLookup`."""
        request = build_get_uid(self._address, rest_id(item_id))
        found = await self._client.read(request, parse_i_cal_uid)
        if not isinstance(found, GraphProblem):
            return uid_of(found)
        if not is_gone(found):
            raise self._client.error_for(found)
        return ""

    async def _search(self, uid: str) -> list[CalendarEvent]:
        """Return what is organized of a meeting: the meeting or series first, then
        occurrences that are there without their series."""
        for i_cal_uid in spellings(uid):
            request = build_search(self._address, i_cal_uid)
            page = self._page(await self._client.read(request, parse_events))
            own = [
                each
                for each in page.events
                if each.meeting.uid == uid
                and each.organizes
                and not each.meeting.cancelled
            ]
            if own:
                return sorted(own, key=lambda each: each.is_occurrence)
        return []

    async def _occurrence(
        self, master: CalendarMeeting, original: datetime
    ) -> CalendarMeeting | None:
        """Return one that was changed by what it was, another by when it is."""
        if not FIRST_YEAR <= original.year <= LAST_YEAR:
            return None
        id = master.ref.item_id
        changed = await self._client.read(
            build_get_changed(self._address, id), parse_changed
        )
        if isinstance(changed, GraphProblem):
            if is_gone(changed):
                return None
            # National clouds do not tell them: a moved one is only found nearby.
            changed = {}
        if original in changed:
            return msgspec.structs.replace(
                master, ref=changed[original], is_series=False
            )
        found = await self._client.read(
            build_instances(self._address, id, original), parse_events
        )
        if isinstance(found, GraphProblem) and is_gone(found):
            return None
        there = {
            each.original or each.meeting.start: each.meeting
            for each in self._page(found).events
            if not each.meeting.cancelled
        }
        if original in there:
            return there[original]
        # Of whole days some calendars only tell the date.
        near = [there[each] for each in there if abs(each - original) < _HALF_DAY]
        return near[0] if len(near) == 1 else None

    async def _get(self, meeting: CalendarMeeting) -> CalendarMeeting | None:
        id = meeting.ref.item_id
        request = build_get(self._address, id, occurrences=meeting.is_series)
        found = await self._client.read(request, parse_whole)
        if isinstance(found, GraphProblem) and meeting.is_series:
            # As above: the series is read without its changed occurrences.
            request = build_get(self._address, id)
            found = await self._client.read(request, parse_whole)
        if isinstance(found, GraphProblem):
            if is_gone(found):
                return None
            raise self._client.error_for(found)
        whole = require_body(found, self._client).meeting
        return None if whole.cancelled else whole

    def _page(self, found: EventPage | GraphProblem) -> EventPage:
        if isinstance(found, GraphProblem):
            raise self._client.error_for(found)
        return found


def require_body(found: T | BodyWithheld, client: GraphClient) -> T:
    """Return an event that came with its body; raise `MailboxRefused` for another: an
    invitation must not be taken for an empty one."""
    if isinstance(found, BodyWithheld):
        target = client.target
        raise MailboxRefused(
            f"{target.host} does not show the bodies of meetings to the application "
            f"{target.client_id}: it may only see their basic properties. Assign it "
            f"the role 'Application {target.role}' with a scope that includes "
            f"{target.mailbox}."
        )
    return found
