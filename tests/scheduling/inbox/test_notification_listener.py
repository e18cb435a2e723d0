"""Listening has the mailbox looked into in time, whatever becomes of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.scheduling.inbox.coalesce import CallCoalescer
from pexschedd.scheduling.inbox.notification_listener import (
    BURST,
    RETRY_MOST,
    NotificationListener,
    NotificationMode,
)
from tests.conftest import Failures
from tests.scheduling.process_support import CONNECTOR

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONNECTED = msgspec.structs.replace(CONNECTOR, poll_interval=5, safety_poll_interval=90)


class Server:
    """Notifications that do what the test says."""

    def __init__(self) -> None:
        self.listens = 0
        self.closed = False
        self.cancelled = False
        self.arrived: Callable[[], None] = lambda: None
        self.alive: Callable[[], None] = lambda: None
        self._over: Deferred[None] | None = None
        self.refuses: MailboxError | None = None

    async def listen(
        self, arrived: Callable[[], None], alive: Callable[[], None]
    ) -> None:
        self.listens += 1
        if self.refuses is not None:
            raise self.refuses
        self.arrived, self.alive = arrived, alive
        self._over = Deferred(self._cancel)
        await self._over

    def _cancel(self, _: Deferred[None]) -> None:
        self.cancelled = True

    def end(self, error: Exception | None = None) -> None:
        assert self._over is not None
        if error is None:
            self._over.callback(None)
        else:
            self._over.errback(error)

    async def close(self) -> None:
        self.closed = True
        if self._over is not None and not self._over.called:
            self._over.errback(MailboxUnreachable("given up"))


class Case:
    def __init__(
        self,
        server: Server | None = None,
        mode_when_up: NotificationMode | None = None,
        **fields: object,
    ) -> None:
        self.clock = Clock()
        self.connector = msgspec.structs.replace(CONNECTED, **fields)
        self.server = server
        self.looks: list[float] = []
        self.listener = NotificationListener(
            self.connector,
            server,
            clock=self.clock,
            now=lambda: START + timedelta(seconds=self.clock.seconds()),
            chance=lambda: 0.5,
            mode_when_up=mode_when_up,
        )
        self.listener.start(lambda: self.looks.append(self.clock.seconds()))

    def looked(self) -> float:
        """A look went well."""
        return self.listener.next_delay(self.connector)

    @property
    def mode(self) -> NotificationMode:
        return self.listener.state.mode

    def stop(self) -> None:
        done = Deferred.fromCoroutine(self.listener.stop())
        done.addErrback(lambda failure: pytest.fail(str(failure)))
        assert done.called
        assert not self.clock.getDelayedCalls()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize(
    ("method", "mode", "shown"),
    [
        ("STREAMING", None, NotificationMode.STREAMING),
        ("PULL", None, NotificationMode.PULL),
        ("PULL", NotificationMode.WEBHOOK, NotificationMode.WEBHOOK),
    ],
)
def test_the_mode_that_is_shown(
    server: Server, method: str, mode: NotificationMode | None, shown: NotificationMode
) -> None:
    """As the integration says, unless its notifications are of another kind; whichever
    they are, looks are a safety net then."""
    case = Case(server, mode, notification_method=method)
    case.looked()
    server.alive()
    assert case.mode is shown
    assert case.listener.is_up
    assert case.looked() == 90
    case.stop()


def test_while_the_stream_is_up_polling_is_a_safety_net(server: Server) -> None:
    """Every `poll_interval` before, every `safety_poll_interval` while it is up, and
    every `poll_interval` again as soon as it is lost."""
    case = Case(server)
    assert (server.listens, case.mode) == (0, NotificationMode.POLLING)
    assert case.looked() == 5
    assert (server.listens, case.mode) == (1, NotificationMode.CONNECTING)
    assert case.looked() == 5
    server.alive()
    assert (case.mode, case.looks) == (NotificationMode.STREAMING, [0])
    assert case.looked() == 90
    server.end(MailboxUnreachable("lost"))
    assert (case.mode, case.looks) == (NotificationMode.POLLING, [0, 0])
    assert case.looked() == 5
    case.stop()


def test_never_more_often_than_at_the_poll_interval(server: Server) -> None:
    """An integration that is looked at once an hour is, with a stream too."""
    case = Case(server, poll_interval=3600)
    case.looked()
    server.alive()
    assert case.looked() == 3600
    case.stop()


def test_what_happened_in_between_is_looked_for(server: Server) -> None:
    """A look when a stream is lost, and one when the next one is up."""
    case = Case(server)
    case.looked()
    server.alive()
    case.clock.advance(1000)
    server.end(MailboxUnreachable("lost"))
    assert case.looks == [0, 1000]
    case.clock.advance(1)
    assert server.listens == 2
    assert case.looks == [0, 1000]
    server.alive()
    assert case.looks == [0, 1000, 1001]
    state = case.listener.state
    assert (state.reconnects, state.problem) == (1, "")
    assert state.since == START + timedelta(seconds=1001)
    case.stop()


def test_the_agreed_end_is_followed_at_once(server: Server) -> None:
    """The server ends every stream after half an hour: no pause, but looks."""
    case = Case(server)
    case.looked()
    server.alive()
    case.clock.advance(1740)
    server.end()
    assert (server.listens, case.mode) == (2, NotificationMode.CONNECTING)
    server.alive()
    assert case.looks == [0, 1740, 1740]
    case.stop()


def test_a_server_that_ends_every_stream_at_once_gets_pauses(server: Server) -> None:
    """However it ends them: the pauses grow up to five minutes."""
    case = Case(server)
    case.looked()
    pauses = []
    for number in range(12):
        server.alive()
        server.end(None if number % 2 else MailboxUnreachable("lost"))
        (wait,) = [call.getTime() for call in case.clock.getDelayedCalls()]
        pauses.append(wait - case.clock.seconds())
        case.clock.advance(pauses[-1])
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == RETRY_MOST
    server.alive()
    case.clock.advance(100)
    server.end(MailboxUnreachable("lost"))
    case.clock.advance(1)
    assert server.listens == 14, "one that has worked is tried again soon"
    case.stop()


def test_bursts(server: Server) -> None:
    """The first of many is looked for at once; a thousand make a few looks."""
    case = Case(server)
    case.looked()
    server.alive()
    case.looks.clear()
    case.clock.advance(10)
    for _ in range(1000):
        server.arrived()
        case.clock.advance(0.002)
    case.clock.advance(5)
    assert case.looks[0] == 10
    assert 4 <= len(case.looks) <= 2 / BURST + 2
    assert case.looks[-1] >= 12, "the last one is not forgotten"
    assert case.listener.state.last_event is not None
    case.stop()


def test_a_refused_account_is_not_tried_twice_as_often(server: Server) -> None:
    """After a refusal nobody listens before a look into the mailbox has worked."""
    server.refuses = MailboxRefused("no")
    case = Case(server)
    case.clock.advance(10_000)
    assert server.listens == 0
    case.looked()
    assert (server.listens, case.mode) == (1, NotificationMode.POLLING)
    assert case.listener.state.problem == "no"
    case.clock.advance(10_000)
    assert server.listens == 1
    server.refuses = None
    case.looked()
    assert server.listens == 2
    server.alive()
    assert case.listener.state.problem == ""
    case.stop()


def test_a_busy_server_is_given_its_time(server: Server) -> None:
    """What it asks for counts, if it is more than we would wait."""
    server.refuses = MailboxBusy("busy", retry_after=400)
    case = Case(server)
    case.looked()
    case.clock.advance(399)
    assert server.listens == 1
    case.clock.advance(1)
    assert server.listens == 2
    case.stop()


def test_an_unexpected_error_is_survived(
    server: Server, logged_failures: Failures
) -> None:
    """Without notifications the daemon still works: nothing is thrown out of here."""
    case = Case(server)
    case.looked()
    server.alive()
    server.end(ZeroDivisionError())
    assert "ZeroDivisionError" in logged_failures[0]
    logged_failures.clear()
    assert "internal error" in case.listener.state.problem
    case.clock.advance(1)
    assert server.listens == 2
    case.stop()


@pytest.mark.parametrize("when", ["before", "connecting", "up", "resting"])
def test_stopping(server: Server, when: str) -> None:
    """At any moment: connections are given up, and no look comes afterwards."""
    case = Case(server)
    if when != "before":
        case.looked()
    if when in ("up", "resting"):
        server.alive()
        server.arrived()
    if when == "resting":
        server.end(MailboxUnreachable("lost"))
    looks = len(case.looks)
    case.stop()
    assert server.closed
    server.arrived()
    server.alive()
    case.clock.advance(1000)
    assert len(case.looks) == looks


def test_stopping_with_connections_that_cannot_be_closed(
    server: Server, logged_failures: Failures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listening is broken off and waited for, and the failure is logged."""

    async def close() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(server, "close", close)
    case = Case(server)
    case.looked()
    server.alive()
    case.stop()
    assert server.cancelled
    (logged,) = logged_failures
    assert "listener could not close its connections integration=1" in logged
    logged_failures.clear()


def test_polling_only() -> None:
    """Without notifications it says the interval, and nothing runs."""
    case = Case(None)
    assert case.looked() == 5
    assert (case.mode, case.looks) == (NotificationMode.POLLING, [])
    case.stop()


def test_pulling_has_a_name_of_its_own(server: Server) -> None:
    """Observers can tell it from streaming."""
    case = Case(server, notification_method="PULL")
    case.looked()
    server.alive()
    assert case.mode is NotificationMode.PULL
    assert case.looked() == 90
    case.stop()


def test_bursts_rest_and_begin_anew() -> None:
    """After a quiet time the next one is at once again; stopping forgets the rest."""
    clock = Clock()
    acts: list[float] = []
    bursts = CallCoalescer(lambda: acts.append(clock.seconds()), clock, 0.5)
    bursts.happened()
    clock.advance(2)
    bursts.happened()
    bursts.happened()
    assert acts == [0, 2]
    bursts.stop()
    clock.advance(2)
    assert acts == [0, 2]
    bursts.happened()
    assert acts == [0, 2, 4]
    bursts.stop()
