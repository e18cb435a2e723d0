"""Keeps one watcher for each integration that wants one, as the records change."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, gatherResults
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pexschedd.errors import MailboxError
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.inbox.notification_listener import StreamState
from pexschedd.scheduling.inbox.worker import IntegrationWorker
from pexschedd.store.store import Store

CONNECTION_FIELDS = (
    "url",
    "username",
    "password",
    "authentication_method",
    "room_mailbox_email_address",
    "disable_proxy",
    "enable_dynamic_vmrs",
    "notification_method",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_auth_endpoint",
    "oauth_token_endpoint",
    "kerberos_realm",
    "kerberos_kdc",
    "kerberos_kdc_https_proxy",
    "kerberos_exchange_spn",
    "kerberos_auth_every_request",
    "kerberos_enable_tls",
    "kerberos_verify_tls_using_custom_ca",
)
"""A change of one of these needs a new connection; all others are read each time."""

SPREAD = 5.0
"""Seconds over which many integrations begin when the daemon starts."""


def wants_worker(connector: Connector | None) -> bool:
    return (
        connector is not None
        and connector.enable_dynamic_vmrs
        and bool(connector.url and connector.room_mailbox_email_address)
    )


class Supervisor(Service):
    """Starts, stops and replaces watchers without a restart of the process.

    Integrations do not wait for each other, but for one case: a mailbox that was
    another integration's until now is not watched before that one's watcher is gone.
    """

    name = "watchers"
    _log = Logger()

    def __init__(
        self,
        store: Store,
        alarms: Alarms,
        new_lookout: Callable[[Connector], IntegrationWorker],
        clock: IReactorTime,
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._new_lookout = new_lookout
        self._clock = clock
        self._lookouts: dict[int, IntegrationWorker] = {}
        self._mailboxes: dict[int, str] = {}
        """What the running ones watch."""
        self._stopping: dict[str, Deferred[None]] = {}
        """By mailbox; fires when its watcher is gone."""
        self._due: dict[int, IDelayedCall] = {}
        """Those whose start is still to come."""
        # An integration's changes are followed one after another, or its old and its
        # new watcher could run at the same time.
        self._locks: dict[int, DeferredLock] = {}
        store.subscribe(tables.CONNECTOR, self._changed)

    def startService(self) -> None:
        super().startService()
        connectors = sorted(
            filter(wants_worker, self._store.all(tables.CONNECTOR)),
            key=lambda connector: connector.id,
        )
        for number, connector in enumerate(connectors):
            delay = number * SPREAD / len(connectors)
            if delay:
                self._due[connector.id] = self._clock.callLater(
                    delay, self._begin, connector.id
                )
            else:
                self._begin(connector.id)

    def stopService(self) -> Deferred[None]:
        """All at once: each may take its seconds."""
        super().stopService()
        for due in self._due.values():
            due.cancel()
        self._due.clear()
        stops = [
            self._follow(id, self._stop(id)) for id in {*self._lookouts, *self._locks}
        ]
        return gatherResults(stops).addCallback(lambda _: None)

    def wake(self, connector_id: int) -> None:
        """Makes an integration's watcher look into its mailbox now."""
        lookout = self._lookouts.get(connector_id)
        if lookout is not None:
            lookout.wake()

    def stream_state(self, connector_id: int) -> StreamState | None:
        """How the integration learns of new messages; None if nobody watches."""
        lookout = self._lookouts.get(connector_id)
        return lookout.state if lookout is not None else None

    def _begin(self, connector_id: int) -> None:
        self._due.pop(connector_id, None)
        self._follow(connector_id, self._replace(connector_id))

    def _changed(self, old: Connector | None, new: Connector | None) -> None:
        if not self.running:
            return
        if old is not None and (new is None or new.name != old.name):
            self._alarms.lower(old.name)
        if old is None or new is None or _differ(old, new):
            connector = new or old
            assert connector is not None  # noqa: S101 - a change has one or the other
            due = self._due.get(connector.id)
            if due is not None:
                due.cancel()
            self._begin(connector.id)
        else:
            self.wake(new.id)

    def _follow(
        self, connector_id: int, work: Coroutine[Any, Any, None]
    ) -> Deferred[None]:
        lock = self._locks.setdefault(connector_id, DeferredLock())
        done: Deferred[None] = lock.run(Deferred.fromCoroutine, work)
        done.addErrback(
            lambda failure: self._log.failure("a watcher could not change", failure)
        )
        return done.addCallback(lambda _: self._forget(connector_id, lock))

    def _forget(self, connector_id: int, lock: DeferredLock) -> None:
        if not lock.locked and not lock.waiting:
            self._locks.pop(connector_id, None)

    async def _replace(self, connector_id: int) -> None:
        await self._stop(connector_id)
        connector = self._store.get(tables.CONNECTOR, connector_id)
        while connector is not None and _mailbox(connector) in self._stopping:
            await _when(self._stopping[_mailbox(connector)])
            connector = self._store.get(tables.CONNECTOR, connector_id)
        if not self.running or connector is None or not wants_worker(connector):
            return
        self._log.info(
            "watching for integration {name}",
            name=connector.name,
            integration=connector.id,
        )
        try:
            lookout = self._new_lookout(connector)
        except MailboxError as error:
            self._alarms.raise_(names.REFUSED, connector.name, error.message)
            return
        self._lookouts[connector_id] = lookout
        self._mailboxes[connector_id] = _mailbox(connector)
        lookout.start()

    async def _stop(self, connector_id: int) -> None:
        lookout = self._lookouts.pop(connector_id, None)
        if lookout is None:
            return
        mailbox = self._mailboxes.pop(connector_id)
        gone: Deferred[None] = Deferred()
        self._stopping[mailbox] = gone
        try:
            await lookout.stop()
        finally:
            if self._stopping.get(mailbox) is gone:
                del self._stopping[mailbox]
            gone.callback(None)


def _when(event: Deferred[None]) -> Deferred[None]:
    """Fires with an event for which others wait, too."""
    mine: Deferred[None] = Deferred()
    event.addBoth(lambda _: mine.callback(None))
    return mine


def _mailbox(connector: Connector) -> str:
    return connector.room_mailbox_email_address.strip().casefold()


def _differ(old: Connector, new: Connector) -> bool:
    return any(getattr(old, f) != getattr(new, f) for f in CONNECTION_FIELDS)
