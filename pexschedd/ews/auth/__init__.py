"""Authentication of requests to Exchange.

An `Authenticator` stands between the client and the connection: it adds a header, or
conducts a whole handshake of several requests.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec


class HttpRequest(msgspec.Struct, frozen=True):
    """A POST to the EWS address."""

    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Without headers and body: they hold secrets."""
        return f"<HttpRequest of {len(self.body)} bytes>"


class HttpResponse(msgspec.Struct, frozen=True):
    """A complete response, of any status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated headers are joined with ", "."""
    body: bytes
    received: datetime | None = None
    """The time of the response by our own clock; None if there is none."""


class Connection(Protocol):
    """One connection to the server, for one request at a time.

    It is opened when needed and opened again when the server has closed it. A
    handshake that belongs to a connection has to begin anew when `serial` changes.
    """

    @property
    def serial(self) -> int:
        """The number of times the connection has been opened."""

    def certificate(self) -> bytes | None:
        """The server's certificate (DER), for channel binding; None without TLS."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request as it is. Raises `ConnectionFailure`, whatever the status."""


class Authenticator(Protocol):
    """Sends requests as an account; one serves all connections of a transport."""

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Send a request with proof of identity. A refusal is a response, too: 401."""
