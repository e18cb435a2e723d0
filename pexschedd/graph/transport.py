"""HTTP to Microsoft Graph: requests out, bounded answers in.

Every exchange is bounded in size and, from the first byte sent to the last byte
received, in time. No redirection is followed, and nothing is repeated.
"""

import uuid
from collections.abc import Mapping
from secrets import token_bytes
from urllib.parse import urlsplit

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from pexschedd.model.fields.addresses import is_loopback
from pexschedd.net.errors import ConnectionFailure, FailureKind, too_large
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.http_pool import HttpPool
from pexschedd.net.network import Network
from pexschedd.net.twisted_errors import as_connection_failure
from pexschedd.util.body_reader import read_body

USER_AGENT = "pexschedd"

IDLE_SECONDS = 100
"""An idle connection is closed after so long."""

MAX_LINK = 16 * 1024
"""Characters of a link that an answer tells to follow."""


class GraphLimits(msgspec.Struct, frozen=True):
    """Bounds of the requests to Graph."""

    max_answer: int = 32 * 1024 * 1024
    """Bytes, before and after unzipping."""
    deadline: float = 120.0
    """Seconds for one request and its response as a whole."""
    connect: float = 30.0
    """Seconds for reaching one of the host's addresses."""
    connections: int = 2
    """Idle connections that are kept."""


class GraphResponse(msgspec.Struct, frozen=True):
    """A whole HTTP response. The names of the headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class GraphTransport:
    """Sends requests to one cloud's Graph.

    `domain` is its host; one on loopback, perhaps with a port, is spoken to without
    TLS, for trying things out.
    """

    def __init__(
        self,
        domain: str,
        *,
        network: Network,
        clock: IReactorTime,
        limits: GraphLimits = GraphLimits(),  # noqa: B008 - frozen
    ) -> None:
        scheme = "http" if is_loopback(_host_of(domain)) else "https"
        self.root = f"{scheme}://{domain}/v1.0/"
        """The URL of the API's version, to which paths are relative."""
        self._clock = clock
        self._limits = limits
        self._pool = HttpPool(clock, kept=limits.connections, idle_seconds=IDLE_SECONDS)
        self._client = network.http_client(self._pool, timeout=limits.connect)
        self._busy: set[Deferred[GraphResponse]] = set()
        self._closed = False

    def is_own(self, link: str) -> bool:
        """Return whether a link that an answer holds leads to this Graph."""
        return (
            len(link) <= MAX_LINK
            and link.startswith(self.root)
            and link.isascii()
            and link.isprintable()
            and " " not in link
            and "#" not in link
        )

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> GraphResponse:
        """Send one request; return the response, of any status.

        Raises `ConnectionFailure`.
        """
        if self._closed:
            raise ConnectionFailure(FailureKind.CLOSED)
        late = False

        def give_up() -> None:
            nonlocal late
            late = True
            exchange.cancel()

        exchange = Deferred.fromCoroutine(self._exchange(method, url, headers, body))
        self._busy.add(exchange)
        timer = self._clock.callLater(self._limits.deadline, give_up)
        try:
            return await exchange
        except CancelledError:
            if late:
                seconds = f"{self._limits.deadline:g}"
                raise ConnectionFailure(FailureKind.TIMEOUT, seconds) from None
            if self._closed:
                raise ConnectionFailure(FailureKind.CLOSED) from None
            raise
        finally:
            self._busy.discard(exchange)
            if timer.active():
                timer.cancel()

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> GraphResponse:
        sent = Headers()
        for name, value in {**headers, **_common_headers()}.items():
            sent.addRawHeader(name.encode("ascii"), value.encode("utf-8"))
        try:
            response = await self._client.request(
                method, PreparedUrl.from_text(url), headers=sent, data=body
            )
            read = await read_body(response, self._limits.max_answer, too_large)
        except Exception as failure:
            raise as_connection_failure(failure) from failure
        found = {
            name.decode("latin-1").lower(): ", ".join(
                value.decode("utf-8", errors="replace") for value in values
            )
            for name, values in response.headers.getAllRawHeaders()
        }
        return GraphResponse(response.code, found, read)

    async def close(self) -> None:
        """Cancel all exchanges and close all connections."""
        self._closed = True
        for exchange in tuple(self._busy):
            exchange.cancel()
        await self._pool.closeCachedConnections()


def _common_headers() -> dict[str, str]:
    return {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": USER_AGENT,
        "client-request-id": str(uuid.UUID(bytes=token_bytes(16), version=4)),
        "return-client-request-id": "true",
    }


def _host_of(domain: str) -> str:
    return urlsplit(f"//{domain}").hostname or ""
