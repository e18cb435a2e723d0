"""The list of an endpoint, as it has to be on its screen now."""

from collections.abc import Callable

import msgspec

from pexschedd.clock import Now
from pexschedd.onetouch.configuration import read_room_of
from pexschedd.onetouch.pushing.bookings import RoomBooking, bookings_of
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.store.store import Store


class EndpointList(msgspec.Struct, frozen=True):
    """The list of an endpoint as it is now."""

    room: str
    """The address of its room, in lower case; empty if no calendar is read for it."""
    bookings: tuple[RoomBooking, ...] | None
    """None if the room was never read: what is on the screen then stays, unless it is
    another room's."""


ListOf = Callable[[int], EndpointList]
"""Gives the list of an endpoint by its id."""


def endpoint_lists(store: Store, lists: RoomLists, now: Now) -> ListOf:
    """Return what gives the list of an endpoint as it is now."""

    def list_of(endpoint_id: int) -> EndpointList:
        is_read = lists.stale(endpoint_id) is not None
        return EndpointList(
            read_room_of(store, endpoint_id),
            bookings_of(lists.of(endpoint_id), now()) if is_read else None,
        )

    return list_of
