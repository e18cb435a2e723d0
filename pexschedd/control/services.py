"""Everything that keeps rooms and mailboxes in order, made and joined."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService

from pexschedd.clock import Now
from pexschedd.control.executor import Examine, Executor, SetPassword
from pexschedd.control.socket import ControlSocket
from pexschedd.model.integration import Connector
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.scheduling.upkeep import janitor
from pexschedd.scheduling.upkeep.audit_runner import AuditRunner
from pexschedd.scheduling.upkeep.audit_service import AuditService, MailboxAccess
from pexschedd.scheduling.upkeep.janitor import Janitor
from pexschedd.scheduling.upkeep.maintenance import MaintenanceRunner
from pexschedd.scheduling.upkeep.meeting_recovery import MeetingRecovery
from pexschedd.scheduling.upkeep.recovery import RecoveryRunner
from pexschedd.scheduling.upkeep.restore_room import RoomRestorer
from pexschedd.store.store import Store
from pexschedd.util.periodic import Periodic


class UpkeepServices(MultiService):
    """A service for each part: the janitor, the audits, the control socket."""

    def __init__(
        self,
        store: Store,
        wording: MessageTexts,
        alarms: Alarms,
        connect: Callable[[Connector], MailboxAccess],
        *,
        state_dir: Path,
        reactor: Any,
        now: Now,
        uuid4: Callable[[], str],
        digits: Callable[[int], str],
        examine: Examine | None = None,
        set_password: SetPassword | None = None,
    ) -> None:
        super().__init__()
        restorer = RoomRestorer(store, wording, now=now, digits=digits)
        allocator = AliasAllocator(store, now=now, uuid4=uuid4, digits=digits)
        recovery = MeetingRecovery(store, wording, restorer, allocator, clock=reactor)
        recoverer = RecoveryRunner(recovery, clock=reactor, now=now)
        maintainer = MaintenanceRunner(clock=reactor, now=now)
        auditor = AuditRunner(store, restorer, alarms, clock=reactor, now=now)
        self.audits = AuditService(store, auditor, connect, clock=reactor, now=now)
        self.workshop = Executor(
            store,
            recoverer,
            maintainer,
            connect,
            now=now,
            examine=examine,
            set_password=set_password,
        )
        sweep = Janitor(store, clock=reactor, now=now).sweep
        for service in (
            Periodic("janitor", sweep, reactor, janitor.INTERVAL),
            self.audits,
            ControlSocket(state_dir, self.workshop, reactor),
        ):
            service.setServiceParent(self)
