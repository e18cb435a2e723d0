"""Compaction: the oldest segments are replaced by one with only what still matters.

It runs on the journal's thread, a slice at a time between the commits. Lines are
copied byte for byte, each verified by its checksum on the way; no record is decoded.
What turns out to be damaged on the disk is still in memory: see `compactor.py`.
The order is what makes it safe to stop anywhere:

1. copy to a temporary file, which a start removes; sync it with every slice, so that
   never much is waiting to be written when a commit wants its own sync;
2. everything that was committed while it was copied becomes durable: a line was left
   out because something later has replaced it, and that must not get lost;
3. rename the file, sync the folder, publish a manifest that lists it instead of what
   it replaces. What is replaced goes when the last manifest that lists it goes.
"""

import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pexschedd.store import line
from pexschedd.store.fs import NO_SPACE, SHORT, FileSystem, temporary_name, write_all
from pexschedd.store.hint_files import HintFile, HintFiles, HintReading
from pexschedd.store.hints import Hints
from pexschedd.store.ledger import Lines, Run
from pexschedd.store.manifest import Segment
from pexschedd.store.segments import Segments

SLICE = 32 << 10
"""Bytes that are looked at, and that are written before the next sync, between two
commits. The more, the longer a commit may have to wait for it; the sync of so little
takes no longer than that of a commit."""


class Compaction:
    """One run over the oldest segments; to be used on the journal's thread."""

    def __init__(
        self,
        fs: FileSystem,
        segments: Segments,
        sources: Sequence[Lines],
        dead: "deque[int]",
        hint_files: HintFiles,
        slice_size: int = SLICE,
    ) -> None:
        """`sources` are the lines of the oldest segments, as the ledger has them, and
        `dead` what dies from now on."""
        self._fs = fs
        self._segments = segments
        self._sources = sources
        self._dead = dead
        self._hint_files = hint_files
        # What the source's lines are about, before line `_known`, and the file that
        # says so; and the file that gets what the copied ones are about.
        self._hints: Hints | None = None
        self._known = 0
        self._reading: HintReading | None = None
        self._aside: HintFile | None = None
        self._slice = slice_size
        self._path = segments.directory / temporary_name("compaction")
        self._handle: int | None = None
        self._source = 0
        self._line = 0
        self._offset = 0
        self._unsynced = 0
        self.lines = Lines(sources[0].first, Hints(hint_files.width), compacted=True)
        """What has been copied."""
        self.problem = ""
        """Why it was given up; nothing has changed then."""
        self.damaged: list[int] = []
        """The numbers of operations whose lines are not as they were written."""
        self.complete = False

    def step(self) -> bool:
        """Copies a slice; returns whether there is more to do."""
        if self.problem:
            return False
        # Here, as it comes: all at once, in the end, would keep the reactor waiting.
        self.lines.bury(self._dead)
        try:
            if self._handle is None:
                self._handle = self._fs.create(self._path)
            if self._source < len(self._sources):
                if not self._learn():
                    self._copy()
                    self._put_hints_aside()
                return True
            if self._put_hints_aside(rest=True):
                return True
            self._fs.sync(self._handle)
            self._close()
            self.complete = True
        except OSError as error:
            if error.errno not in (*NO_SPACE, *SHORT):
                raise
            self._give_up(f"it is not possible just now: {error.strerror}")
        return False

    def stop(self, why: str) -> None:
        """It will not be finished."""
        self._close()
        self._lose_hints()
        self.problem = why
        with suppress(OSError):
            self._fs.unlink(self._path)

    def publish(self, next_ids: Mapping[str, int]) -> None:
        """Puts the new segment in the place of the old ones."""
        self._segments.replace_oldest(
            len(self._sources), self._path, self.lines, next_ids
        )
        if self._aside is not None:
            try:
                segment = self._segments.manifest.segments[0]
                self._hint_files.end(self._aside, segment, self.lines)
            except OSError as error:
                self._aside.abandon()
                if error.errno not in (*NO_SPACE, *SHORT):
                    raise
            self.lines.hints = None

    def _copy(self) -> None:
        lines = self._sources[self._source]
        path = self._path_of_source()
        after, size, runs = lines.runs(self._line, self._slice, self._known)
        # Where nothing matters nothing is read: it may be what cannot be.
        data = self._read(path, size, runs) if runs else b""
        if data is None:
            return
        kept = []
        for run in runs:
            part = data[run.start : run.stop]
            if not _intact(part, run.last - run.first):
                self.damaged = _damaged(part, lines, run)
                self._give_up(f"{path} is damaged near byte {self._offset + run.start}")
                return
            kept.append(part)
            lines.copy_run(run, self.lines, self._hints)
        if kept:
            assert self._handle is not None  # noqa: S101 - `step` has opened it
            copied = b"".join(kept)
            write_all(self._fs, self._handle, copied)
            self._unsynced += len(copied)
            self.lines.crc = zlib.crc32(copied, self.lines.crc)
            if self._unsynced >= self._slice:
                self._fs.datasync(self._handle)
                self._unsynced = 0
        self._line = after
        self._offset += size
        if not after:
            self._source += 1
            self._offset = 0
            self._known = 0
            self._reading = None

    def _learn(self) -> bool:
        """Finds out what the next lines are about; returns whether a file had to be
        read for that, which is enough for one step."""
        if self._line < self._known:
            return False
        lines = self._sources[self._source]
        self._hints, self._known = lines.hints, len(lines.sizes)
        if lines.hints is not None or self.lines.hints is None:
            return False
        if self._reading is None:
            self._reading = self._hint_files.reading(self._segment)
        block = self._reading.next()
        if block is None:
            self._lose_hints()  # also what was copied so far: it may be wrong
        else:
            self._hints = block.hints
            self._known = block.hints.first + block.hints.count
        return True

    def _put_hints_aside(self, *, rest: bool = False) -> bool:
        """Writes a block of what the copied lines are about, or the rest of it, if it
        is of so many lines that it takes too much memory. Returns whether it did."""
        hints, files = self.lines.hints, self._hint_files
        if hints is None:
            self._lose_hints()  # those of some lines are not known
        elif self._aside is None and hints.count > files.kept:
            if files.has_room(self._segments):
                self._aside = files.aside(self.lines)
            else:
                self._lose_hints()
        if self._aside is None or hints is None or not (rest or self._aside.waiting):
            return False
        more = self._aside.write()
        hints.forget(self._aside.written)
        return more

    def _lose_hints(self) -> None:
        """The segment will be read line by line once, and get them then."""
        self.lines.hints = None
        if self._aside is not None:
            self._aside.abandon()
            self._aside = None

    def _read(self, path: Path, size: int, runs: Sequence[Run]) -> bytes | None:
        """None if the disk does not give it. That says nothing about what is written,
        and the records are in memory: it is damage like any other."""
        try:
            return self._fs.read(path, self._offset, size)
        except OSError as error:
            lines = self._sources[self._source]
            if error.errno not in SHORT:  # which says nothing about the disk
                self.damaged = [
                    lines.number(position)
                    for run in runs
                    for position in range(run.first, run.last)
                ]
            self._give_up(
                f"{path} cannot be read near byte {self._offset} ({error.strerror})"
            )
            return None

    @property
    def _segment(self) -> Segment:
        return self._segments.manifest.segments[self._source]

    def _path_of_source(self) -> Path:
        return self._segments.directory / self._segment.name

    def _give_up(self, why: str) -> None:
        self.stop(why)

    def _close(self) -> None:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            with suppress(OSError):
                self._fs.close(handle)


def _intact(data: bytes, count: int) -> bool:
    """Whether these are so many whole lines, each with its right checksum."""
    lines = data.split(b"\n")
    return (
        len(lines) == count + 1 and not lines.pop() and all(map(line.is_intact, lines))
    )


def _damaged(data: bytes, lines: Lines, run: Run) -> list[int]:
    """The numbers of the operations in a run whose lines are damaged."""
    found = []
    start = 0
    for position in range(run.first, run.last):
        stop = start + lines.sizes[position]
        each = data[start:stop]
        if each[-1:] != b"\n" or not line.is_intact(each[:-1]):
            found.append(lines.number(position))
        start = stop
    return found
