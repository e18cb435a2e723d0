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
from twisted.internet.interfaces import IProtocol
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
    return _Client(_UnzippingAgent(agent), reactor)


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

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

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
        return response.addCallback(_decoded, wanted=bool(wanted))


def _decoded(response: IResponse, *, wanted: bool) -> IResponse:
    """The response with its body as it was before zipping.

    Raises `ConnectionFailure` for an encoding that cannot be undone.
    """
    named = response.headers.getRawHeaders(b"content-encoding", [])
    encoding = b",".join(named).strip().lower()
    response.headers.removeHeader(b"content-encoding")
    if encoding in (b"", b"identity"):
        return response
    if wanted and encoding in (b"gzip", b"x-gzip"):
        unzipped: IResponse = _Unzipped(response)
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

    def deliverBody(self, protocol: IProtocol) -> None:
        self.original.deliverBody(_Unzip(protocol))


class _Unzip(Protocol):
    """Hands a body on unzipped; fails it when it is damaged or incomplete."""

    def __init__(self, consumer: IProtocol) -> None:
        self._consumer = consumer
        self._stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._overhead = 0
        self._is_empty = True
        self._damage: ConnectionFailure | None = None

    def connectionMade(self) -> None:
        assert self.transport is not None  # noqa: S101 - just connected
        self._consumer.makeConnection(self.transport)

    def dataReceived(self, data: bytes) -> None:
        if self._damage is not None:
            return
        self._is_empty = False
        self._overhead += len(data)
        try:
            self._unzip(data)
        except zlib.error:
            self._fail()
        else:
            if self._overhead > MAX_OVERHEAD:
                self._fail()

    def _unzip(self, data: bytes) -> None:
        while not self._stream.eof:
            piece = self._stream.decompress(data, PIECE)
            data = self._stream.unconsumed_tail
            self._overhead -= len(piece)
            if piece:
                self._consumer.dataReceived(piece)
            if not data and len(piece) < PIECE:
                return

    def _fail(self) -> None:
        self._damage = ConnectionFailure(FailureKind.GARBLED, "damaged gzip data")
        assert self.transport is not None  # noqa: S101 - data has come by it
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        complete = reason.check(ResponseDone, PotentialDataLoss)
        if self._damage is not None:
            reason = Failure(self._damage)
        elif complete and not (self._is_empty or self._stream.eof):
            reason = Failure(ConnectionFailure(FailureKind.LOST))
        self._consumer.connectionLost(reason)
