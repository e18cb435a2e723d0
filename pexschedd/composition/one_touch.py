"""One-Touch Join: rooms' calendars are read, and their lists brought to screens."""

from collections.abc import Callable, Iterator
from datetime import datetime

from twisted.application.service import MultiService

from pexschedd.composition.clients import Clients
from pexschedd.composition.monitoring import CallObserver
from pexschedd.composition.runtime import (
    Runtime,
    chance,
    random_bytes,
    random_text,
)
from pexschedd.doctor.rooms.endpoint_examination import EndpointsDoctor
from pexschedd.doctor.rooms.examination import RoomsDoctor
from pexschedd.ews.rooms.rooms import EwsRooms
from pexschedd.exchange.observer import Observer
from pexschedd.graph.rooms.rooms import BATCH, VIEW, GraphRooms
from pexschedd.management.computed.live import LiveRecords
from pexschedd.management.onetouch.statuses import RoomStatuses
from pexschedd.metrics import DeploymentReading
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import CISCO, WEBEX
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.onetouch.calendars.call_counter import CallCounter
from pexschedd.onetouch.calendars.reading_schedule import ReadingSchedule
from pexschedd.onetouch.calendars.room_listener import RoomListener
from pexschedd.onetouch.calendars.room_reader import RoomReader
from pexschedd.onetouch.calendars.service import CalendarReading
from pexschedd.onetouch.cisco.access import EndpointAccess
from pexschedd.onetouch.cisco.delivery import look_at
from pexschedd.onetouch.cisco.parts import cisco_pusher
from pexschedd.onetouch.cisco.session import EndpointSession, connect_by
from pexschedd.onetouch.deployments import (
    ReadDeployment,
    instance_of,
    key_of,
    quota_of,
)
from pexschedd.onetouch.endpoint_checks import Visit
from pexschedd.onetouch.ports.room_mailboxes import RoomMailboxes
from pexschedd.onetouch.ports.room_notifications import RoomNotifications
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.onetouch.rules.rule_sets import rule_templates
from pexschedd.onetouch.webex.parts import WebexParts


class OneTouchJoin(MultiService):
    """All services of One-Touch Join. `lists` has the lists of the screens."""

    def __init__(self, runtime: Runtime, clients: Clients) -> None:
        super().__init__()
        self._runtime = runtime
        self._clients = clients
        store = runtime.store
        # Titles are not random either: a list would change whenever it is asked for.
        self.lists = RoomLists(store, runtime.now, rule_templates(runtime.now))
        self.reading = CalendarReading(
            store, runtime.alarms, self._reader, runtime.reactor
        )
        self.reading.setServiceParent(self)
        self.pusher = cisco_pusher(
            store,
            self.lists,
            runtime.alarms,
            connect_by(clients.network),
            clock=runtime.reactor,
            now=runtime.now,
            chance=chance,
            count_visit=runtime.metrics.endpoint_visit,
            rooms_url=runtime.config.rooms_url,
            random=random_bytes,
        )
        self.pusher.setServiceParent(self)
        self.webex = WebexParts(
            store,
            self.lists,
            runtime.alarms,
            clients.network.http_client(),
            clock=runtime.reactor,
            now=runtime.now,
            chance=chance,
            random=random_text,
            count_visit=runtime.metrics.endpoint_visit,
        )
        self.webex.tokens.setServiceParent(self)
        self.webex.pusher.setServiceParent(self)

    def checks(self) -> dict[str, Visit]:
        """Return what visits endpoints for administrators, by the type of endpoint."""
        return {CISCO: self.pusher.check, WEBEX: self.webex.pusher.check}

    def statuses(self) -> LiveRecords:
        """Return what administrators are told of endpoints and their meetings."""
        statuses = RoomStatuses(self._runtime.store, self.lists.of, self.lists.stale)
        return {"mjx_endpoint": statuses.endpoints, "mjx_meeting": statuses.meetings}

    def readings(self) -> Iterator[DeploymentReading]:
        """Yield the state of the reading of each deployment, for metrics."""
        for name, reader in self.reading.readers.items():
            failing = sum(bool(room.failures) for room in reader.rooms.values())
            yield DeploymentReading(
                name,
                rooms=len(reader.rooms),
                failing=failing,
                interval=reader.interval,
                quota_used=reader.counter.used() / reader.quota(),
                reported=sum(room.is_reported for room in reader.rooms.values()),
            )

    def _reader(self, deployment: ReadDeployment) -> ReadingSchedule:
        runtime, key = self._runtime, key_of(deployment)
        counter = CallCounter(key, runtime.store, runtime.now)
        mailboxes, notifications = self._opened(deployment, counter)
        listener = None
        if notifications is not None:
            listener = RoomListener(
                key.id, notifications, clock=runtime.reactor, chance=chance
            )

        def quota() -> int:
            latest: ReadDeployment | None = runtime.store.get(key.kind.table, key.id)
            return quota_of(latest or deployment)

        return ReadingSchedule(
            key,
            RoomReader(
                key,
                mailboxes,
                runtime.store,
                self.lists,
                clock=runtime.reactor,
                now=runtime.now,
                heavy_work=runtime.heavy_work,
            ),
            mailboxes,
            counter,
            quota,
            clock=runtime.reactor,
            listener=listener,
        )

    def _opened(
        self, deployment: ReadDeployment, counter: CallCounter
    ) -> tuple[RoomMailboxes, RoomNotifications | None]:
        """The rooms of a deployment, and their notifications if it has any."""
        connections = self._clients.room_connections
        calls = _call_observer(self._runtime, deployment)
        if isinstance(deployment, GraphDeployment):
            graph_observer = GraphQuotaObserver(calls, counter)
            rooms = connections.graph_rooms(
                deployment, graph_observer, counter.add_other
            )
            return rooms, None
        observer = QuotaObserver(calls, counter)
        addresses = _addresses(self._runtime, deployment)
        return (
            connections.rooms(deployment, observer, addresses),
            connections.notifications(deployment, observer, addresses),
        )


def _call_observer(runtime: Runtime, deployment: ReadDeployment) -> CallObserver:
    return CallObserver(
        instance_of(deployment),
        runtime.metrics,
        runtime.clock_skew,
        runtime.reactor.seconds,
    )


def _addresses(runtime: Runtime, deployment: ExchangeDeployment) -> list[str]:
    """The configured addresses of a deployment's Autodiscover."""
    found = runtime.store.find_all(
        tables.MJX_AUTODISCOVER_URL_BY_DEPLOYMENT, deployment.id
    )
    return [each.url for each in found]


VISIT_TIMEOUT = 10.0
"""Seconds for one request to an endpoint that is examined."""


def rooms_doctor(
    runtime: Runtime, clients: Clients, read_at: Callable[[int], datetime | None]
) -> RoomsDoctor:
    """Return what examines deployments. `read_at` takes an endpoint's id, and returns
    the time at which its room was last read."""
    connect = connect_by(clients.network)

    async def visit(access: EndpointAccess) -> None:
        session = EndpointSession(connect, access, runtime.reactor, VISIT_TIMEOUT)
        async with session:
            await look_at(session, runtime.now())

    connections = clients.room_connections

    def open_rooms(deployment: ExchangeDeployment, url: str) -> EwsRooms:
        observer = _call_observer(runtime, deployment)
        return connections.rooms_at(deployment, url, observer)

    def open_graph_rooms(deployment: GraphDeployment) -> GraphRooms:
        clients.graph_tokens.of(deployment).ask_anew()
        return connections.graph_rooms(deployment, _call_observer(runtime, deployment))

    async def find_url(deployment: ExchangeDeployment, room: str) -> str:
        addresses = _addresses(runtime, deployment)
        return await connections.discovery(deployment, addresses).find(room)

    return RoomsDoctor(
        runtime.store,
        clients.network,
        open_rooms,
        find_url,
        open_graph_rooms,
        EndpointsDoctor(
            runtime.store,
            runtime.store.vault.unseal,
            visit,
            read_at,
            clock=runtime.reactor,
            now=runtime.now,
        ),
        clock=runtime.reactor,
        now=runtime.now,
    )


class QuotaObserver:
    """Counts the calls that a deployment's quota is for, beside another observer."""

    def __init__(self, observer: Observer, counter: CallCounter) -> None:
        self._observer = observer
        self._counter = counter

    def begins(self, operation: str) -> Callable[[str, str], None]:
        """Note the start of a call; the returned function is called at its end."""
        if operation == "FindItem":
            self._counter.add()
        return self._observer.begins(operation)


class GraphQuotaObserver:
    """Counts the requests of a Graph deployment for its quota, beside another observer:
    all but batches, whose parts are counted each."""

    def __init__(self, observer: Observer, counter: CallCounter) -> None:
        self._observer = observer
        self._counter = counter

    def begins(self, operation: str) -> Callable[[str, str], None]:
        """Note the start of a call; the returned function is called at its end."""
        if operation == VIEW:
            self._counter.add()
        elif operation != BATCH:
            self._counter.add_other()
        return self._observer.begins(operation)
