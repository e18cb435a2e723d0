"""Listens for one integration's notifications, and has its mailbox looked into.

A notification only says that it is time to look: every look reads everything new. The
server does not report what happens between two subscriptions, so the mailbox is looked
into whenever listening begins and whenever it ends, and every `poll_interval` until it
has begun again. While listening goes on, looks at an interval are only a safety net.
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
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.inbox.coalesce import CallCoalescer
from pexschedd.scheduling.ports.notifications import Notifications
from pexschedd.util.backoff import backoff
from pexschedd.util.sleep import Sleep

BURST = 0.5
"""Seconds between two looks while messages keep arriving."""

SETTLED = 60.0
"""Seconds after which listening counts as having worked: a server that ends it earlier
is asked again after a growing pause."""

RETRY_FIRST = 1.0
RETRY_REFUSED = 60.0
RETRY_MOST = 300.0
"""Seconds between two attempts. The mailbox is looked into meanwhile."""


class NotificationMode(StrEnum):
    """The way in which an integration learns of new messages."""

    STREAMING = "streaming"
    """The server reports them at once."""
    PULL = "pull"
    """The server is asked for notifications every few seconds."""
    WEBHOOK = "webhook"
    """The server posts them to us, within a minute or so."""
    CONNECTING = "connecting"
    """Listening has not begun yet; the mailbox is looked into every few seconds."""
    POLLING = "polling"
    """The mailbox is looked into every few seconds: by choice, or until notifications
    are tried again."""


class StreamState(msgspec.Struct, frozen=True):
    """The state of an integration's notifications, for monitoring."""

    mode: NotificationMode
    since: datetime
    last_sign: datetime | None = None
    """The time of the last heartbeat or event."""
    last_event: datetime | None = None
    reconnects: int = 0
    """The number of times that listening was begun again since the start."""
    problem: str = ""
    """The reason why notifications were lost or refused; empty while they work."""


class NotificationListener:
    """Listens from `start` until `stop`; without notifications it only sets the pace.

    `chance` returns random numbers from 0 to 1, so that many integrations do not return
    to a server at the same moment. `mode_when_up` is what the notifications are; None:
    what the integration's `notification_method` says.
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
        mode_when_up: NotificationMode | None = None,
    ) -> None:
        self._connector_id = connector.id
        pulls = connector.notification_method == "PULL"
        self._mode_when_up = mode_when_up or (
            NotificationMode.PULL if pulls else NotificationMode.STREAMING
        )
        self._notifications = notifications
        self._clock = clock
        self._now = now
        self._chance = chance
        self._request_look: Callable[[], None] = lambda: None
        self._look_soon = CallCoalescer(lambda: self._request_look(), clock, BURST)
        self._running = False
        self._finished: Deferred[None] | None = None
        self._sleep: Sleep | None = None
        self._may_listen = False
        """True once a look has gone well since the server refused us."""
        self._failures = 0
        self._attempts = 0
        self._up_at = 0.0
        self.state = StreamState(NotificationMode.POLLING, now())

    def start(self, request_look: Callable[[], None]) -> None:
        """Begin to listen; `request_look` is called when the mailbox is to be looked
        into soon."""
        self._request_look = request_look
        self._running = True
        if self._notifications is not None:
            self._finished = Deferred.fromCoroutine(self._run(self._notifications))

    async def stop(self) -> None:
        """End the listening; takes a few seconds at most."""
        self._running = False
        self._look_soon.stop()
        if self._sleep is not None:
            self._sleep.end()
        if self._notifications is not None:
            await self._close(self._notifications)
        if self._finished is not None:
            await self._finished
        self._look_soon.stop()

    async def _close(self, notifications: Notifications) -> None:
        try:
            await notifications.close()
        except Exception:  # noqa: BLE001 - the listening must end all the same
            self._log.failure(
                "listener could not close its connections integration={integration}",
                integration=self._connector_id,
            )
            if self._finished is not None:
                self._finished.cancel()

    def next_delay(self, connector: Connector) -> float:
        """Note that a look went well; return the seconds until the next one."""
        if not self._may_listen:
            self._may_listen = True
            if self._sleep is not None and self._sleep.seconds is None:
                self._sleep.end()
        if self.is_up:
            return max(connector.poll_interval, connector.safety_poll_interval)
        return connector.poll_interval

    @property
    def is_up(self) -> bool:
        """True while the server reports new messages."""
        return self.state.mode is self._mode_when_up

    async def _run(self, notifications: Notifications) -> None:
        while self._running:
            if not self._may_listen:
                # A server that is unreachable or refuses us is tried by the watcher
                # already; to try it twice as often would not help.
                await self._rest(None)
                continue
            delay = await self._once(notifications)
            if delay and self._running:
                await self._rest(delay)

    async def _once(self, notifications: Notifications) -> float:
        """Listen once; return the seconds to wait before the next time."""
        self._enter(NotificationMode.CONNECTING, reconnects=self._attempts)
        self._attempts += 1
        error: MailboxError | None = None
        try:
            await notifications.listen(self._arrived, self._alive)
        except MailboxError as raised:
            error = raised
        except Exception:  # noqa: BLE001 - without notifications the daemon still works
            if not self._running:
                return 0  # broken off
            self._log.failure(
                "listener failed unexpectedly integration={integration}",
                integration=self._connector_id,
            )
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
            self._report(error)
        if lost:
            self._request_look()
        return delay

    def _delay(self, error: MailboxError | None) -> float:
        if error is None and not self._failures:
            return 0
        first = RETRY_FIRST
        least = 0.0
        if isinstance(error, MailboxRefused):
            self._may_listen = False
            first = RETRY_REFUSED
        if error is not None:
            least = error.retry_after or 0.0
        delay = backoff(first, RETRY_MOST, lambda: 0.5 + self._chance())
        return max(least, delay(max(0, self._failures - 1)))

    def _report(self, error: MailboxError) -> None:
        """Log a problem once: the mailbox is looked into all the same."""
        if self.state.problem != error.message:
            self._log.warn(
                "listener gets no notifications, the mailbox is looked into every few "
                "seconds integration={integration}: {problem}",
                integration=self._connector_id,
                problem=error.message,
            )
        self.state = msgspec.structs.replace(self.state, problem=error.message)

    def _alive(self) -> None:
        if not self._running:
            return
        if not self.is_up:
            self._up_at = self._clock.seconds()
            if self.state.problem or self._attempts == 1:
                self._log.info(
                    "listener gets notifications integration={integration}",
                    integration=self._connector_id,
                )
            self._enter(self._mode_when_up, problem="")
            self._request_look()
        self.state = msgspec.structs.replace(self.state, last_sign=self._now())

    def _arrived(self) -> None:
        if self._running:
            now = self._now()
            self.state = msgspec.structs.replace(
                self.state, last_sign=now, last_event=now
            )
            self._look_soon.happened()

    def _enter(self, mode: NotificationMode, **more: object) -> None:
        if mode is not self.state.mode:
            more["since"] = self._now()
        self.state = msgspec.structs.replace(self.state, mode=mode, **more)

    async def _rest(self, seconds: float | None) -> None:
        """Wait; without seconds, until a look into the mailbox has gone well."""
        self._sleep = Sleep(self._clock, seconds)
        await self._sleep
        self._sleep = None
