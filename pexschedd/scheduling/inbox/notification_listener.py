"""Keeps one integration's notifications going, and has its mailbox looked into.

Notifications only say when: every look reads all that is new. What happens while
nobody listens is not told, so the mailbox is looked into whenever listening begins and
whenever it ends; and until it has begun again, every `poll_interval`. While listening
goes on, looks at an interval are a safety net only.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import MailboxError, MailboxRefused
from pexschedd.model.integration import Connector
from pexschedd.scheduling.ports.notifications import Notifications
from pexschedd.util.backoff import backoff
from pexschedd.util.coalesce import CallCoalescer
from pexschedd.util.sleep import Sleep

BURST = 0.5
"""Seconds between two looks while more and more arrives."""

SETTLED = 60.0
"""Seconds after which listening counts as having worked: a server that ends it earlier
is asked again after a growing pause."""

RETRY_FIRST = 1.0
RETRY_REFUSED = 60.0
RETRY_MOST = 300.0
"""Seconds between two tries. The mailbox is looked into meanwhile."""


class NotificationMode(StrEnum):
    """How an integration learns of what arrives."""

    STREAMING = "streaming"
    """The server tells at once."""
    PULL = "pull"
    """The server is asked for notifications every few seconds."""
    CONNECTING = "connecting"
    """Nobody tells anything yet; the mailbox is looked into every few seconds."""
    POLLING = "polling"
    """The mailbox is looked into every few seconds: by choice, or until notifications
    are tried again."""


class StreamState(msgspec.Struct, frozen=True):
    """For those who watch over it."""

    way: NotificationMode
    since: datetime
    last_sign: datetime | None = None
    """When the server was heard of last, by a heartbeat or an event."""
    last_event: datetime | None = None
    reconnects: int = 0
    """How often listening was begun again since the integration was started."""
    problem: str = ""
    """Why notifications were lost or refused the last time; empty while they work."""


class NotificationListener:
    """Runs from `start` until `stop`. Without notifications it only sets the pace.

    `chance` gives random numbers from 0 to 1, so that many integrations do not come
    back to a server at the same moment.
    """

    _log = Logger()

    def __init__(
        self,
        connector: Connector,
        notifications: Notifications | None,
        *,
        clock: IReactorTime,
        now: Now,
        chance: Callable[[], float],
    ) -> None:
        self._name = connector.name
        pulls = connector.notification_method == "PULL"
        self._when_up = NotificationMode.PULL if pulls else NotificationMode.STREAMING
        self._notifications = notifications
        self._clock = clock
        self._now = now
        self._chance = chance
        self._look: Callable[[], None] = _nothing
        self._bursts = CallCoalescer(lambda: self._look(), clock, BURST)
        self._running = False
        self._finished: Deferred[None] | None = None
        self._pause: Sleep | None = None
        self._welcome = False
        """Whether the mailbox could be looked into since we were refused."""
        self._failures = 0
        self._attempts = 0
        self._up_at = 0.0
        self.state = StreamState(NotificationMode.POLLING, now())

    def start(self, look: Callable[[], None]) -> None:
        """`look` has the mailbox looked into soon."""
        self._look = look
        self._running = True
        if self._notifications is not None:
            self._finished = Deferred.fromCoroutine(self._run(self._notifications))

    async def stop(self) -> None:
        """Takes a few seconds at most."""
        self._running = False
        self._bursts.stop()
        if self._pause is not None:
            self._pause.end()
        if self._notifications is not None:
            await self._notifications.close()
        if self._finished is not None:
            await self._finished
        self._bursts.stop()

    def looked(self, connector: Connector) -> float:
        """A look into the mailbox went well; gives the seconds until the next one."""
        self._name = connector.name
        if not self._welcome:
            self._welcome = True
            if self._pause is not None and self._pause.seconds is None:
                self._pause.end()
        if self.is_up:
            return max(connector.poll_interval, connector.safety_poll_interval)
        return connector.poll_interval

    @property
    def is_up(self) -> bool:
        return self.state.way is self._when_up

    async def _run(self, notifications: Notifications) -> None:
        while self._running:
            if not self._welcome:
                # A server that is not there, or does not let us in, is tried by those
                # who look into the mailbox; twice as often would help nobody.
                await self._rest(None)
                continue
            delay = await self._once(notifications)
            if delay and self._running:
                await self._rest(delay)

    async def _once(self, notifications: Notifications) -> float:
        """One listening; gives the seconds until the next."""
        self._enter(NotificationMode.CONNECTING, reconnects=self._attempts)
        self._attempts += 1
        error: MailboxError | None = None
        try:
            await notifications.listen(self._arrived, self._alive)
        except MailboxError as raised:
            error = raised
        except Exception:  # noqa: BLE001 - without notifications the daemon still works
            self._log.failure("integration {name}: listening failed", name=self._name)
            error = MailboxError("internal error; the log has the details")
        if not self._running:
            return 0
        lost = self.is_up
        if lost and self._clock.seconds() - self._up_at >= SETTLED:
            self._failures = 0
        else:
            self._failures = min(self._failures + 1, 20)
        delay = self._delay(error)
        self._enter(NotificationMode.POLLING if delay else NotificationMode.CONNECTING)
        if error is not None:
            self._complain(error)
        if lost:
            self._look()
        return delay

    def _delay(self, error: MailboxError | None) -> float:
        if error is None and not self._failures:
            return 0
        first = RETRY_FIRST
        least = 0.0
        if isinstance(error, MailboxRefused):
            self._welcome = False
            first = RETRY_REFUSED
        if error is not None:
            least = error.retry_after or 0.0
        delay = backoff(first, RETRY_MOST, lambda: 0.5 + self._chance())
        return max(least, delay(max(0, self._failures - 1)))

    def _complain(self, error: MailboxError) -> None:
        """Once for each trouble: the mailbox is looked into all the same."""
        if self.state.problem != error.message:
            self._log.warn(
                "integration {name}: not told of new messages, so the mailbox is "
                "looked into every few seconds: {problem}",
                name=self._name,
                problem=error.message,
            )
        self.state = msgspec.structs.replace(self.state, problem=error.message)

    def _alive(self) -> None:
        if not self._running:
            return
        if not self.is_up:
            self._up_at = self._clock.seconds()
            if self.state.problem or self._attempts == 1:
                self._log.info("integration {name}: told of news", name=self._name)
            self._enter(self._when_up, problem="")
            self._look()
        self.state = msgspec.structs.replace(self.state, last_sign=self._now())

    def _arrived(self) -> None:
        if self._running:
            now = self._now()
            self.state = msgspec.structs.replace(
                self.state, last_sign=now, last_event=now
            )
            self._bursts.happened()

    def _enter(self, way: NotificationMode, **more: object) -> None:
        if way is not self.state.way:
            more["since"] = self._now()
        self.state = msgspec.structs.replace(self.state, way=way, **more)

    async def _rest(self, seconds: float | None) -> None:
        """For so long, or until a look into the mailbox has gone well."""
        self._pause = Sleep(self._clock, seconds)
        await self._pause.over
        self._pause = None


def _nothing() -> None:
    pass
