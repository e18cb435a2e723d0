"""GetItem: whole meeting messages, or only their current ids."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pexschedd.bodies.tags import find
from pexschedd.ews.envelope import (
    Element,
    ItemProblem,
    child,
    m,
    parse,
    request,
    results,
)
from pexschedd.ews.operations.item_parts import ItemReader
from pexschedd.ews.operations.parts import (
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    Named,
    first_item,
    item_ids,
    item_shape,
    read_ref,
)
from pexschedd.ews.operations.recurrence import RECURRENCE_FIELDS, read_recurrence
from pexschedd.ews.operations.time_zone import read_zone
from pexschedd.exchange.global_ids import canonical_uid, occurrence_date
from pexschedd.exchange.meeting_texts import read_number
from pexschedd.exchange.moments import read_time
from pexschedd.exchange.series import same_time_on
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef

# Neither calendar:UID nor AppointmentSequenceNumber: asked for them, some servers leave
# out the named properties that say the same and more.
_FIELDS = (
    "item:ItemClass",
    "item:Subject",
    "item:Body",
    "item:TextBody",
    "item:DateTimeReceived",
    "item:DateTimeCreated",
    "message:From",
    "message:ToRecipients",
    "message:CcRecipients",
    "meeting:IsOutOfDate",
    "meetingRequest:MeetingRequestType",
    "calendar:RecurrenceId",
    "calendar:DateTimeStamp",
    "calendar:CalendarItemType",
    "calendar:IsCancelled",
    "calendar:Organizer",
    "calendar:AppointmentState",
    *RECURRENCE_FIELDS,
)
_FIRST_FIELDS = tuple(
    field
    for field in _FIELDS
    if field not in ("item:Body", "item:TextBody", *RECURRENCE_FIELDS)
)
_OWNER_CRITICAL_CHANGE: Named = ("Meeting", 26, "SystemTime")
_SEQUENCE: Named = ("Appointment", 33281, "Integer")
_EXCEPTION_REPLACE_TIME: Named = ("Appointment", 33320, "SystemTime")
_NAMED = (
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    _OWNER_CRITICAL_CHANGE,
    _SEQUENCE,
    _EXCEPTION_REPLACE_TIME,
)
_REQUEST = "ipm.schedule.meeting.request"
_CANCELLATION = "ipm.schedule.meeting.canceled"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def build_get_messages(mailbox: str, refs: Sequence[MessageRef]) -> bytes:
    """Everything that the scheduler wants to know about meeting messages.

    What does not apply to a message's type is left out by the server, so one shape
    serves requests, cancellations and all else that lies in an inbox.
    """
    shape = item_shape(_FIELDS, _NAMED, body_type="HTML", sender_address=True)
    return request(m("GetItem", shape, _ids(refs)), mailbox)


def build_get_without_body(mailbox: str, refs: Sequence[MessageRef]) -> bytes:
    """The least that tells what kind of message it is, and about which meeting: for
    messages that the server cannot give as a whole."""
    shape = item_shape(_FIRST_FIELDS, _NAMED, sender_address=True)
    return request(m("GetItem", shape, _ids(refs)), mailbox)


def build_get_subjects(mailbox: str, refs: Sequence[MessageRef]) -> bytes:
    """Build a GetItem that tells which meetings messages are about, and when those
    take place."""
    fields = (*_FIRST_FIELDS, "calendar:Start", "calendar:StartTimeZone")
    shape = item_shape(fields, _NAMED, sender_address=True)
    return request(m("GetItem", shape, _ids(refs)), mailbox)


def build_get_refs(mailbox: str, refs: Sequence[MessageRef]) -> bytes:
    """Only the ids, as they are now."""
    return request(m("GetItem", item_shape(), _ids(refs)), mailbox)


def _ids(refs: Sequence[MessageRef]) -> Element:
    # Without change keys: what is wanted is the item as it is now.
    return item_ids(MessageRef(ref.item_id) for ref in refs)


def parse_refs(data: bytes, expected: int) -> list[MessageRef | ItemProblem]:
    """Read the current ids of items, in order; a problem stands for each missing
    one."""
    found: list[MessageRef | ItemProblem] = []
    for result in results(parse(data), expected):
        item = first_item(result.element)
        ref = read_ref(item) if item is not None else None
        found.append(result.problem or ref or _nothing())
    return found


def parse_messages(data: bytes, expected: int) -> list[MeetingMessage | ItemProblem]:
    """One for each id, in the order of the request."""
    found: list[MeetingMessage | ItemProblem] = []
    for result in results(parse(data), expected):
        item = first_item(result.element)
        ref = read_ref(item) if item is not None else None
        if result.problem is not None:
            found.append(result.problem)
        elif item is None or ref is None:
            found.append(_nothing())
        else:
            found.append(read_message(item, ref))
    return found


def _nothing() -> ItemProblem:
    return ItemProblem("ErrorItemCorrupt", "the server gave no item and no reason")


def read_message(element: Element, ref: MessageRef) -> MeetingMessage:
    """Read a meeting message from an item; what the item leaves out is empty."""
    item = ItemReader(element)
    start = item.time("Start")
    zone = read_zone(child(element, "StartTimeZone"), start or _NEVER)
    html, plain = item.bodies
    exact = item.time("RecurrenceId") or read_time(item.named(_EXCEPTION_REPLACE_TIME))
    global_id = item.binary(GLOBAL_ID)
    day = None if exact else occurrence_date(global_id)
    sequence = item.named(_SEQUENCE) or item.word("AppointmentSequenceNumber")
    return MeetingMessage(
        ref=ref,
        kind=_kind(item),
        received=item.time("DateTimeReceived")
        or item.time("DateTimeCreated")
        or _NEVER,
        uid=item.uid,
        recurrence_id=exact or (same_time_on(day, start, zone) if day else None),
        occurrence_day=day,
        names_its_part=item.is_series or bool(canonical_uid(global_id)),
        is_series=item.is_series,
        recurrence=read_recurrence(item) if item.is_series else None,
        sequence=read_number(sequence),
        has_sequence=bool(sequence.strip()),
        changed=read_time(item.named(_OWNER_CRITICAL_CHANGE))
        or item.time("DateTimeStamp"),
        start=start,
        end=item.time("End"),
        zone=zone,
        subject=item.subject,
        organizer=item.organizer,
        attendees=item.recipients,
        html=html,
        text=plain,
        tags=find(html, plain),
        outdated=item.true("IsOutOfDate")
        or item.word("MeetingRequestType") == "Outdated",
    )


def _kind(item: ItemReader) -> MessageKind:
    item_class = item.word("ItemClass").lower() or {
        "MeetingRequest": _REQUEST,
        "MeetingCancellation": _CANCELLATION,
    }.get(item.name, "")
    # A prefix: signed messages and customised forms append to the class.
    if item_class.startswith(_CANCELLATION):
        return MessageKind.CANCELLATION
    if not item_class.startswith(_REQUEST):
        return MessageKind.OTHER
    # The copy of a meeting that was cancelled since is not an invitation any more.
    return MessageKind.CANCELLATION if item.cancelled else MessageKind.REQUEST
