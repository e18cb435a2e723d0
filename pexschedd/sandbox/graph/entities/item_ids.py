"""Ids of Graph: default ones, which change when an item moves, and immutable ones.

A default id is the one of EWS in the alphabet of URLs. An immutable one names the
change by which the item came into its mailbox, and of an occurrence its original start.
"""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta

from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.items import ids, series
from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes.mailbox import MailboxFolder, SandboxMailbox

_MARK = b"\x00\x0bIMMUTABLE\x00"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_TO_URL = str.maketrans("/+", "-_")
_FROM_URL = str.maketrans("-_", "/+")


def item_id(item: Item, *, immutable: bool) -> str:
    """Return the id of an item in a mailbox."""
    if not immutable:
        return item.id.translate(_TO_URL)
    found = ids.occurrence_of(item.id)
    return immutable_id(item.mailbox, item.birth, None if found is None else found[1])


def immutable_id(mailbox: str, birth: int, original: datetime | None = None) -> str:
    """Return an immutable id; `mailbox` is a GUID, `original` an occurrence's start."""
    raw = _MARK + bytes.fromhex(mailbox.replace("-", "")) + struct.pack(">Q", birth)
    if original is not None:
        raw += struct.pack(">Q", int((original - _EPOCH).total_seconds()))
    return base64.b64encode(raw).decode().translate(_TO_URL)


def default_id(ews_id: str) -> str:
    """Return the default id for an id of EWS."""
    return ews_id.translate(_TO_URL)


def folder_id(folder: MailboxFolder) -> str:
    """Return the id of a folder: there is only one kind."""
    return folder.id.translate(_TO_URL)


def find(mailbox: SandboxMailbox, text: str) -> Item:
    """Return the item, or the occurrence, that an id of either kind names.

    Raises `GraphError`.
    """
    ews_id = text.translate(_FROM_URL)
    try:
        raw = base64.b64decode(ews_id, validate=True)
    except (binascii.Error, ValueError):
        raise GraphError("ErrorInvalidIdMalformed") from None
    if raw.startswith(_MARK):
        item = _born(mailbox, raw[len(_MARK) :])
    else:
        if ids.mailbox_of(ews_id) is None:
            raise GraphError("ErrorInvalidIdMalformed")
        item = mailbox.get(ews_id)
    if item is None:
        raise GraphError("ErrorItemNotFound")
    return item


def is_id(text: str) -> bool:
    """Return whether a text has the form of a default id."""
    return ids.mailbox_of(text.translate(_FROM_URL)) is not None


def is_immutable(text: str) -> bool:
    """Return whether an id is an immutable one."""
    try:
        return base64.b64decode(text.translate(_FROM_URL)).startswith(_MARK)
    except (binascii.Error, ValueError):
        return False


def _born(mailbox: SandboxMailbox, raw: bytes) -> Item | None:
    if len(raw) not in (24, 32):
        raise GraphError("ErrorInvalidIdMalformed")
    if raw[:16].hex() != mailbox.guid.replace("-", ""):
        return None
    (birth,) = struct.unpack(">Q", raw[16:24])
    item = mailbox.born(birth)
    if item is None or len(raw) == 24:
        return item
    (seconds,) = struct.unpack(">Q", raw[24:])
    try:
        original = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return series.occurrence(item, original) if series.is_series(item) else None
