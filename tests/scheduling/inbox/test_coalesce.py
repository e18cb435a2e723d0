"""Calls in quick succession, made into few."""

from twisted.internet.task import Clock

from pexschedd.scheduling.inbox.coalesce import CallCoalescer

PAUSE = 5


class World:
    """A coalescer, and when it acted."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.acted: list[float] = []
        self.calls = CallCoalescer(
            lambda: self.acted.append(self.clock.seconds()), self.clock, PAUSE
        )

    def happened(self, *seconds: int) -> None:
        for second in seconds:
            self.advance_to(second)
            self.calls.happened()

    def advance_to(self, second: int) -> None:
        self.clock.pump([1] * int(second - self.clock.seconds()))


def test_single_events() -> None:
    """Each is acted on at once if none came shortly before it."""
    world = World()
    world.happened(0, 6, 20)
    world.advance_to(60)
    assert world.acted == [0, 6, 20]


def test_a_burst() -> None:
    """The first is acted on at once, the others together, once in each pause."""
    world = World()
    world.happened(0, 1, 2, 3, 6, 7)
    world.advance_to(60)
    assert world.acted == [0, 5, 10]


def test_stopping() -> None:
    """What has not been acted on is forgotten, and no timer remains."""
    world = World()
    world.happened(0, 1)
    world.calls.stop()
    assert not world.clock.getDelayedCalls()
    world.advance_to(60)
    assert world.acted == [0]
    world.happened(60)
    assert world.acted == [0, 60]
