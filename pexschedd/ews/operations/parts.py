"""Pieces that several operations are made of."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pexschedd.ews.envelope import Element, child, children, m, t
from pexschedd.model.meeting import MessageRef
from pexschedd.model.recurrence import DayOfWeek

Named = tuple[str, int, str]
"""A named property: its set, its number there, its type (MS-OXOCAL)."""

CLEAN_GLOBAL_ID: Named = ("Meeting", 35, "Binary")
GLOBAL_ID: Named = ("Meeting", 3, "Binary")
SENDER_ADDRESS_TAG = 0x5D02
"""The SMTP address of whom a message was sent for."""

INBOX = "inbox"
DELETED_ITEMS = "deleteditems"
CALENDAR = "calendar"


def folder(name: str) -> Element:
    """One of the folders that every mailbox has, such as `INBOX`."""
    return t("DistinguishedFolderId", Id=name)


def item_id(ref: MessageRef, name: str = "ItemId") -> Element:
    """Build a t:ItemId, with the change key if it is known."""
    if ref.change_key:
        return t(name, Id=ref.item_id, ChangeKey=ref.change_key)
    return t(name, Id=ref.item_id)


def item_ids(refs: Iterable[MessageRef]) -> Element:
    """Build an m:ItemIds."""
    return m("ItemIds", *(item_id(ref) for ref in refs))


def property_uri(named: Named) -> Element:
    """Build the t:ExtendedFieldURI of a named property."""
    group, number, kind = named
    return t(
        "ExtendedFieldURI",
        DistinguishedPropertySetId=group,
        PropertyId=str(number),
        PropertyType=kind,
    )


def item_shape(
    fields: Iterable[str] = (),
    named: Iterable[Named] = (),
    *,
    body_type: str = "",
    sender_address: bool = False,
) -> Element:
    """The ids, and what is asked for besides."""
    more = [t("FieldURI", FieldURI=field) for field in fields]
    more += map(property_uri, named)
    if sender_address:
        tag = f"0x{SENDER_ADDRESS_TAG:04X}"
        more.append(t("ExtendedFieldURI", PropertyTag=tag, PropertyType="String"))
    return m(
        "ItemShape",
        t("BaseShape", "IdOnly"),
        *([t("BodyType", body_type)] if body_type else []),
        *([t("AdditionalProperties", *more)] if more else []),
    )


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


DAYS_OF_WEEK = {day.title().replace("_", ""): day for day in DayOfWeek}
"""By their names here: "Monday", "WeekendDay"."""


def write_time(moment: datetime) -> str:
    """An xs:dateTime in UTC, of whole seconds."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{text}Z"
