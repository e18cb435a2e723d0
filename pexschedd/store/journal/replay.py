"""Reads one segment into memory and verifies everything it says.

What is damaged is never guessed at. There is one exception, a torn tail: the end of
the last segment may lack its newline, or be a transaction without its last lines. That
is what a crash during a write leaves, and it was never acknowledged. A complete line
with a wrong checksum is not a torn tail, even if it is the very last one: it may have
been acknowledged.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import msgspec

from pexschedd.errors import StoreError, StoreNewer
from pexschedd.store.collection import Collection
from pexschedd.store.fs import FileSystem
from pexschedd.store.hints.hints import SegmentHints
from pexschedd.store.hints.line_index import LineIndex, SegmentLines
from pexschedd.store.index import MOST
from pexschedd.store.journal import line as lines
from pexschedd.store.journal.manifest import Segment
from pexschedd.store.records import REMEDY, NewerFormat

_RESTORE = "Restore the folder from a backup."

CHUNK = 1 << 20
"""Bytes read at a time: a segment may be larger than memory should hold."""


class UnacceptableSegment(StoreError):
    """A line is as it was written but makes no sense to this program, so it cannot be
    repaired."""


class SegmentExtent(NamedTuple):
    """The valid part of a segment: its bytes, its lines, and its last operation."""

    size: int
    lines: int
    last: int

    def seal(self, segment: Segment) -> Segment:
        """Return the manifest's entry for a segment that ends here."""
        return msgspec.structs.replace(
            segment, size=self.size, lines=self.lines, last=self.last
        )


def replay(
    fs: FileSystem,
    path: Path,
    segment: Segment,
    collections: Mapping[str, Collection[Any]],
    line_index: LineIndex,
    *,
    may_be_torn: bool,
    keep: bool = True,
) -> SegmentExtent:
    """Read a segment into the line index and, if `keep` is set, into the collections.

    Raises StoreError naming the file, the line and the remedy; what comes before that
    line has been loaded then.
    """
    each = _Replay(path, segment, collections, line_index, may_be_torn, keep)
    try:
        return each.run(fs)
    finally:
        for table, highest in line_index.load(each.lines).items():
            collections[table].used(highest)


class _Replay:
    def __init__(
        self,
        path: Path,
        segment: Segment,
        collections: Mapping[str, Collection[Any]],
        line_index: LineIndex,
        may_be_torn: bool,
        keep: bool,
    ) -> None:
        self.lines = SegmentLines(
            segment.first, SegmentHints(line_index.width), compacted=segment.compacted
        )
        self.lines.name = segment.name
        self._keep = keep
        self._path = path
        self._segment = segment
        self._collections = collections
        self._line_index = line_index
        self._may_be_torn = may_be_torn
        # Where we are: the next line begins at `offset` and is `count` + 1.
        self._offset = 0
        self._count = 0
        self._last = segment.first - 1
        # The part of a transaction that has been read, and what was before it.
        self._group: list[tuple[lines.JournalLine, Any, int]] = []
        self._before_group = self._extent()

    def run(self, fs: FileSystem) -> SegmentExtent:
        position = 0
        rest = b""
        while chunk := fs.read(self._path, position, CHUNK):
            position += len(chunk)
            self.lines.crc = zlib.crc32(chunk, self.lines.crc)
            *complete, rest = (rest + chunk).split(b"\n")
            for line in complete:
                self._line(line)
        if rest:
            self._unfinished(rest)
        if self._group and not self._may_be_torn:
            raise self._damaged("a transaction lacks its last lines")
        self._verify_sealed(position)
        return self._before_group if self._group else self._extent()

    def _extent(self) -> SegmentExtent:
        return SegmentExtent(self._offset, self._count, self._last)

    def _line(self, raw: bytes) -> None:
        try:
            line = lines.decode(raw)
            collection = self._collections.get(line.table)
            if collection is None:
                raise NewerFormat(
                    f"the table {line.table!r} is unknown to this version. {REMEDY}"
                )
            record = collection.format.decode(line.v, line.val) if line.put else None
        except lines.DamagedLine as error:
            raise self._damaged(str(error)) from None
        except NewerFormat as error:
            raise StoreNewer(self._where(f"{error}")) from None
        except ValueError as error:
            raise self._unacceptable(f"{error}") from None
        if record is not None and record.id != line.id:
            raise self._unacceptable(
                f"the record's id is {record.id}, the line's {line.id}. {_RESTORE}"
            )
        if not 1 <= line.id <= MOST:
            raise self._unacceptable(f"the id must be from 1 to {MOST}. {_RESTORE}")
        self._in_sequence(line)
        size = len(raw) + 1
        if line.tx is None or self._segment.compacted:
            # Compaction takes single lines out of transactions that were complete.
            self._apply(line, record, size)
        else:
            if not self._group:
                self._before_group = self._extent()
            self._group.append((line, record, size))
            if line.tx[0] == line.tx[1]:
                self._apply_group()
        self._offset += size
        self._count += 1
        self._last = line.seq

    def _apply_group(self) -> None:
        for line, record, size in self._group:
            self._apply(line, record, size)
        self._group.clear()

    def _apply(self, line: lines.JournalLine, record: Any, size: int) -> None:
        collection = self._collections[line.table]
        put = record is not None
        entries = collection.entries(record) if put else ()
        code = self._line_index.code(line.table, put=put)
        self.lines.add(line.seq, size, code, line.id, entries)
        if self._keep:
            collection.replay(line.id, record)

    def _in_sequence(self, line: lines.JournalLine) -> None:
        expected = self._last + 1
        if self._segment.last is not None and line.seq > self._segment.last:
            raise self._damaged(f"operation {line.seq} belongs to the next file")
        if self._segment.compacted:
            if line.seq < expected:
                raise self._damaged(f"operation {line.seq} is out of order")
            return
        if line.seq != expected:
            raise self._damaged(
                f"operation {expected} is missing: the line has {line.seq}"
            )
        position = line.tx[0] if line.tx else 1
        if position != len(self._group) + 1 or (line.tx and line.tx[1] < position):
            raise self._damaged("a transaction lacks lines before this one")

    def _unfinished(self, rest: bytes) -> None:
        if not self._may_be_torn:
            raise self._damaged("the line has no end")
        if lines.is_intact(rest[:-1]):
            # A crash leaves a beginning of what was written. This is a whole line
            # whose newline has become something else.
            raise self._damaged("the newline at the end is damaged")

    def _verify_sealed(self, size: int) -> None:
        segment = self._segment
        if segment.sealed and (
            (segment.size, segment.lines) != (size, self._count)
            or segment.last is None
            or self._last > segment.last
            or (self._last < segment.last and not segment.compacted)
        ):
            raise self._damaged(
                f"the file has {size} bytes and {self._count} lines up to operation "
                f"{self._last}, but the manifest says {segment.size}, {segment.lines} "
                f"and {segment.last}"
            )

    def _damaged(self, what: str) -> StoreError:
        folder = self._path.parents[1]
        command = f"pexschedd-store --state-dir {quote(str(folder))} repair"
        tool = f"see what {command} --dry-run says"
        if self._may_be_torn:
            remedy = (
                f"Restore the folder from a backup; or {tool}; or, to give up this "
                "line and everything after it: "
                f"truncate -s {self._offset} {quote(str(self._path))}"
            )
        else:
            remedy = (
                "Restore this file from a backup: it is full and does not change any "
                f"more, so a copy of any age will do. Or {tool}"
            )
        return StoreError(self._where(f"{what}. {remedy}"))

    def _unacceptable(self, text: str) -> StoreError:
        return UnacceptableSegment(self._where(text))

    def _where(self, text: str) -> str:
        return f"{self._path}, line {self._count + 1}: {text}"
