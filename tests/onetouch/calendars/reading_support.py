"""A daemon's reading of rooms, with rooms in memory and a clock that is moved."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
from twisted.internet import reactor
from twisted.internet.task import Clock

from pexschedd.errors import MailboxRefused
from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.model.meeting import MessageRef, Person
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.processing_rule import ProcessingRule
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.calendars.call_counter import CallCounter
from pexschedd.onetouch.calendars.reading_schedule import ReadingSchedule
from pexschedd.onetouch.calendars.room_listener import RoomListener
from pexschedd.onetouch.calendars.room_reader import RoomReader
from pexschedd.onetouch.calendars.service import FOLLOWED_AFTER, CalendarReading
from pexschedd.onetouch.deployments import ReadDeployment, key_of, quota_of
from pexschedd.onetouch.ports.room_mailboxes import RoomItem
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store
from pexschedd.util.worker_processes import HeavyWork, work_at_once
from tests.onetouch.calendars.memory_rooms import MemoryNotifications, MemoryRooms
from tests.onetouch.onetouch_support import templates
from tests.scheduling.process_support import unexpected
from tests.turns import until

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OAK, ELM = "oak@example.test", "elm@example.test"
ZOOM = "<p>https://zoom.us/j/1234567890</p>"


class Reading:
    """One life of the daemon's reading; another one of the same folder follows it."""

    def __init__(
        self,
        folder: Path,
        rooms: MemoryRooms | None = None,
        *,
        clock: Clock | None = None,
        heavy_work: HeavyWork = work_at_once,
        notifications: MemoryNotifications | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.notifications = notifications
        self.rooms = rooms or MemoryRooms()
        self.heavy_work = heavy_work
        self.store = Store.open(
            folder, tables.TABLES, reactor=cast(Any, reactor), failed=unexpected
        )
        self.alarms = Alarms(self.store, self.now)
        self.lists = RoomLists(self.store, self.now, templates())
        self.opened: list[ReadDeployment] = []
        self.refusal: MailboxRefused | None = None
        """The problem of the settings, if they cannot be used."""
        self.service = CalendarReading(
            self.store, self.alarms, self._reader, self.clock
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.clock.seconds())

    def _reader(self, deployment: ReadDeployment) -> ReadingSchedule:
        if self.refusal is not None:
            raise self.refusal
        self.opened.append(deployment)
        key = key_of(deployment)
        counter = CallCounter(key, self.store, self.now)
        self.rooms.counted = counter.add
        self.rooms.is_closed = False

        def quota() -> int:
            found = self.store.get(key.kind.table, key.id)
            return quota_of(found or deployment)

        return ReadingSchedule(
            key,
            RoomReader(
                key,
                self.rooms,
                self.store,
                self.lists,
                clock=self.clock,
                now=self.now,
                heavy_work=self.heavy_work,
            ),
            self.rooms,
            counter,
            quota,
            clock=self.clock,
            listener=self._listener(deployment),
        )

    def _listener(self, deployment: ReadDeployment) -> RoomListener | None:
        if self.notifications is None:
            return None
        return RoomListener(
            deployment.id, self.notifications, clock=self.clock, chance=lambda: 0.5
        )

    @property
    def reader(self) -> ReadingSchedule:
        """The reader of the only deployment."""
        (reader,) = self.service.readers.values()
        return reader

    async def configure(self, *rooms: str, **deployment: Any) -> None:
        """Store a deployment, a profile with two rules, a group, and an endpoint for
        each room, its id the room's number."""
        given: dict[str, Any] = {
            "name": "Head office",
            "service_account_username": "otj@example.test",
            "service_account_password": "x",
        }
        change = self.store.transaction()
        change.put(
            tables.MJX_EXCHANGE_DEPLOYMENT,
            ExchangeDeployment(id=1, **given | deployment),
        )
        change.put(
            tables.MJX_INTEGRATION,
            JoinProfile(id=1, name="Offices", exchange_deployment=1),
        )
        change.put(
            tables.MJX_ENDPOINT_GROUP,
            EndpointGroup(id=1, name="All", mjx_integration=1),
        )
        for id, kind in ((1, "zoom"), (2, "webex")):
            rule = ProcessingRule(
                id=id, name=kind, mjx_integration=1, priority=id, meeting_type=kind
            )
            change.put(tables.MJX_PROCESSING_RULE, rule)
        await change.commit()
        for number, room in enumerate(rooms, 1):
            await self.put_endpoint(number, room)

    async def put_endpoint(self, id: int, room: str) -> None:
        with self.store.transaction() as change:
            endpoint = Endpoint(
                id=id, name=room, room_resource_email=room, mjx_endpoint_group=1
            )
            change.put(tables.MJX_ENDPOINT, endpoint)
            durable = change.commit()
        await durable

    async def change(self, table: Any, id: int, **fields: Any) -> None:
        """Change a stored record, and let the daemon follow."""
        record = self.store.get(table, id)
        assert record is not None
        with self.store.transaction() as change:
            change.put(table, msgspec.structs.replace(record, **fields))
            durable = change.commit()
        await durable
        await self.pass_time(FOLLOWED_AFTER)

    async def delete(self, table: Any, id: int) -> None:
        with self.store.transaction() as change:
            change.delete(table, id)
            durable = change.commit()
        await durable
        await self.pass_time(FOLLOWED_AFTER)

    async def start(self) -> None:
        self.service.startService()
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that is due, until only hanging rooms are read."""
        await until(self._is_settled)

    def _is_settled(self) -> bool:
        self.clock.advance(0)
        reading = sum(r.reading for r in self.service.readers.values())
        return not self.service._lock.locked and reading <= len(self.rooms.hanging)

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Move the clock in steps, with all that happens meanwhile."""
        end = self.clock.seconds() + seconds
        while (left := end - self.clock.seconds()) > 1e-9:
            self.clock.advance(min(step, left))
            await self.settle()

    async def stop(self) -> None:
        stopping = self.service.stopService()

        def is_stopped() -> bool:
            self.clock.advance(0.1)
            return bool(stopping.called)

        await until(is_stopped)
        await self.store.close()

    async def kill(self) -> None:
        """End without stopping anything."""
        for call in self.clock.getDelayedCalls():
            call.cancel()
        await self.store.close()

    def titles(self, endpoint: int = 1) -> list[str]:
        return [line.title for line in self.lists.of(endpoint)]

    def aliases(self, endpoint: int = 1) -> list[str]:
        return [
            line.details.alias if line.details else ""
            for line in self.lists.of(endpoint)
        ]

    def raised(self) -> Mapping[str, str]:
        """The details of the raised alarms by name."""
        alarms: list[Alarm] = list(self.store.all(tables.ALARM))
        return {a.name: a.details for a in alarms if a.time_lowered is None}


def item(uid: str = "u", **fields: Any) -> RoomItem:
    """A meeting of an hour that begins in two hours."""
    given: dict[str, Any] = {
        "ref": MessageRef(uid),
        "start": NOW + 2 * HOUR,
        "subject": "Plan",
        "html": ZOOM,
        "organizer": Person("Jane", "jane@example.test"),
    }
    given |= fields
    given.setdefault("end", given["start"] + HOUR)
    return RoomItem(uid=uid, **given)
