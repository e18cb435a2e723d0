"""The services that keep rooms and mailboxes in order, and the control socket."""

from collections.abc import Awaitable, Callable, Sequence

from twisted.application.service import MultiService

from pexschedd.composition.clients import Clients
from pexschedd.composition.graph.migration import migration_runner
from pexschedd.composition.graph.tenant_trials import TenantTrials
from pexschedd.composition.runtime import Runtime, digits, uuid4
from pexschedd.control.bundle_gatherer import BundleGatherer
from pexschedd.control.executor import Executor, SetPassword
from pexschedd.control.socket import ControlSocket
from pexschedd.doctor.doctor import Doctor
from pexschedd.doctor.trial.trial_report import TrialReport
from pexschedd.scheduling.alarms.health import HealthCheck
from pexschedd.scheduling.inbox.supervisor import Supervisor
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.upkeep import janitor
from pexschedd.scheduling.upkeep.audit_runner import AuditRunner
from pexschedd.scheduling.upkeep.audit_service import AuditService
from pexschedd.scheduling.upkeep.janitor import Janitor
from pexschedd.scheduling.upkeep.mailbox_commands import MailboxCommands
from pexschedd.scheduling.upkeep.mailbox_work import MailboxWork
from pexschedd.scheduling.upkeep.maintenance import MaintenanceRunner
from pexschedd.scheduling.upkeep.meeting_recovery import MeetingRecovery
from pexschedd.scheduling.upkeep.recovery import RecoveryRunner
from pexschedd.scheduling.upkeep.restore_room import RoomRestorer
from pexschedd.util.periodic import Periodic


class UpkeepServices(MultiService):
    """Runs the janitor, the audits and the control socket.

    `doctor` and `set_password` carry out the orders that concern neither rooms nor
    mailboxes; `supervisor` is held while an integration is migrated or tried out.
    `checks` are those of the daemon's health, for support bundles.
    """

    def __init__(
        self,
        runtime: Runtime,
        clients: Clients,
        *,
        doctor: Doctor,
        supervisor: Supervisor,
        set_password: SetPassword,
        checks: Callable[[], Sequence[HealthCheck]],
    ) -> None:
        super().__init__()
        store, texts = runtime.store, runtime.message_texts
        clock, now = runtime.reactor, runtime.now
        connect = clients.connections.both
        restorer = RoomRestorer(store, texts, now=now, digits=digits)
        allocator = AliasAllocator(store, now=now, uuid4=uuid4, digits=digits)
        meetings = MeetingRecovery(
            store,
            texts,
            restorer,
            allocator,
            clock=clock,
            heavy_work=runtime.heavy_work,
        )
        recovery = RecoveryRunner(
            meetings, clock=clock, now=now, heavy_work=runtime.heavy_work
        )
        maintenance = MaintenanceRunner(clock=clock, now=now)
        auditor = AuditRunner(store, restorer, runtime.alarms, clock=clock, now=now)
        self.audits = AuditService(store, auditor, connect, clock=clock, now=now)
        migration = migration_runner(
            runtime, clients, supervisor, self.audits, doctor.examine_mailbox
        )
        work = MailboxWork(store, recovery, maintenance, connect, migration)

        async def hold(
            connector_id: int, trial: Callable[[], Awaitable[TrialReport]]
        ) -> TrialReport:
            return await self.audits.hold(
                connector_id, lambda: supervisor.hold(connector_id, trial)
            )

        self.mailbox_commands = MailboxCommands(work, store, clock, now)
        self.executor = Executor(
            store,
            work,
            now=now,
            examine=doctor.examine,
            try_out=TenantTrials(runtime, clients.graph, hold).run,
            set_password=set_password,
            gather=BundleGatherer(
                store, runtime.config, checks, runtime.metrics.exposition
            ).gather,
        )
        trust = runtime.clock_trust
        sweep = Janitor(store, clock=clock, now=now, doubt=lambda: trust.doubt).sweep
        for service in (
            Periodic("janitor", sweep, clock, janitor.INTERVAL),
            self.audits,
            self.mailbox_commands,
            ControlSocket(runtime.config.state_dir, self.executor, clock),
        ):
            service.setServiceParent(self)
