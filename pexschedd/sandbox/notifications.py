"""What notifications say: happenings in a mailbox, and watermarks.

A happening is one change as subscribers hear of it: which folder, which item, under
which id before. Wherever Exchange's servers differ from Exchange's own schema, this
writes what the servers write.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError

if TYPE_CHECKING:
    from pexschedd.sandbox.mailbox import SandboxMailbox
    from pexschedd.sandbox.markup import Element

_MARK = b"SBXW"


class NotificationEvent(StrEnum):
    """The kinds a client may subscribe to, by their element names."""

    COPIED = "CopiedEvent"
    CREATED = "CreatedEvent"
    DELETED = "DeletedEvent"
    MODIFIED = "ModifiedEvent"
    MOVED = "MovedEvent"
    NEW_MAIL = "NewMailEvent"
    FREE_BUSY = "FreeBusyChangedEvent"


@dataclass(frozen=True)
class Happening:
    event: NotificationEvent
    folder: str
    """The distinguished name of the folder it happened in."""
    item: str = ""
    """The id of the item; "" if the folder itself has changed."""
    key: str = ""
    old_item: str = ""
    """Before it was moved."""
    old_folder: str = ""

    def concerns(self, folders: frozenset[str] | None) -> bool:
        """Whether it happened in one of these folders; None: in any at all."""
        return folders is None or self.folder in folders or self.old_folder in folders


def write(
    parent: "Element",
    happening: Happening,
    mailbox: "SandboxMailbox",
    at: datetime,
    watermark: str | None = None,
) -> None:
    """Adds the event's element; with a watermark only for those who pull."""
    event = markup.t(parent, happening.event)
    if watermark is not None:
        markup.t(event, "Watermark", watermark)
    markup.t(event, "TimeStamp", markup.stamp(at))
    folder = mailbox.folders[happening.folder]
    if happening.item:
        markup.t(event, "ItemId", Id=happening.item, ChangeKey=happening.key)
        _folder(event, "ParentFolderId", mailbox, happening.folder)
    else:
        _folder(event, "FolderId", mailbox, happening.folder)
        _folder(event, "ParentFolderId", mailbox, folder.parent or folder.name)
        if happening.event is NotificationEvent.MODIFIED:
            markup.t(event, "UnreadCount", str(folder.unread))
    if happening.old_item:
        key = happening.key
        markup.t(event, "OldItemId", Id=happening.old_item, ChangeKey=key)
        _folder(event, "OldParentFolderId", mailbox, happening.old_folder)


def _folder(
    parent: "Element", name: str, mailbox: "SandboxMailbox", folder: str
) -> None:
    found = mailbox.folders[folder]
    key = mailbox.folder_change_key(found)
    markup.t(parent, name, Id=found.id, ChangeKey=key)


def seal(subscription: str, number: int) -> str:
    """The watermark of an event: opaque, bound to its subscription."""
    raw = _MARK + struct.pack(">QI", number, _check(subscription))
    return base64.b64encode(raw).decode()


def unseal(subscription: str, watermark: str) -> int:
    """Raises `EwsError` for what is no watermark of this subscription."""
    try:
        raw = base64.b64decode(watermark, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) == len(_MARK) + 12 and raw.startswith(_MARK):
        number, check = struct.unpack(">QI", raw[len(_MARK) :])
        if check == _check(subscription):
            return int(number)
    raise EwsError("ErrorInvalidWatermark")


def _check(subscription: str) -> int:
    return binascii.crc32(subscription.encode())
