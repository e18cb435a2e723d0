"""Runs one worker for each integration that needs one, as the records change."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pexschedd.errors import MailboxError
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.inbox.notification_listener import StreamState
from pexschedd.scheduling.inbox.watcher import GRACE
from pexschedd.scheduling.inbox.worker import IntegrationWorker
from pexschedd.store.store import Store
from pexschedd.util.stop_signal import StopSignal

CONNECTION_FIELDS = (
    "mailbox_protocol",
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
    "private_key",
    "oauth_auth_endpoint",
    "oauth_token_endpoint",
    "graph_api_domain",
    "graph_answer_method",
    "graph_notification_method",
    "kerberos_realm",
    "kerberos_kdc",
    "kerberos_kdc_https_proxy",
    "kerberos_exchange_spn",
    "kerberos_auth_every_request",
    "kerberos_enable_tls",
    "kerberos_verify_tls_using_custom_ca",
)
"""Fields whose change needs a new worker; all others are read at every look."""

T = TypeVar("T")

HOLD_GRACE = 20.0
"""Seconds that a step under way may still take when a hold begins."""

SPREAD = 5.0
"""Seconds over which the integrations are started when the daemon starts."""


def wants_worker(connector: Connector | None) -> bool:
    """Return whether an integration's mailbox is to be watched: it hands out single-use
    rooms, and says where its mailbox is."""
    return (
        connector is not None
        and connector.enable_dynamic_vmrs
        and bool(connector.mailbox_server and connector.mailbox_address)
    )


class Supervisor(Service):
    """Starts, stops and replaces workers without a restart of the process.

    Integrations do not wait for each other, with one exception: a mailbox that belonged
    to another integration until now is not watched before that one's worker has ended.
    """

    name = "watchers"
    _log = Logger()

    def __init__(
        self,
        store: Store,
        alarms: Alarms,
        new_worker: Callable[[Connector], IntegrationWorker],
        clock: IReactorTime,
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._new_worker = new_worker
        self._clock = clock
        self._workers: dict[int, IntegrationWorker] = {}
        self._mailboxes: dict[int, str] = {}
        """The mailboxes that the running workers watch, by integration."""
        self._stopping: dict[str, Deferred[None]] = {}
        """By mailbox; each fires when the worker that watched it has ended."""
        self._due: dict[int, IDelayedCall] = {}
        """Starts that are still to come, by integration."""
        # An integration's changes are followed one after another, or its old and its
        # new worker could run at the same time.
        self._locks: dict[int, DeferredLock] = {}
        store.subscribe(tables.CONNECTOR, self._changed)

    def startService(self) -> None:
        """Start a worker for each integration that needs one, spread over seconds."""
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
        """Stop all workers at once, since each may take seconds; fires when all have
        ended."""
        super().stopService()
        for due in self._due.values():
            due.cancel()
        self._due.clear()
        stops = [
            self._follow(id, self._stop(id)) for id in {*self._workers, *self._locks}
        ]
        return DeferredList(stops).addCallback(lambda _: None)

    def wake(self, connector_id: int) -> None:
        """Look into an integration's mailbox now, if it has a worker."""
        worker = self._workers.get(connector_id)
        if worker is not None:
            worker.wake()

    def stream_state(self, connector_id: int) -> StreamState | None:
        """Return how an integration learns of new messages; None without a worker."""
        worker = self._workers.get(connector_id)
        return worker.state if worker is not None else None

    async def hold(self, connector_id: int, work: Callable[[], Awaitable[T]]) -> T:
        """Carry out `work` while no worker runs for an integration; return its result.

        The worker finishes what it is just doing, a mail that is being sent first of
        all. One is started again whatever happens, for the record as it is then.
        """
        lock = self._locks.setdefault(connector_id, DeferredLock())
        await lock.acquire()
        try:
            await self._stop(connector_id, HOLD_GRACE)
            return await work()
        finally:
            lock.release()
            self._begin(connector_id)

    async def look_once(self, connector_id: int, stop: StopSignal) -> None:
        """Have an integration that is held look into its mailbox once.

        What goes wrong raises an alarm. Raises `WorkStopped` if `stop` was set
        meanwhile.
        """
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None or not wants_worker(connector):
            return
        worker = self._new_worker(connector)
        looking = Deferred.fromCoroutine(worker.look_once())
        try:
            # Not the look itself, which would be cancelled amid a request.
            await stop.wait(_when(looking))
        finally:
            await worker.stop()

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
            lambda failure: self._log.failure(
                "supervisor could not replace a worker integration={integration}",
                failure,
                integration=connector_id,
            )
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
            "supervisor starts a worker integration={integration} name={name}",
            integration=connector.id,
            name=connector.name,
        )
        try:
            worker = self._new_worker(connector)
        except MailboxError as error:
            self._alarms.raise_(names.REFUSED, connector.name, error.message)
            return
        self._workers[connector_id] = worker
        self._mailboxes[connector_id] = _mailbox(connector)
        worker.start()

    async def _stop(self, connector_id: int, grace: float = GRACE) -> None:
        worker = self._workers.pop(connector_id, None)
        if worker is None:
            return
        mailbox = self._mailboxes.pop(connector_id)
        ended: Deferred[None] = Deferred()
        self._stopping[mailbox] = ended
        try:
            await worker.stop(grace)
        finally:
            if self._stopping.get(mailbox) is ended:
                del self._stopping[mailbox]
            ended.callback(None)


def _when(event: Deferred[None]) -> Deferred[None]:
    """Return a Deferred of one's own for an event that others wait for too."""
    waiter: Deferred[None] = Deferred()

    def happened(_: object) -> None:
        if not waiter.called:  # or it was cancelled
            waiter.callback(None)

    event.addBoth(happened)
    return waiter


def _mailbox(connector: Connector) -> str:
    return connector.mailbox_address.strip().casefold()


def _differ(old: Connector, new: Connector) -> bool:
    return any(getattr(old, f) != getattr(new, f) for f in CONNECTION_FIELDS)
