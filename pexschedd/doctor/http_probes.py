"""The probes' ways out: names, ports and pages, bounded and without side effects."""

from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as LookedTooLongError
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.web.client import URI
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from pexschedd.clock import Now, ahead
from pexschedd.doctor.observations import ConnectResult, HostAddresses, HttpResult
from pexschedd.net.body_producer import BytesProducer
from pexschedd.net.errors import ConnectionFailure, FailureKind, clause
from pexschedd.net.network import Network
from pexschedd.net.twisted_errors import as_connection_failure
from pexschedd.util.body_reader import read_beginning

TIMEOUT = 10.0
"""Seconds for each of these as a whole."""

MAX_BODY = 512 * 1024
"""Bytes; the pane and a metadata document are far below."""

AGENT = b"pexschedd"


async def resolve(network: Network, host: str) -> HostAddresses:
    """The host's addresses, as the connection will find them; none is an answer."""
    if not host:
        return HostAddresses(host)
    receiver = _Receiver()
    network.reactor.nameResolver.resolveHostName(receiver, host)
    receiver.done.addTimeout(TIMEOUT, network.reactor)
    with suppress(LookedTooLongError):
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


async def reach(network: Network, host: str, port: int) -> ConnectResult:
    """Opens a connection, through the proxy if there is one, and leaves."""
    way = network.way(host, port, timeout=TIMEOUT)
    connecting = way.connect(Factory.forProtocol(Protocol))
    try:
        visitor: Any = await connecting
    except Exception as failure:  # noqa: BLE001 - trouble is a result
        trouble = _trouble(failure)
        return ConnectResult(
            host, port, trouble=trouble.trouble, problem=clause(trouble)
        )
    address = str(getattr(visitor.transport.getPeer(), "host", ""))
    visitor.transport.abortConnection()
    return ConnectResult(host, port, address)


async def visit(
    network: Network,
    now: Now,
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    content_type: str = "",
) -> HttpResult:
    """One request without any proof of who asks; no redirection is followed."""
    headers = Headers({b"user-agent": [AGENT], b"accept": [b"*/*"]})
    if content_type:
        headers.setRawHeaders(b"content-type", [content_type.encode("ascii")])
    asking = Deferred.fromCoroutine(_ask(network, method, url, headers, body))
    asking.addTimeout(TIMEOUT, network.reactor, _late)
    try:
        response, content = await asking
    except Exception as failure:  # noqa: BLE001 - trouble is a result
        trouble = _trouble(failure)
        return HttpResult(url, trouble=trouble.trouble, problem=clause(trouble))
    told = {
        name.decode("latin-1").lower(): ", ".join(
            value.decode("utf-8", "replace") for value in values
        )
        for name, values in response.headers.getAllRawHeaders()
    }
    apart = ahead(told.get("date", ""), now())
    return HttpResult(url, response.code, told, content, seconds_apart=apart)


async def _ask(
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


def _late(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure):
        raise ConnectionFailure(FailureKind.TIMEOUT, f"{seconds:g}")
    return result


def _trouble(failure: Exception) -> ConnectionFailure:
    """Raises a cancellation again."""
    trouble = as_connection_failure(failure)
    if isinstance(trouble, ConnectionFailure):
        return trouble
    raise trouble from failure
