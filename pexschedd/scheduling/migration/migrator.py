"""Moves an integration from one interface of its mailbox to the other: from Exchange
Web Services to Microsoft Graph, or back.

The target is examined first; nothing begins while a check fails. Then, while no worker
and no audit of the integration runs:

1. The mailbox is looked into once more over the old interface, which sends what is due.
2. The messages that are still waiting are looked up under their other ids.
3. One change makes the integration, those records and the position in the mailbox the
   target's. A worker begins over the new interface.

Everything that is in the inbox then is new to that worker: what was answered has left
it. Of the deleted items only what comes later counts, because answers over EWS put
messages there. Whenever the process is killed, before 3. nothing has changed, and after
it nothing is left to do.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import NotFound, Unavailable
from pexschedd.history.actor import Actor, acting_as
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.outbox import MailboxCursor
from pexschedd.scheduling.inbox.supervisor import CONNECTION_FIELDS, wants_worker
from pexschedd.scheduling.migration.waiting_messages import (
    TableRecord,
    WaitingMessages,
)
from pexschedd.scheduling.ports.message_names import MessageNames, RenamedMessage
from pexschedd.scheduling.run_requests import PROTOCOLS, MigrationRequest
from pexschedd.scheduling.upkeep.progress import ProgressListener, WorkTally
from pexschedd.scheduling.upkeep.retry import read_with_retries
from pexschedd.store.store import Store
from pexschedd.util.stop_signal import StopSignal


class TargetExamination(msgspec.Struct, frozen=True):
    """The result of an examination of the target, in words."""

    failures: Sequence[str] = ()
    warnings: Sequence[str] = ()
    unknown: Sequence[str] = ()
    """Needs of the target that could not be checked."""


class IntegrationHold(Protocol):
    """Keeps everything else off an integration's mailbox."""

    async def hold(
        self, connector_id: int, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Carry out `work` while neither a worker nor an audit runs."""

    async def look_once(self, connector_id: int, stop: StopSignal) -> None:
        """Have the mailbox looked into once, meanwhile."""


Examine = Callable[[Connector, Connector], Coroutine[Any, Any, TargetExamination]]
"""Examines an integration as it would be, and is given it as it is, too."""

SaveTogether = Callable[[Sequence[TableRecord]], Awaitable[None]]
"""Puts records of any tables, all or none of them, and adds them to the history."""


class MigrationRunner:
    """Migrates one integration after another.

    `names` opens the mailbox of an integration that has Graph's settings.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        hold: IntegrationHold,
        examine: Examine,
        names: Callable[[Connector], MessageNames],
        save: SaveTogether,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self.clock = clock
        self._store = store
        self._hold = hold
        self._examine = examine
        self._names = names
        self._save = save
        self._now = now

    async def migrate(
        self,
        connector: Connector,
        request: MigrationRequest,
        actor: Actor,
        listener: ProgressListener,
        stop: StopSignal,
        tally: WorkTally,
        *,
        dry_run: bool = False,
    ) -> None:
        """Migrate an integration, in the name of `actor`.

        What speaks against it are failures in `tally`; nothing is changed then. Raises
        `MailboxError` if the mailbox cannot be reached over Graph, `WorkStopped` once
        `stop` is set.
        """
        if request.to not in PROTOCOLS:
            tally.failed(f"There is no mailbox protocol {request.to[:20]!a}.")
            return
        if connector.mailbox_protocol == request.to:
            tally.failed(f"It uses {request.to} already: there is nothing to migrate.")
            return
        target = msgspec.structs.replace(connector, mailbox_protocol=request.to)
        if not await self._is_ready(target, connector, listener, stop, tally):
            return
        names = self._names(target if target.uses_graph else connector)
        move = _Move(
            self, connector, target, names, actor, listener, stop, tally, dry_run
        )
        try:
            await move.prepare()
            if dry_run:
                await move.rehearse()
                return
            await self._hold.hold(connector.id, move.carry_out)
        finally:
            await names.close()

    async def _is_ready(
        self,
        target: Connector,
        present: Connector,
        listener: ProgressListener,
        stop: StopSignal,
        tally: WorkTally,
    ) -> bool:
        """Return whether everything that the target needs is there, as far as can be
        checked; else say what is missing."""
        problems = [f"{field}: {text}" for field, text in target.contradictions()]
        if not problems:
            listener.progress(f"examining the mailbox over {_shown(target)}", 0)
            examined = await stop.wait(
                Deferred.fromCoroutine(self._examine(target, present))
            )
            for each in examined.warnings:
                listener.note(each)
            for each in examined.unknown:
                listener.note(f"Could not be checked: {each}")
            problems = [*examined.failures]
        for each in problems:
            tally.failed(each)
        return not problems

    def waiting(self, connector_id: int) -> WaitingMessages:
        """Return the records of messages that are waiting."""
        find = self._store.find_all
        return WaitingMessages(
            answers=find(tables.OUTBOX_BY_CONNECTOR, connector_id),
            rewrites=find(tables.REWRITE_BY_CONNECTOR, connector_id),
            troubled=find(tables.TROUBLED_BY_CONNECTOR, connector_id),
        )

    async def look_once(self, connector_id: int, stop: StopSignal) -> None:
        """Have what is due worked off over the old interface."""
        await self._hold.look_once(connector_id, stop)

    def current(self, connector: Connector) -> Connector:
        """Return the integration's record as it is now.

        Raises `NotFound` or `Unavailable` if it is not what was examined any more.
        """
        found = self._store.get(tables.CONNECTOR, connector.id)
        if found is None:
            raise NotFound("The integration was deleted meanwhile.")
        fields = CONNECTION_FIELDS
        changed = [f for f in fields if getattr(found, f) != getattr(connector, f)]
        if changed or not wants_worker(found):
            raise Unavailable(
                "The integration was changed while it was examined "
                f"({', '.join(changed)}). Begin the migration again."
            )
        return found

    async def drop(self, ended: Sequence[TableRecord]) -> None:
        """Delete records that are done with."""
        if ended:
            with self._store.transaction(essential=True) as transaction:
                for table, record in ended:
                    transaction.delete(table, record.id)
                durable = transaction.commit()
            await durable

    async def save(
        self,
        target: Connector,
        renamed: Sequence[TableRecord],
        cursor: str,
        actor: Actor,
    ) -> None:
        """Make it the target's, durably."""
        old = self._store.get(tables.CURSOR, target.id)
        position = MailboxCursor(
            id=target.id,
            cursor=cursor,
            mailbox=target.mailbox_address,
            last_item_time=old.last_item_time if old else None,
        )
        there = [each for each in renamed if self._store.get(each[0], each[1].id)]
        records = [(tables.CONNECTOR, target), *there, (tables.CURSOR, position)]
        with acting_as(actor):
            saved = self._save(records)
        await saved
        self._log.info(
            "integration migrated integration={integration} protocol={protocol} "
            "carried_over={carried_over} correlation_id={correlation_id}",
            integration=target.id,
            protocol=target.mailbox_protocol,
            carried_over=len(there),
            correlation_id=actor.correlation_id,
        )

    def now(self) -> datetime:
        """Return the time."""
        return self._now()


class _Move(msgspec.Struct):
    """One migration."""

    runner: MigrationRunner
    connector: Connector
    target: Connector
    names: MessageNames
    actor: Actor
    listener: ProgressListener
    stop: StopSignal
    tally: WorkTally
    dry_run: bool
    cursor: str = ""

    async def prepare(self) -> None:
        """Do what may take long before anything is held."""
        if self.target.uses_graph:
            self.listener.progress("reading the deleted items", 0)
            await self._read_position()

    async def rehearse(self) -> None:
        """Say what is waiting, and what would become of it."""
        waiting = self.runner.waiting(self.connector.id)
        found = await self._look_up(waiting)
        self._refused(waiting, found)
        self._count(waiting, [*waiting.renamed(found)], [*waiting.ended(found)])

    async def carry_out(self) -> None:
        """Migrate the integration, while it is held."""
        self.listener.progress("looking into the mailbox once more", 0)
        self.runner.current(self.connector)
        await self.runner.look_once(self.connector.id, self.stop)
        waiting = self.runner.waiting(self.connector.id)
        found = await self._look_up(waiting)
        if self._refused(waiting, found):
            return
        if self.target.uses_graph:
            await self._read_position()
        ended = [*waiting.ended(found)]
        renamed = [*waiting.renamed(found)]
        await self.runner.drop(ended)
        # Nothing is waited for from here on: an administrator may change it, too.
        target = msgspec.structs.replace(
            self.runner.current(self.connector),
            mailbox_protocol=self.target.mailbox_protocol,
        )
        await self.runner.save(target, renamed, self.cursor, self.actor)
        self._count(waiting, renamed, ended)

    async def _read_position(self) -> None:
        read = partial(self.names.deletions_until_now, self.cursor)
        self.cursor = await read_with_retries(read, self.runner.clock, self.stop)

    async def _look_up(
        self, waiting: WaitingMessages
    ) -> Mapping[str, RenamedMessage | None]:
        ids = waiting.item_ids
        if not ids:
            return {}
        self.listener.progress("looking up waiting messages", 0, len(ids))
        look_up = self.names.for_graph if self.target.uses_graph else self.names.for_ews
        read = partial(look_up, ids)
        found = await read_with_retries(read, self.runner.clock, self.stop)
        return dict(zip(ids, found, strict=True))

    def _refused(
        self, waiting: WaitingMessages, found: Mapping[str, RenamedMessage | None]
    ) -> bool:
        reasons = [*waiting.hindrances(found, self.target, self.runner.now())]
        for each in reasons:
            self.tally.failed(each)
        return bool(reasons)

    def _count(
        self,
        waiting: WaitingMessages,
        renamed: Sequence[TableRecord],
        ended: Sequence[TableRecord],
    ) -> None:
        kinds = (
            (tables.OUTBOX, "answers carried over"),
            (tables.REWRITE, "rewrites carried over"),
            (tables.TROUBLED, "messages in trouble carried over"),
        )
        for table, what in kinds:
            count = sum(each is table for each, _ in renamed)
            if count:
                self.tally.add(what, count)
        if ended:
            self.tally.add("records of messages that are gone, deleted", len(ended))
        self.tally.add("integrations migrated")


def _shown(target: Connector) -> str:
    return "Microsoft Graph" if target.uses_graph else "Exchange Web Services"
