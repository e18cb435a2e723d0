"""Small, human-readable JSON files with a checksum. Pure.

They are pretty-printed with sorted keys. The first line after the brace is the
checksum:

    {
      "crc": "89ab12cd",
      "format": 1,

It is the CRC-32 of every byte after that line, so damage is detected. To edit the file
by hand, delete that one line: what is left is valid JSON and is accepted as it is.
"""

import json
import re
import zlib
from typing import TypeVar

import msgspec

from pexschedd.store.records import NewerFormat

T = TypeVar("T")

_HEAD = re.compile(rb'\{\n  "crc": "([0-9a-f]{8})",\n')


def dump(value: object) -> bytes:
    """Encode a value, which must become a JSON object, as the content of a file.

    The checksum is added as its first key, `crc`.
    """
    encoded = msgspec.json.encode(value, order="sorted")
    body = msgspec.json.format(encoded, indent=2).removeprefix(b"{\n") + b"\n"
    return b'{\n  "crc": "%08x",\n%s' % (zlib.crc32(body), body)


def load(data: bytes, kind: type[T], known: int) -> T:
    """Verify and decode a file into `kind`, whose `crc` attribute must be `str | None`.

    `known` is the newest value of the key `format` that this release understands.
    Raises NewerFormat for a newer one, and ValueError for any other fault; the message
    says what is wrong and how to correct it.
    """
    try:
        plain = json.loads(data, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line}: not UTF-8. {_DAMAGED}") from None
    except RecursionError:
        raise ValueError(f"line 1: nested too deeply. {_DAMAGED}") from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"line {error.lineno}: not JSON: {error.msg}. {_DAMAGED}"
        ) from None
    if not isinstance(plain, dict):
        raise ValueError(f"line 1: not a JSON object. {_DAMAGED}")
    if plain.get("crc") is not None:
        head = _HEAD.match(data)
        if head is None or b"%08x" % zlib.crc32(data[head.end() :]) != head[1]:
            raise ValueError(
                "line 2: the checksum does not match the content. Restore the file "
                'from a backup; or, if you edited it on purpose, delete the line "crc" '
                "and start again."
            )
    found = plain.get("format")
    if isinstance(found, int) and found > known:
        raise NewerFormat(
            f"it has format {found}, and this version knows formats up to {known}. "
            "Start the newer version that wrote it, or restore a backup made with "
            "this one."
        )
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"{error}. Correct it, or restore a backup.") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object; refuse a duplicate key, which would lose one of its values."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} occurs twice. {_DAMAGED}")
    return found


_DAMAGED = "Correct it, or restore the file from a backup."
