"""Compaction: replaces the oldest segments by one that has only the lines still needed.

It runs on the journal's thread, a slice at a time between the commits. Lines are copied
byte for byte, and the checksum of each is verified on the way; no record is decoded.
Records whose lines turn out to be damaged on the disk are still in memory: see
`compactor.py`. It is safe to be interrupted at any point because of this order:

1. copy to a temporary file, which the next start would remove; sync it with every
   slice, so that little is ever waiting to be written when a commit needs its own sync;
2. make durable everything that was committed during the copying: a line was left out
   because a later one replaces it, and that later line must not get lost;
3. rename the file, sync the folder, and publish a manifest that lists the new segment
   instead of the old ones. The old ones are removed with the last manifest that lists
   them.
"""

import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pexschedd.store.fs import SHORT, FileSystem, may_pass, temporary_name, write_all
from pexschedd.store.hints.hint_copying import HintCopying
from pexschedd.store.hints.hint_files import HintFiles
from pexschedd.store.hints.hints import SegmentHints
from pexschedd.store.hints.line_index import LineRun, SegmentLines
from pexschedd.store.journal import line
from pexschedd.store.journal.manifest import Segment
from pexschedd.store.journal.segments import Segments

SLICE = 32 << 10
"""Bytes examined, and bytes written before the next sync, between two commits. A larger
slice makes a commit wait longer; syncing this little takes no longer than syncing a
commit."""


class Compaction:
    """One compaction of the oldest segments; to be used on the journal's thread."""

    def __init__(
        self,
        fs: FileSystem,
        segments: Segments,
        sources: Sequence[SegmentLines],
        dead: "deque[int]",
        hint_files: HintFiles,
        slice_size: int = SLICE,
    ) -> None:
        """Prepare to compact `sources`, the oldest segments as the line index has them.

        `dead` receives the numbers of the operations that become obsolete from now on.
        """
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
        """The lines copied so far."""
        self._hints = HintCopying(hint_files, segments, self.lines)
        self.problem = ""
        """The reason for giving up, with nothing changed; empty if there is none."""
        self.damaged: list[int] = []
        """The numbers of the operations whose lines on the disk are damaged."""
        self.complete = False

    def step(self) -> bool:
        """Copy a slice; return whether there is more to do."""
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
            if not may_pass(error):
                raise
            self.stop(f"it is not possible just now: {error.strerror}")
        return False

    def stop(self, why: str) -> None:
        """Give up for the reason `why`, and remove the unfinished file."""
        self._close()
        self._hints.lose()
        self.problem = why
        with suppress(OSError):
            self._fs.unlink(self._path)

    def publish(self, next_ids: Mapping[str, int]) -> None:
        """Put the new segment in the place of the old ones."""
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
        """Read a slice of a segment; give up and return None if the disk fails.

        A read error does not mean that writes fail too, and the records are in memory,
        so it is treated like any other damage.
        """
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
    """Return whether `data` is `count` complete lines with correct checksums."""
    lines = data.split(b"\n")
    return (
        len(lines) == count + 1 and not lines.pop() and all(map(line.is_intact, lines))
    )


def _damaged(data: bytes, lines: SegmentLines, run: LineRun) -> list[int]:
    """Return the numbers of the operations in a run whose lines are damaged."""
    found = []
    start = 0
    for position in range(run.first, run.last):
        stop = start + lines.sizes[position]
        each = data[start:stop]
        if each[-1:] != b"\n" or not line.is_intact(each[:-1]):
            found.append(lines.number(position))
        start = stop
    return found
