"""Ends of an exchange: by its deadline, by closing, or by its caller."""

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater

from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.net.errors import ConnectionFailure, FailureKind
from tests.ews.ews_support import Behaviour, RawServer, Starter
from tests.ews.transport_support import hang, post, transport_to

reactor: Any = _reactor


@pytest.mark.parametrize("gap", ["head", "body"])
@pytest_twisted.ensureDeferred
async def test_a_byte_a_second_ends_at_the_deadline(serve: Starter, gap: str) -> None:
    """However alive the connection is: the whole answer has to come in time."""
    clock = Clock()
    site = serve(lambda connection, _: drip_on(connection, gap))
    transport = transport_to(site, clock=clock, limits=ConnectionLimits(deadline=60))
    exchange = Deferred.fromCoroutine(post(transport))
    for _ in range(61):
        await deferLater(reactor, 0.002, lambda: None)
        clock.advance(1)
        if site.connections and not site.connections[0].lost:
            site.connections[0].write(b"x")
    with pytest.raises(ConnectionFailure) as caught:
        await exchange
    assert caught.value.kind is FailureKind.TIMEOUT
    await site.all_lost()
    await transport.close()


def drip_on(connection: RawServer, gap: str) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    if gap == "body":
        connection.write(b"\r\nContent-Length: 999\r\n\r\n")


def drip(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<")


@pytest.mark.parametrize("behaviour", [hang, drip])
@pytest_twisted.ensureDeferred
async def test_the_deadline_ends_an_exchange(
    serve: Starter, behaviour: Behaviour
) -> None:
    """Silence and dripping end at the deadline, and with them the connection."""
    clock = Clock()
    asked: Deferred[None] = Deferred()

    def notice(connection: RawServer, number: int) -> None:
        behaviour(connection, number)
        reactor.callLater(0.02, asked.callback, None)

    site = serve(notice)
    transport = transport_to(site, clock=clock, limits=ConnectionLimits(deadline=60))
    exchange = Deferred.fromCoroutine(post(transport))
    await asked
    clock.advance(59)
    assert not exchange.called
    clock.advance(2)
    with pytest.raises(ConnectionFailure) as caught:
        await exchange
    assert caught.value.kind is FailureKind.TIMEOUT
    assert caught.value.detail == "60"
    await site.all_lost()
    assert len(site.requests) == 1  # not repeated, although it could have been
    await transport.close()
    assert not clock.getDelayedCalls()


@pytest.mark.parametrize("behaviour", [hang, drip])
@pytest_twisted.ensureDeferred
async def test_closing_gives_up_what_is_under_way(
    serve: Starter, behaviour: Behaviour
) -> None:
    """After close nothing is under way, and nothing begins."""
    asked: Deferred[None] = Deferred()

    def notice(connection: RawServer, number: int) -> None:
        behaviour(connection, number)
        reactor.callLater(0.02, asked.callback, None)

    site = serve(notice)
    transport = transport_to(site)
    exchange = Deferred.fromCoroutine(post(transport))
    await asked
    await transport.close()
    for attempt in (exchange, Deferred.fromCoroutine(post(transport))):
        with pytest.raises(ConnectionFailure) as caught:
            await attempt
        assert caught.value.kind is FailureKind.CLOSED
    await site.all_lost()


@pytest_twisted.ensureDeferred
async def test_the_caller_may_cancel(serve: Starter) -> None:
    """A cancellation stays one, and costs the connection but not the transport."""
    asked: Deferred[None] = Deferred()

    def first_hangs(connection: RawServer, number: int) -> None:
        if number == 1:
            asked.callback(None)
        else:
            connection.answer(b"<ok/>")

    site = serve(first_hangs)
    transport = transport_to(site, limits=ConnectionLimits(connections=1))
    exchange = Deferred.fromCoroutine(post(transport))
    await asked
    exchange.cancel()
    with pytest.raises(CancelledError):
        await exchange
    assert (await post(transport)).body == b"<ok/>"
    await transport.close()
