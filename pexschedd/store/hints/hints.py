"""Hint files, which say what is in a segment so that a start need not read it. Pure.

A start that decodes five million records takes half a minute. So beside a full segment
there is a hint file: for each line its size, table, id and the record's entries in the
indexes. It is only ever a short cut. It has the checksum of the segment and one of its
own, and says what it was made with; one that is damaged, missing, or made by another
program is not looked at, and the segment is read line by line. It may be deleted.

The file is blocks of so many lines each, column by column, then a line of JSON, the
label, and the checksum of the blocks and the label. So neither the writer nor the
reader needs more than a block at a time: there may be hundreds of megabytes.
"""

import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import compress
from typing import Any, NamedTuple

import msgspec

FORMAT = 2

BLOCK = 4096
"""Lines in a block, but for the last one: some 250 KB."""

DELETED = 0x80
"""Added to the table's number in a line that deletes."""

_ALIVE = bytes(1 if code < DELETED else 0 for code in range(256))
_CRC_SIZE = 8


class HintLabel(msgspec.Struct, frozen=True, kw_only=True):
    """The label of a hint file: what it was made for and with. Any difference makes the
    file useless."""

    format: int = FORMAT
    made_with: str
    """The program, the tables and indexes, the key of the hashes."""
    byteorder: str = sys.byteorder
    segment: str
    compacted: bool
    first: int
    last: int
    lines: int
    size: int
    crc: int = 0
    """Of the whole segment."""
    block: int = BLOCK


class SegmentHints:
    """The hints of a segment's lines: for each the table or deletion, the id, and
    `width` entries."""

    def __init__(self, width: int, first: int = 0) -> None:
        """`first`: the number of the segment's lines before these."""
        self.width = width
        self.first = first
        # Bytes and numbers of 64 bits, which grow; or views of a file, which do not.
        self.codes: Any = bytearray()
        self.ids: Any = array("Q")
        self.entries: Any = array("Q")
        self.stored = False
        """True if a file has these hints."""
        # What is missing after so many entries.
        self._rest = [(0,) * (width - count) for count in range(width + 1)]

    @property
    def count(self) -> int:
        """The number of lines."""
        return len(self.codes)

    def add(self, code: int, id: int, entries: Sequence[int]) -> None:
        """Add the hint of one line; `entries` may be fewer than `width`."""
        self.codes.append(code)
        self.ids.append(id)
        self.entries.extend((*entries, *self._rest[len(entries)]))

    def copy(self, first: int, last: int, to: "SegmentHints") -> None:
        """Add the hints of the segment's lines `[first, last)` to others."""
        first, last = first - self.first, last - self.first
        to.codes += self.codes[first:last]
        width = self.width
        to.ids.frombytes(_bytes(self.ids[first:last]))
        to.entries.frombytes(_bytes(self.entries[first * width : last * width]))

    def forget(self, last: int) -> None:
        """Drop the hints of the segment's lines before `last`."""
        count = last - self.first
        self.first = last
        del self.codes[:count], self.ids[:count], self.entries[: count * self.width]

    def freeze(self) -> None:
        """Make the hints read-only: a file has them, and nothing more is added."""
        self.codes = memoryview(self.codes)
        self.ids = memoryview(self.ids)
        self.entries = memoryview(self.entries)
        self.stored = True

    def puts(self) -> bytearray:
        """Return 1 for each line that stores a record, 0 for each that deletes one."""
        return bytearray(self.codes).translate(_ALIVE)

    def changes(
        self, code: int, seqs: Sequence[int]
    ) -> "tuple[array[int], array[int]]":
        """Return the changes to one table: its lines' ids, and for each its number from
        `seqs`, or 0 if it deletes."""
        chosen = self._of(code)
        ids, numbers = array("Q"), array("Q")
        if 1 in chosen:
            ids.extend(compress(self.ids, chosen))
            numbers.extend(compress(seqs, chosen))
            codes = bytes(compress(self.codes, chosen))
            place = codes.find(code | DELETED)
            while place >= 0:
                numbers[place] = 0
                place = codes.find(code | DELETED, place + 1)
        return ids, numbers

    def living(self, alive: bytearray, code: int, place: int) -> Iterator[int]:
        """Iterate over the entries in one index of all live lines; some are 0."""
        chosen = _both(self._of(code), alive)
        if 1 not in chosen:
            return iter(())
        return compress(self.entries[place :: self.width], chosen)

    def _of(self, code: int) -> bytearray:
        """1 for each line that is about a table."""
        return bytearray(self.codes).translate(_about(code))


@cache
def _about(code: int) -> bytes:
    """Return, for each code of a line, 1 if it is about this table, else 0."""
    return bytes(1 if each & ~DELETED == code else 0 for each in range(256))


def _bytes(column: Any) -> memoryview:
    return memoryview(column).cast("B")


def _both(left: bytearray, right: bytearray) -> bytes:
    """Return the lines that are in two rows, as one row of zeros and ones."""
    both = int.from_bytes(left, "little") & int.from_bytes(right, "little")
    return both.to_bytes(len(left), "little")


class HintBlock(NamedTuple):
    """A block of a hint file: consecutive lines, column by column."""

    sizes: memoryview
    """32 bits each."""
    hints: SegmentHints
    seqs: memoryview
    """64 bits each; empty if the segment is not compacted."""


def line_size(label: HintLabel, width: int) -> int:
    """Return the number of bytes that a line takes in a block."""
    return sum(_columns(label, width))


def encode(
    first: int,
    last: int,
    sizes: "array[int]",
    hints: SegmentHints,
    seqs: "array[int] | None",
) -> bytes:
    """Encode the lines `[first, last)` of a segment as a block. `seqs` is given if the
    segment is compacted."""
    a, b, width = first - hints.first, last - hints.first, hints.width
    columns = (
        sizes[first:last],
        hints.codes[a:b],
        hints.ids[a:b],
        hints.entries[a * width : b * width],
        seqs[first:last] if seqs is not None else b"",
    )
    return b"".join(map(_bytes, columns))


def decode(data: bytes, label: HintLabel, width: int, first: int) -> HintBlock:
    """Decode a block whose first line is the segment's line `first`."""
    count = len(data) // line_size(label, width)
    view, columns, begin = memoryview(data), [], 0
    for size in _columns(label, width):
        columns.append(view[begin : begin + size * count])
        begin += size * count
    sizes, codes, ids, entries, seqs = columns
    hints = SegmentHints(width, first)
    hints.codes, hints.ids, hints.entries = codes, ids.cast("Q"), entries.cast("Q")
    return HintBlock(sizes, hints, seqs)


class HintEnd(NamedTuple):
    """The end of a hint file, after the blocks: label and checksums."""

    label: bytes
    segment_crc: int
    crc: bytes

    @classmethod
    def read(cls, data: bytes, expected: HintLabel) -> "HintEnd | None":
        """Decode the end of a file; None if the file was not made for exactly
        `expected`."""
        label, crc = data[:-_CRC_SIZE], data[-_CRC_SIZE:]
        try:
            said = msgspec.json.decode(label, type=HintLabel)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if msgspec.structs.replace(said, crc=0) != expected:
            return None
        return cls(label, said.crc, crc)

    @classmethod
    def of(cls, label: HintLabel, crc: int) -> bytes:
        """Encode the end of a file; `crc` is the checksum of all its blocks."""
        said = msgspec.json.encode(label)
        return said + _checksum(said, crc)

    def fits(self, crc: int) -> bool:
        """Return whether `crc` is the checksum that the blocks should have."""
        return self.crc == _checksum(self.label, crc)


def _columns(label: HintLabel, width: int) -> tuple[int, ...]:
    """Bytes of a line in each column."""
    return (4, 1, 8, 8 * width, 8 if label.compacted else 0)


def _checksum(label: bytes, blocks: int) -> bytes:
    return b"%08x" % zlib.crc32(label, blocks)
