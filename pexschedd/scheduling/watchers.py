"""Keeps one watcher for each integration that wants one, as the records change."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.scheduling.alarms import Alarms
from pexschedd.scheduling.watcher import Watcher
from pexschedd.store.store import Store

CONNECTION_FIELDS = (
    "url",
    "username",
    "password",
    "authentication_method",
    "room_mailbox_email_address",
    "disable_proxy",
    "enable_dynamic_vmrs",
)
"""A change of one of these needs a new connection; all others are read each time."""


def wants_watcher(connector: Connector | None) -> bool:
    return (
        connector is not None
        and connector.enable_dynamic_vmrs
        and bool(connector.url and connector.room_mailbox_email_address)
    )


class Watchers(Service):
    """Starts, stops and replaces watchers without a restart of the process."""

    name = "watchers"
    _log = Logger()

    def __init__(
        self,
        store: Store,
        alarms: Alarms,
        new_watcher: Callable[[Connector], Watcher],
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._new_watcher = new_watcher
        self._watchers: dict[int, Watcher] = {}
        # Changes are followed one after another, or an old and a new watcher of the
        # same mailbox could run at the same time.
        self._lock = DeferredLock()
        store.subscribe(tables.CONNECTOR, self._changed)

    def startService(self) -> None:
        super().startService()
        for connector in self._store.all(tables.CONNECTOR):
            self._follow(self._replace(connector.id))

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return self._follow(self._stop_all())

    def wake(self, connector_id: int) -> None:
        """Makes an integration's watcher look into its mailbox now."""
        watcher = self._watchers.get(connector_id)
        if watcher is not None:
            watcher.wake()

    def _changed(self, old: Connector | None, new: Connector | None) -> None:
        if not self.running:
            return
        if old is not None and (new is None or new.name != old.name):
            self._alarms.lower(old.name)
        if old is None or new is None or _differ(old, new):
            connector = new or old
            assert connector is not None  # noqa: S101 - a change has one or the other
            self._follow(self._replace(connector.id))
        else:
            self.wake(new.id)

    def _follow(self, work: Coroutine[Any, Any, None]) -> Deferred[None]:
        done: Deferred[None] = self._lock.run(Deferred.fromCoroutine, work)
        return done.addErrback(
            lambda failure: self._log.failure("a watcher could not change", failure)
        )

    async def _replace(self, connector_id: int) -> None:
        await self._stop(connector_id)
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if self.running and connector is not None and wants_watcher(connector):
            self._log.info("watching for integration {name}", name=connector.name)
            watcher = self._new_watcher(connector)
            self._watchers[connector_id] = watcher
            watcher.start()

    async def _stop(self, connector_id: int) -> None:
        watcher = self._watchers.pop(connector_id, None)
        if watcher is not None:
            await watcher.stop()

    async def _stop_all(self) -> None:
        for connector_id in list(self._watchers):
            await self._stop(connector_id)


def _differ(old: Connector, new: Connector) -> bool:
    return any(getattr(old, f) != getattr(new, f) for f in CONNECTION_FIELDS)
