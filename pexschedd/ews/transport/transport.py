"""HTTP to one Exchange server: bytes out, bytes in.

A `Transport` has a few connections and lends each to one exchange (a request and its
response) at a time. Every exchange is bounded in size and, from the first byte sent to
the last byte received, in time; an exchange that breaks a bound loses its connection.
Nothing is repeated but a reading request whose connection was lost without a response,
and one that came in a session that the server had ended. No redirection is followed.
"""

import uuid
from secrets import token_bytes
from urllib.parse import urlsplit, urlunsplit

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import MailboxRefused
from pexschedd.ews.auth import Authenticator, HttpRequest, HttpResponse
from pexschedd.ews.transport.connection import (
    ConnectionLimits,
    TwistedConnection,
)
from pexschedd.model.fields.addresses import is_loopback
from pexschedd.net.errors import ConnectionFailure, FailureKind, NeverAnsweredError
from pexschedd.net.network import Network

USER_AGENT = "pexschedd"

SESSION_OVER = 440
"""The status by which a front end that keeps sessions reports that one has ended."""


class Transport:
    """Sends requests to one URL.

    Raises `MailboxRefused` for a URL that cannot be used.
    """

    def __init__(
        self,
        url: str,
        authenticator: Authenticator,
        *,
        network: Network,
        clock: IReactorTime,
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - frozen
    ) -> None:
        url = ascii_url(url)
        self._authenticator = authenticator
        self._clock = clock
        self._limits = limits
        self._free = DeferredSemaphore(limits.connections)
        self._idle = [
            TwistedConnection(url, network=network, clock=clock, limits=limits)
            for _ in range(limits.connections)
        ]
        self._busy: set[Deferred[HttpResponse]] = set()
        self._closed = False

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        """Send a request and return its response, of any status.

        `mailbox` tells a front end where to route the request. A `repeatable` request
        is sent a second time if its connection was lost without a response. Raises
        `ConnectionFailure`.
        """
        request = HttpRequest({**headers_for(mailbox), "Accept-Encoding": "gzip"}, body)
        try:
            response = await self._exchange(request)
        except NeverAnsweredError:
            if not repeatable:
                raise
            response = await self._exchange(request)
        if response.status == SESSION_OVER:
            # Nothing was done yet. A new connection has no session that could end.
            response = await self._exchange(request)
        return response

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        await self._free.acquire()
        try:
            if self._closed:
                raise ConnectionFailure(FailureKind.CLOSED)
            # The one used last is the one most likely to be open still.
            connection = self._idle.pop()
            try:
                response = await self._timed(request, connection)
                if response.status == SESSION_OVER:
                    await connection.close()
                return response
            finally:
                self._idle.append(connection)
        finally:
            self._free.release()

    async def _timed(
        self, request: HttpRequest, connection: TwistedConnection
    ) -> HttpResponse:
        late = False

        def give_up() -> None:
            nonlocal late
            late = True
            exchange.cancel()

        exchange = Deferred.fromCoroutine(self._authenticator.send(request, connection))
        self._busy.add(exchange)
        timer = self._clock.callLater(self._limits.deadline, give_up)
        try:
            return await exchange
        except CancelledError:
            # Cancelled by the deadline, by `close` or by the caller: the response may
            # still be on its way, so the connection cannot be used any more.
            connection.abort()
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

    async def close(self) -> None:
        """Cancel all exchanges and close all connections."""
        self._closed = True
        for exchange in tuple(self._busy):
            exchange.cancel()
        for connection in tuple(self._idle):
            await connection.close()


def headers_for(mailbox: str) -> dict[str, str]:
    """The headers of every request, with an id of its own."""
    return {
        "Content-Type": "text/xml; charset=utf-8",
        "User-Agent": USER_AGENT,
        "X-AnchorMailbox": _header_text(mailbox),
        "client-request-id": str(uuid.UUID(bytes=token_bytes(16), version=4)),
        "return-client-request-id": "true",
    }


def ascii_url(url: str) -> str:
    """Return an EWS URL with its host in the ASCII form that DNS uses.

    Raises `MailboxRefused` saying what is wrong with it.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        name = host.encode("idna").decode("ascii")
        (parts.path + parts.query).encode("ascii")
    except ValueError as error:
        raise MailboxRefused(f"The EWS URL is not valid: {error}.") from error
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc:
        raise MailboxRefused(
            "The EWS URL has to look like https://mail.example.com/EWS/Exchange.asmx."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise MailboxRefused(
            f"The EWS URL has to begin with https: {host} is another machine, and "
            "passwords are not sent to it in clear text."
        )
    where = f"[{name}]" if ":" in name else name
    if port is not None:
        where = f"{where}:{port}"
    return urlunsplit((parts.scheme, where, parts.path or "/", parts.query, ""))


def _header_text(value: str) -> str:
    """A text without the characters that a header cannot hold."""
    return "".join(c for c in value if " " < c < "\x7f")
