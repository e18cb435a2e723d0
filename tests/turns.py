"""Turns of the real reactor, for tests with real sockets."""

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.task import deferLater

reactor: Any = _reactor


async def some_turns() -> None:
    """Lets sockets go on. Turns are what counts, not time: on a busy machine one of
    them may take as long as all the others together."""
    for _ in range(10):
        await deferLater(reactor, 0.001)


async def until(holds: Callable[[], bool]) -> None:
    """Lets sockets go on until something holds; 2,000 turns at most.

    What does not hold soon waits for time to pass: that many short turns of a second
    would take more of the processor than what they wait for.
    """
    for turn in range(2_000):
        if holds():
            return
        await deferLater(reactor, 0.001 if turn < 100 else 0.01)
    raise AssertionError("it does not hold after 2,000 turns of the reactor")
