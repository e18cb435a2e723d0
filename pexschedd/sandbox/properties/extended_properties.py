"""Extended properties: MAPI properties by tag, or by property set and id or name."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError, SchemaError
from pexschedd.sandbox.items import ids, occurrence_dates
from pexschedd.sandbox.items.records import CalendarType, Item, ItemKind, Meeting
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.properties import recurrence_blob, zone_blob

_SETS = {
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "Common": "00062008-0000-0000-c000-000000000046",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Address": "00062004-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
    "Task": "00062003-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
}
_TYPE = re.compile(
    "(ApplicationTime|Binary|Boolean|CLSID|Currency|Double|Float|Integer|Long|Object"
    "|Short|SystemTime|String)(Array)?|Error|Null"
)
_REQUEST_TYPES = {
    "NewMeetingRequest": 1,
    "FullUpdate": 0x10000,
    "InformationalUpdate": 0x20000,
    "Outdated": 0x80000,
}
_BUSY = {"Free": 0, "Tentative": 1, "Busy": 2, "OOF": 3, "WorkingElsewhere": 4}

Plain = str | int | bool | bytes | datetime


@dataclass(frozen=True)
class ExtendedKey:
    """The key of one property. `attributes` is how the client wrote it."""

    text: str
    """The same text for all ways to write the key."""
    type: str
    attributes: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, element: Element) -> Self:
        """Return the key of an ExtendedFieldURI element.

        Raises `EwsError` or `SchemaError`.
        """
        kind = markup.need(element, "PropertyType")
        if not _TYPE.fullmatch(kind):
            raise SchemaError(
                f"The 'PropertyType' attribute is invalid: '{kind}'.",
                markup.line(element),
            )
        attributes = {str(name): str(value) for name, value in element.attrib.items()}
        tag = attributes.get("PropertyTag")
        if tag is not None:
            number = _number(element, tag)
            # Exchange gives it back in lower-case hex, without leading zeros.
            attributes["PropertyTag"] = f"{number:#x}"
            return cls(f"tag:{number:#06x}", kind, tuple(attributes.items()))
        known = attributes.get("DistinguishedPropertySetId")
        guid = attributes.get("PropertySetId", "")
        if known is not None:
            guid = _SETS.get(known, "")
        if not guid:
            raise EwsError("ErrorInvalidExtendedProperty")
        name = attributes.get("PropertyName")
        number_text = attributes.get("PropertyId")
        if (name is None) == (number_text is None):
            raise EwsError("ErrorInvalidExtendedProperty")
        if number_text is not None:
            number = _number(element, number_text)
            attributes["PropertyId"] = str(number)
            name = f"{number:#06x}"
        else:
            name = f"name:{name}"
        return cls(f"{guid.lower()}:{name}", kind, tuple(attributes.items()))

    def parse(self, text: str) -> Plain:
        """Return a constant of this property's type. Raises ValueError."""
        match self.type.removesuffix("Array"):
            case "Binary":
                try:
                    return base64.b64decode(text, validate=True)
                except binascii.Error as error:
                    raise ValueError(str(error)) from None
            case "Integer" | "Long" | "Short":
                return int(text)
            case "Boolean":
                return text.strip() in ("true", "1")
            case "SystemTime":
                return markup.read_time(text)
        return text


def value_of(
    key: ExtendedKey, item: Item, mailbox: SandboxMailbox
) -> Plain | list[Plain] | None:
    """Return an item's value of a property: the one that a client has set, or its
    own."""
    stored = item.extended.get(key.text)
    if isinstance(stored, list):
        return [key.parse(each) for each in stored]
    if stored is not None:
        return key.parse(stored)
    getter = _GETTERS.get(key.text)
    return None if getter is None else getter(item, mailbox)


def write(
    parent: Element, key: ExtendedKey, item: Item, mailbox: SandboxMailbox
) -> None:
    """Add an ExtendedProperty element, if the item has the property."""
    _write(parent, key, value_of(key, item, mailbox))


def write_stored(
    parent: Element, key: ExtendedKey, stored: str | list[str] | None
) -> None:
    """Add an ExtendedProperty element for a stored text, if there is one."""
    if isinstance(stored, list):
        _write(parent, key, [key.parse(each) for each in stored])
    elif stored is not None:
        _write(parent, key, key.parse(stored))


def _write(
    parent: Element, key: ExtendedKey, value: Plain | list[Plain] | None
) -> None:
    if value is None:
        return
    element = markup.t(parent, "ExtendedProperty")
    markup.t(element, "ExtendedFieldURI", **dict(key.attributes))
    if isinstance(value, list):
        values = markup.t(element, "Values")
        for each in value:
            markup.t(values, "Value", _text(each))
    else:
        markup.t(element, "Value", _text(value))


def read_value(element: Element) -> tuple[ExtendedKey, str | list[str]]:
    """Return the key and the text of an ExtendedProperty element. Raises `EwsError`."""
    uri = markup.find_t(element, "ExtendedFieldURI")
    if uri is None:
        raise markup.missing(element, "ExtendedFieldURI")
    key = ExtendedKey.read(uri)
    values = markup.find_t(element, "Values")
    if values is not None:
        texts = [child.text or "" for child in values]
    else:
        texts = [markup.text_t(element, "Value")]
    for text in texts:
        try:
            key.parse(text)
        except ValueError:
            raise EwsError("ErrorInvalidExtendedPropertyValue") from None
    return key, texts if values is not None else texts[0]


def _number(element: Element, text: str) -> int:
    try:
        number = int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:
        raise SchemaError(f"'{text}' is no property number.", markup.line(element))
    return number


def _text(value: Plain) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return markup.as_text(value)


Getter = Callable[[Item, SandboxMailbox], Plain | None]


def _meeting(read: Callable[[Meeting], Plain | None]) -> Getter:
    return lambda item, _: read(item.meeting) if item.meeting is not None else None


def _goid(meeting: Meeting) -> bytes:
    if meeting.recurrence_id is None:
        return meeting.goid
    # The date is the one that the series' own clock has.
    day = occurrence_dates.local_date(meeting, meeting.recurrence_id)
    return ids.for_occurrence(meeting.goid, day)


def _zone_of_series(meeting: Meeting) -> bytes | None:
    if meeting.recurrence is None:
        return None
    return zone_blob.written(meeting, recurring=True)


def state_flags(item: Item, mailbox: SandboxMailbox) -> int | None:
    """Return AppointmentState: 1 for a meeting, 2 for received, 4 for cancelled, added
    up."""
    del mailbox
    if item.meeting is None:
        return None
    if item.kind is ItemKind.CALENDAR and not item.is_meeting:
        return 0
    organizer = item.kind is ItemKind.CALENDAR and item.is_organizer
    return 1 + (0 if organizer else 2) + (4 if item.meeting.cancelled else 0)


_M, _A, _C = (f"{_SETS[name]}:" for name in ("Meeting", "Appointment", "Common"))
_GETTERS: dict[str, Getter] = {
    _M + "0x0003": _meeting(_goid),
    _M + "0x0023": _meeting(lambda meeting: meeting.goid),
    _M + "0x001a": _meeting(lambda meeting: meeting.critical_change),
    _M + "0x000a": _meeting(lambda meeting: meeting.recurrence_id is not None),
    _M + "0x0005": _meeting(lambda meeting: meeting.type is not CalendarType.SINGLE),
    _M + "0x0026": lambda item, _: (
        _REQUEST_TYPES.get(item.request_type, 0)
        if item.kind is ItemKind.REQUEST
        else None
    ),
    _A + "0x8201": _meeting(lambda meeting: meeting.sequence),
    _A + "0x8205": lambda item, _: (
        _BUSY.get(item.free_busy, 2) if item.meeting is not None else None
    ),
    _A + "0x8208": _meeting(lambda meeting: meeting.location or None),
    _A + "0x820d": _meeting(lambda meeting: meeting.start),
    _A + "0x820e": _meeting(lambda meeting: meeting.end),
    _A + "0x8215": _meeting(lambda meeting: meeting.all_day),
    _A + "0x8216": _meeting(recurrence_blob.written),
    _A + "0x8217": state_flags,
    _A + "0x8223": _meeting(lambda meeting: meeting.recurrence is not None),
    _A + "0x8228": _meeting(lambda meeting: meeting.recurrence_id),
    _A + "0x825e": _meeting(zone_blob.written),
    _A + "0x8260": _meeting(_zone_of_series),
    _C + "0x8516": _meeting(lambda meeting: meeting.start),
    _C + "0x8517": _meeting(lambda meeting: meeting.end),
    "tag:0x001a": lambda item, _: item.item_class,
    "tag:0x0037": lambda item, _: item.subject,
    "tag:0x0e06": lambda item, _: item.received,
    "tag:0x3007": lambda item, _: item.created,
    "tag:0x3008": lambda item, _: item.modified,
    "tag:0x1035": lambda item, _: item.message_id or None,
    "tag:0x1000": lambda item, _: item.body.text or None,
    "tag:0x5d01": lambda item, _: item.sender.address if item.sender else None,
    "tag:0x5d02": lambda item, _: item.author.address if item.author else None,
    "tag:0x0042": lambda item, _: item.author.name if item.author else None,
    "tag:0x0c1a": lambda item, _: item.sender.name if item.sender else None,
}
