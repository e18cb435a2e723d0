"""How a request proves who sends it.

An `Authenticator` stands between the client and the connection: it adds a header, or
leads a whole handshake of several requests.
"""

from collections.abc import Mapping
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
    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated headers are joined with ", "."""
    body: bytes


class Connection(Protocol):
    """One connection to the server, for one exchange at a time.

    It is opened when needed and opened again when the server has closed it. A
    handshake that belongs to a connection has to begin anew when `serial` moves.
    """

    @property
    def serial(self) -> int:
        """How many times it has been opened."""

    def certificate(self) -> bytes | None:
        """The server's certificate (DER), for channel binding; None without TLS."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Sends as it is. Raises `trouble.ConnectionTrouble` and no HTTP errors."""


class Authenticator(Protocol):
    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Sends with proof. A refusal is an answer like any other: 401."""
