"""Name lookups, connections and HTTP requests, bounded and without side effects."""

from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.protocol import Factory, Protocol
from twisted.web.client import URI
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from pexschedd.clock import Now, ahead
from pexschedd.doctor.observations import ConnectResult, HostAddresses, HttpResult
from pexschedd.net.body_producer import BytesProducer
from pexschedd.net.errors import ConnectionFailure, FailureKind, clause
from pexschedd.net.network import Network
from pexschedd.net.twisted_errors import as_connection_failure, raise_timeout
from pexschedd.util.body_reader import read_beginning

TIMEOUT = 10.0
"""Seconds for each lookup, connection or request as a whole."""

MAX_BODY = 512 * 1024
"""Bytes; the pane and a metadata document are far smaller."""

AGENT = b"pexschedd"


async def resolve(network: Network, host: str) -> HostAddresses:
    """Return the addresses of a host, as a connection would find them; maybe none."""
    if not host:
        return HostAddresses(host)
    receiver = _Receiver()
    network.reactor.nameResolver.resolveHostName(receiver, host)
    receiver.done.addTimeout(TIMEOUT, network.reactor)
    with suppress(DeferredTimeoutError):
        await receiver.done
    return HostAddresses(host, tuple(dict.fromkeys(receiver.found)))


class _Receiver:
    """See `IResolutionReceiver`."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.done: Deferred[None] = Deferred()

    def resolutionBegan(self, resolution: object) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        self.found.append(str(address.host))

    def resolutionComplete(self) -> None:
        if not self.done.called:
            self.done.callback(None)


async def connect(network: Network, host: str, port: int) -> ConnectResult:
    """Open a TCP connection, through the proxy if there is one, and close it."""
    endpoint = network.tcp_endpoint(host, port, timeout=TIMEOUT)
    try:
        connection: Any = await endpoint.connect(Factory.forProtocol(Protocol))
    except Exception as failure:  # noqa: BLE001 - trouble is a result
        trouble = _trouble(failure)
        return ConnectResult(host, port, failure=trouble.kind, problem=clause(trouble))
    address = str(getattr(connection.transport.getPeer(), "host", ""))
    connection.transport.abortConnection()
    return ConnectResult(host, port, address)


async def request(
    network: Network,
    now: Now,
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    content_type: str = "",
    origin: str = "",
) -> HttpResult:
    """Send one unauthenticated request; no redirection is followed.

    `origin` is that of the page in whose name a browser would ask with CORS. `now`
    tells our time, to compare with the response's Date header.
    """
    headers = Headers({b"user-agent": [AGENT], b"accept": [b"*/*"]})
    if content_type:
        headers.setRawHeaders(b"content-type", [content_type.encode("ascii")])
    if origin:
        headers.setRawHeaders(b"origin", [origin.encode("ascii", "replace")])
    exchange = Deferred.fromCoroutine(_send(network, method, url, headers, body))
    exchange.addTimeout(TIMEOUT, network.reactor, raise_timeout)
    try:
        response, content = await exchange
    except Exception as failure:  # noqa: BLE001 - trouble is a result
        trouble = _trouble(failure)
        return HttpResult(url, failure=trouble.kind, problem=clause(trouble))
    found = {
        name.decode("latin-1").lower(): ", ".join(
            value.decode("utf-8", "replace") for value in values
        )
        for name, values in response.headers.getAllRawHeaders()
    }
    apart = ahead(found.get("date", ""), now())
    return HttpResult(url, response.code, found, content, seconds_apart=apart)


async def _send(
    network: Network, method: str, url: str, headers: Headers, body: bytes | None
) -> tuple[IResponse, bytes]:
    try:
        address = url.encode("ascii")
        URI.fromBytes(address)
    except ValueError:
        raise ConnectionFailure(
            FailureKind.GARBLED, "this is not a usable URL"
        ) from None
    producer = BytesProducer(body) if body is not None else None
    response = await network.agent().request(
        method.encode("ascii"), address, headers, producer
    )
    return response, await read_beginning(response, MAX_BODY)


def _trouble(failure: Exception) -> ConnectionFailure:
    """Return the failure as a `ConnectionFailure`; re-raise a cancellation."""
    trouble = as_connection_failure(failure)
    if isinstance(trouble, ConnectionFailure):
        return trouble
    raise trouble from failure
