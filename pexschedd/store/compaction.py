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

from pexschedd.store.fs import NO_SPACE, SHORT, FileSystem, temporary_name, write_all
from pexschedd.store.hints.hint_copying import HintCopying
from pexschedd.store.hints.hint_files import HintFiles
from pexschedd.store.hints.hints import SegmentHints
from pexschedd.store.hints.line_index import LineRun, SegmentLines
from pexschedd.store.journal import line
from pexschedd.store.journal.manifest import Segment
from pexschedd.store.journal.segments import Segments

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
        sources: Sequence[SegmentLines],
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
        self._slice = slice_size
        self._path = segments.directory / temporary_name("compaction")
        self._handle: int | None = None
        self._source = 0
        self._line = 0
        self._offset = 0
        self._unsynced = 0
        self.lines = SegmentLines(
            sources[0].first, SegmentHints(hint_files.width), compacted=True
        )
        """What has been copied."""
        self._hints = HintCopying(hint_files, segments, self.lines)
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
                lines = self._sources[self._source]
                learned = self._hints.learn(lines, self._segment, self._line)
                if not learned and not self._hints.put_aside():
                    self._copy(lines)
                return True
            if self._hints.put_aside(rest=True):
                return True
            self._fs.sync(self._handle)
            self._close()
            self.complete = True
        except OSError as error:
            if error.errno not in (*NO_SPACE, *SHORT):
                raise
            self.stop(f"it is not possible just now: {error.strerror}")
        return False

    def stop(self, why: str) -> None:
        """It will not be finished."""
        self._close()
        self._hints.lose()
        self.problem = why
        with suppress(OSError):
            self._fs.unlink(self._path)

    def publish(self, next_ids: Mapping[str, int]) -> None:
        """Puts the new segment in the place of the old ones."""
        self._segments.replace_oldest(
            len(self._sources), self._path, self.lines, next_ids
        )
        self._hints.finish(self._segments.manifest.segments[0])

    def _copy(self, lines: SegmentLines) -> None:
        path = self._segments.directory / self._segment.name
        after, size, runs = lines.runs(self._line, self._slice, self._hints.known)
        # Where nothing matters nothing is read: it may be what cannot be.
        data = self._read(path, size, runs) if runs else b""
        if data is None:
            return
        kept = []
        for run in runs:
            part = data[run.start : run.stop]
            if not _intact(part, run.last - run.first):
                self.damaged = _damaged(part, lines, run)
                self.stop(f"{path} is damaged near byte {self._offset + run.start}")
                return
            kept.append(part)
            self._hints.copy(lines, run)
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
            self._hints.end_of_source()

    def _read(self, path: Path, size: int, runs: Sequence[LineRun]) -> bytes | None:
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
            self.stop(
                f"{path} cannot be read near byte {self._offset} ({error.strerror})"
            )
            return None

    @property
    def _segment(self) -> Segment:
        return self._segments.manifest.segments[self._source]

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


def _damaged(data: bytes, lines: SegmentLines, run: LineRun) -> list[int]:
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
