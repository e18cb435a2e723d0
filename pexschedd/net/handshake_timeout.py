"""A limit on the duration of a TLS handshake.

A port that accepts connections and never says anything is a common mistake: another
service's port, or a firewall that answers for a server that is gone.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from pexschedd.net.errors import ConnectionFailure, FailureKind


@implementer(IStreamClientEndpoint)
class HandshakeTimeout:
    """Connects by `endpoint`, which makes TLS connections, and aborts a connection
    whose handshake is not complete `seconds` after it was made."""

    def __init__(
        self, endpoint: IStreamClientEndpoint, clock: IReactorTime, seconds: float
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._seconds = seconds

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connects; fires with the factory's protocol before the handshake is over."""
        timed = _TimedFactory(factory, self._clock, self._seconds)
        connecting: Deferred[Any] = self._endpoint.connect(timed)
        inner: Deferred[IProtocol] = connecting.addCallback(
            lambda handshake: handshake.wrappedProtocol
        )
        return inner


class _TimedFactory(WrappingFactory[Any]):
    noisy = False

    def __init__(
        self, inner: IProtocolFactory, clock: IReactorTime, seconds: float
    ) -> None:
        super().__init__(inner)
        self._clock = clock
        self._seconds = seconds

    def buildProtocol(self, addr: IAddress | None) -> Any:
        inner: Any = self.wrappedFactory.buildProtocol(addr)
        if inner is None:
            return None
        return _TimedHandshake(self, inner, self._clock, self._seconds)


@implementer(IHandshakeListener)
class _TimedHandshake(ProtocolWrapper):
    """Stands between TLS and the protocol that uses it."""

    transport: Any
    wrappedProtocol: Any

    def __init__(
        self, factory: Any, inner: IProtocol, clock: IReactorTime, seconds: float
    ) -> None:
        super().__init__(factory, inner)
        self._clock = clock
        self._seconds = seconds
        self._timer: IDelayedCall | None = None

    def makeConnection(self, transport: Any) -> None:
        self._timer = self._clock.callLater(self._seconds, self._give_up)
        super().makeConnection(transport)

    def handshakeCompleted(self) -> None:
        self._stop()
        if IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.connected = 0
        self._stop()
        super().connectionLost(reason)

    def _stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _give_up(self) -> None:
        late = ConnectionFailure(FailureKind.TIMEOUT, f"{self._seconds:g}")
        self.transport.failVerification(Failure(late))
