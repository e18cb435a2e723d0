"""Runs the audits of all integrations, by interval and on demand."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import NotFound, PexscheddError, StoreError, Unavailable
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.scheduling.inbox.supervisor import wants_worker
from pexschedd.scheduling.ports.mailbox import MailboxKeeping, OrganizersCalendars
from pexschedd.scheduling.upkeep.audit_rules import AuditReport
from pexschedd.scheduling.upkeep.audit_runner import AuditRunner
from pexschedd.store.store import Store

LOOK = 60.0
"""Seconds between two looks at which integration is due."""

AGAIN = timedelta(minutes=5)
"""After an audit that found what is to be mended in Exchange: has it been?"""


class AuditState(msgspec.Struct, frozen=True):
    """An integration's last audit."""

    started: datetime
    finished: datetime | None = None
    """None while it runs."""
    report: AuditReport | None = None
    """Of the last audit that came to its end."""
    error: str = ""
    """Why the last one did not."""
    mailbox: str = ""
    """Which one it was of."""


class MailboxAccess(msgspec.Struct, frozen=True):
    """What an integration's administration talks to."""

    keeping: MailboxKeeping
    organizers: OrganizersCalendars
    close: Callable[[], Awaitable[None]]


class AuditService(Service):
    name = "audits"
    _log = Logger()

    def __init__(
        self,
        store: Store,
        auditor: AuditRunner,
        connect: Callable[[Connector], MailboxAccess],
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._store = store
        self._auditor = auditor
        self._connect = connect
        self._now = now
        self._states: dict[int, AuditState] = {}
        self._under_way: dict[int, Deferred[None]] = {}
        self._connected: dict[int, MailboxAccess] = {}
        self._looks = LoopingCall(self._look)
        self._looks.clock = clock

    def startService(self) -> None:
        super().startService()
        # Not at once: the watchers first catch up with what happened meanwhile.
        self._looks.start(LOOK, now=False)

    def stopService(self) -> Deferred[None]:
        super().stopService()
        if self._looks.running:
            self._looks.stop()
        for connected in self._connected.values():
            # It only reads; what it heals is durable or was not begun.
            Deferred.fromCoroutine(_closed(connected))
        everything = DeferredList([*self._under_way.values()])
        return everything.addCallback(lambda _: None)

    def state(self, connector_id: int) -> AuditState | None:
        """None: there was no audit since the daemon started."""
        return self._states.get(connector_id)

    def begin(self, connector_id: int) -> None:
        """Begins an audit, unless one is under way.

        Raises `NotFound` for an unknown integration, `Unavailable` for one that has
        no single-use rooms.
        """
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        if not wants_worker(connector):
            raise Unavailable(
                "This integration schedules nothing: enable_dynamic_vmrs is off, or it "
                "has no url or no room_mailbox_email_address."
            )
        if connector_id in self._under_way:
            return
        before = self._states.get(connector_id)
        self._states[connector_id] = AuditState(
            self._now(),
            report=before.report if before else None,
            mailbox=_mailbox(connector),
        )
        self._under_way[connector_id] = Deferred()
        Deferred.fromCoroutine(self._audit(connector))

    def _look(self) -> None:
        for connector in self._store.all(tables.CONNECTOR):
            if wants_worker(connector) and self._is_due(connector):
                self.begin(connector.id)
        known = set(self._store.ids(tables.CONNECTOR))
        for gone in self._states.keys() - known - self._under_way.keys():
            del self._states[gone]

    def _is_due(self, connector: Connector) -> bool:
        if connector.audit_interval == 0:
            return False
        last = self._states.get(connector.id)
        if last is None or last.mailbox != _mailbox(connector):
            return True
        interval = timedelta(minutes=connector.audit_interval)
        if last.error or (last.report is not None and last.report.automatic):
            interval = min(interval, AGAIN)
        return last.started + interval <= self._now()

    async def _audit(self, connector: Connector) -> None:
        state = self._states[connector.id]
        report, error = state.report, ""
        connected: MailboxAccess | None = None
        try:
            connected = self._connected[connector.id] = self._connect(connector)
            found = await self._auditor.audit(
                connector, connected.keeping, connected.organizers, self._goes_on
            )
            report = found or report
        except StoreError as reason:
            error = reason.message  # the store stops the process and has said why
        except PexscheddError as reason:
            error = reason.message
            self._log.warn(
                "integration {name}: the calendar could not be compared with the "
                "rooms: {reason}",
                name=connector.name,
                integration=connector.id,
                reason=error,
            )
        except Exception:  # noqa: BLE001 - the next one may do better
            error = "an internal error; the log has the details"
            if self.running:  # or it was broken off
                self._log.failure(
                    "integration {name}: the audit",
                    name=connector.name,
                    integration=connector.id,
                )
        finally:
            self._connected.pop(connector.id, None)
            if connected is not None:
                await connected.close()
        self._states[connector.id] = msgspec.structs.replace(
            state, finished=self._now(), report=report, error=error
        )
        self._under_way.pop(connector.id).callback(None)

    def _goes_on(self) -> bool:
        return bool(self.running)


def _mailbox(connector: Connector) -> str:
    return f"{connector.room_mailbox_email_address} at {connector.url}"


async def _closed(connected: MailboxAccess) -> None:
    await connected.close()
