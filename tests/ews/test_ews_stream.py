"""Streaming notifications, with servers of all kinds on real sockets."""

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.ews.auth import Connection, HttpRequest, HttpResponse
from pexschedd.ews.streaming.connection import Cookies
from pexschedd.ews.streaming.factory import ews_notifications
from pexschedd.ews.streaming.hearing import MARGIN, QUIET
from pexschedd.ews.streaming.stream import EwsStream
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_support import (
    Behaviour,
    RawServer,
    RawSite,
    back_off,
    failure,
    fault,
    response,
    success,
)
from tests.turns import some_turns

reactor: Any = _reactor
Starter = Callable[[Behaviour], RawSite]
MINUTES = 2
OK = "<m:ConnectionStatus>OK</m:ConnectionStatus>"
CLOSED = "<m:ConnectionStatus>Closed</m:ConnectionStatus>"


def mail(item: str = "A") -> str:
    where = '<t:ParentFolderId Id="inbox"/>'
    return (
        "<m:Notifications><m:Notification><t:SubscriptionId>S</t:SubscriptionId>"
        f'<t:NewMailEvent><t:ItemId Id="{item}"/>{where}</t:NewMailEvent>'
        "</m:Notification></m:Notifications>"
    )


def moved_out() -> str:
    return mail().replace("NewMail", "Moved").replace('"inbox"', '"trash"')


def envelope(content: str) -> bytes:
    return response("GetStreamingEvents", success("GetStreamingEvents", content))


def problem(code: str, values: str = "") -> bytes:
    return response(
        "GetStreamingEvents", failure("GetStreamingEvents", code, "TEXT", values)
    )


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


END = b"0\r\n\r\n"


class Peer:
    """An Exchange that answers what is about subscriptions, and streams as a script
    says: called with each stream that is opened, and its number from 1."""

    def __init__(self, serve: Starter, script: Callable[["Opened", int], None]) -> None:
        self.script = script
        self.site = serve(self._answer)
        self.asked: list[str] = []
        self.streams: list[Opened] = []
        self.headers: list[dict[str, str]] = []
        self.subscribed = response(
            "Subscribe", success("Subscribe", "<m:SubscriptionId>S</m:SubscriptionId>")
        )

    def _answer(self, connection: RawServer, _: int) -> None:
        head, body = self.site.requests[-1]
        lines = head.decode().split("\r\n")[1:]
        self.headers.append(dict(line.lower().split(": ", 1) for line in lines))
        if b"<m:Subscribe>" in body:
            self.asked.append("Subscribe")
            connection.answer(
                self.subscribed,
                headers=[
                    "Set-Cookie: exchangecookie=abc; path=/; expires=Thu, 1-Jan-2099",
                    "Set-Cookie: X-BackEndOverrideCookie=be1~42; path=/; secure",
                ],
            )
        elif b"<m:Unsubscribe>" in body:
            self.asked.append("Unsubscribe")
            connection.answer(response("Unsubscribe", success("Unsubscribe")))
        else:
            self.asked.append("GetStreamingEvents")
            self.streams.append(Opened(connection))
            self.script(self.streams[-1], len(self.streams))


class Opened:
    """One stream, from the server's side."""

    def __init__(self, connection: RawServer) -> None:
        self.connection = connection

    def begin(self, *envelopes: bytes) -> None:
        self.connection.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n"
            b"Transfer-Encoding: chunked\r\nx-nobuffering: 1\r\n\r\n"
        )
        self.say(*envelopes)

    def say(self, *envelopes: bytes) -> None:
        for each in envelopes:
            self.connection.write(chunk(each))

    def end(self) -> None:
        self.connection.write(END)


class Ear:
    """Listens, and counts what it is told."""

    def __init__(
        self,
        site: RawSite,
        clock: Clock | None = None,
        minutes: int = MINUTES,
        **more: Any,
    ) -> None:
        self.clock = clock or Clock()
        self.stream: Any = ews_notifications(
            EwsAccount(
                **{
                    "url": site.url(),
                    "username": "svc",
                    "password": "pw",
                    "network": Network(reactor, Trust()),
                    "clock": self.clock,
                    **more,
                }
            ),
            "room@example.test",
            minutes=minutes,
        )
        assert isinstance(self.stream, EwsStream)
        self.arrived = self.alive = 0
        self._told: list[tuple[int, int, Deferred[None]]] = []
        self.over: Deferred[MailboxError | None] = Deferred()

    def listen(self) -> "Deferred[MailboxError | None]":
        async def listen() -> MailboxError | None:
            try:
                await self.stream.listen(self._arrived, self._alive)
            except MailboxError as error:
                return error
            return None

        self.over = Deferred.fromCoroutine(listen())
        return self.over.addTimeout(5, reactor)

    def _arrived(self) -> None:
        self.arrived += 1
        self._tell()

    def _alive(self) -> None:
        self.alive += 1
        self._tell()

    def _tell(self) -> None:
        for told in list(self._told):
            if self.alive >= told[0] and self.arrived >= told[1]:
                self._told.remove(told)
                told[2].callback(None)

    async def told(self, alive: int, arrived: int) -> None:
        """Waits until so many signs and arrivals have come."""
        done: Deferred[None] = Deferred()
        self._told.append((alive, arrived, done))
        self._tell()
        done.addTimeout(5, reactor)
        await done
        # What told us has to finish first.
        await some_turns()


@pytest_twisted.ensureDeferred
async def test_tells_at_once_and_goes_on(serve: Starter) -> None:
    """Arrivals and heartbeats are told as they come, over one connection; the end that
    the server has announced is no trouble."""
    peer = Peer(serve, lambda opened, _: opened.begin(envelope(OK)))
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(1, 0)
    (opened,) = peer.streams
    for number in (1, 2, 3):
        opened.say(envelope(mail()))
        await ear.told(1 + number, number)
    opened.say(envelope(OK), envelope(moved_out()))
    await ear.told(6, 3)
    opened.say(envelope(CLOSED))
    opened.end()
    assert await ear.over is None
    assert ear.arrived == 3
    assert peer.asked == ["Subscribe", "GetStreamingEvents"]
    assert len(peer.site.connections) == 1
    await ear.stream.close()
    assert peer.asked[2:] == ["Unsubscribe"]
    await peer.site.all_lost()


@pytest_twisted.ensureDeferred
async def test_goes_to_the_same_server_every_time(serve: Starter) -> None:
    """Anchor, affinity and cookies are on every request, and nothing is packed."""

    def script(opened: Opened, _: int) -> None:
        opened.begin(envelope(OK), envelope(CLOSED))
        opened.end()

    peer = Peer(serve, script)
    ear = Ear(peer.site)
    assert await ear.listen() is None
    await ear.stream.close()
    for headers in peer.headers:
        assert headers["x-anchormailbox"] == "room@example.test"
        assert headers["x-preferserveraffinity"] == "true"
        assert "accept-encoding" not in headers
    assert "cookie" not in peer.headers[0]
    for headers in peer.headers[1:]:
        assert headers["cookie"] == "exchangecookie=abc; x-backendoverridecookie=be1~42"


@pytest_twisted.ensureDeferred
async def test_any_style_and_any_pieces(serve: Starter) -> None:
    """Declarations and text in between, illegal characters, single bytes."""
    odd = envelope(mail("A\x01B")).replace(b"\x01", b"&#1;\x02")
    data = envelope(OK) + b"\r\n<?xml version='1.0'?>\r\n" + odd + b"junk" + odd

    def script(opened: Opened, _: int) -> None:
        opened.begin(*(data[i : i + 7] for i in range(0, len(data), 7)))

    peer = Peer(serve, script)
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(3, 2)
    await ear.stream.close()
    assert await ear.over is not None


@pytest_twisted.ensureDeferred
async def test_keeps_its_subscription_over_connections(serve: Starter) -> None:
    """A lost connection is taken up again without another subscription."""

    peer = Peer(serve, lambda opened, _: opened.begin(envelope(OK)))
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(1, 0)
    peer.streams[0].connection.reset()
    assert isinstance(await ear.over, MailboxUnreachable)
    ear.listen()
    await ear.told(2, 0)
    assert peer.asked == ["Subscribe", "GetStreamingEvents", "GetStreamingEvents"]
    await ear.stream.close()
    await ear.over


@pytest.mark.parametrize(
    "code",
    [
        "ErrorSubscriptionNotFound",
        "ErrorInvalidSubscription",
        "ErrorExpiredSubscription",
        "ErrorInvalidWatermark",
    ],
)
@pytest.mark.parametrize("whole", [True, False], ids=["fault", "in the stream"])
@pytest_twisted.ensureDeferred
async def test_a_forgotten_subscription_is_made_anew(
    serve: Starter, code: str, whole: bool
) -> None:
    """At once and once: a server that forgets it again is given time."""

    def script(opened: Opened, number: int) -> None:
        if number == 1:
            opened.begin(envelope(OK), envelope(CLOSED))
            opened.end()
        elif whole:
            opened.connection.answer(fault(code), "500 Internal Server Error")
        else:
            opened.begin(problem(code))

    peer = Peer(serve, script)
    ear = Ear(peer.site)
    assert await ear.listen() is None
    error = await ear.listen()
    assert isinstance(error, MailboxBusy)
    assert code in error.message
    assert peer.asked == [
        "Subscribe",
        "GetStreamingEvents",
        "GetStreamingEvents",
        "Subscribe",
        "GetStreamingEvents",
    ]
    await ear.stream.close()
    assert peer.asked[5:] == [], "there is no subscription any more"


@pytest_twisted.ensureDeferred
async def test_replaced_by_another_connection(serve: Starter) -> None:
    """Somebody else listens to our subscription: it is given up, with a pause."""
    peer = Peer(
        serve,
        lambda opened, _: opened.begin(
            envelope(OK), problem("ErrorNewEventStreamConnectionOpened")
        ),
    )
    ear = Ear(peer.site)
    assert isinstance(await ear.listen(), MailboxBusy)
    ear.listen()
    await ear.told(2, 0)
    assert peer.asked.count("Subscribe") == 2
    assert isinstance(await ear.over, MailboxBusy)
    await ear.stream.close()


@pytest_twisted.ensureDeferred
async def test_missed_notifications_keep_the_subscription(serve: Starter) -> None:
    """The server could not keep up: that is a reason to look, and nothing else."""
    peer = Peer(
        serve,
        lambda opened, _: opened.begin(
            envelope(OK), problem("ErrorMissedNotificationEvents"), envelope(mail())
        ),
    )
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(3, 2)
    assert peer.asked == ["Subscribe", "GetStreamingEvents"]
    await ear.stream.close()
    assert peer.asked[2:] == ["Unsubscribe"]
    await ear.over


@pytest_twisted.ensureDeferred
async def test_a_busy_server_says_how_long(serve: Starter) -> None:
    """What the server asks for is handed on."""
    peer = Peer(
        serve,
        lambda opened, _: opened.connection.answer(
            fault("ErrorServerBusy", "busy", back_off(42_000)), "500 Error"
        ),
    )
    ear = Ear(peer.site)
    error = await ear.listen()
    assert isinstance(error, MailboxBusy)
    assert error.retry_after == 42
    await ear.stream.close()


@pytest_twisted.ensureDeferred
async def test_silence(serve: Starter) -> None:
    """Before any heartbeat a stream may be silent until a minute after its agreed end;
    afterwards for three minutes. Then it counts as lost."""
    peer = Peer(serve, lambda opened, _: opened.begin(envelope(OK)))
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(1, 0)
    ear.clock.advance(60 * MINUTES + MARGIN - 1)
    assert not ear.over.called
    ear.clock.advance(1.5)
    error = await ear.over
    assert isinstance(error, MailboxUnreachable)
    assert "nothing for 180 seconds" in error.message
    await ear.stream.close()
    ear = Ear(peer.site, minutes=30)
    ear.listen()
    await ear.told(1, 0)
    peer.streams[1].say(envelope(OK))
    await ear.told(2, 0)
    ear.clock.advance(QUIET - 1)
    peer.streams[1].say(envelope(OK))
    await ear.told(3, 0)
    ear.clock.advance(QUIET - 1)
    assert not ear.over.called
    ear.clock.advance(1.5)
    assert isinstance(await ear.over, MailboxUnreachable)
    await ear.stream.close()


@pytest_twisted.ensureDeferred
async def test_no_answer_at_all(serve: Starter) -> None:
    """A stream that does not even begin is given up after the usual deadline."""
    peer = Peer(serve, lambda opened, _: None)
    ear = Ear(peer.site, limits=ConnectionLimits(deadline=20))
    ear.listen()
    while not peer.streams:
        await Deferred.fromCoroutine(some_turns())
    ear.clock.advance(21)
    error = await ear.over
    assert isinstance(error, MailboxUnreachable)
    assert "20 seconds" in error.message
    # Nobody answers this Unsubscribe either: it is given its short time.
    await ear.stream.close()


def login_page(opened: Opened) -> None:
    opened.connection.answer(b"<!DOCTYPE html><html/>", content_type="text/html")


def endless(opened: Opened) -> None:
    opened.begin(b"<Envelope>", *([b"x" * 65536] * 20))


def zipped(opened: Opened) -> None:
    opened.connection.answer(envelope(OK), zipped=True)


def unauthorized(opened: Opened) -> None:
    opened.connection.answer(b"", "401 Unauthorized")


def half(opened: Opened) -> None:
    opened.begin(envelope(OK), envelope(mail())[:100])
    opened.connection.close()


def soap_fault_inside(opened: Opened) -> None:
    opened.begin(envelope(OK), fault("ErrorAccessDenied"))


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (login_page, MailboxUnreachable, "sign-in of its own"),
        (endless, MailboxUnreachable, "no series of envelopes"),
        (zipped, MailboxUnreachable, "packed"),
        (unauthorized, MailboxRefused, ""),
        (half, MailboxUnreachable, "closed the connection"),
        (soap_fault_inside, MailboxRefused, ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_no_stream(
    serve: Starter, script: Any, kind: type[MailboxError], words: str
) -> None:
    """Each is an error that an administrator can read; nothing is left behind."""
    peer = Peer(serve, lambda opened, _: script(opened))
    ear = Ear(peer.site)
    error = await ear.listen()
    assert isinstance(error, kind)
    assert words in error.message
    await ear.stream.close()
    assert not ear.clock.getDelayedCalls()
    await peer.site.all_lost()


class Handshake:
    """Signs in as NTLM does: a refused request first, on the same connection."""

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        first = await connection.send(request)
        assert first.status == 401
        assert first.body == b"prove it"
        headers = {**request.headers, "Authorization": "Proof"}
        return await connection.send(HttpRequest(headers, request.body))


@pytest_twisted.ensureDeferred
async def test_a_handshake_before_the_stream(serve: Starter) -> None:
    """The legs of a sign-in are read whole, and then the stream begins."""

    def behaviour(connection: RawServer, number: int) -> None:
        head, body = site.requests[-1]
        if b"Authorization: Proof" not in head:
            connection.answer(b"prove it", "401 Unauthorized")
        elif b"<m:Subscribe>" in body:
            connection.answer(
                response(
                    "Subscribe",
                    success("Subscribe", "<m:SubscriptionId>S</m:SubscriptionId>"),
                )
            )
        elif b"GetStreamingEvents" in body:
            Opened(connection).begin(envelope(OK), envelope(mail()))

    site = serve(behaviour)
    ear = Ear(site, authenticator=Handshake())
    ear.listen()
    await ear.told(2, 1)
    assert len(site.connections) == 1
    closing = Deferred.fromCoroutine(ear.stream.close())
    await ear.over
    while len(site.requests) < 6:
        await some_turns()
    # Nobody answers the Unsubscribe: it has its few seconds.
    ear.clock.advance(3)
    await closing
    await site.all_lost()


@pytest_twisted.ensureDeferred
async def test_close_takes_seconds_at_most(serve: Starter) -> None:
    """A server that does not answer any more cannot keep us."""
    peer = Peer(serve, lambda opened, _: opened.begin(envelope(OK)))
    ear = Ear(peer.site)
    ear.listen()
    await ear.told(1, 0)
    peer.site.behaviour = lambda connection, number: None
    closing = Deferred.fromCoroutine(ear.stream.close())
    assert await ear.over is not None
    while len(peer.site.requests) < 3:
        await some_turns()
    assert not closing.called
    ear.clock.advance(3)
    await closing
    await peer.site.all_lost()


def test_cookies() -> None:
    """The last value counts, an empty one or no age ends it, and all is bounded."""
    jar = Cookies()
    jar.keep(["a=1; path=/", "b=2", "broken", "=x", "c=" + "x" * 5000])
    assert jar.header() == "a=1; b=2"
    jar.keep(["a=3", "b=; expires=Thu, 01-Jan-1970 00:00:00 GMT", "d=4; Max-Age=0"])
    assert jar.header() == "a=3"
    jar.keep([f"n{number}=x" for number in range(100)])
    assert jar.header().count("=") == 20
