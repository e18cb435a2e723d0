"""The first of very many things, in order, without keeping or blocking anybody."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pexschedd.util.cooperate import in_slices

_RUN = 500
"""Things that are sorted at once: some tenths of a millisecond."""

Key = tuple[Any, ...]
"""Of plain values: the collector soon forgets about a tuple of these, however many."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INVERTED = bytes(max(0, 0xF5 - byte) for byte in range(256))
_END = b"\xff"


def descending(value: Any) -> Any:
    """What is in the order of the others' values the other way round. Pure."""
    if isinstance(value, str):
        # UTF-8 is in the order of the characters, and has no bytes above 0xF4; a text
        # comes after all that begin with it.
        return value.encode("utf-8", "surrogatepass").translate(_INVERTED) + _END
    if isinstance(value, datetime):
        return _EPOCH - value
    return -value


class Ordering:
    """Takes keys in, no two of them the same, and gives back the first `most` of them
    in ascending order. Keeps twice as many, and two runs of the new, at the most."""

    def __init__(self, most: int, clock: IReactorTime, *, run: int = _RUN) -> None:
        self._most = most
        self._clock = clock
        self._run = run
        self._new: list[Key] = []
        self._runs: list[list[Key]] = []
        """Each in order, the first one last."""
        self._kept = 0

    async def add(self, key: Key) -> None:
        self._new.append(key)
        if len(self._new) >= self._run:
            self._sort()
            if self._kept > 2 * self._most + self._run:
                first = [key async for key in self.take()]
                first.reverse()
                self._runs, self._kept = [first], len(first)

    def __len__(self) -> int:
        """How many are kept."""
        return self._kept + len(self._new)

    async def take(self) -> AsyncIterator[Key]:
        """The first ones. There is nothing left afterwards."""
        self._sort()
        runs, self._runs, self._kept = self._runs, [], 0
        first = islice(merge(*map(_emptied, runs)), self._most)
        async for key in in_slices(first, self._clock):
            yield key

    def _sort(self) -> None:
        run = sorted(self._new)[: self._most]
        run.reverse()
        self._runs.append(run)
        self._kept += len(run)
        self._new = []


def _emptied(run: list[Key]) -> Iterator[Key]:
    # Bit by bit: to free a million things at once takes long.
    while run:
        yield run.pop()
