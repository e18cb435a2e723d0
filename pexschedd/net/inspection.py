"""A look at a server's certificates: for the administrator, not for a connection.

The handshake goes to its end whatever the server shows, and nothing else is sent.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from pexschedd.crypto.certificates import described
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.handshake_inspection import HandshakeInspection
from pexschedd.net.network import Network
from pexschedd.net.tls import HandshakeReport
from pexschedd.net.twisted_errors import as_connection_failure


async def inspect(
    network: Network, host: str, port: int, *, timeout: float, direct: bool = False
) -> HandshakeInspection:
    """Connects, shakes hands and tells what was seen; trouble is a result, too.

    `timeout` is for everything, in seconds. `direct` leaves the proxy out.
    """
    report = HandshakeReport()
    looking = Deferred.fromCoroutine(
        _look(network, host, port, timeout, direct, report)
    )
    looking.addTimeout(
        timeout, network.reactor, lambda result, _: _late(result, timeout)
    )
    try:
        found = await looking
    except Exception as failure:
        trouble = as_connection_failure(failure)
        if not isinstance(trouble, ConnectionFailure):
            raise trouble from failure
        found = HandshakeInspection(
            host=host, port=port, trouble=trouble.trouble, detail=trouble.detail
        )
    return found


def _late(result: Any, timeout: float) -> Any:
    if isinstance(result, Failure):
        raise ConnectionFailure(FailureKind.TIMEOUT, f"{timeout:g}")
    return result


async def _look(
    network: Network,
    host: str,
    port: int,
    timeout: float,
    direct: bool,
    report: HandshakeReport,
) -> HandshakeInspection:
    endpoint = wrapClientTLS(
        network.trust.observer(host, report),
        network.way(host, port, timeout=timeout, direct=direct),
    )
    visitor: Any = await endpoint.connect(Factory.forProtocol(_Visitor))
    try:
        await visitor.done
        return _seen(host, port, report)
    finally:
        visitor.leave()


def _seen(host: str, port: int, report: HandshakeReport) -> HandshakeInspection:
    connection, trouble = report.connection, report.trouble
    assert connection is not None  # noqa: S101 - there was a handshake
    chain = connection.get_peer_cert_chain(as_cryptography=True) or []
    return HandshakeInspection(
        host=host,
        port=port,
        chain=tuple(described(certificate) for certificate in chain),
        version=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        trouble=trouble.trouble if trouble else None,
        detail=trouble.detail if trouble else "",
    )


@implementer(IHandshakeListener)
class _Visitor(Protocol):
    """Waits for the end of the handshake, good or bad."""

    transport: Any

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()

    def handshakeCompleted(self) -> None:
        if not self.done.called:
            self.done.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.done.called:
            self.done.errback(reason)

    def leave(self) -> None:
        if getattr(self.transport, "connected", False):
            self.transport.abortConnection()
