"""The reasons for sending an endpoint its list again. Pure.

| when | because |
|---|---|
| the list differs from what is on the screen | a meeting was changed, began to be listed, or is over |
| a list was being sent when the daemon ended | either may be on the screen |
| the address is another one | it may be another endpoint |
| the endpoint was started since, or has other software | it may have forgotten its bookings |
| it lists none of the bookings to come | its calendar has become invalid, or something else has replaced it |
| a day has passed | whatever else may happen |
"""  # noqa: E501 - a table

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.onetouch.pushing.bookings import RoomBooking
from pexschedd.onetouch.pushing.software import Software

REFRESH = timedelta(days=1)
ABOUT_THE_SAME = timedelta(minutes=2)
"""The difference of two times of one start: clocks and answers vary."""
MOST_DAYS = 365
"""Days ahead that an endpoint lists."""


class PushReason(StrEnum):
    """Reasons for sending a list."""

    FIRST = "first list"
    CHANGED = "list has changed"
    INTERRUPTED = "earlier sending was interrupted"
    ADDRESS = "address is new"
    RESTARTED = "endpoint was restarted"
    SOFTWARE = "software is new"
    LOST = "bookings were lost"
    REFRESH = "a day has passed"
    ASKED = "an administrator asked"


class SeenEndpoint(msgspec.Struct, frozen=True):
    """An endpoint as it was found in a visit."""

    software: Software
    product: str = ""
    started: datetime | None = None
    """None if it does not say how long it has been running."""
    listed: frozenset[str] | None = None
    """The ids of its bookings; None if they were not asked for, or not told."""


def reason_by_record(
    state: EndpointState | None, digest: str, address: str, now: datetime
) -> PushReason | None:
    """Return the reason that what is recorded gives; None if there is none."""
    if state is None or not (state.sent or state.intended):
        return PushReason.FIRST
    if state.intended:
        return PushReason.INTERRUPTED
    if state.address != address:
        return PushReason.ADDRESS
    if state.sent != digest:
        return PushReason.CHANGED
    if state.sent_time is None or now - state.sent_time >= REFRESH:
        return PushReason.REFRESH
    return None


def shows_another_room(state: EndpointState | None, room: str) -> bool:
    """Return whether a screen has the list of another room than `room`, which is empty
    if no calendar is read for the endpoint."""
    if state is None or not (state.sent or state.intended):
        return False
    return state.room not in ("", room)


def reason_by_look(
    state: EndpointState,
    seen: SeenEndpoint,
    bookings: Sequence[RoomBooking],
    now: datetime,
) -> PushReason | None:
    """Return the reason that a look at the endpoint gives; `bookings` are those that
    are on its screen as far as is known."""
    if state.software != seen.software.version:
        return PushReason.SOFTWARE
    if state.started is not None and seen.started is not None:
        if seen.started - state.started > ABOUT_THE_SAME:
            return PushReason.RESTARTED
    elif seen.started is not None:
        return PushReason.RESTARTED
    # One that lists other ids than it was sent would be sent its list at each look.
    if state.sent_because != PushReason.LOST and _are_lost(seen, bookings, now):
        return PushReason.LOST
    return None


def days_to_list(bookings: Sequence[RoomBooking], now: datetime) -> int | None:
    """Return the days ahead in which an endpoint lists a booking, if it still has any;
    None if there is none to come."""
    coming = _coming(bookings, now)
    if not coming:
        return None
    days = (coming[0].start - now).days + 2
    return days if days <= MOST_DAYS else None


def _are_lost(
    seen: SeenEndpoint, bookings: Sequence[RoomBooking], now: datetime
) -> bool:
    days = days_to_list(bookings, now)
    if seen.listed is None or days is None:
        return False
    until = now + timedelta(days=days - 1)
    wanted = {b.id for b in _coming(bookings, now) if b.start < until}
    return bool(wanted) and wanted.isdisjoint(seen.listed)


def _coming(bookings: Sequence[RoomBooking], now: datetime) -> list[RoomBooking]:
    """The bookings that have not begun yet, in the order of their starts."""
    return [b for b in bookings if b.start > now + ABOUT_THE_SAME]
