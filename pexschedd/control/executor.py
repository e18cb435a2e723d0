"""Carries out a tool's order for one or all integrations."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.control.protocol import (
    BackupOrder,
    CheckOrder,
    Chore,
    Finished,
    MaintenanceOrder,
    Order,
    PasswordOrder,
    RecoveryOrder,
)
from pexschedd.doctor.report import CheckStatus, DoctorReport
from pexschedd.errors import InvalidFields, PexscheddError, StoreError
from pexschedd.model import tables
from pexschedd.model.integration import Connector
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
"""See `doctor.Doctor.examine`."""

SetPassword = Callable[[str], Awaitable[None]]
"""Of the administrator; raises `InvalidFields` for one that will not do."""


class Executor:
    _log = Logger()

    def __init__(
        self,
        store: Store,
        recoverer: RecoveryRunner,
        maintainer: MaintenanceRunner,
        connect: Callable[[Connector], MailboxAccess],
        *,
        now: Now,
        examine: Examine | None = None,
        set_password: SetPassword | None = None,
    ) -> None:
        self._store = store
        self._recoverer = recoverer
        self._maintainer = maintainer
        self._connect = connect
        self._now = now
        self._examine = examine
        self._set_password = set_password
        self._lock = DeferredLock()

    async def run(
        self, order: Order, say: ProgressListener, working: KeepGoing
    ) -> Finished:
        """One at a time of those that work in mailboxes; the others need not wait."""
        match order:
            case CheckOrder():
                return await self._check(order, say, working)
            case BackupOrder():
                return await self._backup(order, say)
            case PasswordOrder():
                return await self._password(order)
        if self._lock.locked:
            say.note("Another run is under way; this one waits for it.")
        await self._lock.acquire()
        try:
            return await self._run(order, say, working)
        finally:
            self._lock.release()

    async def _run(
        self, order: Chore, say: ProgressListener, working: KeepGoing
    ) -> Finished:
        connectors, refused = self._wanted(order)
        counts: dict[str, int] = {}
        failures = 0
        reasons: list[str] = []
        for connector in connectors:
            if not working():
                break
            say.note(f"Integration {connector.id}: {connector.name}")
            tally = await self._work(order, connector, say, working)
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

    async def _backup(self, order: BackupOrder, say: ProgressListener) -> Finished:
        if not Path(order.to).is_absolute():
            return Finished(refused=f"{order.to} is not an absolute path.")
        try:
            await self._store.snapshot(Path(order.to))
        except StoreError as error:
            return Finished(failures=1, reasons=(error.message,))
        say.note(f"A copy of the state folder is in {order.to}.")
        return Finished()

    async def _password(self, order: PasswordOrder) -> Finished:
        if self._set_password is None:
            return Finished(refused="Nobody here can set a password.")
        try:
            await self._set_password(order.password)
        except InvalidFields as error:
            (problem,) = error.problems["password"]
            return Finished(refused=f"The new password: {problem}")
        except PexscheddError as error:
            return Finished(failures=1, reasons=(error.message,))
        return Finished()

    async def _check(
        self, order: CheckOrder, say: ProgressListener, working: KeepGoing
    ) -> Finished:
        id = order.exchange_connector_id
        known = list(self._store.ids(tables.CONNECTOR))
        if self._examine is None:
            return Finished(refused="Nobody here can make checks.")
        if id is not None and id not in known:
            listed = ", ".join(map(str, known)) or "none"
            return Finished(
                refused=f"There is no integration {id}; there are: {listed}."
            )
        reports = []
        for each in known if id is None else [id]:
            if not working():
                break
            say.progress("checking integration", each)
            reports.append(await self._examine(each, order.user))
        failures = sum(report.status is CheckStatus.FAILED for report in reports)
        return Finished(
            integrations=len(reports), failures=failures, reports=tuple(reports)
        )

    def _wanted(self, order: Chore) -> tuple[list[Connector], str]:
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

    async def _work(
        self,
        order: Chore,
        connector: Connector,
        say: ProgressListener,
        working: KeepGoing,
    ) -> WorkTally:
        """Whatever happens to one integration, the others have their turn."""
        tally = WorkTally()
        connected: MailboxAccess | None = None
        try:
            connected = self._connect(connector)
            match order:
                case RecoveryOrder():
                    what = RecoveryRequest(
                        order.time_limit or self._now(), order.update_message
                    )
                    await self._recoverer.recover(
                        connector,
                        connected.mailbox,
                        connected.organizers,
                        what,
                        say,
                        working,
                        tally,
                        dry_run=order.dry_run,
                    )
                case MaintenanceOrder():
                    limits = MaintenanceRequest(
                        order.inbox_time_limit or self._now(),
                        order.calendar_time_limit or self._now(),
                    )
                    await self._maintainer.maintain(
                        connected.mailbox,
                        limits,
                        say,
                        working,
                        tally,
                        dry_run=order.dry_run,
                    )
        except StoreError:
            raise
        except PexscheddError as error:
            tally.failed(f"integration {connector.id}: {error.message}")
        except Exception:  # noqa: BLE001 - the log has it, the administrator a hint
            self._log.failure("integration {id}: {order}", id=connector.id, order=order)
            tally.failed(f"integration {connector.id}: an internal error; see the log")
        finally:
            if connected is not None:
                await connected.close()
        return tally
