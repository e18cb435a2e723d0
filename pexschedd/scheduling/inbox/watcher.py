"""Watches one integration's equipment mailbox: read, decide, commit, send, record.

This order makes it safe to kill the process at any point. Messages are read and decided
about in batches; everything that follows, the answers included, becomes durable
first; only then are the answers sent to Exchange, and recorded as sent. Answers that
are durable and not sent yet are in the outbox, and are sent after the next start. A
message that was answered is not in the inbox any more under its id, so sending an
answer twice does nothing.

The work is done by three parts: `reader` reads, `batch_processor` decides and commits,
`sender` sends and records. The watcher calls them in this order, and decides when to
look again. A message that fails by itself fails alone: see `quarantine`.
"""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.errors import (
    CursorLost,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    StoreError,
    StoreFull,
)
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.inbox.batch_processor import BatchProcessor
from pexschedd.scheduling.inbox.mailbox_alarms import MailboxAlarms
from pexschedd.scheduling.inbox.reader import MailboxReader
from pexschedd.scheduling.inbox.sender import DecisionSender
from pexschedd.scheduling.ports.tracing import NO_TRACER, MessageTracer
from pexschedd.util.backoff import backoff
from pexschedd.util.cooperate import in_slices
from pexschedd.util.sleep import Sleep

COLLECT_AGAIN = 2.0
"""Seconds after which new arrivals are read while a backlog is being processed."""

GRACE = 3.0
"""Seconds that a step may still take when the watcher is to stop."""

RETRY_REFUSED = 60.0
RETRY_MOST = 300.0
"""Seconds. Exchange counts failed sign-ins: after a refused one there is no hurry. A
changed record starts a new watcher, so mending it works at once."""


NextDelay = Callable[[Connector], float]
"""Takes the integration's record after a successful look; returns the seconds until the
next one."""


def poll_interval(connector: Connector) -> float:
    """Return the integration's poll interval, in seconds."""
    return connector.poll_interval


class Watcher:
    """Processes one integration's equipment mailbox, from `start` until `stop`.

    `latest` returns the integration's record, or None once it has been deleted: the
    watcher then ends by itself.
    """

    _log = Logger()

    def __init__(
        self,
        latest: Callable[[], Connector | None],
        reader: MailboxReader,
        processor: BatchProcessor,
        sender: DecisionSender,
        alarms: MailboxAlarms,
        *,
        clock: IReactorTime,
        next_delay: NextDelay = poll_interval,
        tracer: MessageTracer = NO_TRACER,
    ) -> None:
        self._latest = latest
        self._reader = reader
        self._processor = processor
        self._sender = sender
        self._alarms = alarms
        self._clock = clock
        self._next_delay = next_delay
        self._tracer = tracer
        self._stopping = False
        self._finished: Deferred[None] | None = None
        self._sleep: Sleep | None = None
        self._is_throttled = False
        """True while the current pause is one that the server has asked for."""
        self._has_news = False
        """True when something has arrived since the current look began."""
        self._failures = 0

    def start(self) -> None:
        """Begin to look into the mailbox, now and after every pause."""
        self._stopping = False
        self._finished = Deferred.fromCoroutine(self._run())

    async def look_once(self) -> None:
        """Look into the mailbox once; `stop` ends it early. Whatever goes wrong raises
        an alarm, and no exception."""
        self._finished = Deferred()
        try:
            await self.look()
        finally:
            self._finished.callback(None)

    async def stop(self, grace: float = GRACE) -> None:
        """Let the current step finish, or break it off after `grace` seconds.

        A call that is broken off is like a connection that is lost: what was decided
        is in the outbox. Returns when nothing is running and all connections are given
        up.
        """
        self._stopping = True
        self._end_sleep()
        overdue = self._clock.callLater(grace, self._break_off)
        try:
            if self._finished is not None:
                await self._finished
        finally:
            if overdue.active():
                overdue.cancel()
            await self._close()

    def _break_off(self) -> None:
        Deferred.fromCoroutine(self._close()).addErrback(
            lambda failure: self._log.failure(
                "watcher could not close its connections integration={integration}",
                failure,
                integration=self._integration(),
            )
        )

    async def _close(self) -> None:
        try:
            await self._reader.close()
        finally:
            await self._sender.close()

    def _integration(self) -> int | None:
        connector = self._latest()
        return connector.id if connector is not None else None

    def wake(self) -> None:
        """Look into the mailbox now instead of at the end of the pause; a pause that
        the server has asked for is kept."""
        if not self._is_throttled:
            self._end_sleep()

    def arrived(self) -> None:
        """Look into the mailbox as soon as the current look is over, because something
        has arrived; a pause that follows a failure is kept."""
        self._has_news = True
        connector = self._latest()
        if connector is not None:
            self._tracer.notified(connector.id)
        if not self._failures:
            self.wake()

    def _end_sleep(self) -> None:
        if self._sleep is not None:
            self._sleep.end()

    async def _run(self) -> None:
        while not self._stopping:
            self._has_news = False
            delay = await self.look()
            if self._has_news and not self._failures:
                delay = 0
            if delay and not self._stopping:
                self._sleep = Sleep(self._clock, delay)
                await self._sleep.over
                self._sleep = None

    async def look(self) -> float:
        """Look into the mailbox once; return the seconds to wait until the next look.

        Whatever goes wrong raises an alarm, and no exception for the caller.
        """
        connector = self._latest()
        if connector is None:
            self._stopping = True
            return 0
        self._is_throttled = False
        with self._tracer.look(connector.id):
            return await self._look(connector)

    async def _look(self, connector: Connector) -> float:
        try:
            self._reader.require_writable()
            await self._sender.send_answers()
            await self._process_backlog(connector)
            await self._sender.rewrite_meetings()
            await self._sender.send_answers()
            await self._processor.tidy(connector)
            self._alarms.check_queue(connector.name)
        except StoreError:
            # The store stops the process and has said why.
            self._stopping = True
            return 0
        except StoreFull:
            # An alarm says so. Requests wait in the mailbox until there is space; if
            # nothing at all can be stored, so do answers that are decided.
            self._reader.rewind()
            return connector.poll_interval
        except MailboxError as error:
            self._reader.rewind()
            if self._stopping:
                return 0
            self._alarms.check_queue(connector.name)
            return self._failed(connector, error)
        except Exception:  # noqa: BLE001 - an unforeseen error must not end the watcher
            self._reader.rewind()
            if self._stopping:
                return 0  # broken off
            self._log.failure(
                "watcher failed unexpectedly integration={integration}",
                integration=connector.id,
            )
            self._alarms.internal_error(connector.name)
            return RETRY_REFUSED
        self._failures = 0
        self._alarms.working(connector.name)
        delay = self._next_delay(connector)
        if self._sender.has_pending or self._processor.has_retries:
            # Notifications only tell of what arrives.
            return min(delay, connector.poll_interval)
        return delay

    def _failed(self, connector: Connector, error: MailboxError) -> float:
        if isinstance(error, CursorLost) and self._reader.discard_cursor(connector):
            self._log.info(
                "watcher reads the mailbox from the beginning, its cursor was rejected "
                "integration={integration}",
                integration=connector.id,
            )
            self._failures += 1
            return backoff(0.1, RETRY_MOST)(self._failures)
        self._alarms.failed(connector.name, error)
        if isinstance(error, MailboxBusy) and error.retry_after is not None:
            # The throttle knows how long the server is to be left alone.
            self._is_throttled = True
            self._failures += 1
            return error.retry_after
        refused = isinstance(error, MailboxRefused)
        first = RETRY_REFUSED if refused else float(connector.poll_interval)
        delay = backoff(first, RETRY_MOST)(self._failures)
        self._failures = min(self._failures + 1, 10)
        return max(delay, error.retry_after or 0)

    async def _process_backlog(self, connector: Connector) -> None:
        """Decide about everything that has arrived, and answer it."""
        await self._collect(connector)
        collected = self._clock.seconds()
        batch = self._reader.fetch_next()
        try:
            while batch is not None and not self._stopping:
                messages = await batch.messages
                is_last = not self._reader.backlog_size
                cursor = self._reader.cursor if is_last else None
                # The next batch is fetched while this one is answered.
                refs, batch = batch.refs, self._reader.fetch_next()
                await self._processor.process(refs, messages, cursor=cursor)
                await self._sender.send_answers()
                self._alarms.check_queue(connector.name, self._reader.backlog_size)
                now = self._clock.seconds()
                if now - collected >= COLLECT_AGAIN and not is_last:
                    await self._collect(connector)
                    collected = now
        finally:
            if batch is not None:
                batch.abandon()

    async def _collect(self, connector: Connector) -> None:
        """Read all pages of changes since the last look into the backlog, and what is
        to be tried again.

        Exchange lists the newest first, page by page, and the oldest is to be decided
        about first.
        """
        arrived: list[MessageRef] = []
        more = True
        while more and not self._stopping:
            page = await self._reader.read_page(connector)
            arrived += page.arrived
            more = page.more
        oldest_first = in_slices(reversed(arrived), self._clock)
        new = [ref async for ref in oldest_first if self._is_new(ref)]
        self._reader.enqueue(new)
        retries = self._processor.due_retries()
        self._reader.enqueue([ref for ref in retries if not self._sender.holds(ref)])

    def _is_new(self, ref: MessageRef) -> bool:
        return not (self._sender.holds(ref) or self._processor.holds(ref))
