"""Calls to a mailbox that are repeated."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    WorkStopped,
)
from pexschedd.scheduling.upkeep.retry import (
    TRIES,
    pages,
    read_with_retries,
    with_retries,
)
from pexschedd.util.stop_signal import StopSignal

CASE = SynchronousTestCase()


class Mailbox:
    """Fails with the given errors, one after the other, then answers."""

    def __init__(self, clock: Clock, *errors: MailboxError) -> None:
        self.called: list[float] = []
        self._clock = clock
        self._errors = list(errors)

    async def call(self) -> str:
        self.called.append(self._clock.seconds())
        if self._errors:
            raise self._errors.pop(0)
        return "answer"

    async def page(self, cursor: str) -> tuple[list[int], str]:
        await self.call()
        number = int(cursor or "0")
        return [number], str(number + 1) if number < 2 else ""


def unreachable() -> MailboxError:
    return MailboxUnreachable("out of reach")


def test_delays_grow() -> None:
    """Four seconds at first, then twice as long each time."""
    clock = Clock()
    mailbox = Mailbox(clock, *(unreachable() for _ in range(4)))
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock, StopSignal()))
    clock.pump([1] * 60)
    assert CASE.successResultOf(calling) == "answer"
    assert mailbox.called == [0, 4, 12, 28, 60]


def test_a_longer_pause_is_kept() -> None:
    """The server says how long it wants to be left alone; less is not believed."""
    clock = Clock()
    busy = [MailboxBusy("busy", retry_after=after) for after in (100, 1)]
    mailbox = Mailbox(clock, *busy)
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock, StopSignal()))
    clock.pump([1] * 108)
    assert CASE.successResultOf(calling) == "answer"
    assert mailbox.called == [0, 100, 108]


def test_tries_are_limited() -> None:
    """The error of the last try is raised."""
    clock = Clock()
    mailbox = Mailbox(clock, *(unreachable() for _ in range(9)))
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock, StopSignal()))
    clock.pump([1] * 100)
    CASE.failureResultOf(calling, MailboxUnreachable)
    assert len(mailbox.called) == TRIES


def test_a_refusal_is_final() -> None:
    """Only what may pass by itself is waited for."""
    clock = Clock()
    mailbox = Mailbox(clock, MailboxRefused("no"))
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock, StopSignal()))
    CASE.failureResultOf(calling, MailboxRefused)


@pytest.mark.parametrize("errors", [0, 1])
def test_all_pages(errors: int) -> None:
    """Every page comes once, also when one of them has to be asked for again."""
    clock = Clock()
    mailbox = Mailbox(clock, *(unreachable() for _ in range(errors)))

    async def read() -> list[list[int]]:
        return [page async for page in pages(mailbox.page, clock, StopSignal())]

    reading = Deferred.fromCoroutine(read())
    clock.advance(10)
    assert CASE.successResultOf(reading) == [[0], [1], [2]]


def test_a_stop_ends_the_wait() -> None:
    """What waits to try again ends at once, with the reason for which it waited, and
    leaves nothing behind on the clock."""
    clock, stop = Clock(), StopSignal()
    mailbox = Mailbox(clock, *(unreachable() for _ in range(9)))
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock, stop))
    clock.advance(1)
    CASE.assertNoResult(calling)
    stop.set()
    failure = CASE.failureResultOf(calling, WorkStopped)
    assert "out of reach" in failure.getErrorMessage()
    assert clock.getDelayedCalls() == []
    assert mailbox.called == [0]


def test_nothing_waits_after_a_stop() -> None:
    """A call that fails when the stop has come is not made again."""
    clock, stop = Clock(), StopSignal()
    stop.set()
    mailbox = Mailbox(clock, unreachable())
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock, stop))
    CASE.failureResultOf(calling, WorkStopped)
    assert clock.getDelayedCalls() == []


def test_reading_is_cut_short_and_changing_is_not() -> None:
    """A call that only reads is cancelled; one that changes something has its answer
    waited for, as nobody would know whether it was done."""
    cancelled: list[str] = []

    def never(name: str) -> Deferred[str]:
        return Deferred(lambda _: cancelled.append(name))

    reading, changing = never("reading"), never("changing")
    clock, stop = Clock(), StopSignal()

    async def read() -> str:
        return await reading

    async def change() -> str:
        return await changing

    read_ = Deferred.fromCoroutine(read_with_retries(read, clock, stop))
    changed = Deferred.fromCoroutine(with_retries(change, clock, stop))
    stop.set()
    CASE.failureResultOf(read_, WorkStopped)
    CASE.assertNoResult(changed)
    changing.callback("done")
    assert CASE.successResultOf(changed) == "done"
    assert cancelled == ["reading"]


def test_cancelling_the_work_itself_is_no_stop() -> None:
    """A cancelled caller is cancelled, and not told that the work was stopped."""
    clock = Clock()
    mailbox = Mailbox(clock, unreachable())
    calling = Deferred.fromCoroutine(with_retries(mailbox.call, clock, StopSignal()))
    calling.cancel()
    CASE.failureResultOf(calling, CancelledError)
    assert clock.getDelayedCalls() == []
