"""treq, made safe against servers that mean harm.

As it comes, treq follows redirects (and takes secrets along), keeps every cookie,
buffers bodies without end, and unzips a body in one go, even one that was zipped
several times over. `http_client` gives a client that does none of this.
"""

import zlib
from http.cookiejar import CookieJar
from typing import Any
from urllib.request import Request

from hyperlink import EncodedURL
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IProtocol, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.components import proxyForInterface
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from pexschedd.net.body_producer import BytesProducer
from pexschedd.net.errors import ConnectionFailure, FailureKind

PIECE = 64 * 1024
"""Bytes of an unzipped body that are handed on at once, at most."""

IN_A_TURN = 1024 * 1024
"""Bytes that are unzipped in one turn of the reactor: a zipped body of 64 KB may hold
sixty million of them."""

MAX_OVERHEAD = 64 * 1024
"""Bytes by which a zipped body may be longer than what it unzips to."""


def http_client(agent: IAgent, reactor: Any) -> HTTPClient:
    """A treq client that sends by `agent`, which verifies TLS and bounds heads.

    It follows no redirects, keeps no cookies, and hands a response's body on as it
    comes: read it with a reader that has a limit, never with `content()`, `json()` or
    `text()`, which have none. `data` is bytes.

    A caller that sends "Accept-Encoding: gzip" gets unzipped bodies, in pieces of at
    most `PIECE` bytes; any other encoding, or one that was not asked for, fails with
    `ConnectionFailure`. Other failures are Twisted's: see `as_connection_failure`.
    """
    return _Client(_UnzippingAgent(agent, reactor), reactor)


class PreparedUrl(EncodedURL):
    """A URL of ASCII characters that is sent as it is.

    treq encodes any other URL anew for each request, which takes a tenth of its time.
    """

    def to_uri(self) -> "PreparedUrl":
        """The URL itself."""
        return self


class _Client(HTTPClient):
    def __init__(self, agent: IAgent, reactor: Any) -> None:
        jar: Any = NoCookies()
        super().__init__(agent, jar, data_to_body_producer=BytesProducer)
        self._defaults = {
            "allow_redirects": False,
            "unbuffered": True,
            "reactor": reactor,
        }

    def request(self, method: str, url: Any, **options: Any) -> Any:
        return super().request(method, url, **{**self._defaults, **options})


class NoCookies(CookieJar):
    """A jar that takes no cookies from responses and adds none to requests."""

    def add_cookie_header(self, request: Request) -> None:
        """Do nothing."""

    def extract_cookies(self, response: Any, request: Request) -> None:
        """Do nothing."""


@implementer(IAgent)
class _UnzippingAgent:
    """Unzips bodies itself, so that treq finds nothing to unzip."""

    def __init__(self, agent: IAgent, clock: IReactorTime) -> None:
        self._agent = agent
        self._clock = clock

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - Twisted's name
    ) -> Deferred[IResponse]:
        headers = headers or Headers()
        # treq adds its own value, the last one, to every request.
        wanted = headers.getRawHeaders(b"accept-encoding", [])[:-1]
        headers.setRawHeaders(b"accept-encoding", wanted)
        if not wanted:
            headers.removeHeader(b"accept-encoding")
        response = self._agent.request(method, uri, headers, bodyProducer)
        return response.addCallback(_decoded, self._clock, wanted=bool(wanted))


def _decoded(response: IResponse, clock: IReactorTime, *, wanted: bool) -> IResponse:
    """The response with its body as it was before zipping.

    Raises `ConnectionFailure` for an encoding that cannot be undone.
    """
    named = response.headers.getRawHeaders(b"content-encoding", [])
    encoding = b",".join(named).strip().lower()
    response.headers.removeHeader(b"content-encoding")
    if encoding in (b"", b"identity"):
        return response
    if wanted and encoding in (b"gzip", b"x-gzip"):
        unzipped: IResponse = _Unzipped(response, clock)
        return unzipped
    response.deliverBody(_Unwanted())
    raise ConnectionFailure(
        FailureKind.GARBLED,
        "unknown content encoding" if wanted else "a packed body, without being asked",
    )


class _Unwanted(Protocol):
    """Closes the connection instead of reading a body."""

    def connectionMade(self) -> None:
        assert self.transport is not None  # noqa: S101 - just connected
        self.transport.loseConnection()


class _Unzipped(proxyForInterface(IResponse)):  # type: ignore[misc]  # made at run time
    length = UNKNOWN_LENGTH

    def __init__(self, original: IResponse, clock: IReactorTime) -> None:
        super().__init__(original)
        self._clock = clock

    def deliverBody(self, protocol: IProtocol) -> None:
        self.original.deliverBody(_Unzip(protocol, self._clock))


class _Unzip(Protocol):
    """Hands a body on unzipped; fails it when it is damaged or incomplete.

    What takes more than a turn of the reactor goes on in the next one, and the end of
    the body waits for it. Until its consumer has enough, no more waits than comes in
    the meantime, 64 KB a turn.
    """

    def __init__(self, consumer: IProtocol, clock: IReactorTime) -> None:
        self._consumer = consumer
        self._clock = clock
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._packed = b""
        self._overhead = 0
        self._is_empty = True
        self._is_over = False
        self._damage: ConnectionFailure | None = None
        self._next: IDelayedCall | None = None
        self._end: Failure | None = None

    def connectionMade(self) -> None:
        assert self.transport is not None  # noqa: S101 - just connected
        transport: Any = _ConsumersTransport(self)
        self._consumer.makeConnection(transport)

    def loseConnection(self) -> None:
        """Unzip no more, and close the connection: the consumer has enough."""
        self._is_over = True
        assert self.transport is not None  # noqa: S101 - the consumer has it, too
        self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        if self._damage is not None:
            return
        self._is_empty = False
        self._overhead += len(data)
        self._packed += data
        if self._next is None:
            self._go_on()

    def _go_on(self) -> None:
        self._next = None
        try:
            is_done = self._unzip()
        except zlib.error:
            self._fail()
            is_done = True
        else:
            if is_done and self._overhead > MAX_OVERHEAD:
                self._fail()
        if not is_done:
            self._next = self._clock.callLater(0, self._go_on)
        elif self._end is not None:
            self._finish(self._end)

    def _unzip(self) -> bool:
        """Unzip for one turn; return whether nothing is left."""
        size = 0
        while not (self._stream.eof or self._is_over):
            piece = self._stream.decompress(self._packed, PIECE)
            self._packed = self._stream.unconsumed_tail
            self._overhead -= len(piece)
            if piece:
                self._consumer.dataReceived(piece)
            if not self._packed and len(piece) < PIECE:
                return True
            size += len(piece)
            if size >= IN_A_TURN:
                return False
        self._packed = b""
        return True

    def _fail(self) -> None:
        self._packed = b""
        self._damage = ConnectionFailure(FailureKind.GARBLED, "damaged gzip data")
        assert self.transport is not None  # noqa: S101 - data has come by it
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        is_whole = reason.check(ResponseDone, PotentialDataLoss)
        if self._next is not None and is_whole:
            self._end = reason
            return
        if self._next is not None:
            self._next.cancel()
        self._finish(reason)

    def _finish(self, reason: Failure) -> None:
        complete = reason.check(ResponseDone, PotentialDataLoss)
        if self._damage is not None:
            reason = Failure(self._damage)
        elif complete and not (self._is_empty or self._stream.eof):
            reason = Failure(ConnectionFailure(FailureKind.LOST))
        self._consumer.connectionLost(reason)


class _ConsumersTransport:
    """The transport that the consumer of an unzipped body closes."""

    def __init__(self, unzip: _Unzip) -> None:
        self.loseConnection = unzip.loseConnection
