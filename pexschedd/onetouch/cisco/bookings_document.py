"""The document of `/bookingsputxml`, for software without Bookings Put. Pure.

It is what the vendor's own management suite sends, as public samples show it. Like the
command, it replaces all bookings.
"""

from collections.abc import Sequence
from datetime import timedelta
from xml.sax.saxutils import escape

from pexschedd.onetouch.pushing.bookings import RoomBooking
from pexschedd.onetouch.pushing.bookings_body import utc

PATH = "/bookingsputxml"

_Content = str | list[tuple[str, "_Content"]]


def bookings_document(bookings: Sequence[RoomBooking]) -> bytes:
    """Return the document (UTF-8) that replaces an endpoint's bookings."""
    parts = ['<?xml version="1.0"?>\n<Bookings item="1" status="OK">']
    for number, booking in enumerate(bookings, 1):
        parts.append(_element("Booking", _of_booking(booking, number), number))
    parts.append("</Bookings>\n")
    return "".join(parts).encode()


def _element(name: str, content: _Content, number: int = 1) -> str:
    inner = (
        escape(content)
        if isinstance(content, str)
        else "".join(_element(*each) for each in content)
    )
    return f'<{name} item="{number}">{inner}</{name}>'


def _of_booking(booking: RoomBooking, number: int) -> _Content:
    return [
        ("Id", str(number)),
        ("Title", booking.title),
        ("Agenda", ""),
        ("Privacy", "Private" if booking.is_private else "Public"),
        (
            "Organizer",
            [
                ("FirstName", booking.organizer_name),
                ("LastName", ""),
                ("Email", booking.organizer_email),
            ],
        ),
        (
            "Time",
            [
                ("StartTime", utc(booking.start)),
                ("StartTimeBuffer", str(booking.start_buffer)),
                ("EndTime", utc(booking.start + timedelta(minutes=booking.minutes))),
                ("EndTimeBuffer", str(booking.end_buffer)),
            ],
        ),
        ("MaximumMeetingExtension", "5"),
        ("BookingStatus", "OK"),
        ("BookingStatusMessage", ""),
        ("Webex", [("Enabled", "False"), ("MeetingNumber", ""), ("Password", "")]),
        ("Encryption", "BestEffort"),
        ("Role", "Master"),
        ("Recording", "Disabled"),
        ("DialInfo", [("Calls", _calls(booking)), ("ConnectMode", "OBTP")]),
    ]


def _calls(booking: RoomBooking) -> _Content:
    if not booking.number:
        return ""
    call: _Content = [
        ("Number", booking.number),
        ("Protocol", booking.protocol),
        ("CallRate", "6000"),
        ("CallType", "Video"),
    ]
    return [("Call", call)]
