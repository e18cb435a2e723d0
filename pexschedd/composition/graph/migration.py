"""The migration of integrations, put together from its parts: the supervisor and the
audits that are held, the doctor, and the store's changes."""

from collections.abc import Awaitable, Callable, Sequence

from pexschedd.composition.clients import Clients
from pexschedd.composition.runtime import Runtime
from pexschedd.doctor.report import CheckStatus, DoctorReport, ReportLine
from pexschedd.history.recorder import settle
from pexschedd.management.transfer.together import PreparedPut, put_together
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.inbox.supervisor import Supervisor
from pexschedd.scheduling.migration.migrator import (
    MigrationRunner,
    TargetExamination,
)
from pexschedd.scheduling.migration.waiting_messages import TableRecord
from pexschedd.scheduling.upkeep.audit_service import AuditService
from pexschedd.util.stop_signal import StopSignal


def migration_runner(
    runtime: Runtime,
    clients: Clients,
    supervisor: Supervisor,
    audits: AuditService,
    examine_mailbox: Callable[[Connector, Connector], Awaitable[DoctorReport]],
) -> MigrationRunner:
    """Return what migrates integrations."""
    store = runtime.store

    async def examine(target: Connector, present: Connector) -> TargetExamination:
        return _in_words(await examine_mailbox(target, present))

    def save(records: Sequence[TableRecord]) -> Awaitable[None]:
        puts = [
            PreparedPut(table, record, store.prepare(table, record))
            for table, record in records
        ]
        saved = put_together(store, puts, runtime.now())

        async def durable() -> None:
            await saved
            await settle(store)

        return durable()

    return MigrationRunner(
        store,
        _Hold(supervisor, audits),
        examine,
        clients.graph.message_names,
        save,
        clock=runtime.reactor,
        now=runtime.now,
    )


class _Hold:
    def __init__(self, supervisor: Supervisor, audits: AuditService) -> None:
        self._supervisor = supervisor
        self._audits = audits

    async def hold(
        self, connector_id: int, work: Callable[[], Awaitable[None]]
    ) -> None:
        await self._audits.hold(
            connector_id, lambda: self._supervisor.hold(connector_id, work)
        )

    async def look_once(self, connector_id: int, stop: StopSignal) -> None:
        await self._supervisor.look_once(connector_id, stop)


NEEDED = ("processing", "mail_send")
"""The doctor's checks of what answers depend on, and which may stay without a result.
What the other ones may leave open does not keep meetings from being scheduled."""


def _in_words(report: DoctorReport) -> TargetExamination:
    def of(status: CheckStatus) -> list[ReportLine]:
        return [each for each in report.lines if each.status is status]

    unknown = [each for each in of(CheckStatus.NOT_CHECKED) if each.check in NEEDED]
    return TargetExamination(
        failures=[*map(_line, of(CheckStatus.FAILED))],
        warnings=[*map(_line, of(CheckStatus.WARNING))],
        unknown=[*map(_line, unknown)],
    )


def _line(line: ReportLine) -> str:
    """One line of text; the commands are numbered because remedies count them."""
    parts = [f"{line.title}: {line.message}", line.cause, line.remedy]
    if line.commands:
        numbered = (f"({n}) {each}" for n, each in enumerate(line.commands, 1))
        parts.append(f"PowerShell: {' '.join(numbered)}")
    return " ".join(part for part in parts if part)
