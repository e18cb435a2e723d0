"""PURE: which lines of the journal still matter, and how many bytes do not.

A line matters while it is the last word on its record: a put that nothing later has
replaced or deleted. Deletions never matter to compaction, which works on the oldest
segments: nothing older is left that they could delete.

It is kept small, because there may be millions of lines: for each record the number of
its operation (8 bytes), for each line its size and whether it matters (5 bytes), for
each line of a compacted segment, where numbers have gaps, the number too (8 bytes).
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, compress
from typing import NamedTuple

_CHUNK = 256
"""Ids whose numbers are kept together, and forgotten together when all are gone."""

_ALIVE = re.compile(rb"\x01+")


class Run(NamedTuple):
    """Neighbouring lines that all matter: `[first, last)`, bytes `[start, stop)`."""

    first: int
    last: int
    start: int
    stop: int


class Lines:
    """The lines of one segment, in order."""

    def __init__(self, first: int, *, compacted: bool = False) -> None:
        """`first` is the number of the first operation."""
        self.first = first
        self.sizes = array("I")
        self.alive = bytearray()
        self.seqs = array("Q") if compacted else None
        """The numbers of the operations, where they have gaps."""
        self.size = 0
        self.live = 0
        """Bytes, of all lines and of those that matter."""

    def add(self, seq: int, size: int, alive: int) -> None:
        self.sizes.append(size)
        self.alive.append(alive)
        self.size += size
        if alive:
            self.live += size
        if self.seqs is not None:
            self.seqs.append(seq)

    def kill(self, seq: int) -> int:
        """Notes that a line does not matter any more; returns how long it is, or 0."""
        position = self._position(seq)
        if position < 0 or not self.alive[position]:
            return 0
        self.alive[position] = 0
        size = self.sizes[position]
        self.live -= size
        return size

    def revive(self, seqs: Iterable[int]) -> None:
        """Only these matter. They ascend, and all are numbers of lines."""
        if self.seqs is None:
            self.alive = bytearray(len(self.sizes))
            for seq in seqs:
                self.alive[seq - self.first] = 1
        else:
            living = iter(seqs)
            wanted = next(living, 0)
            for position, seq in enumerate(self.seqs):
                if seq == wanted:
                    self.alive[position] = 1
                    wanted = next(living, 0)
                else:
                    self.alive[position] = 0
        self.live = sum(compress(self.sizes, self.alive))

    def runs(self, first: int, size: int) -> tuple[int, int, list[Run]]:
        """What matters from line `first` on, within about `size` bytes.

        Returns where the next look begins (0 at the end), how many bytes were looked
        at, and the runs, with bytes counted from the beginning of line `first`.
        """
        # An average guess is good enough, and looks at few lines at a time.
        count = max(1, size * len(self.sizes) // max(1, self.size))
        ends = list(accumulate(self.sizes[first : first + count], initial=0))
        if ends[-1] > size:
            ends = ends[: max(2, bisect_right(ends, size))]
        found = [
            Run(first + a, first + b, ends[a], ends[b])
            for a, b in (
                match.span()
                for match in _ALIVE.finditer(
                    bytes(self.alive[first : first + len(ends) - 1])
                )
            )
        ]
        after = first + len(ends) - 1
        return after if after < len(self.sizes) else 0, ends[-1], found

    def number(self, position: int) -> int:
        return self.first + position if self.seqs is None else self.seqs[position]

    def copy_run(self, run: Run, to: "Lines") -> None:
        """Adds the lines of a run to a compacted segment."""
        assert to.seqs is not None  # noqa: S101 - only those are copied to
        if self.seqs is None:
            to.seqs.extend(range(self.first + run.first, self.first + run.last))
        else:
            to.seqs.extend(self.seqs[run.first : run.last])
        to.sizes.extend(self.sizes[run.first : run.last])
        to.alive.extend(b"\1" * (run.last - run.first))
        to.size += run.stop - run.start
        to.live += run.stop - run.start

    def _position(self, seq: int) -> int:
        if self.seqs is None:
            return seq - self.first
        position = bisect_left(self.seqs, seq)
        if position < len(self.seqs) and self.seqs[position] == seq:
            return position
        return -1


class _Numbers:
    """The number of the last operation on each record of a table."""

    def __init__(self) -> None:
        self._chunks: dict[int, array[int]] = {}
        self._used: dict[int, int] = {}

    def swap(self, id: int, seq: int) -> int:
        """Sets a record's number, 0 for none; returns the one before."""
        key, place = divmod(id, _CHUNK)
        chunk = self._chunks.get(key)
        if chunk is None:
            if not seq:
                return 0
            chunk = self._chunks[key] = array("Q", bytes(8 * _CHUNK))
            self._used[key] = 0
        before = chunk[place]
        chunk[place] = seq
        if not before and seq:
            self._used[key] += 1
        elif before and not seq:
            self._used[key] -= 1
            if not self._used[key]:
                del self._chunks[key], self._used[key]
        return before

    def items(self) -> Iterator[tuple[int, int]]:
        """Ids and numbers."""
        for key, chunk in self._chunks.items():
            yield from enumerate(chunk, key * _CHUNK)

    def __iter__(self) -> Iterator[int]:
        for chunk in self._chunks.values():
            yield from filter(None, chunk)


class Ledger:
    """All segments of a journal, the one that grows included."""

    def __init__(self, tables: Iterable[str]) -> None:
        self._numbers = {name: _Numbers() for name in tables}
        self._segments: list[Lines] = []
        self._firsts: list[int] = []
        self.sealed = 0
        self.dead = 0
        """Bytes in all segments but the last one, and what of that does not matter."""
        self._killed: list[int] | None = None
        """What has died since a compaction began."""

    # While a journal is read.

    def begin(self, first: int, *, compacted: bool = False) -> Lines:
        """The next segment is read from here on, or written."""
        if self._segments:
            last = self._segments[-1]
            self.sealed += last.size
            self.dead += last.size - last.live
        self._segments.append(Lines(first, compacted=compacted))
        self._firsts.append(first)
        return self._segments[-1]

    def read(self, table: str, id: int, seq: int, size: int, put: bool) -> None:
        """Notes a line of the last segment; what matters is found out by `loaded`."""
        self._segments[-1].add(seq, size, 0)
        self._numbers[table].swap(id, seq if put else 0)

    def loaded(self) -> None:
        seqs: array[int] = array("Q")
        for numbers in self._numbers.values():
            seqs.extend(numbers)
        living = array("Q", sorted(seqs))
        end = len(living)
        for lines in reversed(self._segments):
            begin = bisect_left(living, lines.first, hi=end)
            lines.revive(living[begin:end])
            end = begin
        before = self._segments[:-1]
        self.sealed = sum(lines.size for lines in before)
        self.dead = self.sealed - sum(lines.live for lines in before)

    # While it is written.

    @property
    def active(self) -> Lines:
        """Of the segment that grows."""
        return self._segments[-1]

    @property
    def segments(self) -> list[Lines]:
        return self._segments

    def wrote(self, table: str, id: int, seq: int, size: int, put: bool) -> None:
        """Notes a line that is about to be written to the last segment."""
        before = self._numbers[table].swap(id, seq if put else 0)
        if before:
            self._kill(before)
        self._segments[-1].add(seq, size, put)

    def _kill(self, seq: int) -> None:
        place = bisect_right(self._firsts, seq) - 1
        size = self._segments[place].kill(seq)
        if place < len(self._segments) - 1:
            self.dead += size
            if self._killed is not None:
                self._killed.append(seq)

    def records(self, seqs: Iterable[int]) -> list[tuple[str, int]]:
        """The tables and ids whose last operations these are. Looks at everything."""
        wanted = set(seqs)
        return [
            (table, id)
            for table, numbers in self._numbers.items()
            for id, seq in numbers.items()
            if seq in wanted
        ]

    # While the oldest segments are compacted.

    def worthwhile(self) -> int:
        """How many of the oldest sealed segments compaction should replace.

        Full ones at the end, where little has died, are left alone for now.
        """
        count = len(self._segments) - 1
        while count > 0:
            lines = self._segments[count - 1]
            if lines.live * 4 <= lines.size * 3:
                break
            count -= 1
        return count

    def compacting(self) -> None:
        """From now on it is noted what dies."""
        self._killed = []

    def abandoned(self) -> None:
        self._killed = None

    def compacted(self, count: int, lines: Lines) -> None:
        """The first `count` segments have been replaced by one with these lines."""
        for seq in self._killed or ():
            lines.kill(seq)
        self._killed = None
        self._segments[:count] = [lines]
        self._firsts[:count] = [lines.first]
        before = self._segments[:-1]
        self.sealed = sum(segment.size for segment in before)
        self.dead = self.sealed - sum(segment.live for segment in before)
