"""Deletes old items from an equipment mailbox (deployment guide, "Deleting old mailbox
items").

Meetings that have not ended are never deleted, nor series whose last occurrence is
still to come, nor requests and cancellations that are in the inbox: the daemon removes
what it has answered, so each of them is still to be decided or answered.
"""

from datetime import datetime
from functools import partial

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model.meeting import MessageKind, MessageRef
from pexschedd.scheduling.ports.mailbox import MailboxKeeping, Outcome, OutcomeKind
from pexschedd.scheduling.recurrence.meeting_times import has_finished
from pexschedd.scheduling.run_requests import MaintenanceRequest
from pexschedd.scheduling.upkeep.progress import ProgressListener, WorkTally
from pexschedd.scheduling.upkeep.retry import pages, with_retries
from pexschedd.util.stop_signal import StopSignal

BATCH = 50
"""Items in one call: Exchange gives a call one minute."""
_FORM = "%Y-%m-%dT%H:%M:%S"
ROUNDS = 3
"""Attempts at an item for which the server asks to try again."""


class MaintenanceRunner:
    """Cleans one equipment mailbox after another."""

    def __init__(self, *, clock: IReactorTime, now: Now) -> None:
        self._clock = clock
        self._now = now

    async def maintain(
        self,
        mailbox: MailboxKeeping,
        request: MaintenanceRequest,
        listener: ProgressListener,
        stop: StopSignal,
        tally: WorkTally,
        *,
        dry_run: bool = False,
    ) -> None:
        """Delete old items, and count them in `tally`.

        `dry_run` only counts. Raises `MailboxError` when the mailbox cannot be read.
        """
        run = _Run(mailbox, listener, stop, tally, dry_run, self._clock)
        now = self._now()
        for name, limit in (
            ("inbox", request.inbox_limit),
            ("calendar", request.calendar_limit),
        ):
            if limit > now:
                listener.note(
                    f"The {name} time limit, {limit:{_FORM}}, is in the future: it "
                    f"counts as now, {now:{_FORM}} UTC."
                )
        refs = await run.old_messages(min(request.inbox_limit, now))
        await run.delete(refs, "inbox items deleted")
        refs = await run.old_meetings(min(request.calendar_limit, now))
        await run.delete(refs, "calendar items deleted")


class _Run(msgspec.Struct, frozen=True):
    """One run over one mailbox.

    Everything is collected before anything is deleted: pages are counted by position,
    so deletions would make the next page skip items.
    """

    mailbox: MailboxKeeping
    listener: ProgressListener
    stop: StopSignal
    tally: WorkTally
    dry_run: bool
    clock: IReactorTime

    async def old_messages(self, limit: datetime) -> list[MessageRef]:
        """The messages received before `limit` that are not about a meeting."""
        refs: dict[MessageRef, None] = {}
        read = 0
        async for page in pages(
            partial(self.mailbox.inbox, limit), self.clock, self.stop
        ):
            if self.stop.is_set:
                return []
            for message in page:
                if message.received >= limit:
                    continue
                if message.kind is MessageKind.OTHER:
                    refs[message.ref] = None
                else:
                    self.tally.add("unprocessed requests kept")
            read += len(page)
            self.listener.progress("reading the inbox", read)
        return [*refs]

    async def old_meetings(self, limit: datetime) -> list[MessageRef]:
        """The meetings that have ended by `limit`."""
        refs: dict[MessageRef, None] = {}
        read = 0
        async for page in pages(self.mailbox.calendar, self.clock, self.stop):
            if self.stop.is_set:
                return []
            for meeting in page:
                if has_finished(meeting, limit):
                    refs[meeting.ref] = None
                else:
                    self.tally.add("calendar items kept")
            read += len(page)
            self.listener.progress("reading the calendar", read)
        return [*refs]

    async def delete(self, refs: list[MessageRef], what: str) -> None:
        """Delete items in batches; `what` is what the tally calls them."""
        if self.dry_run:
            self.tally.add(what, len(refs))
            return
        total, done = len(refs), 0
        for round_ in range(ROUNDS):
            again: list[MessageRef] = []
            for start in range(0, len(refs), BATCH):
                if self.stop.is_set:
                    return
                batch = refs[start : start + BATCH]
                outcomes = await with_retries(
                    partial(self.mailbox.delete, batch), self.clock, self.stop
                )
                for ref, outcome in zip(batch, outcomes, strict=True):
                    if outcome.kind is OutcomeKind.RETRY and round_ < ROUNDS - 1:
                        again.append(ref)
                    else:
                        self._count(outcome, what)
                        done += 1
                self.listener.progress(what, done, total)
            refs = again

    def _count(self, outcome: Outcome, what: str) -> None:
        if outcome.kind is OutcomeKind.DONE:
            self.tally.add(what)
        elif outcome.kind is OutcomeKind.GONE:
            self.tally.add("were gone already")
        else:
            self.tally.failed(f"an item could not be deleted: {outcome.reason}")
