"""The command `xCommand Bookings Put`, which replaces all bookings of the endpoint.
Pure."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

import msgspec

from pexschedd.onetouch.pushing.bookings import RoomBooking
from pexschedd.onetouch.pushing.bookings_body import bookings_body
from pexschedd.onetouch.pushing.software import Software

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


def list_command(days: int) -> bytes:
    """Return the command that lists the bookings of the next days, 1 to 365."""
    days = min(max(days, 1), 365)
    return command("Bookings", "List", f"<Days>{days}</Days>")


def command(group: str, name: str, arguments: str) -> bytes:
    """Return a command's document for `/putxml`; `arguments` is XML."""
    text = f"<Command><{group}><{name}>{arguments}</{name}></{group}></Command>"
    return text.encode()
