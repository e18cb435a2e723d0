"""Requests to the cloud's xAPI, as its documentation and the vendor's samples show
them. Pure.

A command has a name in its address, and a JSON body with `deviceId`, `arguments`, and
for commands of several lines `body`, which of `Bookings.Put` is an object.
"""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from pexschedd.onetouch.pushing.bookings import RoomBooking
from pexschedd.onetouch.pushing.bookings_body import bookings_body
from pexschedd.onetouch.pushing.software import Software

PUT = "/v1/xapi/command/Bookings.Put"
CLEAR = "/v1/xapi/command/Bookings.Clear"

NEWEST = Software("RoomOS 11.24")
"""The software that devices of the cloud are taken to have, which update themselves:
it knows bookings without a number."""


def put_document(device_id: str, bookings: Sequence[RoomBooking]) -> bytes:
    """Return the JSON body that replaces all bookings of a device."""
    body = bookings_body(bookings, NEWEST)
    return msgspec.json.encode({"deviceId": device_id, "arguments": {}, "body": body})


def clear_document(device_id: str) -> bytes:
    """Return the JSON body that removes all bookings of a device."""
    return msgspec.json.encode({"deviceId": device_id, "arguments": {}})


def uptime_path(device_id: str) -> str:
    """Return the path, with its query, that tells how long a device has been
    running."""
    device = quote(device_id, safe="")
    return f"/v1/xapi/status?deviceId={device}&name=SystemUnit.Uptime"
