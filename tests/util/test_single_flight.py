"""Work that is under way at most once."""

from collections.abc import Callable

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.util.single_flight import SingleFlight

CASE = SynchronousTestCase()


class World:
    """Work that ends when the test says so."""

    def __init__(self) -> None:
        self.flight: SingleFlight[str] = SingleFlight()
        self.runs: list[Deferred[str]] = []

    async def work(self) -> str:
        run: Deferred[str] = Deferred()
        self.runs.append(run)
        return await run

    def ask(self) -> Deferred[str]:
        return self.flight.run(self.work)


def test_a_run_is_shared() -> None:
    """Those who ask meanwhile get the same result; who asks later gets a new one."""
    world = World()
    asked = [world.ask() for _ in range(3)]
    assert len(world.runs) == 1
    assert world.flight.is_under_way
    world.runs[0].callback("first")
    assert [CASE.successResultOf(each) for each in asked] == ["first"] * 3
    assert not world.flight.is_under_way
    later = world.ask()
    world.runs[1].callback("second")
    assert CASE.successResultOf(later) == "second"


def test_a_failure_is_shared() -> None:
    """It goes to all who wait, and the next run is a new one."""
    world = World()
    asked = [world.ask() for _ in range(2)]
    world.runs[0].errback(ValueError("failed"))
    for each in asked:
        CASE.failureResultOf(each, ValueError)
    assert not world.flight.is_under_way


def test_cancelling_concerns_oneself() -> None:
    """Whoever gives up does not stop what others wait for."""
    world = World()
    impatient, patient = world.ask(), world.ask()
    impatient.cancel()
    CASE.failureResultOf(impatient, CancelledError)
    assert world.flight.is_under_way
    world.runs[0].callback("result")
    assert CASE.successResultOf(patient) == "result"


def test_work_that_is_over_at_once() -> None:
    """Needs no waiting, and leaves nothing under way."""

    async def at_once() -> str:
        return "result"

    flight: SingleFlight[str] = SingleFlight()
    assert CASE.successResultOf(flight.run(at_once)) == "result"
    assert not flight.is_under_way


def test_asking_from_a_result() -> None:
    """A run has ended when its result is there: asking then begins the next one."""
    world = World()
    world.ask().addCallback(lambda _: world.ask())
    world.runs[0].callback("first")
    assert len(world.runs) == 2
    world.runs[1].callback("second")


@pytest.mark.parametrize(
    "end",
    [
        lambda run: run.callback("result"),
        lambda run: run.errback(ValueError("failed")),
    ],
)
def test_settled(end: Callable[[Deferred[str]], None]) -> None:
    """Fires at the end of a run, good or bad; at once if there is none."""
    world = World()
    CASE.successResultOf(world.flight.settled())
    world.ask().addErrback(lambda _: None)
    settled = world.flight.settled()
    CASE.assertNoResult(settled)
    end(world.runs[0])
    CASE.successResultOf(settled)


def test_settled_is_cancelled() -> None:
    """Giving up waiting is no end of the run."""
    world = World()
    world.ask()
    settled = world.flight.settled()
    settled.cancel()
    CASE.failureResultOf(settled, CancelledError)
    world.runs[0].callback("result")
