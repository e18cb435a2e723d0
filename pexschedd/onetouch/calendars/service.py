"""Reads all rooms of all deployments, and follows the configuration as it changes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredLock, gatherResults
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pexschedd.errors import MailboxError, StoreError, StoreFull
from pexschedd.identity.oauth.signed_in import signed_in
from pexschedd.model import tables
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.table import Table
from pexschedd.onetouch.calendars.reading_alarms import LOOK_EVERY, ReadingAlarms
from pexschedd.onetouch.calendars.reading_schedule import ReadingSchedule
from pexschedd.onetouch.configuration import ReadRoom, rooms_by_deployment
from pexschedd.onetouch.deployments import (
    KINDS,
    DeploymentKey,
    ReadDeployment,
    instance_of,
    key_of,
)
from pexschedd.onetouch.services.catalogue import prepare_own_services
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices
from pexschedd.util.periodic import Periodic, Running

FOLLOWED_AFTER = 1.0
"""Seconds after a change until it is followed, with all that came in between."""
_TABLES: tuple[Table[Any], ...] = (
    tables.MJX_ENDPOINT,
    tables.MJX_ENDPOINT_GROUP,
    tables.MJX_INTEGRATION,
    tables.MJX_EXCHANGE_DEPLOYMENT,
    tables.MJX_GRAPH_DEPLOYMENT,
    tables.MJX_AUTODISCOVER_URL,
    tables.MJX_PROCESSING_RULE,
)

Connection = tuple[object, ...]
"""All that a connection with a deployment depends on."""


class CalendarReading(MultiService):
    """The reading of rooms, as a service.

    `new_reader` makes the reader of a deployment; it raises `MailboxError` if the
    settings cannot be used.
    """

    name = "rooms"
    _log = Logger()

    def __init__(
        self,
        store: Store,
        alarms: Alarms,
        new_reader: Callable[[ReadDeployment], ReadingSchedule],
        clock: IReactorTime,
    ) -> None:
        super().__init__()
        self._store = store
        self._alarms = alarms
        self._reading_alarms = ReadingAlarms(alarms, clock)
        self._new_reader = new_reader
        self._clock = clock
        self._readers: dict[DeploymentKey, ReadingSchedule] = {}
        self._connections: dict[DeploymentKey, Connection] = {}
        self._names: dict[DeploymentKey, str] = {}
        self._due: IDelayedCall | None = None
        self._lock = DeferredLock()
        for table in _TABLES:
            store.subscribe(table, self._changed)
        Periodic("room alarms", self._look, clock, LOOK_EVERY).setServiceParent(self)

    @property
    def readers(self) -> Mapping[str, ReadingSchedule]:
        """The readers of all deployments that have rooms, by the deployment's name
        for people (`instance_of`)."""
        return {self._names[key]: reader for key, reader in self._readers.items()}

    def startService(self) -> None:
        """Begin to read all rooms that are configured."""
        super().startService()
        self._follow_in_turn()

    def stopService(self) -> Deferred[object]:
        """Stop all readers; fires when none is reading."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        stopped: Deferred[object] = Deferred.fromCoroutine(self._stop())
        return stopped

    async def _stop(self) -> None:
        await super().stopService()
        await self._lock.run(Deferred.fromCoroutine, self._stop_all())

    async def _stop_all(self) -> None:
        readers, self._readers = self._readers, {}
        await gatherResults(
            [Deferred.fromCoroutine(reader.stop()) for reader in readers.values()]
        )

    def read_now(self, email: str) -> None:
        """Read a room as soon as possible."""
        for reader in self._readers.values():
            reader.read_now(email)

    # Following the configuration

    def _changed(self, _old: object, _new: object) -> None:
        if self.running and self._due is None:
            self._due = self._clock.callLater(FOLLOWED_AFTER, self._follow_in_turn)

    def _follow_in_turn(self) -> None:
        self._due = None
        done = self._lock.run(Deferred.fromCoroutine, self._follow())
        done.addErrback(
            lambda failure: self._log.failure(
                "calendars could not follow the configuration", failure
            )
        )

    async def _follow(self) -> None:
        if any(True for kind in KINDS for _ in self._store.ids(kind.table)):
            # In one go it would hold everything up for a tenth of a second.
            async for _ in in_slices(prepare_own_services(), self._clock):
                pass
        if not self.running:
            return
        wanted = rooms_by_deployment(self._store)
        deployments: dict[DeploymentKey, ReadDeployment | None] = {
            key: self._store.get(key.kind.table, key.id) for key in wanted
        }
        for key in [key for key in self._names if deployments.get(key) is None]:
            await self._end(key)
        for key, rooms in wanted.items():
            deployment = deployments[key]
            if deployment is not None and self.running:
                await self._read(deployment, rooms)
        await self._forget({email for rooms in wanted.values() for email in rooms})

    async def _read(
        self, deployment: ReadDeployment, rooms: Mapping[str, ReadRoom]
    ) -> None:
        key, name = key_of(deployment), instance_of(deployment)
        if self._names.get(key, name) != name:
            self._reading_alarms.lower(self._names[key])
        self._names[key] = name
        connection = self._connection(deployment)
        if self._connections.get(key) != connection:
            await self._end(key)
            self._names[key] = name
            try:
                reader = self._new_reader(deployment)
            except MailboxError as error:
                self._alarms.raise_(names.ONE_TOUCH_EXCHANGE, name, error.message)
                return
            self._log.info(
                "calendars are read deployment={deployment} rooms={rooms}",
                deployment=str(key),
                rooms=len(rooms),
            )
            self._readers[key] = reader
            self._connections[key] = connection
            reader.start()
        self._readers[key].set_rooms(rooms)

    async def _end(self, key: DeploymentKey) -> None:
        self._connections.pop(key, None)
        reader = self._readers.pop(key, None)
        name = self._names.pop(key, None)
        if reader is not None:
            await reader.stop()
        if name is not None:
            self._reading_alarms.lower(name)

    def _connection(self, deployment: ReadDeployment) -> Connection:
        if isinstance(deployment, GraphDeployment):
            return (
                msgspec.structs.replace(
                    deployment, name="", description="", request_quota=0
                ),
            )
        found = signed_in(deployment)
        settings = msgspec.structs.replace(
            deployment,
            name="",
            description="",
            find_items_request_quota=0,
            # Tokens are renewed all the time; only another sign-in makes a difference.
            oauth_begun="",
            oauth_refresh_token="",
            oauth_signed_in_for=found.since.isoformat() if found else "",
        )
        addresses = self._store.find_all(
            tables.MJX_AUTODISCOVER_URL_BY_DEPLOYMENT, deployment.id
        )
        return (settings, *(each.url for each in addresses))

    async def _forget(self, rooms: set[str]) -> None:
        """Delete what is stored of rooms and deployments that are not read."""
        store = self._store
        gone = [
            calendar.id
            for calendar in store.all(tables.ROOM_CALENDAR)
            if calendar.room_email not in rooms
        ]
        for start in range(0, len(gone), 100):
            await self._delete(tables.ROOM_CALENDAR, gone[start : start + 100])
        for kind in KINDS:
            known = set(store.ids(kind.table))
            unknown = [id for id in store.ids(kind.calls) if id not in known]
            await self._delete(kind.calls, unknown)

    async def _delete(self, table: Table[Any], ids: list[int]) -> None:
        if not ids:
            return
        # A full disk has an alarm; it is tried again after the next change.
        with suppress(StoreFull, StoreError):
            with self._store.transaction() as change:
                for id in ids:
                    change.delete(table, id)
                durable = change.commit()
            await durable

    # Alarms

    async def _look(self, _running: Running) -> None:
        for key, reader in tuple(self._readers.items()):
            if key in self._names:
                await self._reading_alarms.look(self._names[key], reader)
