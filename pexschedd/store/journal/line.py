"""One operation of the journal is one line of plain JSON. Pure.

    {"seq":812,"tx":[1,2],"put":"conference","id":17,"v":1,"val":{...},"crc":"89ab12cd"}
    {"seq":813,"tx":[2,2],"del":"conference","id":9,"crc":"0f1e2d3c"}

`seq` numbers all operations from 1 on. `tx` is the position in and the size of a
transaction, left out where the size is 1. `put` and `del` name the table, `v` is the
version of the table's record, `val` the record itself. `crc` is the crc32 of the
bytes before `,"crc":`, so it always takes the last 18 bytes of the line. The keys are
written in this order and without spaces, which allows to judge a line by its head
without parsing the record.
"""

import re
import zlib
from typing import Annotated

import msgspec

from pexschedd.store.records import REMEDY, NewerFormat

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""The names that a table may have: nothing that JSON would have to escape."""

_CRC_SIZE = len(',"crc":"89ab12cd"}')


class DamagedLine(ValueError):
    """The bytes of a line are not the ones that were written."""


class JournalLine(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"delete": "del"},
    gc=False,
):
    """One operation as it stands on the disk; its record is not decoded yet."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
    tx: tuple[int, int] | None = None
    put: str = ""
    delete: str = ""
    id: int
    v: int = 0
    val: msgspec.Raw = msgspec.Raw()
    crc: str

    @property
    def table(self) -> str:
        """The name of the table that the operation is on."""
        return self.put or self.delete


_decode = msgspec.json.Decoder(JournalLine).decode


def put(
    seq: int, tx: tuple[int, int] | None, table: str, id: int, v: int, value: bytes
) -> bytes:
    """Encode a line, with its newline, that stores a record; `value` is the record's
    JSON."""
    head = b'{"seq":%d,%s"put":"%s","id":%d,"v":%d,"val":%s' % (
        seq,
        b"" if tx is None else b'"tx":[%d,%d],' % tx,
        table.encode(),
        id,
        v,
        value,
    )
    return b'%s,"crc":"%08x"}\n' % (head, zlib.crc32(head))


def delete(seq: int, tx: tuple[int, int] | None, table: str, id: int) -> bytes:
    """Encode a line, with its newline, that removes a record."""
    head = b'{"seq":%d,%s"del":"%s","id":%d' % (
        seq,
        b"" if tx is None else b'"tx":[%d,%d],' % tx,
        table.encode(),
        id,
    )
    return b'%s,"crc":"%08x"}\n' % (head, zlib.crc32(head))


def is_intact(line: bytes) -> bool:
    """Return whether a line, given without its newline, has the right checksum."""
    head = line[:-_CRC_SIZE]
    return line[-_CRC_SIZE:] == b',"crc":"%08x"}' % zlib.crc32(head)


def decode(line: bytes) -> JournalLine:
    """Decode a line, given without its newline, and verify its checksum.

    Raises DamagedLine if the checksum is wrong, and NewerFormat, also a ValueError, if
    the bytes are as they were written but this version does not understand them.
    """
    if not is_intact(line):
        raise DamagedLine("the checksum does not match the content")
    try:
        decoded = _decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise NewerFormat(f"not understood: {error}. {REMEDY}") from None
    if bool(decoded.put) == bool(decoded.delete):
        raise NewerFormat(f"not understood: neither a put nor a del. {REMEDY}")
    return decoded
