"""Work that is repeated at an interval."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pexschedd.errors import StoreError
from pexschedd.util.periodic import Periodic, Running
from tests.conftest import Failures

CASE = SynchronousTestCase()
INTERVAL = 60


class World:
    """A service whose work takes as long as the test wants it to."""

    def __init__(self, *, at_start: bool = False) -> None:
        self.clock = Clock()
        self.began: list[float] = []
        self.running: Running = lambda: False
        self.work: list[Deferred[None]] = []
        self.is_slow = False
        self.error: Exception | None = None
        self.service = Periodic(
            "rounds", self._round, self.clock, INTERVAL, at_start=at_start
        )

    async def _round(self, running: Running) -> None:
        self.began.append(self.clock.seconds())
        self.running = running
        if self.is_slow:
            work: Deferred[None] = Deferred()
            self.work.append(work)
            await work
        if self.error is not None:
            raise self.error

    def advance(self, seconds: int) -> None:
        self.clock.pump([1] * seconds)


@pytest.mark.parametrize(
    ("at_start", "times"), [(True, [0, 60, 120]), (False, [60, 120])]
)
def test_rounds(*, at_start: bool, times: list[float]) -> None:
    """One each interval; the first at the start, or an interval later."""
    world = World(at_start=at_start)
    world.service.startService()
    world.advance(150)
    assert world.began == times


def test_rounds_do_not_overlap() -> None:
    """A round that takes longer than an interval is waited for."""
    world = World(at_start=True)
    world.is_slow = True
    world.service.startService()
    world.advance(150)
    assert world.began == [0]
    world.work.pop().callback(None)
    world.advance(40)
    assert world.began == [0, 180]


def test_stopping_waits() -> None:
    """The round under way learns that it is to stop, and the service waits for it."""
    world = World(at_start=True)
    world.is_slow = True
    world.service.startService()
    assert world.running()
    stopping = world.service.stopService()
    assert not world.running()
    CASE.assertNoResult(stopping)
    world.work.pop().callback(None)
    CASE.successResultOf(stopping)
    assert not world.service.running
    assert not world.clock.getDelayedCalls()


def test_stopping_between_rounds() -> None:
    """Nothing is waited for, and no timer remains."""
    world = World()
    world.service.startService()
    CASE.successResultOf(world.service.stopService())
    assert not world.clock.getDelayedCalls()


def test_starting_again() -> None:
    """Begins as the first start did."""
    world = World()
    for _ in range(2):
        world.service.startService()
        world.advance(70)
        CASE.successResultOf(world.service.stopService())
    assert world.began == [60, 130]


def test_stopping_what_was_not_started() -> None:
    """A parent stops all its services, even if not all were started."""
    CASE.successResultOf(World().service.stopService())


def test_a_failure_is_logged(logged_failures: Failures) -> None:
    """The next round is made all the same."""
    world = World(at_start=True)
    world.error = RuntimeError("unexpected")
    world.service.startService()
    world.advance(60)
    assert world.began == [0, 60]
    assert "periodic work failed work=rounds" in logged_failures[0]
    assert len(logged_failures) == 2
    logged_failures.clear()


def test_the_stores_failure_is_not_logged() -> None:
    """The store has logged it already."""
    world = World(at_start=True)
    world.error = StoreError("the disk is gone")
    world.service.startService()
    world.advance(60)
    assert world.began == [0, 60]
