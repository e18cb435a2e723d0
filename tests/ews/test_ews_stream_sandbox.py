"""What `ports.notifications` promises, by streaming and by pulling, against a sandbox
Exchange on real sockets; and the owner's stamp."""

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import MailboxError
from pexschedd.ews.auth import Authenticator
from pexschedd.ews.auth.bearer import BearerAuthenticator
from pexschedd.ews.auth.ntlm import NtlmAuthenticator
from pexschedd.ews.streaming.factory import ews_notifications
from pexschedd.sandbox.notifications.subscriptions import (
    SubscriptionLimits,
)
from pexschedd.scheduling.ports.mailbox import Action, Answer
from pexschedd.scheduling.ports.notifications import Notifications
from tests.ews.ews_exchange import EQUIPMENT, Exchange, waiting

reactor: Any = _reactor
EVERY = 5.0


class Told:
    """Listens to the equipment mailbox, and counts what it is told."""

    def __init__(self, exchange: Exchange, *, pull: bool, **more: Any) -> None:
        self.exchange = exchange
        self.clock = Clock()
        self.arrived = self.alive = 0
        account, options = exchange.split({"clock": self.clock, **more})
        self.notifications: Notifications = ews_notifications(
            account,
            EQUIPMENT,
            pull_every=(lambda: EVERY) if pull else None,
            **options,
        )
        self.over: Deferred[MailboxError | None] = Deferred()

    def listen(self) -> None:
        async def listen() -> MailboxError | None:
            try:
                await self.notifications.listen(self._arrived, self._alive)
            except MailboxError as error:
                return error
            return None

        self.over = Deferred.fromCoroutine(listen())

    def _arrived(self) -> None:
        self.arrived += 1

    def _alive(self) -> None:
        self.alive += 1

    async def until(self, *, alive: int = 0, arrived: int = 0) -> None:
        for _ in range(200):
            if self.alive >= alive and self.arrived >= arrived:
                return
            await self.turn()
        raise AssertionError(f"{self.alive} signs, {self.arrived} arrivals")

    async def turn(self) -> None:
        done: Deferred[None] = Deferred()
        reactor.callLater(0.005, done.callback, None)
        await done
        # The sandbox's turns, and when to pull again.
        clock: Any = self.exchange.sandbox._clock
        clock.advance(0)
        self.clock.advance(EVERY)


@pytest.fixture(params=[False, True], ids=["stream", "pull"])
def told(exchange: Exchange, request: Any) -> Told:
    return Told(exchange, pull=request.param)


@pytest_twisted.ensureDeferred
async def test_tells_of_what_arrives(told: Told) -> None:
    """The first sign comes without any mail; then every mail is told."""
    told.listen()
    await told.until(alive=1)
    assert told.arrived == 0
    told.exchange.invite()
    await told.until(arrived=1)
    told.exchange.invite("Another")
    await told.until(arrived=2)
    await told.notifications.close()
    await told.over


@pytest_twisted.ensureDeferred
async def test_our_answers_do_not_wake_us(told: Told) -> None:
    """Accepting moves the request out of the inbox: nothing has arrived."""
    told.listen()
    await told.until(alive=1)
    told.exchange.invite()
    await told.until(arrived=1)
    mailbox = told.exchange.mailbox()
    (message,) = await waiting(mailbox)
    await mailbox.answer([Answer(message.ref, Action.ACCEPT, "<p>Yes</p>")])
    before = told.arrived
    for _ in range(10):
        await told.turn()
    assert told.arrived == before
    await told.notifications.close()
    await told.over


@pytest_twisted.ensureDeferred
async def test_closing_ends_the_subscription(told: Told) -> None:
    """The server has nothing left of us, and the listening is over."""
    told.listen()
    await told.until(alive=1)
    await told.notifications.close()
    await told.over
    assert told.exchange.sandbox.calls["Unsubscribe"] == 1
    assert not told.clock.getDelayedCalls()
    await told.notifications.close()


@pytest_twisted.ensureDeferred
async def test_a_refused_subscription(told: Told) -> None:
    """An error that says what is wrong; later it works."""
    told.exchange.misbehave(
        operation="Subscribe", kind="ErrorExceededSubscriptionCount", times=1
    )
    told.listen()
    error = await told.over
    assert error is not None
    assert "ErrorExceededSubscriptionCount" in error.message
    told.listen()
    await told.until(alive=1)
    await told.notifications.close()
    await told.over


@pytest_twisted.ensureDeferred
async def test_a_server_that_forgot_us(told: Told) -> None:
    """After a restart of the server nobody knows the subscription."""
    told.listen()
    await told.until(alive=1)
    sandbox = told.exchange.sandbox
    for stream in sandbox.streams():
        stream.misbehave("abort")
    sandbox.subscriptions.forget()
    while not told.over.called:
        await told.turn()
    assert await told.over is not None
    told.listen()
    await told.until(alive=told.alive + 1)
    told.exchange.invite()
    await told.until(arrived=1)
    await told.notifications.close()
    await told.over


@pytest.mark.parametrize("trouble", ["abort", "half", "error", "missed", "close"])
@pytest_twisted.ensureDeferred
async def test_streams_that_end(exchange: Exchange, trouble: str) -> None:
    """However a stream ends, the next one tells again."""
    told = Told(exchange, pull=False)
    told.listen()
    await told.until(alive=1)
    (stream,) = exchange.sandbox.streams()
    stream.misbehave(trouble)
    if trouble == "missed":
        await told.until(arrived=1)
        stream.misbehave("close")
    error = await told.over
    assert (error is None) == (trouble in ("missed", "close"))
    told.listen()
    await told.until(alive=told.alive + 1)
    before = told.arrived
    exchange.invite()
    await told.until(arrived=before + 1)
    await told.notifications.close()
    await told.over


@pytest_twisted.ensureDeferred
async def test_the_stamp_stays_at_the_mailbox(exchange: Exchange) -> None:
    """What one leaves, another reads; and the inbox's changes are still told right."""
    one, other = exchange.mailbox(), exchange.mailbox()
    assert await one.stamp() == ""
    cursor = (await one.arrivals("")).cursor
    await one.leave_stamp('{"instance": "1 & <2>"}')
    assert await other.stamp() == '{"instance": "1 & <2>"}'
    await other.leave_stamp("2")
    assert await one.stamp() == "2"
    assert (await one.arrivals(cursor)).arrived == ()


class OneToken:
    """The same access token for ever."""

    async def token(self) -> str:
        return "the-token"

    def rejected(self, token: str) -> None:
        raise AssertionError("the token was refused")


def ntlm() -> Authenticator:
    return NtlmAuthenticator("svc@example.test", "svc", "127.0.0.1")


def bearer() -> Authenticator:
    return BearerAuthenticator(OneToken())


@pytest.mark.parametrize("pull", [False, True], ids=["stream", "pull"])
@pytest.mark.parametrize(
    ("method", "make"), [("NTLM", ntlm), ("Bearer", bearer)], ids=["NTLM", "Bearer"]
)
@pytest_twisted.ensureDeferred
async def test_every_way_to_sign_in(
    exchange: Exchange, method: str, make: Callable[[], Authenticator], pull: bool
) -> None:
    """Handshakes come first and are read whole; the stream follows on the same
    connection. And it finds the server that knows the subscription."""
    exchange.sandbox.behaviour.configure({"sign_in": {"methods": [method]}})
    exchange.sandbox.tokens.register(
        "the-token", mailbox=None, impersonates=("*",), expires_in=None
    )
    exchange.sandbox.subscriptions.limits = SubscriptionLimits(affinity=True)
    told = Told(exchange, pull=pull, authenticator=make())
    for round_ in (1, 2):
        told.listen()
        await told.until(alive=told.alive + 1)
        exchange.invite()
        await told.until(arrived=round_)
        if pull:
            break
        exchange.sandbox.streams()[0].misbehave("close")
        assert await told.over is None
    await told.notifications.close()
    await told.over
    assert exchange.sandbox.calls["Subscribe"] == 1
    assert exchange.sandbox.calls["Unsubscribe"] == 1
