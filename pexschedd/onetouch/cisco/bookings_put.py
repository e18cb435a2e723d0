"""The command `xCommand Bookings Put`, as its schema was published. Pure.

It replaces all bookings of the endpoint. Fields that other senders add and the schema
does not have are left out: whether endpoints ignore them is not known.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from pexschedd.onetouch.cisco.bookings import RoomBooking
from pexschedd.onetouch.cisco.software import Software

PATH = "/putxml"


def put_command(bookings: Sequence[RoomBooking], software: Software) -> bytes:
    """Return the document for `/putxml` (UTF-8) that replaces an endpoint's bookings.

    What its software does not know yet is left out.
    """
    body = bookings_json(bookings, software)
    return command("Bookings", "Put", f"<body>{escape(body)}</body>")


def bookings_json(bookings: Sequence[RoomBooking], software: Software) -> str:
    """Return the JSON text that the command takes."""
    return msgspec.json.encode(bookings_body(bookings, software)).decode()


def bookings_body(
    bookings: Sequence[RoomBooking], software: Software
) -> dict[str, list[dict[str, Any]]]:
    """Return the body that the command takes, before it is made JSON."""
    return {"Bookings": [_of_booking(booking, software) for booking in bookings]}


def list_command(days: int) -> bytes:
    """Return the command that lists the bookings of the next days, 1 to 365."""
    days = min(max(days, 1), 365)
    return command("Bookings", "List", f"<Days>{days}</Days>")


def command(group: str, name: str, arguments: str) -> bytes:
    """Return a command's document for `/putxml`; `arguments` is XML."""
    text = f"<Command><{group}><{name}>{arguments}</{name}></{group}></Command>"
    return text.encode()


def utc(moment: datetime) -> str:
    """Return a time as endpoints read it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _of_booking(booking: RoomBooking, software: Software) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "Id": booking.id,
        "MeetingId": booking.id,
        "Title": booking.title,
        "Agenda": "",
        "Privacy": "Private" if booking.is_private else "Public",
        "Protocol": booking.protocol,
        "MeetingPlatform": booking.platform,
        "Time": {
            "StartTime": utc(booking.start),
            "Duration": booking.minutes,
            "StartTimeBuffer": booking.start_buffer,
            "EndTimeBuffer": booking.end_buffer,
        },
        "Organizer": {
            "Name": booking.organizer_name,
            "Email": booking.organizer_email,
        },
        "Number": booking.number,
        "CallType": "Video",
    }
    if not booking.number and software.knows_none:
        fields["Protocol"] = fields["MeetingPlatform"] = "None"
    if not software.knows_platforms:
        del fields["MeetingPlatform"]
    return fields
