"""The parts of the pushing to Cisco endpoints, joined."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model.onetouch.endpoint import CISCO
from pexschedd.onetouch.cisco.access import EndpointAccess, access_of
from pexschedd.onetouch.cisco.bookings import bookings_of
from pexschedd.onetouch.cisco.endpoint_alarms import EndpointAlarms
from pexschedd.onetouch.cisco.endpoint_records import EndpointRecords
from pexschedd.onetouch.cisco.endpoint_states import EndpointStates
from pexschedd.onetouch.cisco.feedback import EndpointFeedback
from pexschedd.onetouch.cisco.pusher import CountVisit, EndpointPusher
from pexschedd.onetouch.cisco.session import Connect, EndpointSession
from pexschedd.onetouch.cisco.visits import (
    EndpointList,
    EndpointVisitor,
    ListOf,
    VisitReport,
)
from pexschedd.onetouch.configuration import read_room_of
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
    rooms_url: str,
    random: Callable[[int], bytes],
) -> EndpointPusher:
    """Return the service that brings lists to Cisco endpoints.

    rooms_url: the URL at which endpoints reach the daemon; empty if they do not.
    """

    def open_session(access: EndpointAccess) -> EndpointSession:
        return EndpointSession(connect, access, clock)

    states = EndpointStates(store, now)
    lists_of = endpoint_lists(store, lists, now)
    visitor = EndpointVisitor(open_session, states, lists_of, now)

    async def visit(records: EndpointRecords, asked: bool) -> VisitReport:
        access = access_of(
            records.endpoint, records.group, records.profile, store.vault.unseal
        )
        return await visitor.visit(records.endpoint.id, access, asked=asked)

    return EndpointPusher(
        CISCO,
        store,
        lists,
        states,
        visit,
        EndpointAlarms(store, alarms, clock, now),
        EndpointFeedback(open_session, states, rooms_url, random),
        clock=clock,
        chance=chance,
        count_visit=count_visit,
    )


def endpoint_lists(store: Store, lists: RoomLists, now: Now) -> ListOf:
    """Return what gives the list of an endpoint as it is now."""

    def list_of(endpoint_id: int) -> EndpointList:
        is_read = lists.stale(endpoint_id) is not None
        return EndpointList(
            read_room_of(store, endpoint_id),
            bookings_of(lists.of(endpoint_id), now()) if is_read else None,
        )

    return list_of
