"""Recovery, maintenance and migration that administrators begin, and what has become of
them.

They are carried out in the background, by the same `MailboxWork` as the tools' orders.
The last run of each kind is in the store, so it outlasts a restart.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import CommandRunning, NotFound, StoreError, Unavailable
from pexschedd.history.actor import Actor
from pexschedd.model import tables
from pexschedd.model.outbox import MailboxCommandRun
from pexschedd.scheduling.run_requests import (
    MaintenanceRequest,
    MigrationRequest,
    RecoveryRequest,
)
from pexschedd.scheduling.upkeep.mailbox_work import (
    MailboxWork,
    WorkOutcome,
    WorkRequest,
)
from pexschedd.store.store import Store
from pexschedd.util.stop_signal import StopSignal

MOST_NOTES = 200
"""Lines about a run that are kept, the last ones."""
INTERRUPTED = (
    "The daemon ended before this had come to its end. What it had done is kept; begin "
    "it again."
)
STOPPED_WITHIN = 5.0
"""Seconds that the daemon waits, when it stops, for a run to get to a safe place."""


class MailboxRun:
    """One run for one integration, under way or finished."""

    def __init__(
        self, request: WorkRequest, actor: Actor, started: datetime, *, dry_run: bool
    ) -> None:
        self.request = request
        self.actor = actor
        self.dry_run = dry_run
        self.started = started
        self.finished: datetime | None = None
        self.stage = ""
        """The part of the work, in words; empty before it has begun."""
        self.done = 0
        self.total: int | None = None
        """The items of the stage, if that is known."""
        self.notes: deque[str] = deque(maxlen=MOST_NOTES)
        self.stop = StopSignal()
        """Set if it is to end before everything is done."""
        self.outcome: WorkOutcome | None = None
        """None until it has come to its end."""
        self.error = ""
        """The reason why it did not; empty if it did."""

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        """Take a report of the work."""
        self.stage, self.done, self.total = what, done, total

    def note(self, text: str) -> None:
        """Take a line of text."""
        self.notes.append(text)

    def record(self, id: int, connector_id: int) -> MailboxCommandRun:
        """Return the run as it is stored."""
        request, outcome = self.request, self.outcome
        settings: dict[str, Any]
        match request:
            case RecoveryRequest():
                settings = {"limits": (request.since,), "message": request.message}
            case MaintenanceRequest():
                settings = {"limits": (request.inbox_limit, request.calendar_limit)}
            case MigrationRequest():
                settings = {"limits": (), "message": request.to}
        return MailboxCommandRun(
            id=id,
            exchange_connector=connector_id,
            command=command_of(request),
            administrator=self.actor.name,
            address=self.actor.address,
            correlation_id=self.actor.correlation_id,
            dry_run=self.dry_run,
            started=self.started,
            finished=self.finished,
            stopped=self.stop.is_set,
            error=self.error,
            notes=tuple(self.notes),
            counts={**outcome.counts} if outcome else None,
            failures=outcome.failures if outcome else 0,
            reasons=outcome.reasons if outcome else (),
            **settings,
        )


def restored_run(record: MailboxCommandRun, now: datetime) -> MailboxRun:
    """Return a run that was stored. One that was under way when the daemon ended has
    ended with it."""
    limits = record.limits
    request: WorkRequest
    match record.command:
        case "recover":
            request = RecoveryRequest(limits[0], record.message)
        case "migrate":
            request = MigrationRequest(record.message)
        case _:
            request = MaintenanceRequest(*limits)
    actor = Actor(record.administrator, record.address, record.correlation_id)
    run = MailboxRun(request, actor, record.started, dry_run=record.dry_run)
    run.notes.extend(record.notes)
    run.finished = record.finished or now
    run.error = record.error if record.finished else INTERRUPTED
    if record.stopped:
        run.stop.set()
    if record.counts is not None:
        run.outcome = WorkOutcome(
            counts=record.counts, failures=record.failures, reasons=record.reasons
        )
    return run


class MailboxCommands(Service):
    """Begins runs, one at a time for an integration, and keeps the last of each."""

    name = "mailbox commands"
    _log = Logger()

    def __init__(
        self, work: MailboxWork, store: Store, clock: IReactorTime, now: Now
    ) -> None:
        self._work = work
        self._store = store
        self._clock = clock
        self._now = now
        self._runs = {
            (each.command, each.exchange_connector): restored_run(each, now())
            for each in store.all(tables.MAILBOX_COMMAND_RUN)
        }
        self._under_way: dict[int, MailboxRun] = {}
        self._endings: set[Deferred[None]] = set()
        """Each fires when a run has ended, and its record is durable."""

    def stopService(self) -> Deferred[None]:
        """Have all runs end at their next safe place, and wait a while for that.

        A run that waits for Exchange ends at once; one that Exchange is changing
        something for may take the time that the answer takes.
        """
        super().stopService()
        waiting = [*self._endings]
        for run in [*self._under_way.values()]:
            run.stop.set()
        # One that has not ended in time is no longer waited for.
        stopped: Deferred[Any] = DeferredList(waiting, consumeErrors=True)
        stopped.addTimeout(STOPPED_WITHIN, self._clock)
        return stopped.addCallback(lambda _: None)

    def last(self, kind: type[WorkRequest], connector_id: int) -> MailboxRun | None:
        """Return the last run of a kind, if there was one."""
        return self._runs.get((_COMMANDS[kind], connector_id))

    def begin(
        self, connector_id: int, request: WorkRequest, actor: Actor, *, dry_run: bool
    ) -> MailboxRun:
        """Begin a run.

        Raises `NotFound` for an unknown integration, `Unavailable` for one that has no
        single-use rooms, and `CommandRunning` while another run of it is under way.
        """
        if self._store.get(tables.CONNECTOR, connector_id) is None:
            raise NotFound(f"There is no integration {connector_id}.")
        refusal = self._work.refusal(connector_id)
        if refusal:
            raise Unavailable(refusal)
        if connector_id in self._under_way:
            raise CommandRunning(
                "A recovery, maintenance or migration of this integration is under "
                "way. Wait for its end, or stop it."
            )
        run = MailboxRun(request, actor, self._now(), dry_run=dry_run)
        self._forget_gone()
        self._runs[command_of(request), connector_id] = run
        self._under_way[connector_id] = run
        ended: Deferred[None] = Deferred()
        self._endings.add(ended)
        Deferred.fromCoroutine(self._carry_out(connector_id, run, ended))
        return run

    def stop(self, connector_id: int) -> None:
        """Have the run that is under way stop at its next safe place.

        Raises `NotFound` if there is none.
        """
        found = self._under_way.get(connector_id)
        if found is None:
            raise NotFound(f"Nothing is under way for integration {connector_id}.")
        found.stop.set()

    def _forget_gone(self) -> None:
        """Forget the runs of integrations that were deleted."""
        known = {*self._store.ids(tables.CONNECTOR)}
        for key in [key for key in self._runs if key[1] not in known]:
            del self._runs[key]

    async def _carry_out(
        self, connector_id: int, run: MailboxRun, ended: "Deferred[None]"
    ) -> None:
        keys: dict[str, Any] = {
            "integration": connector_id,
            "correlation_id": run.actor.correlation_id,
            "command": command_of(run.request),
        }
        # Nothing waits for this record: the one at the end is durable after it.
        Deferred.fromCoroutine(self._keep(connector_id, run))
        try:
            run.outcome = await self._work.run(
                run.request,
                connector_id,
                run,
                run.stop,
                dry_run=run.dry_run,
                actor=run.actor,
            )
            run.error = run.outcome.refused
            self._log.info(
                "mailbox command finished command={command} integration={integration} "
                "dry_run={dry_run} stopped={stopped} failures={failures}",
                dry_run=run.dry_run,
                stopped=run.stop.is_set,
                failures=run.outcome.failures,
                **keys,
            )
        except StoreError as error:
            run.error = error.message  # the store stops the process and has said why
        except Exception:  # noqa: BLE001 - the log has it, the administrator a hint
            run.error = "an internal error; the log has the details"
            self._log.failure(
                "mailbox command failed command={command} integration={integration}",
                **keys,
            )
        run.finished = self._now()
        del self._under_way[connector_id]
        await self._keep(connector_id, run)
        self._endings.discard(ended)
        ended.callback(None)

    async def _keep(self, connector_id: int, run: MailboxRun) -> None:
        """Store the state of a run in the place of the last one of its kind. Without
        room on the disk it is known until the restart."""
        table = tables.MAILBOX_COMMAND_RUN
        key = command_of(run.request), connector_id
        ids = (
            each.id
            for each in self._store.all(table)
            if (each.command, each.exchange_connector) == key
        )
        try:
            with self._store.transaction() as transaction:
                if self._store.get(tables.CONNECTOR, connector_id) is None:
                    return  # deleted meanwhile, with all that it made
                id_ = next(ids, None) or transaction.new_id(table)
                transaction.put(table, run.record(id_, connector_id))
                durable = transaction.commit()
            await durable
        except StoreError as error:
            self._log.warn(
                "mailbox command not recorded reason={reason}",
                reason=error.message,
                integration=connector_id,
                correlation_id=run.actor.correlation_id,
            )


def command_of(request: WorkRequest) -> str:
    """Return the name of a request's command."""
    return _COMMANDS[type(request)]


_COMMANDS: Mapping[type[WorkRequest], str] = {
    RecoveryRequest: "recover",
    MaintenanceRequest: "maintain",
    MigrationRequest: "migrate",
}
