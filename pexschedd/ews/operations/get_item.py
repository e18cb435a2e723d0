"""GetItem: whole meeting messages, or only their current ids."""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from pexschedd.ews.envelope import (
    Element,
    Problem,
    child,
    children,
    local_name,
    m,
    parse,
    request,
    results,
    t,
    text,
)
from pexschedd.ews.global_ids import canonical_uid, occurrence_date, readable_uid
from pexschedd.ews.operations.parts import first_item, item_ids, read_ref, read_time
from pexschedd.ews.operations.time_zone import read_zone
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef, Person

_FIELDS = (
    "item:ItemClass",
    "item:Subject",
    "item:Body",
    "item:TextBody",
    "item:DateTimeReceived",
    "item:DateTimeCreated",
    "message:From",
    "meeting:IsOutOfDate",
    "meetingRequest:MeetingRequestType",
    "calendar:UID",
    "calendar:RecurrenceId",
    "calendar:DateTimeStamp",
    "calendar:Start",
    "calendar:End",
    "calendar:StartTimeZone",
    "calendar:CalendarItemType",
    "calendar:IsCancelled",
    "calendar:Organizer",
    "calendar:AppointmentSequenceNumber",
    "calendar:AppointmentState",
)

# Named properties: (property set, number in it, type); MS-OXOCAL.
_CLEAN_GLOBAL_ID = ("Meeting", 35, "Binary")
_GLOBAL_ID = ("Meeting", 3, "Binary")
_OWNER_CRITICAL_CHANGE = ("Meeting", 26, "SystemTime")
_SEQUENCE = ("Appointment", 33281, "Integer")
_EXCEPTION_REPLACE_TIME = ("Appointment", 33320, "SystemTime")
_NAMED = (
    _CLEAN_GLOBAL_ID,
    _GLOBAL_ID,
    _OWNER_CRITICAL_CHANGE,
    _SEQUENCE,
    _EXCEPTION_REPLACE_TIME,
)
_TAG = "tag"
_SENDER_ADDRESS = (_TAG, 0x5D02)
"""The SMTP address of whom the message was sent for."""

_PROPERTY_SETS = {
    "6ed8da90-450b-101b-98da-00aa003f1305": "Meeting",
    "00062002-0000-0000-c000-000000000046": "Appointment",
}
_REQUEST = "ipm.schedule.meeting.request"
_CANCELLATION = "ipm.schedule.meeting.canceled"
_STATE_CANCELLED = 4
_ADDRESS = re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+\Z")
_MAX_ADDRESS = 320
_MAX_NAME = 256
_MAX_SUBJECT = 1000
_MAX_SEQUENCE = 2**31 - 1
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_Properties = dict[tuple[str, int], str]


def build_get_messages(mailbox: str, refs: Sequence[MessageRef]) -> bytes:
    """Everything that the scheduler wants to know about meeting messages.

    What does not apply to a message's type is left out by the server, so one shape
    serves requests, cancellations and all else that lies in an inbox.
    """
    shape = m(
        "ItemShape",
        t("BaseShape", "IdOnly"),
        t("BodyType", "HTML"),
        t(
            "AdditionalProperties",
            *(t("FieldURI", FieldURI=name) for name in _FIELDS),
            *(
                t(
                    "ExtendedFieldURI",
                    DistinguishedPropertySetId=group,
                    PropertyId=str(number),
                    PropertyType=kind,
                )
                for group, number, kind in _NAMED
            ),
            t(
                "ExtendedFieldURI",
                PropertyTag=f"0x{_SENDER_ADDRESS[1]:04X}",
                PropertyType="String",
            ),
        ),
    )
    return request(m("GetItem", shape, _ids(refs)), mailbox)


def build_get_refs(mailbox: str, refs: Sequence[MessageRef]) -> bytes:
    """Only the ids, as they are now."""
    shape = m("ItemShape", t("BaseShape", "IdOnly"))
    return request(m("GetItem", shape, _ids(refs)), mailbox)


def _ids(refs: Sequence[MessageRef]) -> Element:
    # Without change keys: what is wanted is the item as it is now.
    return item_ids(MessageRef(ref.item_id) for ref in refs)


def parse_refs(data: bytes, expected: int) -> list[MessageRef | Problem]:
    found: list[MessageRef | Problem] = []
    for result in results(parse(data), expected):
        item = first_item(result.element)
        ref = read_ref(item) if item is not None else None
        found.append(result.problem or ref or _nothing())
    return found


def parse_messages(data: bytes, expected: int) -> list[MeetingMessage | Problem]:
    """One for each id, in the order of the request."""
    found: list[MeetingMessage | Problem] = []
    for result in results(parse(data), expected):
        item = first_item(result.element)
        ref = read_ref(item) if item is not None else None
        if result.problem is not None:
            found.append(result.problem)
        elif item is None or ref is None:
            found.append(_nothing())
        else:
            found.append(_message(item, ref))
    return found


def _nothing() -> Problem:
    return Problem("ErrorItemCorrupt", "the server gave no item and no reason")


def _message(item: Element, ref: MessageRef) -> MeetingMessage:
    properties = _properties(item)
    start = _time(item, "Start")
    zone = read_zone(child(item, "StartTimeZone"), start or _NEVER)
    html, plain = _bodies(item)
    return MeetingMessage(
        ref=ref,
        kind=_kind(item),
        received=_time(item, "DateTimeReceived")
        or _time(item, "DateTimeCreated")
        or _NEVER,
        uid=_uid(item, properties),
        recurrence_id=_recurrence_id(item, properties, start, zone),
        is_series=_word(item, "CalendarItemType") == "RecurringMaster",
        sequence=_number(
            _word(item, "AppointmentSequenceNumber") or properties.get(_SEQUENCE[:2])
        ),
        changed=read_time(properties.get(_OWNER_CRITICAL_CHANGE[:2], ""))
        or _time(item, "DateTimeStamp"),
        start=start,
        end=_time(item, "End"),
        zone=zone,
        subject=text(item, "Subject")[:_MAX_SUBJECT],
        organizer=_organizer(item, properties),
        html=html,
        text=plain,
        outdated=_word(item, "IsOutOfDate") in ("true", "1")
        or _word(item, "MeetingRequestType") == "Outdated",
    )


def _word(item: Element, name: str) -> str:
    return text(item, name).strip()


def _time(item: Element, name: str) -> datetime | None:
    return read_time(text(item, name))


def _number(value: str | None) -> int:
    """0 for what is no number from 0 to 2**31 - 1."""
    if not value or not value.isdecimal() or len(value) > 10:
        return 0
    return min(int(value), _MAX_SEQUENCE)


def _kind(item: Element) -> MessageKind:
    item_class = _word(item, "ItemClass").lower() or {
        "MeetingRequest": _REQUEST,
        "MeetingCancellation": _CANCELLATION,
    }.get(local_name(item), "")
    # A prefix: signed messages and customised forms append to the class.
    if item_class.startswith(_CANCELLATION):
        return MessageKind.CANCELLATION
    if not item_class.startswith(_REQUEST):
        return MessageKind.OTHER
    # The copy of a meeting that was cancelled since is not an invitation any more.
    cancelled = (
        _word(item, "IsCancelled") in ("true", "1")
        or _number(_word(item, "AppointmentState")) & _STATE_CANCELLED
    )
    return MessageKind.CANCELLATION if cancelled else MessageKind.REQUEST


def _properties(item: Element) -> _Properties:
    """The extended properties: ("Meeting", 35) or ("tag", 0x5D02) -> text."""
    found: _Properties = {}
    for each in children(item, "ExtendedProperty"):
        uri = child(each, "ExtendedFieldURI")
        if uri is None:
            continue
        group = uri.get("DistinguishedPropertySetId") or _PROPERTY_SETS.get(
            uri.get("PropertySetId", "").lower(), ""
        )
        try:
            # Asked for as 0x5D02 and 35, answered as 0x5d02 and 35 or 0x23.
            if tag := uri.get("PropertyTag"):
                found[_TAG, int(tag, 0)] = text(each, "Value").strip()
            else:
                number = int(uri.get("PropertyId", ""), 0)
                found[group, number] = text(each, "Value").strip()
        except ValueError:
            continue
    return found


def _binary(properties: _Properties, key: tuple[str, int, str]) -> bytes:
    try:
        return base64.b64decode(properties.get(key[:2], ""), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _uid(item: Element, properties: _Properties) -> str:
    return (
        canonical_uid(_binary(properties, _CLEAN_GLOBAL_ID))
        or canonical_uid(_binary(properties, _GLOBAL_ID))
        or readable_uid(text(item, "UID"))
    )


def _recurrence_id(
    item: Element, properties: _Properties, start: datetime | None, zone: str
) -> datetime | None:
    given = _time(item, "RecurrenceId") or read_time(
        properties.get(_EXCEPTION_REPLACE_TIME[:2], "")
    )
    if given is not None:
        return given
    day = occurrence_date(_binary(properties, _GLOBAL_ID))
    return _same_time_on(day, start, zone) if day and start else None


def _same_time_on(day: date, start: datetime, zone: str) -> datetime | None:
    """The global object id knows only the day; most occurrences keep their time."""
    place = ZoneInfo(zone)
    try:
        local = start.astimezone(place)
        return datetime.combine(day, local.time(), place).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _organizer(item: Element, properties: _Properties) -> Person:
    """The organizer as the meeting names them.

    Cancellations carry no organizer: theirs is whom they were sent for. Addresses
    that are not SMTP (the directory's own) are replaced by the sender's SMTP address.
    """
    organizer = child(item, "Organizer", "Mailbox")
    sender = child(item, "From", "Mailbox")
    name = text(organizer, "Name") or text(sender, "Name")
    addresses = (
        text(organizer, "EmailAddress"),
        properties.get(_SENDER_ADDRESS, ""),
        text(sender, "EmailAddress"),
    )
    email = next(filter(None, map(_address, addresses)), "")
    return Person(" ".join(name.split())[:_MAX_NAME], email)


def _address(value: str) -> str:
    value = value.strip()
    return value if len(value) <= _MAX_ADDRESS and _ADDRESS.match(value) else ""


def _bodies(item: Element) -> tuple[str, str]:
    """The body as HTML and as text; a server without HTML gives text in its place."""
    body = child(item, "Body")
    content = text(item, "Body")
    plain = text(item, "TextBody")
    if body is not None and body.get("BodyType") == "Text":
        return "", plain or content
    return content, plain
