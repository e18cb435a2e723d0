"""Executes the orders of the tools, for one integration or for all."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.control.protocol import (
    BackupOrder,
    CheckOrder,
    Finished,
    MailboxOrder,
    MaintenanceOrder,
    Order,
    PasswordOrder,
    RecoveryOrder,
)
from pexschedd.doctor.report import CheckStatus, DoctorReport
from pexschedd.errors import InvalidFields, PexscheddError, StoreError
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.inbox.supervisor import wants_worker
from pexschedd.scheduling.upkeep.audit_service import MailboxAccess
from pexschedd.scheduling.upkeep.maintenance import (
    MaintenanceRequest,
    MaintenanceRunner,
)
from pexschedd.scheduling.upkeep.progress import KeepGoing, ProgressListener, WorkTally
from pexschedd.scheduling.upkeep.recovery import RecoveryRequest, RecoveryRunner
from pexschedd.store.store import Store

Examine = Callable[[int, str], Awaitable[DoctorReport]]
"""See `doctor.doctor.Doctor.examine`."""

SetPassword = Callable[[str], Awaitable[None]]
"""Changes the administrator's password; raises `InvalidFields` for an unfit one."""


class Executor:
    """Executes orders; one at a time of those that work in mailboxes.

    `connect` opens the mailboxes of an integration. Without `examine` or
    `set_password`, orders that need them are refused.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        recovery: RecoveryRunner,
        maintenance: MaintenanceRunner,
        connect: Callable[[Connector], MailboxAccess],
        *,
        now: Now,
        examine: Examine | None = None,
        set_password: SetPassword | None = None,
    ) -> None:
        self._store = store
        self._recovery = recovery
        self._maintenance = maintenance
        self._connect = connect
        self._now = now
        self._examine = examine
        self._set_password = set_password
        self._lock = DeferredLock()

    async def run(
        self, order: Order, listener: ProgressListener, keep_going: KeepGoing
    ) -> Finished:
        """Execute an order and return its outcome; errors are part of that.

        `listener` is told of the progress; the work stops at the next safe place once
        `keep_going` returns False. Orders that work in mailboxes wait for each other.
        Raises `StoreError` when the store cannot be written.
        """
        match order:
            case CheckOrder():
                return await self._check(order, listener, keep_going)
            case BackupOrder():
                return await self._backup(order, listener)
            case PasswordOrder():
                return await self._password(order)
        if self._lock.locked:
            listener.note("Another run is in progress; this one waits for it.")
        await self._lock.acquire()
        try:
            return await self._run(order, listener, keep_going)
        finally:
            self._lock.release()

    async def _run(
        self, order: MailboxOrder, listener: ProgressListener, keep_going: KeepGoing
    ) -> Finished:
        connectors, refused = self._select(order)
        counts: dict[str, int] = {}
        failures = 0
        reasons: list[str] = []
        for connector in connectors:
            if not keep_going():
                break
            listener.note(f"Integration {connector.id}: {connector.name}")
            tally = await self._run_for(order, connector, listener, keep_going)
            for what, count in tally.counts.items():
                counts[what] = counts.get(what, 0) + count
            failures += tally.failures
            reasons += tally.reasons
        return Finished(
            integrations=len(connectors),
            counts=counts,
            failures=failures,
            reasons=tuple(reasons),
            refused=refused,
        )

    async def _backup(self, order: BackupOrder, listener: ProgressListener) -> Finished:
        if not Path(order.to).is_absolute():
            return Finished(refused=f"{order.to} is not an absolute path.")
        try:
            await self._store.snapshot(Path(order.to))
        except StoreError as error:
            return Finished(failures=1, reasons=(error.message,))
        listener.note(f"A copy of the state folder is in {order.to}.")
        return Finished()

    async def _password(self, order: PasswordOrder) -> Finished:
        if self._set_password is None:
            return Finished(refused="Passwords cannot be set here.")
        try:
            await self._set_password(order.password)
        except InvalidFields as error:
            (problem,) = error.problems["password"]
            return Finished(refused=f"The new password: {problem}")
        except PexscheddError as error:
            return Finished(failures=1, reasons=(error.message,))
        return Finished()

    async def _check(
        self, order: CheckOrder, listener: ProgressListener, keep_going: KeepGoing
    ) -> Finished:
        id = order.exchange_connector_id
        known = list(self._store.ids(tables.CONNECTOR))
        if self._examine is None:
            return Finished(refused="Checks cannot be made here.")
        if id is not None and id not in known:
            listed = ", ".join(map(str, known)) or "none"
            return Finished(
                refused=f"There is no integration {id}; there are: {listed}."
            )
        reports = []
        for each in known if id is None else [id]:
            if not keep_going():
                break
            listener.progress("checking integration", each)
            reports.append(await self._examine(each, order.user))
        failures = sum(report.status is CheckStatus.FAILED for report in reports)
        return Finished(
            integrations=len(reports), failures=failures, reports=tuple(reports)
        )

    def _select(self, order: MailboxOrder) -> tuple[list[Connector], str]:
        id = order.exchange_connector_id
        if id is None:
            every = self._store.all(tables.CONNECTOR)
            return [c for c in every if wants_worker(c)], ""
        connector = self._store.get(tables.CONNECTOR, id)
        if connector is None:
            known = ", ".join(str(i) for i in self._store.ids(tables.CONNECTOR))
            return [], f"There is no integration {id}; there are: {known or 'none'}."
        if not wants_worker(connector):
            return [], (
                f"Integration {id} schedules nothing: enable_dynamic_vmrs is off, or "
                "it has no url or no room_mailbox_email_address."
            )
        return [connector], ""

    async def _run_for(
        self,
        order: MailboxOrder,
        connector: Connector,
        listener: ProgressListener,
        keep_going: KeepGoing,
    ) -> WorkTally:
        """Work for one integration; an error must not keep others from their turn."""
        tally = WorkTally()
        connected: MailboxAccess | None = None
        try:
            connected = self._connect(connector)
            match order:
                case RecoveryOrder():
                    request = RecoveryRequest(
                        order.time_limit or self._now(), order.update_message
                    )
                    await self._recovery.recover(
                        connector,
                        connected.mailbox,
                        connected.organizers,
                        request,
                        listener,
                        keep_going,
                        tally,
                        dry_run=order.dry_run,
                    )
                case MaintenanceOrder():
                    limits = MaintenanceRequest(
                        order.inbox_time_limit or self._now(),
                        order.calendar_time_limit or self._now(),
                    )
                    await self._maintenance.maintain(
                        connected.mailbox,
                        limits,
                        listener,
                        keep_going,
                        tally,
                        dry_run=order.dry_run,
                    )
        except StoreError:
            raise
        except PexscheddError as error:
            tally.failed(f"integration {connector.id}: {error.message}")
        except Exception:  # noqa: BLE001 - the log has it, the administrator a hint
            self._log.failure(
                "order failed integration={integration} order={order}",
                integration=connector.id,
                order=order,
            )
            tally.failed(f"integration {connector.id}: an internal error; see the log")
        finally:
            if connected is not None:
                await connected.close()
        return tally
