"""An organizer's own events: requests for finding and rewriting them, and their
answers. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pexschedd.exchange.global_ids import clean_global_id
from pexschedd.graph.entities.documents import read_document
from pexschedd.graph.entities.events import (
    EVENT_EXPAND,
    EVENT_SELECT,
    OCCURRENCES_EXPAND,
    OCCURRENCES_SELECT,
    CalendarEvent,
    parse_event,
)
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.model.meeting import MessageRef

MOST_FOUND = 10
"""Events of one UID that are looked at."""
NEAR = timedelta(days=1)
"""To both sides of an occurrence's original start."""
MOST_INSTANCES = 100
"""Occurrences of one series within these days."""

_SEARCH_SELECT = (
    "id,iCalUId,type,isOrganizer,isCancelled,start,end,isAllDay,originalStart"
)
_REWRITE_SELECT = f"{EVENT_SELECT},attendees"

_REST_ALPHABET = str.maketrans("/+", "-_")
_EWS_ALPHABET = str.maketrans("-_", "/+")


class OrganizedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An organizer's event, as it stands before it is rewritten."""

    event: CalendarEvent
    attendees: tuple[dict[str, Any], ...] | None
    """The attendees as they are written back; None if one of them has no address."""

    @property
    def ref(self) -> MessageRef:
        """The event's id, with its ETag."""
        return self.event.meeting.ref

    @property
    def is_text(self) -> bool:
        """True if the body is plain text."""
        return bool(self.event.meeting.text) and not self.event.meeting.html

    def looks_like(self, other: "OrganizedEvent") -> bool:
        """Return whether a person would see no difference: Exchange touches events on
        its own account, as when an attendee answers."""
        meeting = msgspec.structs.replace(self.event.meeting, ref=other.ref)
        return meeting == other.event.meeting and self.attendees == other.attendees


class WrittenEvent(msgspec.Struct, frozen=True, rename="camel"):
    """An event after it was rewritten, as far as Graph shows it."""

    etag: str = msgspec.field(name="@odata.etag", default="")
    is_online_meeting: bool | None = None
    is_draft: bool | None = None
    """True: the attendees were not told of the latest change."""


class _Address(msgspec.Struct, frozen=True):
    address: str
    name: str | None = None


class _Attendee(msgspec.Struct, frozen=True, rename="camel"):
    email_address: _Address
    type: str = "required"


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    body: dict[str, Any] | None = None
    attendees: tuple[msgspec.Raw, ...] | None = None


class BodyWithheld(msgspec.Struct, frozen=True):
    """An event without a body: the application may not see it."""


def spellings(uid: str) -> list[str]:
    """Return the iCalUIds that a meeting with this UID may have: one that comes from
    another calendar may be told as it is, or inside of Exchange's own."""
    return list(dict.fromkeys((uid, clean_global_id(uid).hex().upper())))


def rest_id(item_id: str) -> str:
    """Return the id that Graph has for an item that EWS calls so.

    Two characters differ (Office.js, `convertToRestId`). Graph's own translation of ids
    (translateExchangeIds) is not open to applications.
    """
    return item_id.translate(_REST_ALPHABET)


def ews_id(default_id: str) -> str:
    """Return the id that EWS has for an item by its default id of Graph."""
    return default_id.translate(_EWS_ALPHABET)


def build_search(address: str, i_cal_uid: str) -> ApiRequest:
    """Build the request for the events with an iCalUId: for `parse_events`."""
    quoted = i_cal_uid.replace("'", "''")
    return ApiRequest(
        name="events/list",
        method="GET",
        path=user_path(
            address,
            "events",
            filter=f"iCalUId eq '{quoted}'",
            select=_SEARCH_SELECT,
            top=MOST_FOUND,
        ),
    )


def build_get(address: str, id: str, *, occurrences: bool = False) -> ApiRequest:
    """Build the request for one event with its body: for `parse_whole`.

    With `occurrences`, a series comes with its changed and cancelled ones.
    """
    select = OCCURRENCES_SELECT if occurrences else EVENT_SELECT
    expand = OCCURRENCES_EXPAND if occurrences else EVENT_EXPAND
    return _get(address, id, select=select, expand=expand)


def build_get_changed(address: str, id: str) -> ApiRequest:
    """Build the request for the changed occurrences of a series: for
    `parse_changed`."""
    return _get(address, id, select="id", expand="exceptionOccurrences")


def build_get_for_rewriting(address: str, id: str) -> ApiRequest:
    """Build the request for an event that is about to be rewritten: for
    `parse_organized`."""
    return _get(address, id, select=_REWRITE_SELECT, expand=EVENT_EXPAND)


def build_get_uid(address: str, id: str) -> ApiRequest:
    """Build the request for the UID of an event: for `parse_i_cal_uid`."""
    return _get(address, id, select="id,iCalUId")


def _get(address: str, id: str, **query: str) -> ApiRequest:
    path = user_path(address, "events", id, **query)
    return ApiRequest(name="events/get", method="GET", path=path)


def build_instances(address: str, id: str, original: datetime) -> ApiRequest:
    """Build the request for the occurrences of a series around one's original start:
    for `parse_events`."""
    return ApiRequest(
        name="events/instances",
        method="GET",
        path=user_path(
            address,
            "events",
            id,
            "instances",
            startDateTime=_written(original - NEAR),
            endDateTime=_written(original + NEAR),
            select=_SEARCH_SELECT,
            top=MOST_INSTANCES,
        ),
    )


def build_rewrite(
    address: str, read: OrganizedEvent, etag: str, body: str, *, with_attendees: bool
) -> ApiRequest:
    """Build the request for another body of an event, if that still has its ETag: for
    `parse_written`.

    `with_attendees` sends the attendees along, unchanged, if all of them can be.
    """
    kind = "text" if read.is_text else "html"
    document: dict[str, Any] = {"body": {"contentType": kind, "content": body}}
    if with_attendees and read.attendees:
        document["attendees"] = list(read.attendees)
    return ApiRequest(
        name="events/update",
        method="PATCH",
        path=user_path(address, "events", read.ref.item_id),
        body=document,
        if_match=etag,
    )


def parse_whole(data: bytes) -> CalendarEvent | BodyWithheld:
    """Read an event with its body. Raises ValueError if it is no meeting."""
    if read_document(data, _Document).body is None:
        return BodyWithheld()
    event = parse_event(data)
    if event is None:
        raise ValueError("the event cannot be read as a meeting")
    if not event.meeting.ref.change_key:
        raise ValueError("the event has no ETag")
    return event


def parse_organized(data: bytes) -> OrganizedEvent | BodyWithheld:
    """Read an event that is about to be rewritten. Raises ValueError if it is none."""
    event = parse_whole(data)
    if isinstance(event, BodyWithheld):
        return event
    found = read_document(data, _Document).attendees or ()
    return OrganizedEvent(event=event, attendees=_attendees(found))


def parse_written(data: bytes) -> WrittenEvent:
    """Read the answer to a rewrite. Raises ValueError if it is no event."""
    return read_document(data, WrittenEvent)


class _Uid(msgspec.Struct, frozen=True):
    value: str | None = msgspec.field(name="iCalUId", default=None)


def parse_i_cal_uid(data: bytes) -> str:
    """Return the iCalUId of an event; "" if it has none. Raises ValueError."""
    return read_document(data, _Uid).value or ""


def _attendees(found: tuple[msgspec.Raw, ...]) -> tuple[dict[str, Any], ...] | None:
    try:
        attendees = [read_document(each, _Attendee) for each in found]
    except ValueError:
        return None
    if not all("@" in each.email_address.address for each in attendees):
        return None
    return tuple(
        {
            "emailAddress": msgspec.structs.asdict(each.email_address),
            "type": each.type,
        }
        for each in attendees
    )


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
