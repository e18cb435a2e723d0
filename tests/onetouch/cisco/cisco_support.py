"""Meetings and bookings for the tests of the pushing screens, and how the published
schema reads them."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from lxml import etree

from pexschedd.model.onetouch.room_calendar import JoinDetails
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DETAILS = JoinDetails("123.456@zoomcrc.com", "SIP", "Zoom", "Zoom", "Zoom")


def screen_meeting(hours: float = 1, length: float = 1, **fields: Any) -> ScreenMeeting:
    """A meeting that begins `hours` from now; five minutes to join before it."""
    start = NOW + hours * HOUR
    end = start + length * HOUR
    given: dict[str, Any] = {
        "item_id": "AAMk",
        "title": "Plan",
        "organizer_name": "Jane Doe",
        "organizer_email": "jane@example.com",
        "start": start,
        "end": end,
        "is_private": False,
        "is_all_day": False,
        "join_from": start - 5 * MINUTE,
        "join_until": end,
        "details": DETAILS,
    }
    return ScreenMeeting(**given | fields)


class PublishedTime(msgspec.Struct, forbid_unknown_fields=True):
    """`Time` of a booking, as its schema was published."""

    StartTime: str
    Duration: int
    StartTimeBuffer: int
    EndTimeBuffer: int


class PublishedOrganizer(msgspec.Struct, forbid_unknown_fields=True):
    """`Organizer` of a booking."""

    Name: str
    Email: str = ""
    Id: str = ""


class PublishedBooking(msgspec.Struct, forbid_unknown_fields=True):
    """A booking of the command, by the schema of the newest software: nothing but
    the published fields, and all of those that are required."""

    Id: str
    Title: str
    Number: str
    Protocol: Literal["SIP", "H323", "ISDN", "IP", "Spark", "WebRTC", "None"]
    Time: PublishedTime
    Organizer: PublishedOrganizer
    MeetingId: str = ""
    Agenda: str = ""
    Privacy: Literal["Public", "Private"] = "Public"
    MeetingPlatform: (
        Literal["GoogleMeet", "MicrosoftTeams", "Zoom", "Webex", "Other", "None"] | None
    ) = None
    MetaInfo: str = ""
    CallType: Literal["Audio", "Video"] = "Video"
    Encryption: Literal["On", "Off"] | None = None


class PublishedBookings(msgspec.Struct, forbid_unknown_fields=True):
    """The whole body."""

    Bookings: list[PublishedBooking]


def published(document: bytes) -> list[PublishedBooking]:
    """The bookings of a `Bookings Put` that an endpoint would take; raises for one that
    it would refuse."""
    root = etree.fromstring(document)
    assert [e.tag for e in root.iter()] == ["Command", "Bookings", "Put", "body"]
    text = root.findtext("Bookings/Put/body")
    bookings = msgspec.json.decode(text or "", type=PublishedBookings).Bookings
    for booking in bookings:
        check_bounds(booking)
    assert len({b.Id for b in bookings}) == len(bookings), "ids are unique"
    return bookings


def check_bounds(booking: PublishedBooking) -> None:
    """Judge one by the bounds of the single-booking commands."""
    texts = (
        *(booking.Id, booking.MeetingId, booking.Number),
        *(booking.Organizer.Name, booking.Organizer.Email),
    )
    assert all(len(text) <= 128 for text in texts)
    assert all((booking.Id, booking.Title, booking.Organizer.Name))
    shown = booking.Title + booking.Organizer.Name
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown)
    assert 1 <= booking.Time.Duration <= 1440
    assert min(booking.Time.StartTimeBuffer, booking.Time.EndTimeBuffer) >= 0
    datetime.strptime(booking.Time.StartTime, "%Y-%m-%dT%H:%M:%SZ").astimezone(UTC)
