"""Executes the orders of the tools, for one integration or for all."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.control.protocol import (
    BackupOrder,
    BundleOrder,
    BundleParts,
    CheckOrder,
    Finished,
    MailboxOrder,
    MaintenanceOrder,
    MigrationOrder,
    Order,
    PasswordOrder,
    RecoveryOrder,
    TrialOrder,
)
from pexschedd.doctor.report import CheckStatus, DoctorReport
from pexschedd.doctor.trial.trial_report import TrialReport
from pexschedd.errors import InvalidFields, PexscheddError, StoreError
from pexschedd.model import tables
from pexschedd.scheduling.run_requests import (
    MaintenanceRequest,
    MigrationRequest,
    RecoveryRequest,
)
from pexschedd.scheduling.upkeep.mailbox_work import MailboxWork, WorkRequest
from pexschedd.scheduling.upkeep.progress import ProgressListener
from pexschedd.store.store import Store
from pexschedd.util.stop_signal import StopSignal

Examine = Callable[[int, str], Awaitable[DoctorReport]]
"""See `doctor.doctor.Doctor.examine`."""

TryOut = Callable[[int, str, Callable[[str], None], StopSignal], Awaitable[TrialReport]]
"""Tries an integration's tenant out, in the name of a user, with a function that is
told of the progress; raises `PexscheddError` if that cannot be done."""

Gather = Callable[[Sequence[DoctorReport]], BundleParts]
"""See `control.bundle_gatherer`."""

SetPassword = Callable[[str], Awaitable[None]]
"""Changes the administrator's password; raises `InvalidFields` for an unfit one."""


class Executor:
    """Executes orders; those that work in mailboxes by `work`, one at a time.

    Without `examine`, `try_out`, `set_password` or `gather`, orders that need them are
    refused.
    """

    def __init__(
        self,
        store: Store,
        work: MailboxWork,
        *,
        now: Now,
        examine: Examine | None = None,
        try_out: TryOut | None = None,
        set_password: SetPassword | None = None,
        gather: Gather | None = None,
    ) -> None:
        self._gather = gather
        self._store = store
        self._work = work
        self._now = now
        self._examine = examine
        self._try_out = try_out
        self._set_password = set_password

    async def run(
        self, order: Order, listener: ProgressListener, stop: StopSignal
    ) -> Finished:
        """Execute an order and return its outcome; errors are part of that.

        `listener` is told of the progress; the work ends at the next safe place once
        `stop` is set. Orders that work in mailboxes wait for each other.
        Raises `StoreError` when the store cannot be written.
        """
        match order:
            case CheckOrder():
                return await self._check(order, listener, stop)
            case TrialOrder():
                return await self._trial(order, listener, stop)
            case BackupOrder():
                return await self._backup(order, listener)
            case PasswordOrder():
                return await self._password(order)
            case BundleOrder():
                return await self._bundle(listener, stop)
        outcome = await self._work.run(
            self._request(order),
            order.exchange_connector_id,
            listener,
            stop,
            dry_run=order.dry_run,
        )
        return Finished(
            integrations=outcome.integrations,
            counts={**outcome.counts},
            failures=outcome.failures,
            reasons=outcome.reasons,
            refused=outcome.refused,
        )

    def _request(self, order: MailboxOrder) -> WorkRequest:
        now = self._now()
        match order:
            case RecoveryOrder():
                return RecoveryRequest(order.time_limit or now, order.update_message)
            case MaintenanceOrder():
                return MaintenanceRequest(
                    order.inbox_time_limit or now, order.calendar_time_limit or now
                )
            case MigrationOrder():
                return MigrationRequest(order.to)

    async def _backup(self, order: BackupOrder, listener: ProgressListener) -> Finished:
        if not Path(order.to).is_absolute():
            return Finished(refused=f"{order.to} is not an absolute path.")
        try:
            await self._store.snapshot(Path(order.to))
        except StoreError as error:
            return Finished(failures=1, reasons=(error.message,), code=error.code)
        listener.note(f"A copy of the state folder is in {order.to}.")
        return Finished()

    async def _bundle(self, listener: ProgressListener, stop: StopSignal) -> Finished:
        if self._gather is None:
            return Finished(refused="Bundles cannot be made here.")
        checked = await self._check(CheckOrder(), listener, stop)
        return replace(
            checked, failures=0, reports=(), bundle=self._gather(checked.reports)
        )

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

    async def _trial(
        self, order: TrialOrder, listener: ProgressListener, stop: StopSignal
    ) -> Finished:
        if self._try_out is None:
            return Finished(refused="Trials cannot be made here.")
        try:
            report = await self._try_out(
                order.exchange_connector_id, order.user, listener.note, stop
            )
        except PexscheddError as error:
            return Finished(refused=error.message)
        return Finished(
            integrations=1, failures=int(not report.is_complete), trial=report
        )

    async def _check(
        self, order: CheckOrder, listener: ProgressListener, stop: StopSignal
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
            if stop.is_set:
                break
            listener.progress("checking integration", each)
            reports.append(await self._examine(each, order.user))
        failures = sum(report.status is CheckStatus.FAILED for report in reports)
        return Finished(
            integrations=len(reports), failures=failures, reports=tuple(reports)
        )
