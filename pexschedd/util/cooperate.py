"""Long work in pieces, so that the process answers everybody else in between."""

from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

T = TypeVar("T")

AT_ONCE = 200
"""Records in one turn, at the most."""

LONGEST = 0.003
"""Seconds after which a turn ends however few there were: what has to be read from the
disk takes longer, and some records are more work than others."""


class TimeSlice:
    """Says when it is others' turn. It begins when it is made."""

    def __init__(self, clock: IReactorTime, size: int = AT_ONCE) -> None:
        self._clock = clock
        self._left = size
        self._began = clock.seconds()

    def is_over(self) -> bool:
        """To be asked once after each thing that was done."""
        self._left -= 1
        # Less than nothing has passed when the system's clock was set back.
        return self._left <= 0 or not 0 <= self._clock.seconds() - self._began < LONGEST


async def pause(clock: IReactorTime, seconds: float = 0) -> None:
    """Lets others have the reactor; goes on after `seconds` at the earliest."""
    await deferLater(clock, seconds)


async def in_slices(
    things: Iterable[T], clock: IReactorTime, size: int = AT_ONCE
) -> AsyncIterator[T]:
    """The things one by one, with a pause after every `size` of them, or sooner.

    Pass all there are and choose among them afterwards: while `things` passes some
    over, nobody looks at the time.
    """
    turn = TimeSlice(clock, size)
    for thing in things:
        yield thing
        if turn.is_over():
            await pause(clock)
            turn = TimeSlice(clock, size)
