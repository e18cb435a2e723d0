"""Recovery, maintenance and migration of equipment mailboxes, for tools and
administrators."""

from collections.abc import Callable, Mapping

import msgspec
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from pexschedd.errors import PexscheddError, StoreError, WorkStopped
from pexschedd.history.actor import SERVICE, Actor
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.inbox.supervisor import wants_worker
from pexschedd.scheduling.migration.migrator import MigrationRunner
from pexschedd.scheduling.run_requests import (
    MaintenanceRequest,
    MigrationRequest,
    RecoveryRequest,
)
from pexschedd.scheduling.upkeep.audit_service import MailboxAccess
from pexschedd.scheduling.upkeep.maintenance import MaintenanceRunner
from pexschedd.scheduling.upkeep.progress import ProgressListener, WorkTally
from pexschedd.scheduling.upkeep.recovery import RecoveryRunner
from pexschedd.store.store import Store
from pexschedd.util.stop_signal import StopSignal

WorkRequest = RecoveryRequest | MaintenanceRequest | MigrationRequest


class WorkOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one run, for all integrations that it was about."""

    integrations: int = 0
    """Number of integrations for which it was carried out."""
    counts: Mapping[str, int] = {}
    """The work done, by kind."""
    failures: int = 0
    reasons: tuple[str, ...] = ()
    """Reasons for the first failures."""
    refused: str = ""
    """The reason why nothing was done, if that was refused."""


class MailboxWork:
    """Recovers, maintains and migrates mailboxes; one run at a time, others wait for
    it.

    `connect` opens the mailboxes of an integration.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        recovery: RecoveryRunner,
        maintenance: MaintenanceRunner,
        connect: Callable[[Connector], MailboxAccess],
        migration: MigrationRunner,
    ) -> None:
        self._store = store
        self._migration = migration
        self._recovery = recovery
        self._maintenance = maintenance
        self._connect = connect
        self._lock = DeferredLock()

    async def run(
        self,
        request: WorkRequest,
        connector_id: int | None,
        listener: ProgressListener,
        stop: StopSignal,
        *,
        dry_run: bool = False,
        actor: Actor = SERVICE,
    ) -> WorkOutcome:
        """Carry out a request for one integration, or for all of them for None.

        Configuration is changed in the name of `actor`. `listener` is told of the
        progress; the work ends at the next safe place once `stop` is set; what waits
        for Exchange is cut short. What goes wrong is part of the outcome.
        Raises `StoreError` when the store cannot be written.
        """
        if self._lock.locked:
            listener.note("Another run is in progress; this one waits for it.")
        await self._lock.acquire()
        try:
            connectors, refused = self._select(connector_id)
            counts: dict[str, int] = {}
            failures = 0
            reasons: list[str] = []
            for connector in connectors:
                if stop.is_set:
                    break
                listener.note(f"Integration {connector.id}: {connector.name}")
                tally = await self._run_for(
                    request, connector, listener, stop, dry_run, actor
                )
                for what, count in tally.counts.items():
                    counts[what] = counts.get(what, 0) + count
                failures += tally.failures
                reasons += tally.reasons
            return WorkOutcome(
                integrations=len(connectors),
                counts=counts,
                failures=failures,
                reasons=tuple(reasons),
                refused=refused,
            )
        finally:
            self._lock.release()

    def refusal(self, connector_id: int) -> str:
        """Return why nothing can be done for an integration; empty if it can."""
        return self._select(connector_id)[1]

    def _select(self, id: int | None) -> tuple[list[Connector], str]:
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
        request: WorkRequest,
        connector: Connector,
        listener: ProgressListener,
        stop: StopSignal,
        dry_run: bool,
        actor: Actor,
    ) -> WorkTally:
        """Work for one integration; an error must not keep others from their turn."""
        tally = WorkTally()
        connected: MailboxAccess | None = None
        try:
            if isinstance(request, MigrationRequest):
                await self._migration.migrate(
                    *(connector, request, actor, listener, stop, tally),
                    dry_run=dry_run,
                )
                return tally
            connected = self._connect(connector)
            match request:
                case RecoveryRequest():
                    await self._recovery.recover(
                        connector,
                        connected.mailbox,
                        connected.organizers,
                        request,
                        listener,
                        stop,
                        tally,
                        dry_run=dry_run,
                    )
                case MaintenanceRequest():
                    await self._maintenance.maintain(
                        connected.mailbox,
                        request,
                        listener,
                        stop,
                        tally,
                        dry_run=dry_run,
                    )
        except StoreError:
            raise
        except WorkStopped as stopped:
            listener.note(stopped.message)
        except PexscheddError as error:
            tally.failed(f"integration {connector.id}: {error.message}")
        except Exception:  # noqa: BLE001 - the log has it, the administrator a hint
            self._log.failure(
                "mailbox work failed integration={integration} request={request}",
                integration=connector.id,
                request=request,
            )
            tally.failed(f"integration {connector.id}: an internal error; see the log")
        finally:
            if connected is not None:
                await connected.close()
        return tally
