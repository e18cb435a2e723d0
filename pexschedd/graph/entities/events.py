"""Events: meetings as they stand in a calendar."""

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from pexschedd.bodies.tags import find
from pexschedd.exchange.global_ids import canonical_uid, readable_uid
from pexschedd.exchange.meeting_texts import subject_of
from pexschedd.exchange.moments import read_time
from pexschedd.graph.entities.documents import id_of, read_document, read_page
from pexschedd.graph.entities.extended_properties import (
    APPOINTMENT_END,
    APPOINTMENT_RECUR,
    APPOINTMENT_START,
    APPOINTMENT_STATE,
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
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
from pexschedd.graph.entities.recurrences import (
    ListedOccurrences,
    read_recurrence,
    zone_name_of,
)
from pexschedd.graph.entities.times import DateTimeTimeZone, read_date
from pexschedd.model.meeting import CalendarMeeting, MessageRef
from pexschedd.model.recurrence import Recurrence

EVENT_EXPAND = expand_properties(
    [
        CLEAN_GLOBAL_ID,
        GLOBAL_ID,
        APPOINTMENT_START,
        APPOINTMENT_END,
        APPOINTMENT_RECUR,
        APPOINTMENT_STATE,
        ZONE_OF_START,
        ZONE_OF_SERIES,
        SENDER_ADDRESS,
    ]
)
"""The $expand of an event to read, also of many in a list."""

EVENT_SELECT = (
    "id,subject,body,start,end,isAllDay,isCancelled,isOrganizer,iCalUId,type,organizer,"
    "recurrence,responseStatus,originalStart,originalStartTimeZone,seriesMasterId,"
    "isOnlineMeeting"
)
"""The $select of an event to read."""

OCCURRENCES_SELECT = f"{EVENT_SELECT},cancelledOccurrences"
OCCURRENCES_EXPAND = f"{EVENT_EXPAND},exceptionOccurrences"
"""The same of a single series with its changed occurrences as events of their own,
which lists do not have, and national clouds neither."""

_OCCURRENCES = ("occurrence", "exception")


class _ResponseStatus(msgspec.Struct, frozen=True):
    response: str | None = None


class _EventDocument(msgspec.Struct, frozen=True, rename="camel"):
    etag: str | None = msgspec.field(name="@odata.etag", default=None)
    subject: str | None = None
    body: ItemBody | None = None
    start: DateTimeTimeZone | None = None
    end: DateTimeTimeZone | None = None
    is_all_day: bool | None = None
    is_cancelled: bool | None = None
    is_organizer: bool | None = None
    is_online_meeting: bool | None = None
    i_cal_uid: str | None = msgspec.field(name="iCalUId", default=None)
    type: str | None = None
    organizer: Recipient | None = None
    recurrence: msgspec.Raw = msgspec.Raw(b"null")
    response_status: _ResponseStatus | None = None
    original_start: str | None = None
    original_start_time_zone: str | None = None
    series_master_id: str | None = None
    cancelled_occurrences: tuple[str | None, ...] | None = None
    exception_occurrences: tuple[msgspec.Raw, ...] | None = None
    single_value_extended_properties: tuple[ExtendedProperty, ...] | None = None


class _OccurrenceDocument(msgspec.Struct, frozen=True, rename="camel"):
    """Of an exception only this counts for its series."""

    original_start: str | None = None
    start: DateTimeTimeZone | None = None
    end: DateTimeTimeZone | None = None
    is_all_day: bool | None = None


class CalendarEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event: the meeting, and what concerns its place in the calendar."""

    meeting: CalendarMeeting
    """With the event's id, and its ETag for the change key."""
    organizes: bool
    """This mailbox organizes it."""
    response: str = ""
    """The mailbox's own answer, in Graph's words; "" if that is not told."""
    is_occurrence: bool = False
    original: datetime | None = None
    """Of an occurrence: its start by the pattern."""
    series_id: str = ""
    """Of an occurrence: the id of its series in the same calendar."""
    online: bool = False
    """It has an online meeting of the platform's own, such as Teams."""


class EventPage(msgspec.Struct, frozen=True):
    """A page of events. Those that cannot be read as meetings are left out."""

    events: tuple[CalendarEvent, ...]
    next_link: str = ""
    """Empty on the last page."""


def parse_event(data: bytes) -> CalendarEvent | None:
    """Read one event; None if it is no meeting that can be read. Raises ValueError for
    a document that is no event at all."""
    return _event(data)


def parse_events(data: bytes) -> EventPage:
    """Read a page of events. Raises ValueError for a document that is none."""
    page = read_page(data)
    found = map(_readable, page.value)
    return EventPage(tuple(filter(None, found)), page.next_link or "")


def parse_changed(data: bytes) -> dict[datetime, MessageRef]:
    """Read the changed occurrences of a series that was asked for with
    `OCCURRENCES_EXPAND`, by their original start. Raises ValueError."""
    document = read_document(data, _EventDocument)
    found = map(_readable, document.exception_occurrences or ())
    return {
        each.original: each.meeting.ref
        for each in found
        if each is not None and each.original is not None
    }


def uid_of(i_cal_uid: str) -> str:
    """Return the canonical UID for an iCalUId, which names the day of an occurrence as
    well."""
    try:
        return canonical_uid(bytes.fromhex(i_cal_uid)) or readable_uid(i_cal_uid)
    except ValueError:
        return readable_uid(i_cal_uid)


def _readable(data: msgspec.Raw) -> CalendarEvent | None:
    try:
        return _event(data)
    except ValueError:
        return None


def _event(data: bytes | msgspec.Raw) -> CalendarEvent | None:
    identifier = id_of(data)
    try:
        document = read_document(data, _EventDocument)
    except ValueError:
        return None
    meeting = _meeting(identifier, document)
    if meeting is None:
        return None
    response = (document.response_status or _ResponseStatus()).response or ""
    return CalendarEvent(
        meeting=meeting,
        organizes=bool(document.is_organizer) or response == "organizer",
        response=response,
        is_occurrence=document.type in _OCCURRENCES,
        original=read_time(document.original_start or ""),
        series_id=document.series_master_id or "",
        online=bool(document.is_online_meeting),
    )


def _meeting(identifier: str, document: _EventDocument) -> CalendarMeeting | None:
    properties = ExtendedProperties(document.single_value_extended_properties)
    uid = properties.uid or uid_of(document.i_cal_uid or "")
    all_day = bool(document.is_all_day)
    names = (document.original_start_time_zone, zone_name_of(document.recurrence))
    about = read_time((document.start or DateTimeTimeZone()).date_time or "")
    zone = planned_zone(properties, names, about or NEVER)
    start, end = meeting_times(
        document.start, document.end, properties, zone, all_day=all_day
    )
    if start is None or end is None or not uid:
        return None
    is_series = document.type == "seriesMaster"
    html, plain = document.body.html_and_text if document.body else ("", "")
    state = properties.number(APPOINTMENT_STATE)
    response = (document.response_status or _ResponseStatus()).response
    return CalendarMeeting(
        ref=MessageRef(identifier, document.etag or "", uid),
        uid=uid,
        start=start,
        end=end,
        recurrence=_recurrence(document, properties, start, end, zone)
        if is_series
        else None,
        is_series=is_series,
        zone=zone,
        subject=subject_of(document.subject or ""),
        organizer=person_of([document.organizer], properties),
        html=html,
        text=plain,
        tags=find(html, plain),
        cancelled=bool(document.is_cancelled) or bool(state & STATE_CANCELLED),
        accepted=response == "accepted",
    )


def _recurrence(
    document: _EventDocument,
    properties: ExtendedProperties,
    start: datetime,
    end: datetime,
    zone: str,
) -> Recurrence | None:
    try:
        listed = _listed(document, zone)
    except ValueError:
        return None
    return read_recurrence(
        document.recurrence,
        properties,
        (start, end),
        all_day=bool(document.is_all_day),
        zones=(document.original_start_time_zone,),
        listed=listed,
    )


def _listed(document: _EventDocument, zone: str) -> ListedOccurrences:
    """Return the occurrences that stand beside the series. Raises ValueError for what
    cannot be read: a series is understood wholly or not at all."""
    changed = []
    for data in document.exception_occurrences or ():
        each = read_document(data, _OccurrenceDocument)
        all_day = bool(each.is_all_day)
        original = read_time(each.original_start or "")
        start, end = meeting_times(
            each.start, each.end, ExtendedProperties(()), zone, all_day=all_day
        )
        if original is None or start is None or end is None:
            raise ValueError("exceptionOccurrences: no times")
        changed.append((original, start, end))
    days = _days(document.cancelled_occurrences or ())
    return ListedOccurrences(tuple(sorted(changed)), days)


def _days(identifiers: Sequence[str | None]) -> tuple[date, ...]:
    """The dates at the ends of `OID.<id>.2026-12-01`."""
    found = (read_date((each or "").rpartition(".")[2]) for each in identifiers)
    return tuple(sorted({each for each in found if each is not None}))
