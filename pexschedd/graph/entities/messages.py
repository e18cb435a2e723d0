"""Messages of the equipment mailbox, read as messages about meetings.

All of it comes from the message: its event may not be there yet, or never. What Graph
has no property for, it gives as extended properties.
"""

from typing import NamedTuple

import msgspec

from pexschedd.bodies.tags import find
from pexschedd.exchange.global_ids import canonical_uid, occurrence_date
from pexschedd.exchange.meeting_texts import MOST_RECIPIENTS, subject_of
from pexschedd.exchange.moments import read_time
from pexschedd.exchange.series import same_time_on
from pexschedd.graph.entities.documents import id_of, read_document
from pexschedd.graph.entities.extended_properties import (
    APPOINTMENT_END,
    APPOINTMENT_RECUR,
    APPOINTMENT_SEQUENCE,
    APPOINTMENT_START,
    APPOINTMENT_STATE,
    CLEAN_GLOBAL_ID,
    EXCEPTION_REPLACE_TIME,
    GLOBAL_ID,
    MESSAGE_CLASS,
    OWNER_CRITICAL_CHANGE,
    SENDER_ADDRESS,
    STATE_CANCELLED,
    ZONE_OF_SERIES,
    ZONE_OF_START,
    ExtendedProperties,
    ExtendedProperty,
    expand_properties,
)
from pexschedd.graph.entities.meeting_parts import (
    NEVER,
    ItemBody,
    Recipient,
    meeting_times,
    person_of,
    planned_zone,
)
from pexschedd.graph.entities.recurrences import read_recurrence, zone_name_of
from pexschedd.graph.entities.times import DateTimeTimeZone
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.scheduling.ports.mailbox import Blame, Unreadable

MESSAGE_PROPERTIES = (
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    OWNER_CRITICAL_CHANGE,
    APPOINTMENT_SEQUENCE,
    APPOINTMENT_START,
    APPOINTMENT_END,
    APPOINTMENT_RECUR,
    APPOINTMENT_STATE,
    EXCEPTION_REPLACE_TIME,
    ZONE_OF_START,
    ZONE_OF_SERIES,
    MESSAGE_CLASS,
    SENDER_ADDRESS,
)
"""The extended properties of a message to read."""

MESSAGE_EXPAND = expand_properties(MESSAGE_PROPERTIES)
"""The $expand of a message to read; it goes without a $select, which would have to name
each property of meeting messages with the type that has it, and which some requests
answer by leaving them out without a word."""

FOUND_EXPAND = expand_properties([CLEAN_GLOBAL_ID])
"""The $expand where messages are only listed: which meeting each is about."""

FOUND_SELECT = "id,parentFolderId,receivedDateTime"
"""The $select where messages are only listed."""

HEAD_SELECT = (
    "id,parentFolderId,createdDateTime,receivedDateTime,subject,from,toRecipients,"
    "ccRecipients,microsoft.graph.eventMessage/meetingMessageType,"
    "microsoft.graph.eventMessage/type,microsoft.graph.eventMessage/isAllDay,"
    "microsoft.graph.eventMessage/startDateTime,"
    "microsoft.graph.eventMessage/endDateTime"
)
"""The $select of a message that the server cannot give as a whole: all but its body and
its recurrence."""

_TYPE_OF_MEETINGS = "#microsoft.graph.eventMessage"
_REQUEST = "ipm.schedule.meeting.request"
_CANCELLATION = "ipm.schedule.meeting.canceled"
_CLASSES = {"meetingrequest": _REQUEST, "meetingcancelled": _CANCELLATION}
_ROLE = (
    'The application needs the permission Mail.ReadWrite, or the role "Application '
    'Mail.ReadWrite" of RBAC for Applications, for this mailbox; Mail.ReadBasic shows '
    "neither bodies nor extended properties. Exchange Online takes up to 2 hours to "
    "follow a change of roles."
)
WITHOUT_BODY = f"Graph gave the message without its body. {_ROLE}"
WITHOUT_PROPERTIES = (
    f"Graph gave the meeting message without its extended properties. {_ROLE}"
)


class _MessageDocument(msgspec.Struct, frozen=True, rename="camel"):
    odata_type: str | None = msgspec.field(name="@odata.type", default=None)
    parent_folder_id: str | None = None
    created_date_time: str | None = None
    received_date_time: str | None = None
    subject: str | None = None
    body: ItemBody | None = None
    from_: Recipient | None = msgspec.field(name="from", default=None)
    to_recipients: tuple[Recipient | None, ...] | None = None
    cc_recipients: tuple[Recipient | None, ...] | None = None
    meeting_message_type: str | None = None
    type: str | None = None
    is_all_day: bool | None = None
    start_date_time: DateTimeTimeZone | None = None
    end_date_time: DateTimeTimeZone | None = None
    recurrence: msgspec.Raw = msgspec.Raw(b"null")
    single_value_extended_properties: tuple[ExtendedProperty, ...] | None = None


class ReadMessage(NamedTuple):
    """A message, and the id of the folder that it lies in, "" if that is not told."""

    message: MeetingMessage | Unreadable
    folder: str = ""


class ListedMessage(NamedTuple):
    """A message of a list: what is known without reading it."""

    ref: MessageRef
    folder: str
    received: str
    """As Graph writes it; "" if it is not told."""


def parse_message(data: bytes, *, head_only: bool = False) -> ReadMessage:
    """Read one message: its meeting, or why it cannot be read.

    `head_only`: it was asked for without its body. Raises ValueError for a document
    that is no message at all.
    """
    return read_message(data, head_only=head_only)


def read_message(data: bytes | msgspec.Raw, *, head_only: bool = False) -> ReadMessage:
    """Read one message of an answer; see `parse_message`."""
    ref = MessageRef(id_of(data))
    try:
        document = read_document(data, _MessageDocument)
    except ValueError as error:
        return ReadMessage(Unreadable(ref, f"Graph's answer makes no sense: {error}"))
    properties = ExtendedProperties(document.single_value_extended_properties)
    folder = document.parent_folder_id or ""
    if document.body is None and not head_only:
        return ReadMessage(Unreadable(ref, WITHOUT_BODY, Blame.SERVER), folder)
    if _is_of_a_meeting(document) and not properties:
        return ReadMessage(Unreadable(ref, WITHOUT_PROPERTIES, Blame.SERVER), folder)
    ref = MessageRef(ref.item_id, uid=properties.uid)
    return ReadMessage(_message(ref, document, properties), folder)


def read_listed(data: bytes | msgspec.Raw) -> ListedMessage:
    """Read a message that was asked for with `FOUND_SELECT` and `FOUND_EXPAND`.

    Raises ValueError for a document that is no message; what is wrong with the rest
    reads as empty.
    """
    identifier = id_of(data)
    try:
        document = read_document(data, _MessageDocument)
    except ValueError:
        return ListedMessage(MessageRef(identifier), "", "")
    properties = ExtendedProperties(document.single_value_extended_properties)
    return ListedMessage(
        MessageRef(identifier, uid=properties.uid),
        document.parent_folder_id or "",
        document.received_date_time or "",
    )


def _message(
    ref: MessageRef, document: _MessageDocument, properties: ExtendedProperties
) -> MeetingMessage:
    is_series = document.type == "seriesMaster"
    all_day = bool(document.is_all_day)
    names = (zone_name_of(document.recurrence),)
    about = read_time((document.start_date_time or _NO_TIME).date_time or "")
    zone = planned_zone(properties, names, about or NEVER)
    start, end = meeting_times(
        document.start_date_time,
        document.end_date_time,
        properties,
        zone,
        all_day=all_day,
    )
    html, plain = document.body.html_and_text if document.body else ("", "")
    exact = properties.moment(EXCEPTION_REPLACE_TIME)
    global_id = properties.binary(GLOBAL_ID)
    day = None if exact else occurrence_date(global_id)
    return MeetingMessage(
        ref=ref,
        kind=_kind(document, properties),
        received=read_time(document.received_date_time or "")
        or read_time(document.created_date_time or "")
        or NEVER,
        uid=ref.uid,
        recurrence_id=exact or (same_time_on(day, start, zone) if day else None),
        occurrence_day=day,
        names_its_part=is_series or bool(canonical_uid(global_id)),
        is_series=is_series,
        recurrence=read_recurrence(
            document.recurrence,
            properties,
            (start, end) if start and end else None,
            all_day=all_day,
        )
        if is_series
        else None,
        sequence=properties.number(APPOINTMENT_SEQUENCE),
        has_sequence=bool(properties.text(APPOINTMENT_SEQUENCE)),
        changed=properties.moment(OWNER_CRITICAL_CHANGE),
        start=start,
        end=end,
        zone=zone,
        subject=subject_of(document.subject or ""),
        # Never `sender`: that is a delegate, or someone who passed the message on.
        organizer=person_of([document.from_], properties),
        attendees=_recipients(document),
        html=html,
        text=plain,
        tags=find(html, plain),
        # Not what Exchange says about it: with the attendant at work a newer message
        # may wait in the inbox itself, or be somebody else's about the same meeting.
        outdated=False,
    )


_NO_TIME = DateTimeTimeZone()


def _recipients(document: _MessageDocument) -> tuple[str, ...]:
    everybody = (*(document.to_recipients or ()), *(document.cc_recipients or ()))
    addresses = [each.address for each in everybody if each is not None]
    return tuple(filter(None, addresses))[:MOST_RECIPIENTS]


def _is_of_a_meeting(document: _MessageDocument) -> bool:
    return (document.odata_type or "").startswith(_TYPE_OF_MEETINGS) or (
        (document.meeting_message_type or "").lower() in _CLASSES
    )


def _kind(document: _MessageDocument, properties: ExtendedProperties) -> MessageKind:
    item_class = properties.text(MESSAGE_CLASS).lower() or _CLASSES.get(
        (document.meeting_message_type or "").lower(), ""
    )
    # A prefix: signed messages and customised forms append to the class.
    if item_class.startswith(_CANCELLATION):
        return MessageKind.CANCELLATION
    if not item_class.startswith(_REQUEST):
        return MessageKind.OTHER
    # The copy of a meeting that was cancelled since is not an invitation any more.
    cancelled = properties.number(APPOINTMENT_STATE) & STATE_CANCELLED
    return MessageKind.CANCELLATION if cancelled else MessageKind.REQUEST
