"""Hint files on the disk: read at a start, written beside what is sealed."""

import hashlib
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unicodedata import unidata_version

from pexschedd.model.table import Table
from pexschedd.store.disk.reserve import reserve_of
from pexschedd.store.fs import FileSystem, may_pass, temporary_name, write_all
from pexschedd.store.hints.hints import (
    BLOCK,
    HintBlock,
    HintEnd,
    HintLabel,
    SegmentHints,
    decode,
    encode,
    line_size,
)
from pexschedd.store.hints.line_index import SegmentLines
from pexschedd.store.journal.manifest import Segment, hint_name
from pexschedd.store.journal.segments import Segments

_CHUNK = 1 << 20
_LABEL = 1 << 16
"""Bytes of a label, at most."""


def made_with(program: str, tables: Sequence[Table[Any]], key: bytes) -> str:
    """Hash everything that hints depend on: programs with equal hashes agree on them.
    For `program` see `code_fingerprint.digest`."""
    known = [
        (table.name, table.version, [index.name for index in table.indexes])
        for table in tables
    ]
    # Keys are folded by case, and Unicode goes on growing, with Python's releases.
    text = f"{program} {unidata_version} {known} {hashlib.sha256(key).hexdigest()}"
    return hashlib.sha256(text.encode()).hexdigest()


class HintFiles:
    """The hint files of one journal, a short cut: the store manages without any that
    fails."""

    def __init__(
        self, fs: FileSystem, directory: Path, made_with: str, width: int, kept: int
    ) -> None:
        """`width`: the most indexes that a table has. `kept`: the number of newest
        lines that a start decodes in any case; those need no hints."""
        self._fs = fs
        self._directory = directory
        self._made_with = made_with
        self.width = width
        self.kept = kept
        self._block = BLOCK

    def open(self, segment: Segment) -> SegmentLines | None:
        """Load the lines of a sealed segment from its hint file, and verify every byte
        of the segment against it. Returns None if the segment has to be read line by
        line."""
        known = SegmentHints(self.width)
        lines = SegmentLines(segment.first, known, compacted=segment.compacted)
        reading = self.reading(segment)
        while (block := reading.next()) is not None:
            lines.extend(block)
        if not reading.complete:
            return None
        path = self._directory / segment.name
        crc = 0
        position = 0
        while chunk := self._fs.read(path, position, _CHUNK):
            crc = zlib.crc32(chunk, crc)
            position += len(chunk)
        if (position, crc) != (segment.size, reading.segment_crc):
            return None
        lines.name = segment.name
        lines.crc = crc
        lines.read()
        return lines

    def reading(self, segment: Segment) -> "HintReading":
        """Return a reader of a segment's hint file that does not look at the segment
        itself."""
        path = self._directory / hint_name(segment.name)
        return HintReading(self._fs, path, self._label(segment), self.width)

    def writing(self, segments: Segments, lines: SegmentLines) -> "HintWriting":
        """Return the work, for the journal's thread, that writes a sealed segment's
        hint file."""
        return HintWriting(self, segments, lines)

    def aside(self, lines: SegmentLines) -> "HintFile":
        """Create a temporary hint file for lines that are still being copied."""
        path = self._directory / temporary_name("compaction-hints")
        return HintFile(self._fs, path, lines, self._block)

    def begin(self, lines: SegmentLines) -> "HintFile":
        """Create the hint file of a segment."""
        path = self._directory / hint_name(lines.name)
        return HintFile(self._fs, path, lines, self._block)

    def end(self, file: "HintFile", segment: Segment, lines: SegmentLines) -> None:
        """Finish and close a hint file, all of whose lines are written, under its
        segment's name."""
        file.end(self._label(segment, lines.crc))
        path = self._directory / hint_name(segment.name)
        if file.path != path:
            self._fs.rename(file.path, path)

    def has_room(self, segments: Segments) -> bool:
        """Return whether the disk has room for a hint file. A short cut must not fill
        the disk, nor take the space that compaction needs."""
        try:
            space = self._fs.space(self._directory)
        except OSError:  # that it cannot be found out is no reason to stop
            return False
        journal = sum(each.size or 0 for each in segments.manifest.segments)
        return space.free > journal + 2 * reserve_of(space.total)

    def _label(self, segment: Segment, crc: int = 0) -> HintLabel:
        return HintLabel(
            made_with=self._made_with,
            segment=segment.name,
            compacted=segment.compacted,
            first=segment.first,
            last=segment.last or 0,
            lines=segment.lines or 0,
            size=segment.size or 0,
            crc=crc,
            block=self._block,
        )


class HintReading:
    """A reader of one hint file, a block at a time."""

    def __init__(
        self, fs: FileSystem, path: Path, expected: HintLabel, width: int
    ) -> None:
        self._fs = fs
        self._path = path
        self._expected = expected
        self._width = width
        self._line_size = line_size(expected, width)
        self._end: HintEnd | None = None
        self._line = 0
        self._crc = 0
        self.complete = False
        """True once everything was read and proved to be as it was written."""

    @property
    def segment_crc(self) -> int:
        """The checksum that the segment should have; -1 if it is not known."""
        return -1 if self._end is None else self._end.segment_crc

    def next(self) -> HintBlock | None:
        """Read the next block; None after the last one, or if anything is wrong. Only
        the end of the file shows whether the first blocks were right."""
        # Whatever is wrong with it: the segment can be read instead.
        with suppress(OSError):
            return self._next()
        return None

    def _next(self) -> HintBlock | None:
        expected, first = self._expected, self._line
        if self._end is None:
            position = expected.lines * self._line_size
            end = self._fs.read(self._path, position, _LABEL)
            self._end = HintEnd.read(end, expected)
        if self._end is None or self.complete:
            return None
        size = min(expected.block, expected.lines - first) * self._line_size
        data = self._fs.read(self._path, first * self._line_size, size)
        if len(data) != size:
            return None
        self._line += size // self._line_size
        self._crc = zlib.crc32(data, self._crc)
        if self._line == expected.lines:
            self.complete = self._end.fits(self._crc)
            if not self.complete:
                return None
        return decode(data, expected, self._width, first) if data else None


class HintFile:
    """A hint file that is being written, a block at a time."""

    def __init__(
        self, fs: FileSystem, path: Path, lines: SegmentLines, block: int
    ) -> None:
        self.path = path
        self._fs = fs
        self._lines = lines
        self._block = block
        self._handle: int | None = fs.create(path)
        self._crc = 0
        self.written = 0
        """The number of lines written so far."""

    @property
    def waiting(self) -> bool:
        """True if there are enough lines for a whole block."""
        return len(self._lines.sizes) - self.written >= self._block

    def write(self) -> bool:
        """Write a block, or the lines that are left; return whether there were any."""
        lines, first = self._lines, self.written
        last = min(first + self._block, len(lines.sizes))
        if first == last:
            return False
        assert lines.hints is not None  # noqa: S101 - or the file is abandoned
        data = encode(first, last, lines.sizes, lines.hints, lines.seqs)
        self._write(data)
        self._crc = zlib.crc32(data, self._crc)
        self.written = last
        return True

    def end(self, label: HintLabel) -> None:
        """Write the label and the checksum after the blocks, and close the file."""
        self._write(HintEnd.of(label, self._crc))
        self.close()

    def close(self) -> None:
        """Close the file; nothing happens if it is closed already."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            with suppress(OSError):
                self._fs.close(handle)

    def abandon(self) -> None:
        """Close the unfinished file and remove it."""
        self.close()
        with suppress(OSError):
            self._fs.unlink(self.path)

    def _write(self, data: bytes) -> None:
        assert self._handle is not None  # noqa: S101 - nothing is written after `end`
        write_all(self._fs, self._handle, data)
        self._fs.datasync(self._handle)


class HintWriting:
    """The writing of a sealed segment's hint file; to be used on the journal's
    thread."""

    def __init__(
        self, files: HintFiles, segments: Segments, lines: SegmentLines
    ) -> None:
        self._files = files
        self._segments = segments
        self._lines = lines
        self._file: HintFile | None = None
        self.complete = False

    def step(self) -> bool:
        """Write a block; return whether there is more to do."""
        lines = self._lines
        listed = self._segments.manifest.segments
        segment = next((each for each in listed if each.name == lines.name), None)
        if segment is None or lines.hints is None:
            # It has been compacted away by now, or has its file already.
            self._abandon()
            return False
        try:
            if self._file is None:
                if not self._files.has_room(self._segments):
                    return False
                self._file = self._files.begin(lines)
            if self._file.write():
                return True
            self._files.end(self._file, segment, lines)
            self.complete = True
        except OSError as error:
            self._abandon()
            if not may_pass(error):
                raise
        return False

    def stop(self, why: str) -> None:
        """Close the file unfinished: the next start will not believe it."""
        if self._file is not None:
            self._file.close()

    def _abandon(self) -> None:
        if self._file is not None:
            self._file.abandon()
