"""Pieces that several operations are made of."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from pexschedd.ews.envelope import Element, child, children, m, t
from pexschedd.model.meeting import MessageRef

INBOX = "inbox"
DELETED_ITEMS = "deleteditems"
CALENDAR = "calendar"


def folder(name: str) -> Element:
    """One of the folders that every mailbox has, such as `INBOX`."""
    return t("DistinguishedFolderId", Id=name)


def item_id(ref: MessageRef, name: str = "ItemId") -> Element:
    if ref.change_key:
        return t(name, Id=ref.item_id, ChangeKey=ref.change_key)
    return t(name, Id=ref.item_id)


def item_ids(refs: Iterable[MessageRef]) -> Element:
    return m("ItemIds", *(item_id(ref) for ref in refs))


def read_ref(item: Element) -> MessageRef | None:
    """The item's own id, if it has one."""
    found = child(item, "ItemId")
    name = found.get("Id") if found is not None else None
    if found is None or not name:
        return None
    return MessageRef(name, found.get("ChangeKey", ""))


def first_item(result: Element) -> Element | None:
    """The item in a response message, whatever its type."""
    return next(children(child(result, "Items")), None)


_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII
)


def read_time(value: str) -> datetime | None:
    """An xs:dateTime as aware UTC; without an offset it is UTC already."""
    match = _DATE_TIME.match(value.strip())
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1] + (match[2] or "Z"))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # 25 o'clock; the year 1 east of Greenwich
        return None
