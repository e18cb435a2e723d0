"""Watches one integration's equipment mailbox: read, decide, commit, tell, record.

The order is what makes it safe to kill the process anywhere. Messages are read and
decided about in batches; all that follows, the answers included, becomes durable in one
commit; only then Exchange is told; then the answer is recorded as taken. What was
decided but not told is in the outbox and is told after the next start. A message that
was answered is not in the inbox any more under its id, so telling twice does nothing.

A message that fails by itself fails alone: see `deciding` and `troubled`.
"""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import (
    CursorLost,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    StoreError,
    StoreFull,
)
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.inbox.backlog import Backlog
from pexschedd.scheduling.inbox.batch_processor import BatchProcessor
from pexschedd.scheduling.inbox.mailbox_alarms import ConnectionAlarm, QueueAlarm
from pexschedd.scheduling.inbox.message_handler import MessageHandler
from pexschedd.scheduling.inbox.offline_rewrite import OfflineRewriter
from pexschedd.scheduling.inbox.outbox import CountMessage, Outbox, count_nothing
from pexschedd.scheduling.inbox.quarantine import Quarantine
from pexschedd.scheduling.ports.mailbox import Mailbox, Unreadable
from pexschedd.store.store import Store
from pexschedd.util.backoff import backoff
from pexschedd.util.sleep import Sleep

AT_ONCE = 400
"""Messages in one commit: large enough that calls are few, small enough that the first
organizer does not wait for the last, and that few are in memory."""

LOOK_AGAIN = 2.0
"""Seconds after which newcomers are looked for while a backlog is worked off."""

GRACE = 3.0
"""Seconds that a step may still take when the watcher is to stop."""

RETRY_REFUSED = 60.0
RETRY_MOST = 300.0
"""Seconds. Exchange counts failed sign-ins: after a refused one there is no hurry. A
changed record starts a new watcher, so mending it works at once."""


_Fetching = Deferred[list[MeetingMessage | Unreadable]]


class Watcher:
    """Runs from `start` until `stop`. One for each integration.

    `looked` is told of every look that went well, and gives the seconds until the
    next one; without it, the integration's poll interval.
    """

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        mailbox: Mailbox,
        rewriter: OfflineRewriter,
        scheduler: MessageHandler,
        store: Store,
        alarms: Alarms,
        *,
        clock: IReactorTime,
        now: Now,
        at_once: int = AT_ONCE,
        looked: Callable[[Connector], float] | None = None,
        tally: CountMessage = count_nothing,
    ) -> None:
        self.connector_id = connector_id
        self._mailbox = mailbox
        self._rewriter = rewriter
        self._store = store
        self._alarms = alarms
        self._clock = clock
        self._at_once = at_once
        self._looked = looked or _by_interval
        self._connection = ConnectionAlarm(alarms, clock)
        self._queue = QueueAlarm(connector_id, store, alarms, clock=clock, now=now)
        self._troubled = Quarantine(connector_id, store, alarms, clock=clock, now=now)
        self._deciding = BatchProcessor(
            connector_id, scheduler, store, self._troubled, now=now
        )
        self._outbox = Outbox(
            connector_id,
            mailbox,
            store,
            alarms,
            self._troubled,
            general_error=scheduler.general_error,
            now=now,
            tally=tally,
        )
        self._running = False
        self._finished: Deferred[None] | None = None
        self._nap: Sleep | None = None
        self._news = False
        self._failures = 0
        self._is_kept_waiting = False
        """Whether the nap at hand is what the server has asked for."""
        self._cursor: str | None = None
        """How far has been read, not yet how far has been decided about."""
        self._backlog = Backlog()

    def start(self) -> None:
        self._running = True
        self._finished = Deferred.fromCoroutine(self._run())

    async def stop(self) -> None:
        """Lets the step at hand finish, or breaks it off when that takes too long.

        A call that is broken off is like a connection that is lost: what was decided
        is in the outbox.
        """
        self._running = False
        self._end_nap()
        impatient = self._clock.callLater(GRACE, self._break_off)
        if self._finished is not None:
            await self._finished
        if impatient.active():
            impatient.cancel()
        await self._close()

    def _break_off(self) -> None:
        Deferred.fromCoroutine(self._close()).addErrback(
            lambda failure: self._log.failure("connections remain open", failure)
        )

    async def _close(self) -> None:
        await self._mailbox.close()
        await self._rewriter.close()

    def wake(self) -> None:
        """Looks into the mailbox now instead of when the interval is over; but not
        before the end of a pause that the server has asked for."""
        if not self._is_kept_waiting:
            self._end_nap()

    def _end_nap(self) -> None:
        if self._nap is not None:
            self._nap.end()

    def arrived(self) -> None:
        """Looks into the mailbox as soon as the look at hand is over; but a pause that
        follows trouble is kept."""
        self._news = True
        if not self._failures:
            self.wake()

    async def _run(self) -> None:
        while self._running:
            self._news = False
            delay = await self._step()
            if self._news and not self._failures:
                delay = 0
            if delay and self._running:
                self._nap = Sleep(self._clock, delay)
                await self._nap.over
                self._nap = None

    async def _step(self) -> float:
        """One look into the mailbox; returns the seconds to wait until the next."""
        connector = self._store.get(tables.CONNECTOR, self.connector_id)
        if connector is None:
            self._running = False
            return 0
        self._is_kept_waiting = False
        try:
            await self._outbox.send()
            self._store.require_space()
            await self._work_off(connector)
            await self._rewriter.work(self._troubled)
            await self._outbox.send()
            await self._troubled.tidy(connector.name)
            self._queue.look(connector.name)
        except StoreError:
            # The store stops the process and has said why.
            self._running = False
            return 0
        except StoreFull:
            # An alarm says so. Requests wait in the mailbox until there is space.
            self._start_over()
            return connector.poll_interval
        except MailboxError as error:
            self._start_over()
            if not self._running:
                return 0
            self._queue.look(connector.name)
            return self._failed(connector, error)
        except Exception:  # noqa: BLE001 - the watcher outlives what nobody foresaw
            self._start_over()
            if not self._running:
                return 0  # broken off
            self._log.failure(
                "integration {name}: unexpected error",
                name=connector.name,
                integration=connector.id,
            )
            self._alarms.raise_(
                names.INTERNAL,
                connector.name,
                "The equipment mailbox cannot be processed because of an internal "
                "error; the log has the details. It is tried again.",
            )
            return RETRY_REFUSED
        self._failures = 0
        self._connection.well(connector.name)
        self._alarms.lower(connector.name, names.INTERNAL)
        delay = self._looked(connector)
        if self._something_is_untold():
            # Whoever wakes us knows of what arrives only.
            return min(delay, connector.poll_interval)
        return delay

    def _something_is_untold(self) -> bool:
        """Whether something is decided that the mailbox did not take yet, or is to be
        tried again."""
        id, find = self.connector_id, self._store.find
        return bool(
            find(tables.OUTBOX_BY_CONNECTOR, id)
            or find(tables.REWRITE_BY_CONNECTOR, id)
            or self._troubled.is_waiting
        )

    def _start_over(self) -> None:
        """What was taken out of the backlog may not have been decided about: the next
        look begins where the last commit ended."""
        self._backlog.clear()
        self._cursor = None

    def _failed(self, connector: Connector, error: MailboxError) -> float:
        if isinstance(error, CursorLost) and self._stored_cursor(connector):
            self._log.info(
                "integration {name}: starting over",
                name=connector.name,
                integration=connector.id,
            )
            self._cursor = ""
            self._failures += 1
            return backoff(0.1, RETRY_MOST)(self._failures)
        self._connection.failed(connector.name, error)
        if isinstance(error, MailboxBusy) and error.retry_after is not None:
            # Whoever talks to the server knows how long it is to be left alone.
            self._is_kept_waiting = True
            self._failures += 1
            return error.retry_after
        refused = isinstance(error, MailboxRefused)
        first = RETRY_REFUSED if refused else float(connector.poll_interval)
        delay = backoff(first, RETRY_MOST)(self._failures)
        self._failures = min(self._failures + 1, 10)
        return max(delay, error.retry_after or 0)

    async def _work_off(self, connector: Connector) -> None:
        """Decides about and answers everything that has arrived."""
        await self._collect(connector)
        looked = self._clock.seconds()
        refs, fetching = self._fetch_next()
        try:
            while fetching is not None and self._running:
                messages = await fetching
                last = not self._backlog
                # What comes next is read while this is answered.
                asked, (refs, fetching) = refs, self._fetch_next()
                cursor = self._cursor or "" if last else None
                await self._deciding.decide(asked, messages, cursor=cursor)
                await self._outbox.send()
                self._queue.look(connector.name, undecided=len(self._backlog))
                now = self._clock.seconds()
                if now - looked >= LOOK_AGAIN and not last:
                    await self._collect(connector)
                    looked = now
        finally:
            if fetching is not None:
                # Whatever becomes of it: it will be read again.
                fetching.addErrback(lambda failure: [])

    async def _collect(self, connector: Connector) -> None:
        """Reads all pages of changes since the last look into the backlog.

        Exchange names the newest first, page by page, and the oldest is to be decided
        about first.
        """
        if self._cursor is None:
            self._cursor = self._stored_cursor(connector)
        arrived: list[MessageRef] = []
        more = True
        while more and self._running:
            page = await self._mailbox.changes(self._cursor)
            arrived += page.arrived
            self._cursor, more = page.cursor, page.more
        self._backlog.add(
            [
                ref
                for ref in reversed(arrived)
                if not (self._is_decided(ref) or self._troubled.knows(ref))
            ]
        )
        self._backlog.add(
            [
                ref
                for ref in self._troubled.due(self._deciding.readable)
                if not self._is_decided(ref)
            ]
        )

    def _fetch_next(self) -> tuple[list[MessageRef], _Fetching | None]:
        """Begins to read the next messages of the backlog, if there are any."""
        refs = self._backlog.take(self._at_once)
        fetching = Deferred.fromCoroutine(self._mailbox.fetch(refs)) if refs else None
        return refs, fetching

    def _is_decided(self, ref: MessageRef) -> bool:
        return self._outbox.holds(ref) or self._rewriter.holds(ref)

    def _stored_cursor(self, connector: Connector) -> str:
        stored = self._store.get(tables.CURSOR, self.connector_id)
        if stored is None or stored.mailbox != connector.room_mailbox_email_address:
            return ""
        return stored.cursor


def _by_interval(connector: Connector) -> float:
    return connector.poll_interval
