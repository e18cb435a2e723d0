"""Servers that take a connection and say nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.handshake_timeout import HandshakeTimeout
from pexschedd.net.tls import Trust
from tests.net.net_support import Authority, dns

reactor: Any = _reactor


class Client(Protocol):
    """Tells when its connection is over, and why."""

    def __init__(self) -> None:
        self.over: Deferred[BaseException | None] = Deferred()
        self.heard: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard.callback(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.over.errback(reason)


class Greeter(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")


@pytest_twisted.async_yield_fixture()
async def listen() -> AsyncIterator[Any]:
    ports = []

    def start(protocol: type[Protocol], context: Any = None) -> int:
        factory = Factory.forProtocol(protocol)
        port = (
            reactor.listenTCP(0, factory, interface="127.0.0.1")
            if context is None
            else reactor.listenSSL(0, factory, context, interface="127.0.0.1")
        )
        ports.append(port)
        return int(port.getHost().port)

    yield start
    for port in ports:
        await port.stopListening()


def endpoint_to(port: int, trust: Trust, clock: Clock) -> HandshakeTimeout:
    plain = HostnameEndpoint(reactor, "localhost", port)
    return HandshakeTimeout(
        wrapClientTLS(trust.for_host("localhost"), plain), clock, 30
    )


@pytest_twisted.ensureDeferred
async def test_a_silent_port_is_given_up(listen: Any) -> None:
    """The connection ends with words about time, not with the exchange's deadline."""
    clock = Clock()
    client = Client()
    endpoint = endpoint_to(listen(Protocol), Trust(), clock)
    await endpoint.connect(Factory.forProtocol(lambda: client))
    clock.advance(29)
    assert not client.over.called
    clock.advance(2)
    with pytest.raises(ConnectionFailure) as caught:
        await client.over
    assert caught.value.kind is FailureKind.TIMEOUT
    assert caught.value.detail == "30"


@pytest_twisted.ensureDeferred
async def test_a_handshake_that_is_over_leaves_nothing(listen: Any) -> None:
    """After its handshake, a connection may be silent for any time."""
    authority = Authority("The test authority")
    clock = Clock()
    client = Client()
    port = listen(Greeter, authority.server(dns("localhost")))
    trust = Trust([("ca_file", authority.pem)])
    endpoint = endpoint_to(port, trust, clock)
    connected: Any = await endpoint.connect(Factory.forProtocol(lambda: client))
    assert await client.heard == b"hello"
    assert clock.getDelayedCalls() == []
    clock.advance(1000)
    assert not client.over.called
    connected.transport.loseConnection()
    with pytest.raises(ConnectionDone):
        await client.over


@pytest_twisted.ensureDeferred
async def test_a_handshake_that_fails_leaves_nothing(listen: Any) -> None:
    """A server that is not trusted is not waited for any more."""
    clock = Clock()
    client = Client()
    port = listen(Greeter, Authority("A stranger").server(dns("localhost")))
    await endpoint_to(port, Trust(), clock).connect(Factory.forProtocol(lambda: client))
    with pytest.raises(ConnectionFailure) as caught:
        await client.over
    assert caught.value.kind is FailureKind.UNTRUSTED
    assert clock.getDelayedCalls() == []
