"""Events of a room's calendar, from the JSON of Graph to the words of the port. Pure.

Nothing is taken for granted: what has no id or no time is left out, and what is missing
or of another type reads as empty.

An all-day event comes with midnight in whatever zone was asked for. It begins at
midnight in the zone that it was made in, as over Exchange Web Services.
"""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from pexschedd.exchange.global_ids import canonical_uid, readable_uid
from pexschedd.exchange.zones import named_zone
from pexschedd.model.blank_text import shown
from pexschedd.model.meeting import MessageRef, Person
from pexschedd.onetouch.invitation.invitation import LONGEST_LOCATION, bounded_body
from pexschedd.onetouch.ports.room_mailboxes import ListedMeeting, RoomItem

LISTED = (
    *("id", "changeKey", "iCalUId", "type", "start", "end"),
    *("isAllDay", "originalStartTimeZone"),
)
"""The properties that a list needs. (createdDateTime and lastModifiedDateTime cannot be
selected in a calendar's view.)"""
WITHOUT_BODY = (
    *LISTED,
    *("subject", "sensitivity", "lastModifiedDateTime", "originalStart"),
    *("location", "isCancelled", "organizer"),
)
WHOLE = (*WITHOUT_BODY, "body")

_PRIVATE = ("private", "confidential")
_LONGEST_ID = 2_000
_LONGEST_SUBJECT = 1_000
_LONGEST_NAME = 256
_LONGEST_ADDRESS = 320
_ADDRESS = re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+\Z")
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2}){40,2000}\Z")


class ListingPage(msgspec.Struct, frozen=True):
    """One page of a calendar's view."""

    meetings: tuple[ListedMeeting, ...]
    next_link: str = ""
    """The address of the next page; empty after the last one."""


class WholeEvent(msgspec.Struct, frozen=True):
    """An event that was asked for with its body."""

    item: RoomItem
    has_body: bool
    """False if the answer has no such property, which is no empty body: a permission is
    missing."""


class _Moment(msgspec.Struct):
    dateTime: str = ""
    timeZone: str | None = None


class _EmailAddress(msgspec.Struct):
    name: str | None = None
    address: str | None = None


class _Recipient(msgspec.Struct):
    emailAddress: _EmailAddress | None = None


class _Location(msgspec.Struct):
    displayName: str | None = None


class _Body(msgspec.Struct):
    contentType: str | None = None
    content: str | None = None


class _Event(msgspec.Struct):
    id: str
    start: _Moment
    end: _Moment
    etag: str | None = msgspec.field(default=None, name="@odata.etag")
    changeKey: str | None = None
    iCalUId: str | None = None
    type: str | None = None
    isAllDay: bool | None = None
    originalStart: str | None = None
    originalStartTimeZone: str | None = None
    lastModifiedDateTime: str | None = None
    subject: str | None = None
    sensitivity: str | None = None
    location: _Location | None = None
    isCancelled: bool | None = None
    organizer: _Recipient | None = None
    body: _Body | None = None


class _Page(msgspec.Struct):
    value: list[msgspec.Raw]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


_EVENTS = msgspec.json.Decoder(_Event)
_PAGES = msgspec.json.Decoder(_Page)


def parse_listing(data: bytes) -> ListingPage:
    """Read a page of a view; raises `ValueError` if it is none."""
    try:
        page = _PAGES.decode(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no page of a calendar: {error}") from None
    found = (_listed(raw) for raw in page.value)
    return ListingPage(
        tuple(each for each in found if each is not None), page.next_link or ""
    )


def parse_event(data: bytes) -> WholeEvent | None:
    """Read one event; None if it is no meeting that a room can show. Raises
    `ValueError` if it is no JSON."""
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from None
    event = _event(data)
    if event is None:
        return None
    ref, times = _ref(event), _times(event)
    if ref is None or times is None:
        return None
    is_occurrence = event.type in ("occurrence", "exception")
    original = read_instant(event.originalStart or "")
    html, text = _bodies(event.body)
    location = event.location.displayName if event.location else None
    item = RoomItem(
        ref=ref,
        uid=_uid(event.iCalUId or ""),
        start=times[0],
        end=times[1],
        recurrence_id=(original or times[0]) if is_occurrence else None,
        changed=read_instant(event.lastModifiedDateTime or ""),
        subject=shown((event.subject or "")[:_LONGEST_SUBJECT]),
        location=(location or "").strip()[:LONGEST_LOCATION],
        html=html,
        text=text,
        organizer=_organizer(event.organizer),
        is_private=(event.sensitivity or "").casefold() in _PRIVATE,
        is_all_day=bool(event.isAllDay),
        is_cancelled=bool(event.isCancelled),
    )
    return WholeEvent(item, has_body=event.body is not None)


def _event(data: bytes | msgspec.Raw) -> _Event | None:
    try:
        return _EVENTS.decode(data)
    except (ValueError, RecursionError):
        return None


def _listed(data: msgspec.Raw) -> ListedMeeting | None:
    event = _event(data)
    if event is None:
        return None
    ref, times = _ref(event), _times(event)
    if ref is None or times is None:
        return None
    return ListedMeeting(
        ref=ref,
        uid=_uid(event.iCalUId or ""),
        start=times[0],
        end=times[1],
        is_plain=event.type == "occurrence",
    )


def _ref(event: _Event) -> MessageRef | None:
    if not 0 < len(event.id) <= _LONGEST_ID:
        return None
    key = event.changeKey or event.etag or ""
    return MessageRef(event.id, key[:_LONGEST_ID])


def _times(event: _Event) -> tuple[datetime, datetime] | None:
    own_zone = event.originalStartTimeZone if event.isAllDay else None
    start = _moment(event.start, own_zone)
    end = _moment(event.end, own_zone)
    return None if start is None or end is None else (start, end)


def _moment(moment: _Moment, own_zone: str | None) -> datetime | None:
    """Return a time as aware UTC. own_zone: that of an all-day event."""
    name = named_zone(own_zone or "") or named_zone(moment.timeZone or "") or "UTC"
    return read_instant(moment.dateTime, ZoneInfo(name))


def read_instant(text: str, zone: ZoneInfo | None = None) -> datetime | None:
    """Return a time as aware UTC; None if it is no time.

    zone: that of a time without an offset; None: UTC.
    """
    if len(text) < len("2026-12-01T09:00") or len(text) > 40:
        return None
    try:
        read = datetime.fromisoformat(text)
        return read.replace(tzinfo=read.tzinfo or zone or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _uid(text: str) -> str:
    """The meeting's UID. Occurrences have their series' with a date of their own."""
    if _HEXADECIMAL.match(text):
        canonical = canonical_uid(bytes.fromhex(text))
        if canonical:
            return canonical
    return readable_uid(text)


def _organizer(recipient: _Recipient | None) -> Person:
    address = recipient.emailAddress if recipient else None
    if address is None:
        return Person("", "")
    name = " ".join(shown((address.name or "")[:_LONGEST_NAME]).split())
    email = (address.address or "").strip()
    is_smtp = len(email) <= _LONGEST_ADDRESS and _ADDRESS.match(email)
    return Person(name, email if is_smtp else "")


def _bodies(body: _Body | None) -> tuple[str, str]:
    """The body as HTML and as text; it has one of them only."""
    content = bounded_body((body.content or "") if body else "")
    if body is not None and (body.contentType or "").casefold() == "text":
        return "", content
    return content, ""
