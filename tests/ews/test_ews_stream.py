"""Streaming notifications, with servers of all kinds on real sockets."""

import pytest_twisted
from twisted.internet.defer import Deferred

from pexschedd.ews.auth import Connection, HttpRequest, HttpResponse
from pexschedd.ews.streaming.connection import Cookies
from tests.ews.ews_stream_support import CLOSED, OK, Ear, Opened, Peer, envelope, mail
from tests.ews.ews_support import RawServer, Starter, response, success
from tests.turns import some_turns


def moved_out() -> str:
    return mail().replace("NewMail", "Moved").replace('"inbox"', '"trash"')


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


def test_cookies() -> None:
    """The last value counts, an empty one or no age ends it, and all is bounded."""
    jar = Cookies()
    jar.keep(["a=1; path=/", "b=2", "broken", "=x", "c=" + "x" * 5000])
    assert jar.header() == "a=1; b=2"
    jar.keep(["a=3", "b=; expires=Thu, 01-Jan-1970 00:00:00 GMT", "d=4; Max-Age=0"])
    assert jar.header() == "a=3"
    jar.keep([f"n{number}=x" for number in range(100)])
    assert jar.header().count("=") == 20
