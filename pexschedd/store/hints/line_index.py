"""The lines of the journal that are still live, and the bytes that are dead. Pure.

A line is live (it matters) while it is the last word on its record: a put that nothing
later has replaced or deleted. Deletions never matter to compaction, which works on the
oldest segments: nothing older is left that they could delete.

It is kept small, because there may be millions of lines: for each record the number of
its operation (8 bytes), for each line its size and whether it is live (5 bytes), for
each line of a compacted segment, where numbers have gaps, the number too (8 bytes).
What else a segment's lines are about is kept until it is written, see `hints.py`.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, compress
from typing import NamedTuple

from pexschedd.store.hints.hints import DELETED, HintBlock, SegmentHints
from pexschedd.store.hints.keydir import Keydir

_ALIVE = re.compile(rb"\x01+")

_MARK = 64
"""The number of lines between two whose position in the file is kept."""


class LineRun(NamedTuple):
    """Neighbouring live lines: `[first, last)`, at bytes `[start, stop)`."""

    first: int
    last: int
    start: int
    stop: int


def beyond(lines: Sequence[int], kept: int) -> int:
    """Count the oldest segments that lie beyond the newest `kept` lines."""
    for place in range(len(lines) - 1, -1, -1):
        kept -= lines[place]
        if kept < 0:
            return place + 1
    return 0


class SegmentLines:
    """The lines of one segment, in order."""

    def __init__(
        self, first: int, hints: SegmentHints | None = None, *, compacted: bool = False
    ) -> None:
        """`first` is the number of the first operation."""
        self.first = first
        self.name = ""
        """The file's name; empty for the segment that grows."""
        self.sealed = False
        self.sizes = array("I")
        self.alive = bytearray()
        self.seqs = array("Q") if compacted else None
        """The numbers of the operations, where they have gaps."""
        self.crc = 0
        """The crc32 of all bytes, once the segment is sealed."""
        self.size = 0
        self.live = 0
        """The bytes of all lines (`size`) and of the live ones (`live`)."""
        self.hints = hints
        """The hints of the lines; None if they are in a file, or not known."""
        self._marks = array("Q")

    def extend(self, block: HintBlock) -> None:
        """Add the lines of a hint file's block; `read` follows the last one."""
        self.sizes.frombytes(block.sizes)
        if self.seqs is not None:
            self.seqs.frombytes(block.seqs)
        if self.hints is not None:
            block.hints.copy(block.hints.first, len(self.sizes), self.hints)

    def read(self) -> None:
        """Complete the lines, all of which came from a hint file."""
        assert self.hints is not None  # noqa: S101 - as it was begun
        self.hints.freeze()
        self.alive = self.hints.puts()
        self.size = sum(self.sizes)
        self.live = sum(compress(self.sizes, self.alive))
        self.prepare()

    def add(
        self, seq: int, size: int, code: int, id: int, entries: Sequence[int]
    ) -> None:
        """Add a line; `code` is the table's number, for a deletion with `DELETED`
        added."""
        self.sizes.append(size)
        self.size += size
        if code < DELETED:
            self.alive.append(1)
            self.live += size
        else:
            self.alive.append(0)
        if self.seqs is not None:
            self.seqs.append(seq)
        if self.hints is not None:
            self.hints.add(code, id, entries)

    def kill(self, seq: int) -> int:
        """Mark a line as dead; return its size in bytes, or 0 if it was dead already or
        is not here."""
        position = self._position(seq)
        if position < 0 or not self.alive[position]:
            return 0
        self.alive[position] = 0
        size = self.sizes[position]
        self.live -= size
        return size

    def bury(self, dead: "deque[int]") -> None:
        """Mark as dead all lines whose numbers are in `dead` by now, and take them out
        of it."""
        for _ in range(len(dead)):
            self.kill(dead.popleft())

    def runs(
        self, first: int, size: int, last: int | None = None
    ) -> tuple[int, int, list[LineRun]]:
        """Find the live lines from line `first` on, within about `size` bytes, before
        line `last`.

        Returns where the next look begins (0 at the end), how many bytes were looked
        at, and the runs, with bytes counted from the beginning of line `first`.
        """
        # An average guess is good enough, and looks at few lines at a time.
        count = max(1, size * len(self.sizes) // max(1, self.size))
        until = first + count if last is None else min(first + count, last)
        ends = list(accumulate(self.sizes[first:until], initial=0))
        if ends[-1] > size:
            ends = ends[: max(2, bisect_right(ends, size))]
        found = [
            LineRun(first + a, first + b, ends[a], ends[b])
            for a, b in (
                match.span()
                for match in _ALIVE.finditer(
                    bytes(self.alive[first : first + len(ends) - 1])
                )
            )
        ]
        after = first + len(ends) - 1
        return after if after < len(self.sizes) else 0, ends[-1], found

    def place(self, seq: int) -> tuple[int, int]:
        """Return where an operation's line begins, in bytes, and its size."""
        position = self._position(seq)
        while len(self._marks) * _MARK <= position:
            end = len(self._marks) * _MARK
            before = self._marks[-1] if end else 0
            self._marks.append(before + sum(self.sizes[max(0, end - _MARK) : end]))
        begin = position // _MARK
        start = self._marks[begin] + sum(self.sizes[begin * _MARK : position])
        return start, self.sizes[position]

    def number(self, position: int) -> int:
        """Return the number of the operation in the line at a position."""
        return self.first + position if self.seqs is None else self.seqs[position]

    def copy_run(
        self, run: LineRun, to: "SegmentLines", hints: SegmentHints | None
    ) -> None:
        """Add the lines of a run, and their hints, to a compacted segment."""
        if hints is None:
            to.hints = None
        elif to.hints is not None:
            hints.copy(run.first, run.last, to.hints)
        assert to.seqs is not None  # noqa: S101 - only those are copied to
        if self.seqs is None:
            to.seqs.extend(range(self.first + run.first, self.first + run.last))
        else:
            to.seqs.extend(self.seqs[run.first : run.last])
        to.sizes.extend(self.sizes[run.first : run.last])
        to.alive.extend(b"\1" * (run.last - run.first))
        to.size += run.stop - run.start
        to.live += run.stop - run.start
        to.prepare()

    def prepare(self) -> None:
        """Do beforehand what would make the first `place` slow."""
        if self.sizes:
            self.place(self.number(len(self.sizes) - 1))

    def _position(self, seq: int) -> int:
        if self.seqs is None:
            return seq - self.first
        position = bisect_left(self.seqs, seq)
        if position < len(self.seqs) and self.seqs[position] == seq:
            return position
        return -1


class LineIndex:
    """The lines of all segments of a journal, including the one that grows."""

    def __init__(self, tables: Iterable[str], width: int = 0) -> None:
        """`width`: the most indexes that a table has."""
        self._numbers = {name: Keydir() for name in tables}
        self._codes = {name: code for code, name in enumerate(self._numbers)}
        self.width = width
        self._segments: list[SegmentLines] = []
        self._firsts: list[int] = []
        self.sealed = 0
        self.dead = 0
        """The bytes in all segments but the last, and the dead ones among them."""
        self._dead: deque[int] | None = None
        """The lines that have died since a compaction began, for its copy to note."""

    def numbers(self, table: str) -> Keydir:
        """Return the keydir of a table: the number of each record's last operation."""
        return self._numbers[table]

    def code(self, table: str, *, put: bool) -> int:
        """Return the code that hints have for a line of a table."""
        code = self._codes[table]
        return code if put else code | DELETED

    # While a journal is read.

    def load(self, lines: SegmentLines) -> dict[str, int]:
        """Add the next segment, all of whose lines are known, with their hints.

        Returns the highest id of each table that is in it.
        """
        self._add(lines)
        assert lines.hints is not None  # noqa: S101 - as said above
        seqs: Sequence[int] = lines.seqs or range(
            lines.first, lines.first + len(lines.sizes)
        )
        highest = {}
        for table, numbers in self._numbers.items():
            ids, changes = lines.hints.changes(self._codes[table], seqs)
            for before in numbers.load(ids, changes):
                self._kill(before)
            highest[table] = max(ids, default=0)
        return highest

    def entries(self, table: str) -> Callable[[int], Iterator[Iterator[int]]]:
        """Return a function from an index's place to the entries of all live lines, a
        segment at a time.

        Only while all segments have their hints.
        """
        code = self._codes[table]

        def entries(place: int) -> Iterator[Iterator[int]]:
            for lines in self._segments:
                if lines.hints is not None:
                    yield lines.hints.living(lines.alive, code, place)

        return entries

    def begin(self, first: int) -> SegmentLines:
        """Begin the next segment, which is written to from here on; return its
        lines."""
        self._add(SegmentLines(first, SegmentHints(self.width)))
        return self._segments[-1]

    def _add(self, lines: SegmentLines) -> None:
        if self._segments:
            last = self._segments[-1]
            self.sealed += last.size
            self.dead += last.size - last.live
        self._segments.append(lines)
        self._firsts.append(lines.first)

    # While it is written.

    @property
    def active(self) -> SegmentLines:
        """The lines of the segment that grows."""
        return self._segments[-1]

    @property
    def segments(self) -> list[SegmentLines]:
        """The lines of each segment, oldest first; not to be changed."""
        return self._segments

    def wrote(
        self,
        table: str,
        id: int,
        seq: int,
        size: int,
        put: bool,
        entries: Sequence[int] = (),
    ) -> None:
        """Note a line that is about to be written to the last segment."""
        before = self._numbers[table].swap(id, seq if put else 0)
        if before:
            self._kill(before)
        code = self._codes[table]
        self._segments[-1].add(seq, size, code if put else code | DELETED, id, entries)

    def find(self, seq: int) -> SegmentLines:
        """Return the lines of the segment that an operation is in."""
        return self._segments[bisect_right(self._firsts, seq) - 1]

    def _kill(self, seq: int) -> None:
        place = bisect_right(self._firsts, seq) - 1
        size = self._segments[place].kill(seq)
        if place < len(self._segments) - 1:
            self.dead += size
            if self._dead is not None:
                self._dead.append(seq)

    def records(self, seqs: Iterable[int]) -> list[tuple[str, int]]:
        """Return the tables and ids whose last operations these are. Searches all
        records."""
        wanted = set(seqs)
        return [
            (table, id)
            for table, numbers in self._numbers.items()
            for id, seq in numbers.items()
            if seq in wanted
        ]

    # While the oldest segments are compacted.

    def worthwhile(self) -> int:
        """Return how many of the oldest sealed segments compaction should replace.

        Full ones at the end, where little has died, are left alone for now.
        """
        count = len(self._segments) - 1
        while count > 0:
            lines = self._segments[count - 1]
            if lines.live * 4 <= lines.size * 3:
                break
            count -= 1
        return count

    def compacting(self) -> "deque[int]":
        """Record from now on which lines die, in the deque that is returned. The thread
        that copies may take from it."""
        self._dead = deque()
        return self._dead

    def abandoned(self) -> None:
        """Stop recording which lines die: the compaction was given up."""
        self._dead = None

    def compacted(self, count: int, lines: SegmentLines) -> None:
        """Put these lines in the place of the first `count` segments, which were
        compacted."""
        if self._dead is not None:
            lines.bury(self._dead)
        self._dead = None
        self._segments[:count] = [lines]
        self._firsts[:count] = [lines.first]
        before = self._segments[:-1]
        self.sealed = sum(segment.size for segment in before)
        self.dead = self.sealed - sum(segment.live for segment in before)
