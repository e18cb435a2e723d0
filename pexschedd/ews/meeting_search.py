"""The search for a meeting in a mailbox's calendar, by its UID.

A search by the global object id finds it wherever it lies. Some servers refuse such a
search; there, what takes place around the meeting's known start is read and compared
with the UID on our side.
"""

from datetime import datetime, timedelta

from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem, Sid
from pexschedd.ews.operations.find_item import (
    FoundItem,
    build_find_meeting,
    build_get_master,
    build_view,
    parse_entries,
    parse_master,
    parse_view,
)
from pexschedd.ews.operations.get_meetings import build_get_changed, parse_changed
from pexschedd.exchange.error_policy import RequestNotUnderstood
from pexschedd.exchange.global_ids import clean_global_id
from pexschedd.exchange.response_codes import Category, category
from pexschedd.exchange.throttle import RefusedRequest
from pexschedd.model.meeting import MessageRef
from pexschedd.model.recurrence import FIRST_YEAR, LAST_YEAR

_HALF_DAY = timedelta(hours=12)
NEAR = timedelta(days=1)
FAR = timedelta(days=31)
"""Distances from the known start at which a meeting is looked for, one after the
other: its organizer may have moved it since."""
MOST_PAGES = 5
"""Pages of a calendar view that are read for one distance."""


class MeetingSearch:
    """Searches one mailbox's calendar. All methods raise `MailboxError`."""

    def __init__(self, client: EwsClient, mailbox: str, sid: Sid) -> None:
        self._client = client
        self._mailbox = mailbox
        self._sid = sid

    async def entries(self, uid: str, around: datetime | None) -> list[FoundItem]:
        """Return the items of a meeting: single meetings and masters of series, and
        occurrences that are there without their series.

        `around` is when it starts as far as is known, aware UTC. Without it a server
        that refuses the search by UID raises `MailboxRefused`.
        """
        if around is None or not self._client.refuses(RefusedRequest.SEARCH):
            try:
                return await self._by_global_id(uid)
            except RequestNotUnderstood:
                if around is None:
                    raise
            found = await self._by_time(uid, around)
            # It answers other questions about this calendar: the search is to blame.
            self._client.refused(RefusedRequest.SEARCH)
            return found
        return await self._by_time(uid, around)

    async def _by_global_id(self, uid: str) -> list[FoundItem]:
        return await self._client.read(
            build_find_meeting(self._mailbox, clean_global_id(uid), self._sid),
            parse_entries,
        )

    async def _by_time(self, uid: str, around: datetime) -> list[FoundItem]:
        for distance in (NEAR, FAR):
            found = await self._view(uid, around, distance)
            if found:
                return await self._with_masters(found)
        return []

    async def _view(
        self, uid: str, around: datetime, distance: timedelta
    ) -> list[FoundItem]:
        """A view has no pages: each further one begins where the last one ended."""
        if not FIRST_YEAR <= around.year <= LAST_YEAR:
            return []
        since, until = around - distance, around + distance
        found: dict[str, FoundItem] = {}
        for _ in range(MOST_PAGES):
            entries, is_last = await self._client.read(
                build_view(self._mailbox, since, until, self._sid), parse_view
            )
            found.update((e.ref.item_id, e) for e in entries if e.uid == uid)
            latest = max((e.start for e in entries if e.start), default=since)
            if is_last or not since < latest <= until:
                break
            since = latest
        return list(found.values())

    async def _with_masters(self, found: list[FoundItem]) -> list[FoundItem]:
        """The series in place of its occurrences, if it is there."""
        singles = [e for e in found if e.kind not in ("Occurrence", "Exception")]
        occurrences = [e for e in found if e.kind in ("Occurrence", "Exception")]
        if not occurrences:
            return singles
        master = await self._client.read(
            build_get_master(self._mailbox, occurrences[0].ref, self._sid),
            parse_master,
        )
        if isinstance(master, FoundItem):
            return [*singles, master]
        return [*singles, *occurrences]

    async def occurrence(
        self, master: MessageRef, uid: str, original: datetime
    ) -> MessageRef | None:
        """Return one occurrence of a series, by its original start; None if it is not
        there. One that was moved is found by what it was, another by when it is."""
        if not FIRST_YEAR <= original.year <= LAST_YEAR:
            return None
        changed = await self._client.read(
            build_get_changed(self._mailbox, master, self._sid), parse_changed
        )
        if isinstance(changed, ItemProblem):
            raise_unless_gone(self._client, changed)
            return None
        if original in changed:
            return changed[original]
        entries = await self._client.read(
            build_view(
                self._mailbox, original - _HALF_DAY, original + _HALF_DAY, self._sid
            ),
            parse_entries,
        )
        found = [e for e in entries if e.uid == uid and e.kind == "Occurrence"]
        exact = [entry.ref for entry in found if entry.start == original]
        if exact:
            return exact[0]
        # Of whole days some calendars only tell the date.
        return found[0].ref if len(found) == 1 else None


def raise_unless_gone(client: EwsClient, problem: ItemProblem) -> None:
    """Raise the error that a problem with one item stands for, unless the item is just
    not there any more."""
    if category(problem.code) is not Category.GONE:
        raise client.error_for(problem)
