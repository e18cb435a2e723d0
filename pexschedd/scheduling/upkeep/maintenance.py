"""Deletes old items from an equipment mailbox (deployment guide, "Deleting old mailbox
items").

Never deleted are meetings that have not ended, series whose last occurrence is still to
come, and requests and cancellations that wait in the inbox: what the daemon has
answered is not there any more, so every one of them is still to be decided or told.
"""

from datetime import datetime
from functools import partial

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model.meeting import MessageKind, MessageRef
from pexschedd.scheduling.ports.mailbox import MailboxKeeping, OutcomeKind
from pexschedd.scheduling.upkeep.progress import KeepGoing, ProgressListener, WorkTally
from pexschedd.scheduling.upkeep.restore_room import has_finished
from pexschedd.util.retry import pages, patiently

BATCH = 50
"""Items in one call: Exchange gives a call one minute."""
ROUNDS = 3
"""How often an item is tried that the server wants to be asked for again."""


class MaintenanceRequest(msgspec.Struct, frozen=True):
    """Both limits are aware UTC; later ones than now count as now."""

    inbox_limit: datetime
    """Inbox items that were received before it go."""
    calendar_limit: datetime
    """Meetings that have ended by then go."""


class MaintenanceRunner:
    def __init__(self, *, clock: IReactorTime, now: Now) -> None:
        self._clock = clock
        self._now = now

    async def maintain(
        self,
        keeping: MailboxKeeping,
        what: MaintenanceRequest,
        say: ProgressListener,
        working: KeepGoing,
        tally: WorkTally,
        *,
        dry_run: bool = False,
    ) -> None:
        """Adds to `tally` what is done. Raises `MailboxError` when the mailbox cannot
        be read."""
        now = self._now()
        limit = min(what.inbox_limit, now)
        refs = await self._inbox(keeping, limit, say, working, tally)
        await self._delete(
            keeping, refs, "inbox items deleted", say, working, tally, dry_run
        )
        limit = min(what.calendar_limit, now)
        refs = await self._calendar(keeping, limit, say, working, tally)
        await self._delete(
            keeping, refs, "calendar items deleted", say, working, tally, dry_run
        )

    # Everything is collected before anything is deleted: pages are counted by
    # position, and would skip items if earlier ones vanished.

    async def _inbox(
        self,
        keeping: MailboxKeeping,
        limit: datetime,
        say: ProgressListener,
        working: KeepGoing,
        tally: WorkTally,
    ) -> list[MessageRef]:
        refs: dict[MessageRef, None] = {}
        read = 0
        async for page in pages(partial(keeping.inbox, limit), self._clock):
            if not working():
                return []
            for message in page:
                if message.received >= limit:
                    continue
                if message.kind is MessageKind.OTHER:
                    refs[message.ref] = None
                else:
                    tally.add("unprocessed requests kept")
            read += len(page)
            say.progress("reading the inbox", read)
        return [*refs]

    async def _calendar(
        self,
        keeping: MailboxKeeping,
        limit: datetime,
        say: ProgressListener,
        working: KeepGoing,
        tally: WorkTally,
    ) -> list[MessageRef]:
        refs: dict[MessageRef, None] = {}
        read = 0
        async for page in pages(keeping.calendar, self._clock):
            if not working():
                return []
            for meeting in page:
                if has_finished(meeting, limit):
                    refs[meeting.ref] = None
                else:
                    tally.add("calendar items kept")
            read += len(page)
            say.progress("reading the calendar", read)
        return [*refs]

    async def _delete(
        self,
        keeping: MailboxKeeping,
        refs: list[MessageRef],
        what: str,
        say: ProgressListener,
        working: KeepGoing,
        tally: WorkTally,
        dry_run: bool,
    ) -> None:
        if dry_run:
            tally.add(what, len(refs))
            return
        total, done = len(refs), 0
        for round_ in range(ROUNDS):
            again: list[MessageRef] = []
            for start in range(0, len(refs), BATCH):
                if not working():
                    return
                batch = refs[start : start + BATCH]
                outcomes = await patiently(partial(keeping.delete, batch), self._clock)
                for ref, outcome in zip(batch, outcomes, strict=True):
                    if outcome.kind is OutcomeKind.DONE:
                        tally.add(what)
                    elif outcome.kind is OutcomeKind.GONE:
                        tally.add("were gone already")
                    elif outcome.kind is OutcomeKind.RETRY and round_ < ROUNDS - 1:
                        again.append(ref)
                        continue
                    else:
                        tally.failed(f"an item could not be deleted: {outcome.reason}")
                    done += 1
                say.progress(what, done, total)
            refs = again
