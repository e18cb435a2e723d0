"""Properties of items as clients write them."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from lxml import etree
from msgspec.structs import replace

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError, SchemaError
from pexschedd.sandbox.items import bodies, ids, timezones
from pexschedd.sandbox.items.records import (
    EMPTY_BODY,
    Body,
    Item,
    MailboxUser,
    Meeting,
    Role,
)
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.organizing import replace_role
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.properties import (
    extended_properties,
    recurrence_markup,
)

_ROLES = {
    "RequiredAttendees": Role.REQUIRED,
    "OptionalAttendees": Role.OPTIONAL,
    "Resources": Role.RESOURCE,
}
_BUSY = ("Free", "Tentative", "Busy", "OOF", "WorkingElsewhere", "NoData")
_IGNORED = frozenset(
    {"Culture", "ReminderDueBy", "When", "Flag", "ConferenceType", "NetShowUrl"}
    | {"MeetingWorkspaceUrl", "IsReadReceiptRequested", "IsDeliveryReceiptRequested"}
    | {"ReplyTo", "References", "InReplyTo", "MeetingTimeZone", "ConversationIndex"}
    | {"InternetMessageHeaders", "IsDraft", "MimeContent", "IsOnlineMeeting"}
    | {"ReminderNextTime", "DoNotForwardMeeting", "InternetMessageId", "Attachments"}
)
"""Accepted, as Exchange accepts them, and not kept."""


class PropertyWriter:
    """A writer that puts the elements of a request into items.

    `zone` applies to times without an offset.
    """

    def __init__(self, exchange: Exchange, zone: tzinfo) -> None:
        self._exchange = exchange
        self._zone = zone

    def put(self, item: Item, element: Element) -> None:
        """Set one property. Raises `EwsError`."""
        name = markup.name_of(element)
        if name in _IGNORED:
            return
        if name == "ExtendedProperty":
            key, value = extended_properties.read_value(element)
            item.extended = {**item.extended, key.text: value}
            return
        setter = _SETTERS.get(name)
        if setter is not None:
            setter(self, item, element)
            return
        if item.meeting is None:
            if name == "IsResponseRequested":
                return
            raise EwsError("ErrorInvalidPropertySet", f"{name} cannot be set.")
        item.meeting = self._put_meeting(item, item.meeting, name, element)

    def append(self, item: Item, element: Element) -> None:
        """Append to a property (AppendToItemField). Raises `EwsError`."""
        name = markup.name_of(element)
        if name == "Body":
            item.body = bodies.appended(item.body, self.body(element))
        elif name in _ROLES and item.meeting is not None:
            role = _ROLES[name]
            known = [a.person for a in item.meeting.attendees if a.role is role]
            people = [*known, *self._people(element)]
            item.meeting = replace(
                item.meeting,
                attendees=replace_role(item.meeting.attendees, role, people),
            )
        else:
            raise EwsError("ErrorInvalidPropertyAppend")

    def clear(self, item: Item, name: str) -> None:
        """Delete a property (DeleteItemField). Raises `EwsError`."""
        if name == "Subject":
            item.subject = ""
        elif name == "Body":
            item.body = EMPTY_BODY
        elif name == "Categories":
            item.categories = ()
        elif name == "Importance":
            item.importance = "Normal"
        elif name == "Sensitivity":
            item.sensitivity = "Normal"
        elif name == "ReminderIsSet":
            item.reminder = False
        elif name in ("CcRecipients", "BccRecipients", "ToRecipients"):
            setattr(item, name[:-10].lower(), ())
        elif name == "Location" and item.meeting is not None:
            item.meeting = replace(item.meeting, location="")
        elif name in _ROLES and item.meeting is not None:
            attendees = replace_role(item.meeting.attendees, _ROLES[name], [])
            item.meeting = replace(item.meeting, attendees=attendees)
        elif name == "Recurrence" and item.meeting is not None:
            item.meeting = replace(item.meeting, recurrence=None)
        elif name not in _IGNORED:
            raise EwsError("ErrorInvalidPropertyDelete", f"{name} cannot be deleted.")

    def clear_extended(self, item: Item, key: extended_properties.ExtendedKey) -> None:
        """Delete an extended property."""
        item.extended = {k: v for k, v in item.extended.items() if k != key.text}

    def body(self, element: Element) -> Body:
        """Return the body in an element of type BodyType."""
        kind = markup.need(element, "BodyType", ("HTML", "Text"))
        text = element.text or ""
        return bodies.from_html(text) if kind == "HTML" else bodies.from_text(text)

    def person(self, element: Element) -> MailboxUser:
        """Return the address in an element of type EmailAddressType. Raises
        `EwsError`."""
        address = markup.text_t(element, "EmailAddress").strip()
        if not address:
            # A bare name is looked up in the address book.
            name = markup.text_t(element, "Name")
            for mailbox in self._exchange.mailboxes():
                if mailbox.account.name.casefold() == name.casefold():
                    address = mailbox.address
        if not address:
            raise EwsError("ErrorMissingInformationEmailAddress")
        routing = markup.text_t(element, "RoutingType") or "SMTP"
        if routing == "SMTP" and ("@" not in address or " " in address):
            raise EwsError("ErrorInvalidRecipients", f"{address!r} is no address.")
        known = self._exchange.find(address)
        name = known.account.name if known else markup.text_t(element, "Name")
        return MailboxUser(name or address, address)

    def _people(self, element: Element) -> list[MailboxUser]:
        people = []
        for child in element:
            mailbox = child
            if markup.name_of(child) == "Attendee":
                found = markup.find_t(child, "Mailbox")
                if found is None:
                    raise markup.missing(child, "Mailbox")
                mailbox = found
            people.append(self.person(mailbox))
        return people

    def _put_meeting(
        self, item: Item, meeting: Meeting, name: str, element: Element
    ) -> Meeting:
        text = element.text or ""
        if name in _ROLES:
            people = self._people(element)
            attendees = replace_role(meeting.attendees, _ROLES[name], people)
            return replace(meeting, attendees=attendees)
        match name:
            case "Start":
                return replace(meeting, start=self._time(element))
            case "End":
                return replace(meeting, end=self._time(element))
            case "StartTimeZone":
                return replace(
                    meeting, zone=_zone_id(element), zone_rules=_own_rules(element)
                )
            case "EndTimeZone":
                return replace(meeting, end_zone=_zone_id(element))
            case "StartTimeZoneId":
                return replace(meeting, zone=_known_zone(text))
            case "EndTimeZoneId":
                return replace(meeting, end_zone=_known_zone(text))
            case "Location":
                return replace(meeting, location=text)
            case "EnhancedLocation":
                return replace(meeting, location=markup.text_t(element, "DisplayName"))
            case "IsAllDayEvent":
                return replace(meeting, all_day=markup.boolean(element, text))
            case "LegacyFreeBusyStatus":
                item.free_busy = markup.chosen(element, name, text, _BUSY)
                return replace(meeting, free_busy=text)
            case "IsResponseRequested":
                wanted = markup.boolean(element, text)
                return replace(meeting, response_requested=wanted)
            case "AllowNewTimeProposal":
                return replace(meeting, allow_new_time=markup.boolean(element, text))
            case "UID":
                if item.id and ids.uid(meeting.goid) != text:
                    raise EwsError("ErrorInvalidPropertySet", "UID cannot be changed.")
                return replace(meeting, goid=ids.from_uid(text)) if text else meeting
            case "Recurrence":
                return replace(meeting, recurrence=recurrence_markup.read(element))
        raise EwsError("ErrorInvalidPropertySet", f"{name} cannot be set.")

    def _time(self, element: Element) -> datetime:
        try:
            return markup.read_time(element.text or "", self._zone)
        except ValueError as error:
            raise SchemaError(str(error), markup.line(element)) from None


def check_meeting(item: Item) -> None:
    """Raise `EwsError` unless an item's meeting makes sense as a whole."""
    meeting = item.meeting
    if meeting is None:
        return
    if meeting.end < meeting.start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate")
    if meeting.end - meeting.start > timedelta(days=5 * 366):
        raise EwsError("ErrorCalendarDurationIsTooLong")


def _zone_id(element: Element) -> str:
    zone = markup.need(element, "Id")
    if markup.find_t(element, "Periods") is not None:
        return zone
    return _known_zone(zone)


def _own_rules(element: Element) -> str:
    if timezones.known(markup.need(element, "Id")):
        return ""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def _known_zone(zone: str) -> str:
    if not timezones.known(zone):
        raise EwsError("ErrorTimeZone", f"There is no time zone {zone!r}.")
    return zone


def _set_person(attribute: str) -> Callable[[PropertyWriter, Item, Element], None]:
    def put(writer: PropertyWriter, item: Item, element: Element) -> None:
        mailbox = markup.find_t(element, "Mailbox")
        if mailbox is None:
            raise markup.missing(element, "Mailbox")
        setattr(item, attribute, writer.person(mailbox))

    return put


def _set_people(attribute: str) -> Callable[[PropertyWriter, Item, Element], None]:
    def put(writer: PropertyWriter, item: Item, element: Element) -> None:
        setattr(item, attribute, tuple(writer._people(element)))

    return put


def _set_text(
    attribute: str, choices: tuple[str, ...] = ()
) -> Callable[[PropertyWriter, Item, Element], None]:
    def put(writer: PropertyWriter, item: Item, element: Element) -> None:
        del writer
        text = element.text or ""
        markup.chosen(element, attribute, text, choices)
        setattr(item, attribute, text)

    return put


def _set_flag(attribute: str) -> Callable[[PropertyWriter, Item, Element], None]:
    def put(writer: PropertyWriter, item: Item, element: Element) -> None:
        del writer
        setattr(item, attribute, markup.boolean(element, element.text or ""))

    return put


def _set_body(writer: PropertyWriter, item: Item, element: Element) -> None:
    item.body = writer.body(element)


def _set_categories(writer: PropertyWriter, item: Item, element: Element) -> None:
    del writer
    item.categories = tuple(child.text or "" for child in element)


def _set_minutes(writer: PropertyWriter, item: Item, element: Element) -> None:
    del writer
    item.reminder_minutes = markup.integer(element, element.text or "", 0, 2_629_800)


_SETTERS: dict[str, Callable[[PropertyWriter, Item, Element], None]] = {
    "ItemClass": _set_text("item_class"),
    "Subject": _set_text("subject"),
    "Sensitivity": _set_text(
        "sensitivity", ("Normal", "Personal", "Private", "Confidential")
    ),
    "Importance": _set_text("importance", ("Low", "Normal", "High")),
    "Body": _set_body,
    "Categories": _set_categories,
    "ReminderIsSet": _set_flag("reminder"),
    "ReminderMinutesBeforeStart": _set_minutes,
    "IsRead": _set_flag("is_read"),
    "Sender": _set_person("sender"),
    "From": _set_person("author"),
    "ToRecipients": _set_people("to"),
    "CcRecipients": _set_people("cc"),
    "BccRecipients": _set_people("bcc"),
}
