"""The parts of the pushing to Cisco endpoints, joined."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model.onetouch.endpoint import CISCO
from pexschedd.onetouch.cisco.access import EndpointAccess, access_of
from pexschedd.onetouch.cisco.feedback import CiscoFeedback
from pexschedd.onetouch.cisco.session import Connect, EndpointSession
from pexschedd.onetouch.cisco.visits import EndpointVisitor
from pexschedd.onetouch.pushing.endpoint_alarms import EndpointAlarms
from pexschedd.onetouch.pushing.endpoint_list import endpoint_lists
from pexschedd.onetouch.pushing.endpoint_records import EndpointRecords
from pexschedd.onetouch.pushing.endpoint_states import EndpointStates
from pexschedd.onetouch.pushing.pusher import CountVisit, EndpointPusher
from pexschedd.onetouch.pushing.visit_report import VisitReport
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

    def access_to(records: EndpointRecords) -> EndpointAccess:
        return access_of(
            records.endpoint, records.group, records.profile, store.vault.unseal
        )

    def open_session(access: EndpointAccess) -> EndpointSession:
        return EndpointSession(connect, access, clock)

    states = EndpointStates(store, now)
    lists_of = endpoint_lists(store, lists, now)
    visitor = EndpointVisitor(open_session, states, lists_of, now)

    async def visit(records: EndpointRecords, asked: bool) -> VisitReport:
        access = access_to(records)
        return await visitor.visit(records.endpoint.id, access, asked=asked)

    return EndpointPusher(
        CISCO,
        store,
        lists,
        states,
        visit,
        EndpointAlarms(store, alarms, clock, now),
        CiscoFeedback(access_to, open_session, states, rooms_url, random),
        clock=clock,
        chance=chance,
        count_visit=count_visit,
    )
