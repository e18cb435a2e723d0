"""PURE: what a segment's lines are about, so that a start need not read them.

A start that decodes five million records takes half a minute. So beside a full segment
there is a hint file: for each line its size, table, id and the record's entries in the
indexes. It is only ever a short cut. It has the checksum of the segment and one of its
own, and says what it was made with; one that is damaged, missing, or made by another
release is not looked at, and the segment is read line by line. It may be deleted.

The file is a line of JSON, then the columns, then the checksum of all that.
"""

import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any, NamedTuple

import msgspec

FORMAT = 1

DELETED = 0x80
"""Added to the table's number in a line that deletes."""

_ALIVE = bytes(1 if code < DELETED else 0 for code in range(256))
_CRC_SIZE = 8


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a hint file was made for, and with. Any difference makes it useless."""

    format: int = FORMAT
    made_with: str
    """The release, the tables and indexes, the key of the hashes."""
    byteorder: str = sys.byteorder
    segment: str
    compacted: bool
    first: int
    last: int
    lines: int
    size: int
    crc: int = 0
    """Of the whole segment."""


class Hints:
    """One line after the other: table or deletion, id, and `width` entries."""

    def __init__(self, width: int) -> None:
        self.width = width
        # Bytes and numbers of 64 bits, which grow; or views of a file, which do not.
        self.codes: Any = bytearray()
        self.ids: Any = array("Q")
        self.entries: Any = array("Q")
        self.stored = False
        """Whether a file has it."""
        # What is missing after so many entries.
        self._rest = [(0,) * (width - count) for count in range(width + 1)]

    @classmethod
    def over(
        cls, width: int, codes: memoryview, ids: memoryview, entries: memoryview
    ) -> "Hints":
        """What a file says; nothing is added to it."""
        hints = cls(width)
        hints.codes, hints.ids, hints.entries = codes, ids.cast("Q"), entries.cast("Q")
        hints.stored = True
        return hints

    def add(self, code: int, id: int, entries: Sequence[int]) -> None:
        """`entries` may be fewer than `width`."""
        self.codes.append(code)
        self.ids.append(id)
        self.entries.extend((*entries, *self._rest[len(entries)]))

    def copy(self, first: int, last: int, to: "Hints") -> None:
        """Adds the lines `[first, last)` to others."""
        to.codes += self.codes[first:last]
        width = self.width
        to.ids.frombytes(_bytes(self.ids[first:last]))
        to.entries.frombytes(_bytes(self.entries[first * width : last * width]))

    def puts(self) -> bytearray:
        """1 for each line that stores a record, 0 for each that deletes one."""
        return bytearray(self.codes).translate(_ALIVE)

    def changes(
        self, code: int, seqs: Sequence[int]
    ) -> "tuple[array[int], array[int]]":
        """The lines of one table, which have the numbers `seqs`: ids, and for each its
        number, or 0 if it deletes."""
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
        """The entries in one index of all lines that matter; some are 0."""
        chosen = _both(self._of(code), alive)
        if 1 not in chosen:
            return iter(())
        return compress(self.entries[place :: self.width], chosen)

    def _of(self, code: int) -> bytearray:
        """1 for each line that is about a table."""
        only = bytes(1 if each & ~DELETED == code else 0 for each in range(256))
        return bytearray(self.codes).translate(only)


def _bytes(column: Any) -> memoryview:
    return memoryview(column).cast("B")


def _both(left: bytearray, right: bytearray) -> bytes:
    """Which lines are in two rows of zeros and ones."""
    both = int.from_bytes(left, "little") & int.from_bytes(right, "little")
    return both.to_bytes(len(left), "little")


def encode(
    head: Head,
    sizes: "array[int]",
    seqs: "array[int] | None",
    hints: Hints,
    slice_size: int,
) -> Iterator[bytes]:
    """The file, in slices. `seqs` is there if the segment is compacted."""
    first = msgspec.json.encode(head) + b"\n"
    columns = (first, sizes, hints.codes, hints.ids, hints.entries, seqs or b"")
    crc = 0
    for column in columns:
        view = _bytes(column)
        for start in range(0, len(view), slice_size):
            part = bytes(view[start : start + slice_size])
            crc = zlib.crc32(part, crc)
            yield part
    yield b"%08x" % crc


class Columns(NamedTuple):
    """The content of a hint file."""

    crc: int
    """Of the segment."""
    sizes: memoryview
    """32 bits each."""
    seqs: memoryview | None
    """64 bits each, if the segment is compacted."""
    hints: Hints


class Content:
    """The bytes of a hint file, as they come."""

    def __init__(self, size: int) -> None:
        self._data = memoryview(bytearray(size))
        self._end = max(0, size - _CRC_SIZE)
        self._crc = 0
        self.size = 0
        """How much has come."""

    def add(self, part: bytes) -> None:
        """Raises ValueError if there is more than there was to be."""
        begin, self.size = self.size, self.size + len(part)
        self._data[begin : self.size] = part
        self._crc = zlib.crc32(self._data[begin : min(self.size, self._end)], self._crc)

    def decode(self, expected: Head, width: int) -> Columns | None:
        """None if this is not exactly the file for that segment."""
        view = self._data
        if view[self._end :] != b"%08x" % self._crc:
            return None
        end = bytes(view[: 1 << 16]).find(b"\n") + 1
        try:
            head = msgspec.json.decode(view[:end], type=Head)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if msgspec.structs.replace(head, crc=0) != expected:
            return None
        columns = []
        for bytes_each in (4, 1, 8, 8 * width, 8 if head.compacted else 0):
            begin, end = end, end + head.lines * bytes_each
            columns.append(view[begin:end])
        if end != self._end:
            return None
        sizes, codes, ids, entries, seqs = columns
        hints = Hints.over(width, codes, ids, entries)
        return Columns(head.crc, sizes, seqs if head.compacted else None, hints)
