"""The audits of all integrations, run by interval and on demand."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import NotFound, PexscheddError, StoreError, Unavailable
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.inbox.supervisor import wants_worker
from pexschedd.scheduling.ports.mailbox import MailboxKeeping, OrganizersCalendars
from pexschedd.scheduling.upkeep.audit_rules import AuditReport
from pexschedd.scheduling.upkeep.audit_runner import AuditRunner
from pexschedd.store.store import Store
from pexschedd.util.periodic import Periodic, Running

T = TypeVar("T")

CHECK_INTERVAL = 60.0
"""Seconds between two checks for integrations that are due."""

RETRY_INTERVAL = timedelta(minutes=5)
"""The interval after a failed audit, or one that found Exchange misconfigured."""


class AuditState(msgspec.Struct, frozen=True):
    """The state of an integration's last audit."""

    started: datetime
    finished: datetime | None = None
    """None while it runs."""
    report: AuditReport | None = None
    """The report of the last audit that finished."""
    error: str = ""
    """The reason why the last audit did not finish; empty if it did."""
    mailbox: str = ""
    """The audited mailbox: its address and URL."""


class MailboxAccess(msgspec.Struct, frozen=True):
    """Connections to Exchange for the upkeep of one integration."""

    mailbox: MailboxKeeping
    organizers: OrganizersCalendars
    close: Callable[[], Awaitable[None]]
    """Closes both."""


class AuditService(MultiService):
    """Starts audits, one at a time for an integration, and keeps their results."""

    name = "audits"
    _log = Logger()

    def __init__(
        self,
        store: Store,
        runner: AuditRunner,
        connect: Callable[[Connector], MailboxAccess],
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        super().__init__()
        self._store = store
        self._runner = runner
        self._connect = connect
        self._clock = clock
        self._now = now
        self._states: dict[int, AuditState] = {}
        self._audits: dict[int, Deferred[None]] = {}
        self._open: dict[int, MailboxAccess] = {}
        self._held: set[int] = set()
        """The integrations of which no audit may begin."""
        # Not at the start: the watchers catch up first.
        Periodic("due audits", self._begin_due, clock, CHECK_INTERVAL).setServiceParent(
            self
        )

    def stopService(self) -> Deferred[None]:
        """Stop all audits; fire when they have ended."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await super().stopService()
        # An audit only reads; its repairs are durable or were not begun. So it may
        # end by the loss of its connections.
        for access in [*self._open.values()]:
            await self._close(access)
        for audit in [*self._audits.values()]:
            await audit

    def state(self, connector_id: int) -> AuditState | None:
        """Return the last audit since the daemon started, if there was one."""
        return self._states.get(connector_id)

    async def hold(self, connector_id: int, work: Callable[[], Awaitable[T]]) -> T:
        """Carry out `work` while no audit of an integration runs; return its result.

        One that is running ends without a result.
        """
        self._held.add(connector_id)
        try:
            access, audit = self._open.get(connector_id), self._audits.get(connector_id)
            if access is not None:
                await self._close(access)
            if audit is not None:
                ended: Deferred[None] = Deferred()
                audit.addCallback(lambda _: ended.callback(None))
                await ended
            return await work()
        finally:
            self._held.discard(connector_id)

    def begin(self, connector_id: int) -> None:
        """Begin an audit, unless one is running.

        Raises `NotFound` for an unknown integration, `Unavailable` for one that has
        no single-use rooms, or is held.
        """
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        if not wants_worker(connector):
            raise Unavailable(
                "This integration schedules nothing: enable_dynamic_vmrs is off, or it "
                "has no url or no room_mailbox_email_address."
            )
        if connector_id in self._audits:
            return
        if connector_id in self._held:
            raise Unavailable("Another command uses this mailbox: audit it later.")
        before = self._states.get(connector_id)
        self._states[connector_id] = AuditState(
            self._now(),
            report=before.report if before else None,
            mailbox=_mailbox(connector),
        )
        self._audits[connector_id] = Deferred()
        Deferred.fromCoroutine(self._audit(connector))

    async def _begin_due(self, _: Running) -> None:
        for connector in self._store.all(tables.CONNECTOR):
            is_held = connector.id in self._held
            if wants_worker(connector) and not is_held and self._is_due(connector):
                self.begin(connector.id)
        known = set(self._store.ids(tables.CONNECTOR))
        for gone in self._states.keys() - known - self._audits.keys():
            del self._states[gone]

    def _is_due(self, connector: Connector) -> bool:
        if connector.audit_interval == 0:
            return False
        last = self._states.get(connector.id)
        if last is None or last.mailbox != _mailbox(connector):
            return True
        interval = timedelta(minutes=connector.audit_interval)
        if last.error or (last.report is not None and last.report.automatic):
            interval = min(interval, RETRY_INTERVAL)
        return last.started + interval <= self._now()

    async def _audit(self, connector: Connector) -> None:
        started = self._clock.seconds()
        state = self._states[connector.id]
        report, error = state.report, ""
        access: MailboxAccess | None = None
        try:
            access = self._open[connector.id] = self._connect(connector)
            found = await self._runner.audit(
                connector, access.mailbox, access.organizers, self._keep_going
            )
            report = found or report
            if found is not None:
                self._log_end(connector, found, started)
        except StoreError as reason:
            error = reason.message  # the store stops the process and has said why
        except PexscheddError as reason:
            error = reason.message
            self._log.warn(
                "audit failed integration={integration} reason={reason}",
                integration=connector.id,
                reason=error,
            )
        except Exception:  # noqa: BLE001 - the next one may do better
            error = "an internal error; the log has the details"
            if self.running:  # otherwise the connections were closed on purpose
                self._log.failure(
                    "audit failed unexpectedly integration={integration}",
                    integration=connector.id,
                )
        finally:
            self._open.pop(connector.id, None)
            if access is not None:
                await self._close(access)
        self._states[connector.id] = msgspec.structs.replace(
            state, finished=self._now(), report=report, error=error
        )
        self._audits.pop(connector.id).callback(None)

    async def _close(self, access: MailboxAccess) -> None:
        try:
            await access.close()
        except Exception:  # noqa: BLE001 - the audit has to end all the same
            self._log.failure("audit failed to close its connections")

    def _log_end(
        self, connector: Connector, report: AuditReport, started: float
    ) -> None:
        self._log.info(
            "audit finished integration={integration} meetings={meetings} "
            "rooms={rooms} findings={findings} seconds={seconds:.1f}",
            integration=connector.id,
            meetings=report.meetings,
            rooms=report.rooms,
            findings=len(report.findings),
            seconds=self._clock.seconds() - started,
        )

    def _keep_going(self) -> bool:
        return bool(self.running)


def _mailbox(connector: Connector) -> str:
    return f"{connector.mailbox_address} at {connector.mailbox_server}"
