"""The first of very many keys, in order, without keeping all of them in memory."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pexschedd.util.cooperate import in_slices

_RUN = 500
"""Keys that are sorted at once: some tenths of a millisecond."""

Key = tuple[Any, ...]
"""A tuple of plain values: the garbage collector soon stops tracking such tuples."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INVERTED = bytes(max(0, 0xF5 - byte) for byte in range(256))
_END = b"\xff"


def descending(value: Any) -> Any:
    """Return a key whose order is the reverse of the order of the values."""
    if isinstance(value, str):
        # UTF-8 sorts as its characters do, and has no bytes above 0xF4. The end mark
        # puts a text after all texts that begin with it.
        return value.encode("utf-8", "surrogatepass").translate(_INVERTED) + _END
    if isinstance(value, datetime):
        return _EPOCH - value
    return -value


class Ordering:
    """Takes distinct keys, and gives back the first `most` of them in ascending order.

    At most twice as many, and two runs of new ones, are kept at any time.
    """

    def __init__(self, most: int, clock: IReactorTime, *, run: int = _RUN) -> None:
        self._most = most
        self._clock = clock
        self._run = run
        self._new: list[Key] = []
        self._runs: list[list[Key]] = []
        """Each in order, the first one last."""
        self._kept = 0
        self._last: Key | None = None
        """A key that has as many as `most` up to it, if one is known."""

    def is_after(self, key: Key) -> bool:
        """Return True if it is known that the key is not among the first ones."""
        return self._last is not None and key > self._last

    async def add(self, key: Key) -> None:
        """Take one more key."""
        self._new.append(key)
        if len(self._new) >= self._run:
            self._sort()
            if self._kept > 2 * self._most + self._run:
                first = [key async for key in self.take()]
                first.reverse()
                self._runs, self._kept = [first], len(first)
                self._bound(first[0])

    def _bound(self, key: Key) -> None:
        self._last = key if self._last is None else min(self._last, key)

    def __len__(self) -> int:
        """Return the number of keys that are kept."""
        return self._kept + len(self._new)

    async def take(self) -> AsyncIterator[Key]:
        """Yield the first keys; none are left afterwards."""
        self._sort()
        runs, self._runs, self._kept = self._runs, [], 0
        first = islice(merge(*map(_emptied, runs)), self._most)
        async for key in in_slices(first, self._clock):
            yield key

    def _sort(self) -> None:
        run = sorted(self._new)[: self._most]
        if len(run) == self._most:
            self._bound(run[-1])
        run.reverse()
        self._runs.append(run)
        self._kept += len(run)
        self._new = []


def _emptied(run: list[Key]) -> Iterator[Key]:
    # One by one: freeing a million keys at once takes long.
    while run:
        yield run.pop()
