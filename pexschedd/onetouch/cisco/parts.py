"""The parts of the pushing to Cisco endpoints, joined."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.onetouch.cisco.bookings import RoomBooking, bookings_of
from pexschedd.onetouch.cisco.endpoint_alarms import EndpointAlarms
from pexschedd.onetouch.cisco.endpoint_states import EndpointStates
from pexschedd.onetouch.cisco.pusher import CiscoPusher, CountVisit
from pexschedd.onetouch.cisco.session import Connect, EndpointSession
from pexschedd.onetouch.cisco.visits import EndpointVisitor
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store


def cisco_pusher(
    store: Store,
    lists: RoomLists,
    alarms: Alarms,
    connect: Connect,
    *,
    clock: IReactorTime,
    now: Now,
    chance: Callable[[], float],
    count_visit: CountVisit,
) -> CiscoPusher:
    """Return the service that brings lists to Cisco endpoints."""

    def bookings(endpoint_id: int) -> tuple[RoomBooking, ...] | None:
        if lists.stale(endpoint_id) is None:
            return None
        return bookings_of(lists.of(endpoint_id), now())

    states = EndpointStates(store, now)
    visitor = EndpointVisitor(
        lambda access: EndpointSession(connect, access, clock), states, bookings, now
    )
    return CiscoPusher(
        store,
        lists,
        states,
        visitor,
        EndpointAlarms(store, alarms, clock, now),
        clock=clock,
        chance=chance,
        count_visit=count_visit,
    )
