"""Identifiers as Exchange makes them: of items, of meetings, and change keys.

The layout of global object ids is MS-OXOCAL's. Item ids and change keys are opaque to
clients; only their look and their behaviour are Exchange's: base64, case-sensitive,
different in every mailbox.
"""

import base64
import binascii
import struct
from datetime import UTC, date, datetime, timedelta

_GOID_CLASS = bytes.fromhex("040000008200E00074C5B7101A82E008")
_FOREIGN = b"vCal-Uid\x01\x00\x00\x00"
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_ITEM = b"\x00\x03\x24\x00"
_FOLDER = b"\x01\x03\x24\x00"
_OCCURRENCE = b"\x02\x03\x24\x00"


def global_object_id(created: datetime, unique: bytes) -> bytes:
    """Return the clean id of a meeting made by Exchange; `unique` is 16 random
    bytes."""
    elapsed = created - _FILETIME_EPOCH
    ticks = (elapsed.days * 86_400 + elapsed.seconds) * 10_000_000
    ticks += elapsed.microseconds * 10
    head = _GOID_CLASS + bytes(4) + struct.pack("<Q", ticks) + bytes(8)
    return head + struct.pack("<I", len(unique)) + unique


def uid(goid: bytes) -> str:
    """Return calendar:UID: the clean id in upper-case hex, or the foreign UID within
    it."""
    data = goid[40:]
    if data.startswith(_FOREIGN):
        return data[len(_FOREIGN) : -1].decode("utf-8", "replace")
    return goid.hex().upper()


def from_uid(text: str) -> bytes:
    """Return the clean id for a UID that a client gives."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if raw.startswith(_GOID_CLASS) and len(raw) > 40:
        return clean(raw)
    data = _FOREIGN + text.encode() + b"\x00"
    return _GOID_CLASS + bytes(20) + struct.pack("<I", len(data)) + data


def clean(goid: bytes) -> bytes:
    """Return a global object id without the date of an occurrence."""
    return goid[:16] + bytes(4) + goid[20:]


def for_occurrence(goid: bytes, original: date) -> bytes:
    """Return a global object id with the local date of an occurrence, as in
    PidLidGlobalObjectId."""
    day = struct.pack(">HBB", original.year, original.month, original.day)
    return goid[:16] + day + goid[20:]


def item_id(mailbox: str, number: int) -> str:
    """Return an item's id in the mailbox with this GUID. A moved item gets a new
    number."""
    return _identifier(_ITEM, mailbox, number)


def occurrence_id(master: str, original: datetime) -> str:
    """Return the id of one occurrence of the series with the id `master`."""
    raw = base64.b64decode(master)
    seconds = int((original - _FILETIME_EPOCH).total_seconds())
    return base64.b64encode(_OCCURRENCE + raw[4:] + struct.pack(">Q", seconds)).decode()


def occurrence_of(identifier: str) -> tuple[str, datetime] | None:
    """Return the series' id and the original start that an occurrence's id names; None
    for any other id."""
    try:
        raw = base64.b64decode(identifier, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) < 68 or raw[:4] != _OCCURRENCE:
        return None
    (seconds,) = struct.unpack(">Q", raw[-8:])
    try:
        original = _FILETIME_EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return base64.b64encode(_ITEM + raw[4:-8]).decode(), original


def folder_id(mailbox: str, number: int) -> str:
    """Return the id of a folder in the mailbox with this GUID."""
    return _identifier(_FOLDER, mailbox, number)


def mailbox_of(identifier: str) -> str | None:
    """Return the GUID of the mailbox of an item or folder id; None if it is
    malformed."""
    try:
        raw = base64.b64decode(identifier, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) < 60 or raw[:4] not in (_ITEM, _FOLDER, _OCCURRENCE):
        return None
    return raw[4:40].decode("ascii", "replace")


def change_key(kind: int, mailbox: str, change: int) -> str:
    """Return the change key of a change; `kind` is a small number for the item's
    type."""
    raw = struct.pack("<II", kind, 0x16) + bytes.fromhex(mailbox.replace("-", ""))
    return base64.b64encode(raw + struct.pack(">Q", change)).decode()


def change_of(key: str) -> int | None:
    """Return the change number within a change key; None if it is malformed."""
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    return int(struct.unpack(">Q", raw[-8:])[0]) if len(raw) == 32 else None


def _identifier(prefix: bytes, mailbox: str, number: int) -> str:
    raw = prefix + mailbox.encode("ascii") + b"\x00\x2e\x00\x00\x00\x00"
    return base64.b64encode(raw + bytes(6) + struct.pack(">Q", number)).decode()
