"""Events of folders as XML, and the watermarks that mark a place among them.

Where Exchange's servers differ from Exchange's own schema, this writes what the servers
write.
"""

import base64
import binascii
import struct
from datetime import datetime

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailboxes.folder_events import EventType, FolderEvent
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element

_MARK = b"SBXW"


def write(
    parent: Element,
    event: FolderEvent,
    mailbox: SandboxMailbox,
    at: datetime,
    watermark: str | None = None,
) -> None:
    """Add the element of an event. Only pull subscriptions carry a watermark."""
    element = markup.t(parent, event.type)
    if watermark is not None:
        markup.t(element, "Watermark", watermark)
    markup.t(element, "TimeStamp", markup.stamp(at))
    folder = mailbox.folders[event.folder]
    if event.item:
        markup.t(element, "ItemId", Id=event.item, ChangeKey=event.key)
        _folder(element, "ParentFolderId", mailbox, event.folder)
    else:
        _folder(element, "FolderId", mailbox, event.folder)
        _folder(element, "ParentFolderId", mailbox, folder.parent or folder.name)
        if event.type is EventType.MODIFIED:
            markup.t(element, "UnreadCount", str(folder.unread))
    if event.old_item:
        markup.t(element, "OldItemId", Id=event.old_item, ChangeKey=event.key)
        _folder(element, "OldParentFolderId", mailbox, event.old_folder)


def _folder(parent: Element, name: str, mailbox: SandboxMailbox, folder: str) -> None:
    found = mailbox.folders[folder]
    key = mailbox.folder_change_key(found)
    markup.t(parent, name, Id=found.id, ChangeKey=key)


def seal(subscription: str, number: int) -> str:
    """Return the watermark of an event: opaque, and bound to its subscription."""
    raw = _MARK + struct.pack(">QI", number, _check(subscription))
    return base64.b64encode(raw).decode()


def unseal(subscription: str, watermark: str) -> int:
    """Return the number of the event that a watermark of this subscription marks.

    Raises `EwsError` for everything else.
    """
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
