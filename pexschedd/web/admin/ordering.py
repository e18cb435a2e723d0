"""The first of very many things, in order, without keeping or blocking anybody."""

from heapq import merge
from itertools import islice
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pexschedd.scheduling.turns import in_turns

_RUN = 500
"""Things that are sorted at once: at most a few milliseconds' work."""

Key = tuple[Any, ...]


class Descending:
    """Compares the other way round."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and bool(other._value == self._value)

    def __lt__(self, other: "Descending") -> bool:
        return bool(other._value < self._value)

    __hash__ = None  # type: ignore[assignment]  # only for sorting


class Ordering:
    """Takes keys in, no two of them the same, and gives back the first `most` of them
    in ascending order. Keeps twice as many, and two runs of the new, at the most."""

    def __init__(self, most: int, clock: IReactorTime, *, run: int = _RUN) -> None:
        self._most = most
        self._clock = clock
        self._run = run
        self._new: list[Key] = []
        self._runs: list[list[Key]] = []
        """Each in order."""
        self._kept = 0

    async def add(self, key: Key) -> None:
        self._new.append(key)
        if len(self._new) >= self._run:
            self._sort()
            if self._kept > 2 * self._most + self._run:
                await self._merge()

    def __len__(self) -> int:
        """How many are kept."""
        return self._kept + len(self._new)

    async def take(self) -> list[Key]:
        self._sort()
        await self._merge()
        return self._runs[0]

    def _sort(self) -> None:
        run = sorted(self._new)[: self._most]
        self._runs.append(run)
        self._kept += len(run)
        self._new = []

    async def _merge(self) -> None:
        first = islice(merge(*self._runs), self._most)
        run = [key async for key in in_turns(first, self._clock)]
        self._runs = [run]
        self._kept = len(run)
