"""Connections through a web proxy: a tunnel for each, opened with CONNECT.

The proxy does not touch what goes through a tunnel: TLS to the server is verified as
without a proxy, and authentication that is bound to a connection works as usual.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from pexschedd.net.errors import ConnectionFailure, FailureKind, clause
from pexschedd.net.proxy import (
    ANSWER_SECONDS,
    MAX_HEADER,
    Proxy,
    garbled,
    parse_answer,
    refusal,
    unreachable,
)
from pexschedd.net.twisted_errors import as_connection_failure


@implementer(IStreamClientEndpoint)
class Tunnel:
    """An endpoint for `host` and `port` behind `proxy`; `to_proxy` is the proxy's."""

    def __init__(
        self,
        proxy: Proxy,
        to_proxy: IStreamClientEndpoint,
        host: str,
        port: int,
        clock: IReactorTime,
    ) -> None:
        self._proxy = proxy
        self._to_proxy = to_proxy
        self._target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._clock = clock

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect and open the tunnel; fires with the factory's protocol in it."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, inner: IProtocolFactory) -> IProtocol:
        proxy, target = self._proxy, self._target
        try:
            tunnel: Any = await self._to_proxy.connect(
                _TunnelFactory(inner, proxy, target)
            )
        except Exception as failure:
            known = as_connection_failure(failure)
            if isinstance(known, ConnectionFailure):
                known = unreachable(proxy, target, clause(known))
            raise known from failure
        timer = self._clock.callLater(ANSWER_SECONDS, tunnel.give_up)
        try:
            opened: IProtocol = await tunnel.opened
        finally:
            _stop(timer)
        return opened


def _stop(timer: IDelayedCall) -> None:
    if timer.active():
        timer.cancel()


class _TunnelFactory(WrappingFactory[Any]):
    noisy = False

    def __init__(self, inner: IProtocolFactory, proxy: Proxy, target: str) -> None:
        super().__init__(inner)
        self._proxy = proxy
        self._target = target

    def buildProtocol(self, addr: IAddress | None) -> Any:
        inner: Any = self.wrappedFactory.buildProtocol(addr)
        if inner is None:
            return None
        return _TunnelProtocol(self, inner, self._proxy, self._target)


class _TunnelProtocol(ProtocolWrapper):
    """Asks for the tunnel, and passes everything on once it is open."""

    transport: Any
    wrappedProtocol: Any

    def __init__(
        self, factory: Any, inner: IProtocol, proxy: Proxy, target: str
    ) -> None:
        super().__init__(factory, inner)
        self._proxy = proxy
        self._target = target
        self._header = b""
        self._is_open = False
        self.opened: Deferred[IProtocol] = Deferred(lambda _: self._drop())

    def makeConnection(self, transport: Any) -> None:
        """Ask for the tunnel; the wrapped protocol is connected when it is open."""
        directlyProvides(self, providedBy(transport))
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)
        self.write(self._proxy.connect_request(self._target))

    def dataReceived(self, data: bytes) -> None:
        if self._is_open:
            super().dataReceived(data)
            return
        if self.opened.called:
            return
        self._header += data
        header, end, rest = self._header.partition(b"\r\n\r\n")
        if not b"HTTP/1.".startswith(header[:7]) or len(header) > MAX_HEADER:
            self._fail(self._garbled("it does not answer as a proxy does"))
        elif end:
            self._answered(header, rest)

    def _answered(self, header: bytes, rest: bytes) -> None:
        answer = parse_answer(header)
        if answer is None:
            self._fail(self._garbled("it does not answer as a proxy does"))
            return
        refused = refusal(answer, self._proxy, self._target)
        if refused is not None:
            self._fail(refused)
            return
        self._is_open = True
        self._header = b""
        self.wrappedProtocol.makeConnection(self)
        self.opened.callback(self.wrappedProtocol)
        if rest:
            super().dataReceived(rest)

    def give_up(self) -> None:
        self._fail(self._garbled(f"no answer within {ANSWER_SECONDS:g} seconds"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._is_open:
            super().connectionLost(reason)
            return
        self.factory.unregisterProtocol(self)
        known = as_connection_failure(
            reason.value or ConnectionFailure(FailureKind.LOST)
        )
        if isinstance(known, ConnectionFailure) and known.kind not in (
            FailureKind.LOST,
            FailureKind.GARBLED,
        ):
            words = clause(known)  # of TLS to the proxy itself
            self._fail(unreachable(self._proxy, self._target, words))
        else:
            self._fail(self._garbled("it closed the connection instead of answering"))

    def _garbled(self, what: str) -> ConnectionFailure:
        return garbled(self._proxy, self._target, what)

    def _fail(self, failure: ConnectionFailure) -> None:
        if self.opened.called:
            return
        self.opened.errback(failure)
        self._drop()

    def _drop(self) -> None:
        if getattr(self.transport, "connected", False):
            self.transport.abortConnection()
