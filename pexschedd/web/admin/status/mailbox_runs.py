"""The records of the status lists `exchange_scheduler_recovery`,
`exchange_scheduler_maintenance` and `exchange_scheduler_migration`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from pexschedd.management.computed.mailbox_work import (
    MailboxProgress,
    MailboxRunStatus,
    MaintenanceStatus,
    MigrationStatus,
    RecoveryStatus,
)
from pexschedd.management.computed.resources import COMPUTED
from pexschedd.management.resources import AnyResource
from pexschedd.model import tables
from pexschedd.scheduling.run_requests import (
    DEFAULT_MESSAGE,
    PROTOCOLS,
    MaintenanceRequest,
    MigrationRequest,
    RecoveryRequest,
)
from pexschedd.scheduling.upkeep.mailbox_commands import MailboxCommands, MailboxRun
from pexschedd.scheduling.upkeep.mailbox_work import WorkRequest
from pexschedd.store.store import Store


class RunKind(msgspec.Struct, frozen=True):
    """One of the commands, and where its results are."""

    name: str
    status: str
    """The status list."""
    shown: type[MailboxRunStatus]
    """A record of that list."""
    request: type[WorkRequest]
    """Made of the settings, in their order."""
    settings: Mapping[str, object]
    """The settings beside `dry_run`, with their defaults; None is the time now."""
    choices: Mapping[str, Sequence[str]] = {}
    """The values of those that have only a few."""

    @property
    def resource(self) -> AnyResource:
        """The resource of its results."""
        return COMPUTED[self.status].resource


KINDS = (
    RunKind(
        "recover",
        "exchange_scheduler_recovery",
        RecoveryStatus,
        RecoveryRequest,
        {"time_limit": None, "update_message": DEFAULT_MESSAGE},
    ),
    RunKind(
        "maintain",
        "exchange_scheduler_maintenance",
        MaintenanceStatus,
        MaintenanceRequest,
        {"inbox_time_limit": None, "calendar_time_limit": None},
    ),
    RunKind(
        "migrate",
        "exchange_scheduler_migration",
        MigrationStatus,
        MigrationRequest,
        {"to": PROTOCOLS[0]},
        {"to": PROTOCOLS},
    ),
)


def run_statuses(
    kind: RunKind, store: Store, commands: MailboxCommands
) -> Iterator[MailboxRunStatus]:
    """Yield the last run of a kind of each integration that has had one since the
    start."""
    for id_ in store.ids(tables.CONNECTOR):
        run = commands.last(kind.request, id_)
        if run is not None:
            yield run_status(kind, id_, run)


def run_status(kind: RunKind, connector_id: int, run: MailboxRun) -> MailboxRunStatus:
    """Return a run as it is shown."""
    outcome = run.outcome
    values = msgspec.structs.astuple(run.request)
    settings: dict[str, Any] = dict(zip(kind.settings, values, strict=True))
    return kind.shown(
        id=connector_id,
        exchange_connector_id=connector_id,
        administrator=run.actor.name,
        correlation_id=run.actor.correlation_id,
        dry_run=run.dry_run,
        start_time=run.started,
        end_time=run.finished,
        running=run.finished is None,
        stopped=run.stop.is_set,
        progress=MailboxProgress(run.stage, run.done, run.total),
        notes=[*run.notes],
        counts=outcome.counts if outcome else None,
        failures=outcome.failures if outcome else None,
        reasons=[*outcome.reasons] if outcome else [],
        error=run.error,
        **settings,
    )
