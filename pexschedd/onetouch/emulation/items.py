"""Meetings as calendar items of EWS, with the properties that a client asks for. Pure.

Each meeting of the list is an item of its own, also an occurrence of a series: screens
have no use for patterns. FindItem returns neither bodies nor addresses, as at
Exchange.
"""

from collections.abc import Callable
from functools import partial

import msgspec

from pexschedd.onetouch.emulation import dial_text
from pexschedd.onetouch.emulation.emulated_room import (
    EmulatedRoom,
    change_key,
    meeting_uid,
)
from pexschedd.onetouch.emulation.soap import (
    Element,
    add_t,
    child,
    children,
    local_name,
    needed,
    schema_error,
    stamp,
    text_of,
    yes_or_no,
)
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting

_MOST_PROPERTIES = 200
_BASES = ("IdOnly", "Default", "AllProperties", "PcxPeopleSearch")


class ItemShape(msgspec.Struct, frozen=True):
    """The properties that a client asks for."""

    base: str
    uris: frozenset[str]
    is_html: bool
    is_found: bool
    """True for FindItem, which returns less."""


def read_shape(operation: Element, *, is_found: bool = False) -> ItemShape:
    """Return the shape that an operation asks for; raises `ExchangeRefusal`."""
    element = needed(operation, "ItemShape")
    base = text_of(element, "BaseShape")
    if base not in _BASES:
        raise schema_error(f"The 'BaseShape' element is invalid: '{base[:40]}'.")
    more = list(children(child(element, "AdditionalProperties")))
    if len(more) > _MOST_PROPERTIES:
        raise schema_error(f"More than {_MOST_PROPERTIES} properties.")
    uris = {each.get("FieldURI", "") for each in more if local_name(each) == "FieldURI"}
    is_html = text_of(element, "BodyType") != "Text"
    return ItemShape(base, frozenset(uris), is_html, is_found)


def write_item(
    parent: Element, room: EmulatedRoom, meeting: ScreenMeeting, shape: ItemShape
) -> None:
    """Add the element of a meeting; nothing in it depends on other rooms."""
    item = add_t(parent, "CalendarItem")
    for uri, names, is_default, write in _PROPERTIES:
        if not _is_wanted(uri, shape, is_default=is_default):
            continue
        if not (shape.is_found and uri in _NOT_FOUND):
            write(item, names, room, meeting, shape)


def _is_wanted(uri: str, shape: ItemShape, *, is_default: bool) -> bool:
    if uri == "item:ItemId" or uri in shape.uris or shape.base == "AllProperties":
        return True
    return is_default and shape.base == "Default"


_NOT_FOUND = frozenset({"item:Body", "item:TextBody", "calendar:RequiredAttendees"})
"""Properties that FindItem does not return."""

_Write = Callable[[Element, str, EmulatedRoom, ScreenMeeting, ItemShape], None]


def write_id(parent: Element, room: EmulatedRoom, meeting: ScreenMeeting) -> None:
    """Add a meeting's ItemId."""
    add_t(parent, "ItemId", Id=room.id_of(meeting), ChangeKey=change_key(meeting))


def _id(
    item: Element, _n: str, room: EmulatedRoom, meeting: ScreenMeeting, _s: ItemShape
) -> None:
    write_id(item, room, meeting)


def _parent(
    item: Element, name: str, room: EmulatedRoom, _m: ScreenMeeting, _s: ItemShape
) -> None:
    add_t(item, name, Id=room.folder_id("calendar"), ChangeKey="AQAAAA==")


def _body(
    item: Element, name: str, _r: EmulatedRoom, meeting: ScreenMeeting, shape: ItemShape
) -> None:
    if shape.is_html and name == "Body":
        add_t(item, name, dial_text.html_body(meeting.details), BodyType="HTML")
    else:
        add_t(item, name, dial_text.plain_body(meeting.details), BodyType="Text")


def _organizer(
    item: Element, name: str, _r: EmulatedRoom, meeting: ScreenMeeting, shape: ItemShape
) -> None:
    if not meeting.organizer_name and not meeting.organizer_email:
        return
    mailbox = add_t(add_t(item, name), "Mailbox")
    add_t(mailbox, "Name", meeting.organizer_name or meeting.organizer_email)
    if meeting.organizer_email and not shape.is_found:
        add_t(mailbox, "EmailAddress", meeting.organizer_email)
        add_t(mailbox, "RoutingType", "SMTP")
        add_t(mailbox, "MailboxType", "Mailbox")


def _attendees(
    item: Element, name: str, room: EmulatedRoom, _m: ScreenMeeting, _s: ItemShape
) -> None:
    attendee = add_t(add_t(item, name), "Attendee")
    write_mailbox(attendee, room)
    add_t(attendee, "ResponseType", "Accept")


def write_mailbox(parent: Element, room: EmulatedRoom) -> None:
    """Add the room's own mailbox."""
    mailbox = add_t(parent, "Mailbox")
    add_t(mailbox, "Name", room.name or room.email)
    add_t(mailbox, "EmailAddress", room.email)
    add_t(mailbox, "RoutingType", "SMTP")
    add_t(mailbox, "MailboxType", "Mailbox")


def _plain(
    value: Callable[[EmulatedRoom, ScreenMeeting], str],
    item: Element,
    name: str,
    room: EmulatedRoom,
    meeting: ScreenMeeting,
    _shape: ItemShape,
) -> None:
    text = value(room, meeting)
    if text:
        add_t(item, name, text)


def _text(value: Callable[[EmulatedRoom, ScreenMeeting], str]) -> _Write:
    return partial(_plain, value)


def _duration(_room: EmulatedRoom, meeting: ScreenMeeting) -> str:
    minutes = int((meeting.end - meeting.start).total_seconds()) // 60
    return f"PT{minutes // 60}H{minutes % 60}M"


_PROPERTIES: tuple[tuple[str, str, bool, _Write], ...] = (
    ("item:ItemId", "ItemId", True, _id),
    ("item:ParentFolderId", "ParentFolderId", False, _parent),
    ("item:ItemClass", "ItemClass", False, _text(lambda r, m: "IPM.Appointment")),
    ("item:Subject", "Subject", True, _text(lambda r, m: m.title)),
    (
        "item:Sensitivity",
        "Sensitivity",
        True,
        _text(lambda r, m: "Private" if m.is_private else "Normal"),
    ),
    ("item:Body", "Body", True, _body),
    ("item:Importance", "Importance", False, _text(lambda r, m: "Normal")),
    ("item:IsDraft", "IsDraft", False, _text(lambda r, m: "false")),
    ("item:ReminderIsSet", "ReminderIsSet", False, _text(lambda r, m: "false")),
    ("item:HasAttachments", "HasAttachments", True, _text(lambda r, m: "false")),
    ("item:TextBody", "TextBody", False, _body),
    ("calendar:UID", "UID", False, _text(meeting_uid)),
    ("calendar:Start", "Start", True, _text(lambda r, m: stamp(m.start))),
    ("calendar:End", "End", True, _text(lambda r, m: stamp(m.end))),
    (
        "calendar:IsAllDayEvent",
        "IsAllDayEvent",
        False,
        _text(lambda r, m: yes_or_no(m.is_all_day)),
    ),
    (
        "calendar:LegacyFreeBusyStatus",
        "LegacyFreeBusyStatus",
        True,
        _text(lambda r, m: "Busy"),
    ),
    (
        "calendar:Location",
        "Location",
        True,
        _text(lambda r, m: dial_text.location_text(m.details)),
    ),
    ("calendar:IsMeeting", "IsMeeting", False, _text(lambda r, m: "true")),
    ("calendar:IsCancelled", "IsCancelled", False, _text(lambda r, m: "false")),
    ("calendar:IsRecurring", "IsRecurring", False, _text(lambda r, m: "false")),
    (
        "calendar:MeetingRequestWasSent",
        "MeetingRequestWasSent",
        False,
        _text(lambda r, m: "true"),
    ),
    (
        "calendar:IsResponseRequested",
        "IsResponseRequested",
        False,
        _text(lambda r, m: "false"),
    ),
    (
        "calendar:CalendarItemType",
        "CalendarItemType",
        True,
        _text(lambda r, m: "Single"),
    ),
    ("calendar:MyResponseType", "MyResponseType", False, _text(lambda r, m: "Accept")),
    ("calendar:Organizer", "Organizer", True, _organizer),
    ("calendar:RequiredAttendees", "RequiredAttendees", False, _attendees),
    ("calendar:Duration", "Duration", False, _text(_duration)),
    ("calendar:AppointmentState", "AppointmentState", False, _text(lambda r, m: "3")),
)
"""FieldURI, element name, whether the base shape Default has it, and what writes it, in
the order of the schema."""
