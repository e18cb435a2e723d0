"""Inspection of a server's certificates, for the administrator.

The handshake is completed whatever the server presents, and nothing else is sent.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from pexschedd.crypto.certificates import described
from pexschedd.net.errors import ConnectionFailure
from pexschedd.net.handshake_inspection import HandshakeInspection
from pexschedd.net.network import Network
from pexschedd.net.tls import HandshakeReport
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout


async def inspect(
    network: Network, host: str, port: int, *, timeout: float, direct: bool = False
) -> HandshakeInspection:
    """Connect, complete a handshake and report; a failure is a result, too.

    `timeout` is for all of it, in seconds. `direct` leaves the proxy out.
    """
    report = HandshakeReport()
    inspecting = Deferred.fromCoroutine(
        _handshake(network, host, port, timeout, direct, report)
    )
    inspecting.addTimeout(timeout, network.reactor, raise_timeout)
    try:
        found = await inspecting
    except Exception as failure:
        known = as_connection_failure(failure)
        if not isinstance(known, ConnectionFailure):
            raise known from failure
        found = HandshakeInspection(
            host=host, port=port, failure=known.kind, detail=known.detail
        )
    return found


async def _handshake(
    network: Network,
    host: str,
    port: int,
    timeout: float,
    direct: bool,
    report: HandshakeReport,
) -> HandshakeInspection:
    endpoint = wrapClientTLS(
        network.trust.observer(host, report),
        network.tcp_endpoint(host, port, timeout=timeout, direct=direct),
    )
    waiting: Any = await endpoint.connect(Factory.forProtocol(_HandshakeWaiter))
    try:
        await waiting.done
        return _inspected(host, port, report)
    finally:
        waiting.abort()


def _inspected(host: str, port: int, report: HandshakeReport) -> HandshakeInspection:
    connection, failure = report.connection, report.failure
    assert connection is not None  # noqa: S101 - there was a handshake
    chain = connection.get_peer_cert_chain(as_cryptography=True) or []
    return HandshakeInspection(
        host=host,
        port=port,
        chain=tuple(described(certificate) for certificate in chain),
        version=connection.get_protocol_version_name(),
        cipher=connection.get_cipher_name() or "",
        failure=failure.kind if failure else None,
        detail=failure.detail if failure else "",
    )


@implementer(IHandshakeListener)
class _HandshakeWaiter(Protocol):
    """Fires `done` when the handshake is over, well or badly."""

    transport: Any

    def __init__(self) -> None:
        self.done: Deferred[None] = Deferred()

    def handshakeCompleted(self) -> None:
        if not self.done.called:
            self.done.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.done.called:
            self.done.errback(reason)

    def abort(self) -> None:
        if getattr(self.transport, "connected", False):
            self.transport.abortConnection()
