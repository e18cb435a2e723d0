"""Recovery and maintenance that administrators begin, and what has become of them.

They are carried out in the background, by the same `MailboxWork` as the tools' orders.
"""

from collections import deque
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
from pexschedd.scheduling.upkeep.mailbox_work import (
    MailboxWork,
    WorkOutcome,
    WorkRequest,
)
from pexschedd.scheduling.upkeep.recovery import RecoveryRequest
from pexschedd.store.store import Store
from pexschedd.util.stop_signal import StopSignal

MOST_NOTES = 200
"""Lines about a run that are kept, the last ones."""
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
        self._runs: dict[tuple[type[WorkRequest], int], MailboxRun] = {}
        self._under_way: dict[int, tuple[MailboxRun, Deferred[None]]] = {}

    def stopService(self) -> Deferred[None]:
        """Have all runs end at their next safe place, and wait a while for that.

        A run that waits for Exchange ends at once; one that Exchange is changing
        something for may take the time that the answer takes.
        """
        super().stopService()
        waiting = []
        for run, ended in [*self._under_way.values()]:
            run.stop.set()
            waiting.append(ended)
        # One that has not ended in time is no longer waited for.
        stopped: Deferred[Any] = DeferredList(waiting, consumeErrors=True)
        stopped.addTimeout(STOPPED_WITHIN, self._clock)
        return stopped.addCallback(lambda _: None)

    def last(self, kind: type[WorkRequest], connector_id: int) -> MailboxRun | None:
        """Return the last run of a kind since the daemon started, if there was one."""
        return self._runs.get((kind, connector_id))

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
                "A recovery or maintenance of this integration is under way. Wait for "
                "its end, or stop it."
            )
        run = MailboxRun(request, actor, self._now(), dry_run=dry_run)
        self._forget_gone()
        self._runs[type(request), connector_id] = run
        ended: Deferred[None] = Deferred()
        self._under_way[connector_id] = run, ended
        Deferred.fromCoroutine(self._carry_out(connector_id, run))
        return run

    def stop(self, connector_id: int) -> None:
        """Have the run that is under way stop at its next safe place.

        Raises `NotFound` if there is none.
        """
        found = self._under_way.get(connector_id)
        if found is None:
            raise NotFound(f"Nothing is under way for integration {connector_id}.")
        found[0].stop.set()

    def _forget_gone(self) -> None:
        """Forget the runs of integrations that were deleted."""
        known = {*self._store.ids(tables.CONNECTOR)}
        for key in [key for key in self._runs if key[1] not in known]:
            del self._runs[key]

    async def _carry_out(self, connector_id: int, run: MailboxRun) -> None:
        keys: dict[str, Any] = {
            "integration": connector_id,
            "correlation_id": run.actor.correlation_id,
            "command": command_of(run.request),
        }
        try:
            run.outcome = await self._work.run(
                run.request,
                connector_id,
                run,
                run.stop,
                dry_run=run.dry_run,
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
        _, ended = self._under_way.pop(connector_id)
        ended.callback(None)


def command_of(request: WorkRequest) -> str:
    """Return the name of a request's command."""
    return "recover" if isinstance(request, RecoveryRequest) else "maintain"
