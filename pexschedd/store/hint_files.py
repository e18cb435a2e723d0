"""Hint files on the disk: read at a start, written beside what is sealed."""

import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unicodedata import unidata_version

from pexschedd.model.table import Table
from pexschedd.store import hints
from pexschedd.store.fs import NO_SPACE, SHORT, FileSystem, write_all
from pexschedd.store.ledger import Lines
from pexschedd.store.manifest import Segment, hint_name
from pexschedd.store.segments import Segments
from pexschedd.store.space import reserve_of

_CHUNK = 1 << 20

SLICE = 256 << 10
"""Bytes that are read, or written and synced, between two commits, as for a backup."""


def made_with(version: str, tables: Sequence[Table[Any]], key: bytes) -> str:
    """What hints depend on: two programs for which this is the same agree on them."""
    known = [
        (table.name, table.version, [index.name for index in table.indexes])
        for table in tables
    ]
    # Keys are folded by case, and Unicode goes on growing, with Python's releases.
    text = f"{version} {unidata_version} {known} {hashlib.sha256(key).hexdigest()}"
    return hashlib.sha256(text.encode()).hexdigest()


class HintFiles:
    """Those of one journal. They are a short cut: what fails is done without them."""

    def __init__(
        self, fs: FileSystem, directory: Path, made_with: str, width: int
    ) -> None:
        self._fs = fs
        self._directory = directory
        self._made_with = made_with
        self.width = width

    def open(self, segment: Segment) -> Lines | None:
        """What is in a sealed segment, if the segment is as it was when this was
        written; every byte of it is read. None if it has to be read line by line."""
        reading = self._reading(segment, _CHUNK)
        while reading.step():
            pass
        columns = reading.columns
        if columns is None:
            return None
        path = self._directory / segment.name
        crc = 0
        position = 0
        while chunk := self._fs.read(path, position, _CHUNK):
            crc = zlib.crc32(chunk, crc)
            position += len(chunk)
        if (position, crc) != (segment.size, columns.crc):
            return None
        lines = Lines.read(segment.first, columns)
        lines.name = segment.name
        lines.prepare()
        return lines

    def reading(self, segment: Segment) -> "HintReading":
        """What reads, between commits, what the lines of a segment are about, whatever
        has become of the segment."""
        return self._reading(segment, SLICE)

    def writing(self, segments: Segments, lines: Lines) -> "HintWriting":
        """What writes down, on the journal's thread, what sealed lines are about."""
        return HintWriting(self._fs, segments, lines, self._head)

    def _reading(self, segment: Segment, slice_size: int) -> "HintReading":
        path = self._directory / hint_name(segment.name)
        return HintReading(self._fs, path, self._head(segment), self.width, slice_size)

    def _head(self, segment: Segment, crc: int = 0) -> hints.Head:
        return hints.Head(
            made_with=self._made_with,
            segment=segment.name,
            compacted=segment.compacted,
            first=segment.first,
            last=segment.last or 0,
            lines=segment.lines or 0,
            size=segment.size or 0,
            crc=crc,
        )


class HintReading:
    """Reads one hint file, of which there may be hundreds of megabytes."""

    def __init__(
        self,
        fs: FileSystem,
        path: Path,
        expected: hints.Head,
        width: int,
        slice_size: int,
    ) -> None:
        self._fs = fs
        self._path = path
        self._expected = expected
        self._width = width
        self._slice = slice_size
        self._content: hints.Content | None = None
        self.columns: hints.Columns | None = None
        """What it says, when all is read; None if it is not what is expected."""

    def step(self) -> bool:
        """Reads a slice; returns whether there is more to do."""
        # Whatever is wrong with it: the segment can be read instead.
        with suppress(OSError, ValueError):
            if self._content is None:
                self._content = hints.Content(self._fs.size(self._path))
            part = self._fs.read(self._path, self._content.size, self._slice)
            if part:
                self._content.add(part)
                return True
            self.columns = self._content.decode(self._expected, self._width)
        return False


class HintWriting:
    """Writes one hint file; to be used on the journal's thread."""

    def __init__(
        self,
        fs: FileSystem,
        segments: Segments,
        lines: Lines,
        head: Callable[[Segment, int], hints.Head],
    ) -> None:
        self._fs = fs
        self._segments = segments
        self._lines = lines
        self._head = head
        self._path = segments.directory / hint_name(lines.name)
        self._slices: Iterator[bytes] = iter(())
        self._handle: int | None = None
        self.complete = False

    def step(self) -> bool:
        """Writes a slice; returns whether there is more to do."""
        try:
            if self._handle is None:
                self._begin()
            for part in self._slices:
                assert self._handle is not None  # noqa: S101 - `_begin` has opened it
                write_all(self._fs, self._handle, part)
                self._fs.datasync(self._handle)
                return True
            self.complete = self._handle is not None
        except OSError as error:
            self._close()
            if error.errno not in (*NO_SPACE, *SHORT):
                raise
            with suppress(OSError):
                self._fs.unlink(self._path)
        self._close()
        return False

    def stop(self, why: str) -> None:
        """It is unfinished, and will not be looked at."""
        self._close()

    def _close(self) -> None:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            with suppress(OSError):
                self._fs.close(handle)

    def _begin(self) -> None:
        lines = self._lines
        listed = self._segments.manifest.segments
        segment = next((each for each in listed if each.name == lines.name), None)
        # It may have been compacted away by now.
        if segment is None or lines.hints is None or not self._has_room():
            return
        head = self._head(segment, lines.crc)
        self._handle = self._fs.create(self._path)
        self._slices = hints.encode(head, lines.sizes, lines.seqs, lines.hints, SLICE)

    def _has_room(self) -> bool:
        """What is only a short cut must not be what fills the disk, nor take what a
        compaction needs."""
        space = self._fs.space(self._segments.directory)
        journal = sum(each.size or 0 for each in self._segments.manifest.segments)
        return space.free > journal + 2 * reserve_of(space.total)
