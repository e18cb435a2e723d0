"""One HTTP connection to one server, on Twisted's agent.

Reads every answer to its end or drops the connection, and tells Twisted's many ways
to fail apart.
"""

import zlib
from collections.abc import Callable
from typing import Any

import msgspec
from OpenSSL import crypto
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    URI,
    Agent,
    HTTPConnectionPool,
    ResponseDone,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import (
    UNKNOWN_LENGTH,
    IAgentEndpointFactory,
    IResponse,
)
from zope.interface import implementer

from pexschedd.ews.auth import HttpRequest, HttpResponse
from pexschedd.net.body_producer import BytesProducer
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.network import Network
from pexschedd.net.twisted_errors import as_connection_failure

IDLE_SECONDS = 100
"""IIS closes idle connections after 120 seconds; we do it first."""


MAX_CONNECTIONS = 27


class ConnectionLimits(msgspec.Struct, frozen=True):
    max_answer: int = 32 * 1024 * 1024
    """Bytes, before and after unzipping."""
    deadline: float = 120.0
    """Seconds for one exchange as a whole."""
    connect: float = 30.0
    """Seconds for reaching one of the server's addresses."""
    connections: int = 3
    """At most: Exchange refuses a mailbox's 28th request at once, by default."""

    def __post_init__(self) -> None:
        if not 1 <= self.connections <= MAX_CONNECTIONS:
            raise ValueError(f"connections: must be between 1 and {MAX_CONNECTIONS}")


class TwistedConnection:
    """At most one open connection; see `auth.Connection`."""

    def __init__(
        self,
        url: str,
        *,
        network: Network,
        clock: IReactorTime,
        limits: ConnectionLimits,
    ) -> None:
        self._url = url.encode("ascii")
        self._limits = limits
        self._endpoints = _Endpoints(network, limits.connect)
        self._pool = HTTPConnectionPool(clock, persistent=True)
        self._pool.maxPersistentPerHost = 1
        self._pool.retryAutomatically = False
        self._pool.cachedConnectionTimeout = IDLE_SECONDS
        self._agent = Agent.usingEndpointFactory(
            network.reactor, self._endpoints, self._pool
        )

    @property
    def serial(self) -> int:
        return self._endpoints.serial

    def certificate(self) -> bytes | None:
        transport = getattr(self._endpoints.protocol, "transport", None)
        ask = getattr(transport, "getPeerCertificate", None)
        found = ask() if ask is not None else None
        if found is None:
            return None
        return crypto.dump_certificate(crypto.FILETYPE_ASN1, found)

    async def send(self, request: HttpRequest) -> HttpResponse:
        headers = Headers()
        for name, value in request.headers.items():
            headers.addRawHeader(name.encode("ascii"), value.encode("utf-8"))
        head = self._endpoints.head
        head.begins()
        try:
            response = await self._agent.request(
                b"POST", self._url, headers, BytesProducer(request.body)
            )
            head.ends()
            body = await self._body(response)
        except Exception as failure:
            if head.too_long:
                endless = "its headers do not end"
                raise ConnectionFailure(FailureKind.GARBLED, endless) from failure
            raise as_connection_failure(failure) from failure
        return HttpResponse(response.code, _headers(response), body)

    async def _body(self, response: IResponse) -> bytes:
        reader = _Reader(_headers(response), self._limits.max_answer, self.abort)
        response.deliverBody(reader)
        if response.length is not UNKNOWN_LENGTH:
            reader.announced(response.length)
        return await reader.done

    def abort(self) -> None:
        """Drops the connection at once, whatever is still on its way."""
        transport = getattr(self._endpoints.protocol, "transport", None)
        # Twisted's TLS cannot abort what is lost already.
        if transport is not None and getattr(transport, "connected", False):
            transport.abortConnection()

    async def close(self) -> None:
        await self._pool.closeCachedConnections()


MAX_HEAD = 256 * 1024
"""Bytes of an answer's status line and headers: Twisted counts each, but not all."""


class _Head:
    """Counts what comes before an answer's body, and drops whoever sends too much."""

    def __init__(self) -> None:
        self._left: int | None = None
        self.too_long = False

    def begins(self) -> None:
        self._left, self.too_long = MAX_HEAD, False

    def ends(self) -> None:
        self._left = None

    def watch(self, protocol: Any) -> None:
        receive = protocol.dataReceived

        def counted(data: bytes) -> None:
            if self.too_long:
                return
            receive(data)
            if self._left is None:
                return
            self._left -= len(data)
            if self._left < 0:
                self.too_long = True
                protocol.transport.abortConnection()

        protocol.dataReceived = counted


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Opens connections and remembers the last one."""

    def __init__(self, network: Network, timeout: float) -> None:
        self._network = network
        self._timeout = timeout
        self.serial = 0
        self.protocol: IProtocol | None = None
        self.head = _Head()

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        endpoint = self._network.endpoint(uri, timeout=self._timeout)
        return _Remembered(endpoint, self._connected)

    def _connected(self, protocol: IProtocol) -> None:
        self.serial += 1
        self.protocol = protocol
        self.head.watch(protocol)


@implementer(IStreamClientEndpoint)
class _Remembered:
    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        connected: Callable[[IProtocol], None],
    ) -> None:
        self._endpoint = endpoint
        self._connected = connected

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        def remember(protocol: IProtocol) -> IProtocol:
            self._connected(protocol)
            return protocol

        return self._endpoint.connect(factory).addCallback(remember)


class _Reader(Protocol):
    """Collects a body, unzips it as it comes, and stops at the limit."""

    def __init__(
        self, headers: dict[str, str], limit: int, abort: Callable[[], None]
    ) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._limit = limit
        self._abort = abort
        self._chunks: list[bytes] = []
        self._received = 0
        self._size = 0
        self._over = False
        self._unzip: Any = None
        encoding = headers.get("content-encoding", "identity").strip().lower()
        self._known = encoding in ("identity", "gzip", "x-gzip", "")
        if encoding.endswith("gzip"):
            self._unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def announced(self, length: int) -> None:
        if length > self._limit:
            self._fail(ConnectionFailure(FailureKind.TOO_LARGE, str(self._limit)))

    def connectionMade(self) -> None:
        if not self._known:
            self._fail(
                ConnectionFailure(FailureKind.GARBLED, "unknown content encoding")
            )

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        self._received += len(data)
        if self._unzip is not None:
            try:
                data = self._unzip.decompress(data, self._limit - self._size + 1)
            except zlib.error:
                self._fail(ConnectionFailure(FailureKind.GARBLED, "damaged gzip data"))
                return
        self._size += len(data)
        self._chunks.append(data)
        if max(self._received, self._size) > self._limit:
            self._fail(ConnectionFailure(FailureKind.TOO_LARGE, str(self._limit)))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._over:
            return
        self._over = True
        # Without a length the end of the connection is the end of the answer; the
        # parser sees whether it is whole.
        complete = reason.check(ResponseDone, PotentialDataLoss)
        if complete and self._unzip is not None and self._received:
            complete = ResponseDone if self._unzip.eof else None
        if complete:
            self.done.callback(b"".join(self._chunks))
        else:
            self.done.errback(ConnectionFailure(FailureKind.LOST))

    def _fail(self, trouble: ConnectionFailure) -> None:
        if self._over:
            return
        self._over = True
        self._chunks.clear()
        self._abort()
        self.done.errback(trouble)


def _headers(response: IResponse) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): ", ".join(
            value.decode("utf-8", errors="replace") for value in values
        )
        for name, values in response.headers.getAllRawHeaders()
    }
