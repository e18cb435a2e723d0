"""Everything that keeps rooms and mailboxes in order, made and joined."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService

from pexschedd.clock import Now
from pexschedd.model.integration import Connector
from pexschedd.scheduling import janitor
from pexschedd.scheduling.alarms import Alarms
from pexschedd.scheduling.auditor import Auditor
from pexschedd.scheduling.audits import Audits, Connected
from pexschedd.scheduling.janitor import Janitor
from pexschedd.scheduling.maintenance import Maintainer
from pexschedd.scheduling.periodic import Periodic
from pexschedd.scheduling.recovery import Recoverer
from pexschedd.scheduling.reinstate import Reinstatement
from pexschedd.scheduling.wording import Wording
from pexschedd.store.store import Store
from pexschedd.tools.control import ControlSocket
from pexschedd.tools.workshop import Examine, SetPassword, Workshop


class Housekeeping(MultiService):
    """A service for each part: the janitor, the audits, the control socket."""

    def __init__(
        self,
        store: Store,
        wording: Wording,
        alarms: Alarms,
        connect: Callable[[Connector], Connected],
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
        reinstatement = Reinstatement(store, wording, now=now, digits=digits)
        recoverer = Recoverer(
            store,
            wording,
            reinstatement,
            clock=reactor,
            now=now,
            uuid4=uuid4,
            digits=digits,
        )
        maintainer = Maintainer(clock=reactor, now=now)
        auditor = Auditor(store, reinstatement, alarms, clock=reactor, now=now)
        self.audits = Audits(store, auditor, connect, clock=reactor, now=now)
        self.workshop = Workshop(
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
