"""A TLS handshake that has to come to its end.

A port that takes connections and never says anything is a common mistake: another
service's port, a firewall that answers for a server that is gone.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import alsoProvides, implementer

from pexschedd.net.errors import ConnectionFailure, FailureKind


@implementer(IStreamClientEndpoint)
class HandshakeTimeout:
    """Connects by `endpoint`, which makes TLS connections, and gives a connection up
    whose handshake is not over `seconds` after it was made."""

    def __init__(
        self, endpoint: IStreamClientEndpoint, clock: IReactorTime, seconds: float
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._seconds = seconds

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        handshake = _Handshake(factory, self._clock, self._seconds)
        return self._endpoint.connect(handshake).addCallback(handshake.connected)


class _Handshake(Factory):
    noisy = False

    def __init__(
        self, factory: IProtocolFactory, clock: IReactorTime, seconds: float
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._seconds = seconds
        self._over = False
        self._limit: IDelayedCall | None = None
        self._tell: Callable[[], object] = _nobody

    def buildProtocol(self, address: Any) -> Any:
        protocol: Any = self._factory.buildProtocol(address)
        if protocol is not None:
            # The protocol itself need not know that others want to be told.
            lost = protocol.connectionLost

            def connection_lost(reason: Failure = connectionDone) -> None:
                self._settled()
                lost(reason)

            protocol.connectionLost = connection_lost
            listens = IHandshakeListener.providedBy(protocol)
            self._tell = protocol.handshakeCompleted if listens else _nobody
            protocol.handshakeCompleted = self._completed
            alsoProvides(protocol, IHandshakeListener)
        return protocol

    def connected(self, protocol: Any) -> Any:
        if not self._over:
            self._limit = self._clock.callLater(
                self._seconds, self._give_up, protocol.transport
            )
        return protocol

    def _completed(self) -> None:
        self._settled()
        self._tell()

    def _settled(self) -> None:
        self._over = True
        if self._limit is not None and self._limit.active():
            self._limit.cancel()

    def _give_up(self, transport: Any) -> None:
        if getattr(transport, "connected", False):
            trouble = ConnectionFailure(FailureKind.TIMEOUT, f"{self._seconds:g}")
            transport.failVerification(Failure(trouble))


def _nobody() -> None:
    """Wants to know when the handshake is over."""
