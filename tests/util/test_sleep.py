"""Sleeping, and being woken."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.util.sleep import Sleep

CASE = SynchronousTestCase()


def sleeping(sleep: Sleep) -> "Deferred[str]":
    """Fires with how the sleeper woke up."""

    async def sleeper() -> str:
        try:
            await sleep
        except CancelledError:
            return "cancelled"
        return "awake"

    return Deferred.fromCoroutine(sleeper())


def test_it_ends_by_itself() -> None:
    """After its seconds, and not before."""
    clock = Clock()
    sleeper = sleeping(Sleep(clock, 5))
    clock.advance(4.9)
    CASE.assertNoResult(sleeper)
    clock.advance(0.1)
    assert CASE.successResultOf(sleeper) == "awake"


@pytest.mark.parametrize("seconds", [5, None])
def test_it_is_ended(seconds: float | None) -> None:
    """The sleeper is awake at once, and no timer remains; once is enough."""
    clock = Clock()
    sleep = Sleep(clock, seconds)
    sleeper = sleeping(sleep)
    CASE.assertNoResult(sleeper)
    sleep.end()
    assert CASE.successResultOf(sleeper) == "awake"
    assert not clock.getDelayedCalls()
    sleep.end()


def test_it_is_ended_before_anyone_waits() -> None:
    """A sleep that is over keeps nobody waiting."""
    sleep = Sleep(Clock(), 5)
    sleep.end()
    assert CASE.successResultOf(sleeping(sleep)) == "awake"


def test_it_ends_by_itself_first() -> None:
    """Ending a sleep that is over does nothing."""
    clock = Clock()
    sleep = Sleep(clock, 5)
    sleeper = sleeping(sleep)
    clock.advance(5)
    sleep.end()
    assert CASE.successResultOf(sleeper) == "awake"


@pytest.mark.parametrize("seconds", [5, None])
def test_the_sleeper_is_cancelled(seconds: float | None) -> None:
    """A cancellation is not mistaken for the end of the sleep."""
    clock = Clock()
    sleeper = sleeping(Sleep(clock, seconds))
    sleeper.cancel()
    assert CASE.successResultOf(sleeper) == "cancelled"
    assert not clock.getDelayedCalls()
