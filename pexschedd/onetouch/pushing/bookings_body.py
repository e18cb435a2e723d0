"""The body of the command `Bookings Put`, as its schema was published. Pure.

Fields that other senders add and the schema does not have are left out: whether
endpoints ignore them is not known.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pexschedd.onetouch.pushing.bookings import RoomBooking
from pexschedd.onetouch.pushing.software import Software


def bookings_body(
    bookings: Sequence[RoomBooking], software: Software
) -> dict[str, list[dict[str, Any]]]:
    """Return the body that the command takes, before it is made JSON."""
    return {"Bookings": [_of_booking(booking, software) for booking in bookings]}


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
