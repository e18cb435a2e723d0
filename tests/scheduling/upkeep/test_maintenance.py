"""Maintenance deletes what is old, and never what still counts."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from pexschedd.errors import MailboxBusy, MailboxRefused
from pexschedd.model.meeting import CalendarMeeting, MessageKind, MessageRef
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.scheduling.ports.mailbox import Outcome, OutcomeKind
from pexschedd.scheduling.run_requests import MaintenanceRequest
from pexschedd.scheduling.upkeep.maintenance import MaintenanceRunner
from pexschedd.scheduling.upkeep.progress import WorkTally
from pexschedd.util.stop_signal import StopSignal
from tests.scheduling.upkeep.upkeep_support import (
    DAY,
    HOUR,
    NOW,
    InstantClock,
    MemoryUpkeepMailbox,
    Notes,
    meeting,
)


def past(number: int, ago: timedelta = HOUR) -> CalendarMeeting:
    """Ended so long ago."""
    return meeting(number, start=NOW - ago - HOUR, end=NOW - ago)


def series(number: int, times: int | None) -> CalendarMeeting:
    """Daily from two days ago on; ended at noon."""
    recurrence = Recurrence(
        pattern=Daily(),
        range=Range(start=date(2026, 11, 21), count=times),
        at=time(11),
        duration=HOUR,
    )
    return meeting(
        number,
        start=NOW - 2 * DAY - HOUR,
        end=NOW - 2 * DAY,
        is_series=True,
        recurrence=recurrence,
    )


@pytest_twisted.ensureDeferred
async def test_a_limit_in_the_future_counts_as_now_and_is_told() -> None:
    """Each limit by its name, with both times; of a limit that is not, not a word."""
    notes = Notes()
    runner = MaintenanceRunner(clock=InstantClock(), now=lambda: NOW)
    limits = MaintenanceRequest(NOW, NOW + DAY)
    keeping = MemoryUpkeepMailbox(meeting(1, start=NOW + HOUR, end=NOW + 2 * HOUR))
    await runner.maintain(keeping, limits, notes, StopSignal(), WorkTally())
    (said,) = notes.notes
    assert said == (
        "The calendar time limit, 2026-11-24T12:00:00, is in the future: it counts as "
        "now, 2026-11-23T12:00:00 UTC."
    )


async def maintain(
    keeping: MemoryUpkeepMailbox,
    inbox: datetime = NOW,
    calendar: datetime = NOW,
    *,
    dry_run: bool = False,
    notes: Notes | None = None,
    stop: StopSignal | None = None,
) -> WorkTally:
    tally = WorkTally()
    await MaintenanceRunner(clock=InstantClock(), now=lambda: NOW).maintain(
        keeping,
        MaintenanceRequest(inbox, calendar),
        notes or Notes(),
        stop or StopSignal(),
        tally,
        dry_run=dry_run,
    )
    return tally


@pytest_twisted.ensureDeferred
async def test_finished_meetings_go() -> None:
    """A series only with its last occurrence; one that cannot be understood stays."""
    unclear = meeting(6, start=NOW - DAY, end=NOW - DAY, is_series=True)
    keeping = MemoryUpkeepMailbox(
        past(1), meeting(2), series(3, 3), series(4, 4), series(5, None), unclear
    )
    tally = await maintain(keeping)
    assert set(keeping.meetings) == {"item-2", "item-4", "item-5", "item-6"}
    assert tally.counts == {"calendar items deleted": 2, "calendar items kept": 4}


@pytest_twisted.ensureDeferred
async def test_the_limits_count() -> None:
    """Received before, finished by: the first to the second, the other included."""
    keeping = MemoryUpkeepMailbox(past(1, DAY), past(2, DAY - timedelta(seconds=1)))
    for number, ago in enumerate((DAY + timedelta(seconds=1), DAY, HOUR)):
        keeping.receive(number, MessageKind.OTHER, NOW - ago)
    await maintain(keeping, NOW - DAY, NOW - DAY)
    assert set(keeping.meetings) == {"item-2"}
    assert set(keeping.messages) == {"message-1", "message-2"}


@pytest_twisted.ensureDeferred
async def test_what_waits_to_be_answered_stays() -> None:
    """Requests and cancellations in the inbox are never deleted, however old."""
    keeping = MemoryUpkeepMailbox()
    for number, kind in enumerate(MessageKind):
        keeping.receive(number, kind, NOW - 900 * DAY)
    tally = await maintain(keeping)
    kinds = {message.kind for message in keeping.messages.values()}
    assert kinds == {MessageKind.REQUEST, MessageKind.CANCELLATION}
    assert tally.counts == {"unprocessed requests kept": 2, "inbox items deleted": 1}


@given(
    st.lists(st.integers(-72, 72), max_size=12),
    st.integers(-96, 96),
    st.integers(1, 5),
)
def test_no_limit_deletes_what_is_not_over(
    ends: list[int], limit: int, page: int
) -> None:
    """For any limit, in the future too: exactly what had ended by then and by now."""
    meetings = [
        meeting(n, start=NOW + (h - 1) * HOUR, end=NOW + h * HOUR)
        for n, h in enumerate(ends)
    ]
    keeping = MemoryUpkeepMailbox(*meetings, page=page)
    work = Deferred.fromCoroutine(maintain(keeping, calendar=NOW + limit * HOUR))
    assert work.called
    left = {f"item-{n}" for n, h in enumerate(ends) if h > min(limit, 0)}
    assert set(keeping.meetings) == left


@pytest_twisted.ensureDeferred
async def test_a_dry_run_deletes_nothing() -> None:
    """It says how much it would be, and asks the mailbox to delete nothing."""
    keeping = MemoryUpkeepMailbox(past(1), past(2), meeting(3))
    keeping.receive(1, MessageKind.OTHER, NOW - HOUR)
    tally = await maintain(keeping, dry_run=True)
    assert (len(keeping.meetings), len(keeping.messages), keeping.deletes) == (3, 1, 0)
    assert tally.counts["calendar items deleted"] == 2
    assert tally.counts["inbox items deleted"] == 1


@pytest_twisted.ensureDeferred
async def test_many_go_in_batches_and_twice_is_once() -> None:
    """A few calls for many items; progress goes up to the total; the second run finds
    nothing."""
    keeping = MemoryUpkeepMailbox(*(past(n) for n in range(120)), page=37)
    notes = Notes()
    tally = await maintain(keeping, notes=notes)
    assert tally.counts == {"calendar items deleted": 120}
    assert keeping.deletes == 3
    assert notes.steps[-1] == ("calendar items deleted", 120, 120)
    assert (await maintain(keeping)).counts == {}


@pytest_twisted.ensureDeferred
async def test_stubborn_items_are_tried_again_then_named() -> None:
    """What the server puts off is tried three times; what it refuses is counted as
    failed; what is gone is as good as deleted."""
    keeping = MemoryUpkeepMailbox(past(1), past(2), past(3), past(4))
    keeping.stubborn = {
        "item-1": [OutcomeKind.RETRY],
        "item-2": [OutcomeKind.RETRY] * 3,
        "item-3": [OutcomeKind.FAILED],
        "item-4": [OutcomeKind.GONE],
    }
    tally = await maintain(keeping)
    assert tally.counts == {"calendar items deleted": 1, "were gone already": 1}
    assert tally.failures == 2
    assert tally.reasons == ["an item could not be deleted: not now"]


@pytest_twisted.ensureDeferred
async def test_a_busy_server_is_waited_for() -> None:
    """A few times; what it refuses for good is told."""

    class Busy(MemoryUpkeepMailbox):
        tries = 0

        async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
            self.tries += 1
            if self.tries < 4:
                raise MailboxBusy("Later.", retry_after=30)
            return await super().delete(refs)

    keeping = Busy(past(1))
    assert (await maintain(keeping)).counts == {"calendar items deleted": 1}

    class Closed(MemoryUpkeepMailbox):
        async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
            raise MailboxRefused("No.")

    with pytest.raises(MailboxRefused):
        await maintain(Closed(past(1)))


@pytest_twisted.ensureDeferred
async def test_it_stops_when_told() -> None:
    """Between two batches; what is left is deleted by the next run."""
    stop = StopSignal()

    class Stopping(MemoryUpkeepMailbox):
        async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
            stop.set()
            return await super().delete(refs)

    keeping = Stopping(*(past(n) for n in range(120)), page=1000)
    await maintain(keeping, stop=stop)
    assert len(keeping.meetings) == 70
    await maintain(keeping)
    assert not keeping.meetings
