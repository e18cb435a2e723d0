"""Long work in slices, between which the reactor serves everything else."""

from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime

from pexschedd.util.sleep import Sleep

T = TypeVar("T")

AT_ONCE = 200
"""Records in a slice, at most."""

LONGEST = 0.003
"""Seconds after which a slice ends, however few records it had: some have to be read
from the disk, and some are more work than others."""


class TimeSlice:
    """A slice of work, which begins when this is created.

    It ends after `size` records or `longest` seconds.
    """

    def __init__(
        self, clock: IReactorTime, size: int = AT_ONCE, longest: float = LONGEST
    ) -> None:
        self._clock = clock
        self._left = size
        self._longest = longest
        self._began = clock.seconds()

    def is_over(self) -> bool:
        """Count one more record, and return whether the slice ends with it."""
        self._left -= 1
        # A negative time has passed if the system's clock was set back.
        passed = self._clock.seconds() - self._began
        return self._left <= 0 or not 0 <= passed < self._longest


class Pauses:
    """The pauses in long work, one after each slice of at most `size` items; without a
    clock there are none."""

    def __init__(self, clock: IReactorTime | None, size: int = AT_ONCE) -> None:
        self._clock = clock
        self._size = size
        self._slice = None if clock is None else TimeSlice(clock, size)

    async def item_done(self) -> None:
        """Count one more item, and pause if the slice ends with it."""
        if self._clock and self._slice and self._slice.is_over():
            await pause(self._clock)
            self._slice = TimeSlice(self._clock, self._size)


async def pause(clock: IReactorTime) -> None:
    """Let the reactor do everything else that is due."""
    await Sleep(clock, 0)


async def in_slices(
    items: Iterable[T], clock: IReactorTime, size: int = AT_ONCE
) -> AsyncIterator[T]:
    """Yield all items, with a pause after each slice of at most `size` items.

    Filter what this yields, not what is passed to it: the time is only looked at
    between items.
    """
    pauses = Pauses(clock, size)
    for item in items:
        yield item
        await pauses.item_done()
