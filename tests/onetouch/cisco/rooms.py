"""A few rooms with recording endpoints, and the service that pushes to them.

The clock stands until a test turns it; the store and what is sent to the endpoints go
by the real reactor.
"""

from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any, cast

from treq.testing import RequestTraversalAgent
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.web.iweb import IAgent
from zope.interface import implementer

from pexschedd.errors import StoreError
from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.model.onetouch.room_calendar import RoomCalendar, RoomMeeting
from pexschedd.net.http_client import http_client
from pexschedd.onetouch.cisco.access import EndpointAccess
from pexschedd.onetouch.cisco.parts import cisco_pusher
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store
from tests.onetouch.cisco.cisco_endpoint import RecordingEndpoint
from tests.onetouch.cisco.cisco_support import DETAILS, HOUR, NOW
from tests.onetouch.onetouch_support import templates
from tests.turns import until

reactor: Any = _reactor


class Rooms:
    """Rooms 1 to n, each with an endpoint at 10.0.0.n."""

    def __init__(self, folder: Path, rooms: int = 1, rooms_url: str = "") -> None:
        self.folder = folder
        self.rooms_url = rooms_url
        self.clock = Clock()
        self.endpoints = {n: RecordingEndpoint() for n in range(1, rooms + 1)}
        self._watch_clocks()
        self.unreachable: set[str] = set()
        self.killed = False
        self.visits: list[tuple[str, str]] = []
        self.open()

    def open(self) -> None:
        """Open the store, and make the service anew: a start of the daemon."""
        self.store = Store.open(
            self.folder, tables.TABLES, reactor=reactor, failed=_failed
        )
        lists = RoomLists(self.store, self.now, templates())
        self.alarms = Alarms(self.store, self.now)
        self.pusher = cisco_pusher(
            self.store,
            lists,
            self.alarms,
            lambda access, _: http_client(_Way(self, access), self.clock),
            clock=cast(Any, self.clock),
            now=self.now,
            chance=lambda: 0.5,
            count_visit=lambda *visit: self.visits.append(visit),
            rooms_url=self.rooms_url,
            random=token_bytes,
        )

    def _watch_clocks(self) -> None:
        for endpoint in self.endpoints.values():
            endpoint.seconds = self.clock.seconds

    async def close(self) -> None:
        if self.pusher.running:
            await self.pusher.stopService()
        await self.store.close()

    async def kill(self) -> None:
        """End the daemon at once: nothing that it would do comes to pass any more."""
        self.killed = True
        self.pusher.stopService()
        await self.store.close()
        self.clock = Clock()
        self._watch_clocks()
        self.killed = False

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.clock.seconds())

    async def configure(self, **profile: Any) -> None:
        """Store a profile, a group and the endpoints."""
        given: dict[str, Any] = {
            "exchange_deployment": 1,
            "ep_username": "obtp",
            "ep_password": self.sealed("secret", "mjx_integration/1/ep_password"),
        }
        await self.put(
            tables.MJX_INTEGRATION,
            JoinProfile(id=1, name="Head office", **given | profile),
        )
        await self.put(
            tables.MJX_ENDPOINT_GROUP,
            EndpointGroup(id=1, name="Floor 1", mjx_integration=1),
        )
        for number in self.endpoints:
            await self.put_endpoint(number)

    async def put_endpoint(self, number: int, **fields: Any) -> None:
        given: dict[str, Any] = {
            "name": f"Room {number}",
            "room_resource_email": f"Room{number}@example.test",
            "mjx_endpoint_group": 1,
            "api_address": f"10.0.0.{number}",
        }
        await self.put(tables.MJX_ENDPOINT, Endpoint(id=number, **given | fields))

    def sealed(self, text: str, context: str) -> str:
        return self.store.vault.seal(text, context)

    async def meetings(
        self, number: int, *subjects: str, without: tuple[str, ...] = ()
    ) -> None:
        """Store what a room's calendar has: an hour each, from an hour from now on;
        some without anything to join."""
        found = [
            RoomMeeting(
                item_id=subject,
                uid=subject,
                subject=subject,
                organizer_name="Jane",
                details=None if subject in without else DETAILS,
                start=NOW + (n + 1) * HOUR,
                end=NOW + (n + 2) * HOUR,
            )
            for n, subject in enumerate(subjects)
        ]
        calendar = RoomCalendar(
            id=number,
            room_email=f"room{number}@example.test",
            deployment=1,
            read_at=self.now(),
            meetings=tuple(found),
        )
        await self.put(tables.ROOM_CALENDAR, calendar)

    async def put(self, table: Any, record: Any) -> None:
        with self.store.transaction() as change:
            change.put(table, record)
            durable = change.commit()
        await durable

    async def delete(self, table: Any, id: int) -> None:
        with self.store.transaction() as change:
            change.delete(table, id)
            durable = change.commit()
        await durable

    async def start(self) -> None:
        """Start the service, and let the first visits end."""
        self.pusher.startService()
        await self.turn(30)

    async def turn(self, seconds: float) -> None:
        """Let time pass, and visits end that are under way."""
        for _ in range(10):
            self.clock.advance(seconds / 10)
            await self.settle()

    async def settle(self) -> None:
        """Let visits end, apart from those that hang."""
        self.clock.advance(0)
        await until(lambda: len(self.pusher._visits) <= self.hanging())

    def hanging(self) -> int:
        return sum(
            not request._disconnected
            for endpoint in self.endpoints.values()
            for request in endpoint.hanging
        )

    def state(self, number: int = 1) -> EndpointState:
        found = self.store.find(tables.ENDPOINT_STATE_BY_ENDPOINT, number)
        assert found is not None
        return found

    def raised(self) -> dict[str, Alarm]:
        return {
            alarm.name: alarm
            for alarm in self.store.all(tables.ALARM)
            if alarm.time_lowered is None
        }


@implementer(IAgent)
class _Way:
    """An agent that leads to the endpoint with an address."""

    def __init__(self, rooms: Rooms, access: EndpointAccess) -> None:
        self._rooms = rooms
        self._host = access.host

    def request(self, *arguments: Any) -> Deferred[Any]:
        rooms = self._rooms
        if rooms.killed:
            return Deferred()
        number = int(self._host.rpartition(".")[2])
        if self._host in rooms.unreachable or number not in rooms.endpoints:
            failed: Deferred[Any] = Deferred()
            failed.errback(Refused())
            return failed
        agent = RequestTraversalAgent(rooms.endpoints[number])
        sent: Deferred[Any] = agent.request(*arguments)
        return sent


def _failed(error: StoreError) -> None:
    raise error
