"""One HTTP connection to one server, used by treq.

Every response is read to its end, or the connection is dropped.
"""

from typing import Any

import msgspec
from OpenSSL import crypto
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from pexschedd.ews.auth import HttpRequest, HttpResponse
from pexschedd.net.errors import too_large
from pexschedd.net.http_client import PreparedUrl
from pexschedd.net.http_pool import HttpPool
from pexschedd.net.network import Network
from pexschedd.net.twisted_errors import as_connection_failure
from pexschedd.util.body_reader import read_body

IDLE_SECONDS = 100
"""IIS closes idle connections after 120 seconds; we do it first."""

MAX_CONNECTIONS = 27


class ConnectionLimits(msgspec.Struct, frozen=True):
    """Bounds of the requests to one server."""

    max_answer: int = 32 * 1024 * 1024
    """Bytes, before and after unzipping."""
    deadline: float = 120.0
    """Seconds for one request and its response as a whole."""
    connect: float = 30.0
    """Seconds for reaching one of the server's addresses."""
    connections: int = 3
    """At most: Exchange refuses a mailbox's 28th request at once, by default."""

    def __post_init__(self) -> None:
        if not 1 <= self.connections <= MAX_CONNECTIONS:
            raise ValueError(f"connections: must be between 1 and {MAX_CONNECTIONS}")


class TwistedConnection:
    """A connection that is opened and reopened as needed; see `auth.Connection`.

    Its pool keeps one connection, so that NTLM and Kerberos, which sign a connection
    in, find the one that they signed in.
    """

    def __init__(
        self,
        url: str,
        *,
        network: Network,
        clock: IReactorTime,
        limits: ConnectionLimits,
    ) -> None:
        self._url = PreparedUrl.from_text(url)
        self._limits = limits
        self._now = network.now
        self._pool = HttpPool(clock, kept=1, idle_seconds=IDLE_SECONDS)
        self._client = network.http_client(self._pool, timeout=limits.connect)

    @property
    def serial(self) -> int:
        """The number of times the connection has been opened."""
        return self._pool.opened

    def certificate(self) -> bytes | None:
        """The server's certificate (DER); None without TLS or a connection."""
        ask = getattr(self._transport(), "getPeerCertificate", None)
        found = ask() if ask is not None else None
        if found is None:
            return None
        return crypto.dump_certificate(crypto.FILETYPE_ASN1, found)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send one POST and read the whole response. Raises `ConnectionFailure`."""
        headers = Headers()
        for name, value in request.headers.items():
            headers.addRawHeader(name.encode("ascii"), value.encode("utf-8"))
        try:
            response = await self._client.post(
                self._url, headers=headers, data=request.body
            )
            body = await self._body(response)
        except Exception as failure:
            # Whatever is still on its way belongs to a request that is over.
            self.abort()
            raise as_connection_failure(failure) from failure
        received = self._now() if self._now is not None else None
        return HttpResponse(response.code, _headers(response), body, received)

    async def _body(self, response: IResponse) -> bytes:
        return await read_body(response, self._limits.max_answer, too_large)

    def _transport(self) -> Any:
        return getattr(self._pool.latest_connection, "transport", None)

    def abort(self) -> None:
        """Drop the connection at once, whatever is still on its way."""
        if self._pool.latest_connection is not None:
            self._pool.latest_connection.abort_connection()

    async def close(self) -> None:
        """Close the connection, unless a request is under way on it."""
        await self._pool.closeCachedConnections()


def _headers(response: IResponse) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): ", ".join(
            value.decode("utf-8", errors="replace") for value in values
        )
        for name, values in response.headers.getAllRawHeaders()
    }
