"""The HTTP server's edge: the limits of requests, and the headers of all answers.

Requests are bounded, name one host, and spell their path in its one normal form.
Answers carry a request id and safe headers, and leave one access line. All of this
runs for every request, so it is kept cheap: the access line is one formatted string
handed to a sink that buffers, not a logger event.
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES
from twisted.web.resource import IResource
from twisted.web.server import Request as TwistedRequest
from twisted.web.server import Site as TwistedSite

from pexschedd.clock import Now, system_now
from pexschedd.errors import PexscheddError
from pexschedd.net.proxies_only import ToldAddress
from pexschedd.web.access_log import AccessSink, AnsweredRequest, access_line
from pexschedd.web.channel import BoundedChannel, RequestQueue
from pexschedd.web.connections import (
    ConnectionCaps,
    OpenConnections,
)
from pexschedd.web.forwarded import Client, TrustedProxies
from pexschedd.web.refusals import (
    INTERNAL,
    SAFE_HEADERS,
    TLS_ONLY,
    ErrorShape,
    body_too_large,
    client_shape,
    next_request_id,
)

BODY_LIMIT = 1024 * 1024
IDLE_TIMEOUT = 60


class BoundedRequest(TwistedRequest):
    """A request with an id, a bounded body and safe default headers."""

    site: "HttpSite"
    _started = 0.0
    _received = 0
    _limit = BODY_LIMIT
    _is_refused = False
    request_id = ""
    caller = Client("")
    """The client, by what trusted proxies say of it."""

    @property
    def client_address(self) -> str:
        """The client's IP address; empty on a Unix socket without a proxy."""
        return self.caller.address

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is announced as too large."""
        self._limit = self.channel.site.body_limit(self.channel.requested)  # type: ignore[attr-defined]
        if length is not None and length > self._limit:
            self._refuse_body()
            # Nor is the client told to go on, if it has asked before sending.
            self.requestHeaders.removeHeader(b"Expect")
            return
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Collect part of the body, and refuse the body once it is too large."""
        if self._is_refused:
            return
        self._received += len(data)
        if self._received > self._limit:
            self._refuse_body()
            return
        super().handleContentChunk(data)

    def _refuse_body(self) -> None:
        """Answer 413 at once, and take nothing more of this request."""
        self._is_refused = True
        self.channel.refuse(body_too_large(self._limit))  # type: ignore[attr-defined]  # our channel's
        if self.content is not None:
            self.content.close()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Process the request, unless its body was refused: its end may have been read
        together with what was too much."""
        if not self._is_refused:
            super().requestReceived(command, path, version)

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        """Set the status, with words for those that Twisted does not know."""
        if message is None and code not in RESPONSES:
            known = code in HTTPStatus.__members__.values()
            message = HTTPStatus(code).phrase.encode() if known else b"Unknown"
        super().setResponseCode(code, message)

    def process(self) -> None:
        """Number the request, set the default headers, and route it or refuse it."""
        self.request_id = next_request_id()
        self.site = self.channel.site  # type: ignore[attr-defined]  # our Site's
        self._started = self.site.clock.seconds()
        self._find_client()
        set_header = self.responseHeaders.setRawHeaders
        set_header(b"x-request-id", [self.request_id.encode()])
        for name, value in SAFE_HEADERS.items():
            set_header(name, [value])
        if self.isSecure():
            name, value = TLS_ONLY
            set_header(name, [value])
        problem = self._problem()
        if problem is None:
            super().process()
        else:
            self._refuse(*problem)

    def _problem(self) -> tuple[int, str, str] | None:
        """Return status, code and message if the request must not reach a route."""
        hosts = self.requestHeaders.getRawHeaders(b"host") or []
        if len(hosts) > 1 or (not hosts and self.clientproto == b"HTTP/1.1"):
            return 400, "bad_request", "The request must have one Host header."
        if hosts and not _HOST.fullmatch(hosts[0]):
            return 400, "bad_request", "The Host header does not name a host."
        closed = self.site.closed()
        if closed:
            self.responseHeaders.setRawHeaders(b"retry-after", [b"5"])
            self.responseHeaders.setRawHeaders(b"connection", [b"close"])
            return 503, "unavailable", closed
        if not _is_utf8(self.path):
            return 400, "bad_request", "The address is not UTF-8."
        if self.path == b"*" and self.method != b"OPTIONS":
            self.responseHeaders.setRawHeaders(b"allow", [b"OPTIONS"])
            return 405, "http", "This method is not allowed here, only OPTIONS."
        if not _is_normal_path(self.path):
            return 404, "http", "There is nothing here."
        if self.requestHeaders.hasHeader(b"content-encoding"):
            return (
                415,
                "unsupported_media_type",
                "The request body must not be compressed (Content-Encoding).",
            )
        return None

    def _find_client(self) -> None:
        """Find out who has sent the request. The Host header becomes the one that the
        client has sent, where a trusted proxy says so; behind the PROXY protocol all
        headers are the client's own."""
        address = self.getClientAddress()
        peer = str(getattr(address, "host", ""))
        if isinstance(address, ToldAddress):
            self.caller = Client(peer)
            return
        headers = self.requestHeaders
        self.caller = client = self.site.proxies.client(peer, headers.getRawHeaders)
        if client.host and len(headers.getRawHeaders(b"host") or []) == 1:
            headers.setRawHeaders(b"host", [client.host.encode("ascii")])

    def isSecure(self) -> bool:
        """Return True if the client uses TLS: to a trusted proxy that says so, or to
        this server."""
        if self.caller.scheme:
            return self.caller.scheme == "https"
        return bool(super().isSecure())

    def processingFailed(self, reason: Failure) -> Failure:
        """Log what no route has caught, and answer 500 in the shape of all errors."""
        self._log.failure(
            "request failed status=500", reason, correlation_id=self.request_id
        )
        if not self.startedWriting:
            self._refuse(500, PexscheddError.code, INTERNAL)
        return reason

    def getRequestHostname(self) -> bytes:
        """Return the Host header's name; `localhost` on a Unix socket without one."""
        if self.getHeader(b"host") is None and not hasattr(self.getHost(), "host"):
            return b"localhost"
        return bytes(super().getRequestHostname())

    def _refuse(self, status: int, code: str, words: str) -> None:
        """Answer in JSON without asking any route."""
        text = msgspec.json.encode(self.site.shape(code, words, self.request_id))
        self.setResponseCode(status)
        set_header = self.responseHeaders.setRawHeaders
        set_header(b"content-type", [b"application/json"])
        set_header(b"content-length", [b"%d" % len(text)])
        self.write(text)
        self.finish()

    def render(self, resrc: IResource) -> None:
        """Render the resource, with our name in the Server header."""
        self.responseHeaders.setRawHeaders(b"server", [b"pexschedd"])
        super().render(resrc)

    def finish(self) -> None:
        """Finish the answer and write its access line."""
        super().finish()
        if self.site.access is not None:
            self.site.access(self._access_line())
        # Klein leaves the request in a cycle, and with it all that it has.
        del self.requestHeaders, self.responseHeaders

    def _access_line(self) -> str:
        return access_line(
            AnsweredRequest(
                time=self.site.now().isoformat(timespec="milliseconds"),
                request_id=self.request_id,
                address=self.client_address,
                method=self.method,
                path=self.path,
                status=self.code,
                size=self.sentLength,
                milliseconds=(self.site.clock.seconds() - self._started) * 1000,
            )
        )


def _is_utf8(part: bytes) -> bool:
    """Return True if a part of the address is UTF-8; plain ASCII is settled first."""
    if part.isascii() and b"%" not in part:
        return True
    try:
        unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return False
    return True


_HOST = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?"
)
"""RFC 9110 section 7.2: uri-host and an optional port."""

_NEEDLESS = re.compile(
    rb"%(?:2[DdEeFf]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])"
)
"""Escapes of characters that need none (RFC 3986 section 2.3), and of the slash."""

_DOTS_OR_EMPTY = re.compile(rb"//|/\.{1,2}(?:/|$)")


def _is_normal_path(path: bytes) -> bool:
    """Return True if a path is spelt in its one normal form.

    A proxy that keeps paths such as /policy from outsiders compares them letter by
    letter, so no other spelling may lead there (RFC 3986 section 6.2.2).
    """
    if b"%" not in path and b"." not in path and b"//" not in path:
        return path[:1] == b"/" or path == b"*"
    if not path.startswith(b"/") or _DOTS_OR_EMPTY.search(path):
        return False
    return _NEEDLESS.search(path) is None


class HttpSite(TwistedSite):
    """A site that serves one resource with bounded requests and connections.

    `refused` is called for each connection that there is no room for.
    """

    noisy = False
    protocol = BoundedChannel  # type: ignore[assignment,unused-ignore]  # no HTTP/2
    requestFactory = BoundedRequest
    displayTracebacks = False

    def __init__(
        self,
        resource: IResource,
        clock: IReactorTime,
        access: AccessSink | None,
        caps: ConnectionCaps | None = None,
        now: Now = system_now,
        refused: Callable[[], object] = lambda: None,
        closed: Callable[[], str] = lambda: "",
        large_bodies: Mapping[bytes, int] | None = None,
        shape: ErrorShape = client_shape,
        proxies: TrustedProxies | None = None,
    ) -> None:
        """`closed` returns the reason why no request is served; empty if they are.

        `large_bodies` has what addresses begin with that take more than `BODY_LIMIT`,
        with the most bytes of a body there. `shape` is that of all errors. `proxies`
        are believed about their clients: those on this machine if none are given.
        """
        # Twisted would parse forms before any route is asked, in quadratic time.
        super().__init__(
            resource,
            timeout=IDLE_TIMEOUT,
            reactor=clock,
            parsePOSTFormSubmission=False,
        )
        self.clock = clock
        self.access = access
        self.now = now
        self.closed = closed
        self.shape = shape
        self.proxies = proxies or TrustedProxies()
        self._large_bodies = dict(large_bodies or {})
        self.connections = OpenConnections(
            caps or ConnectionCaps(), clock, refused, self.proxies.includes
        )
        self.queue = RequestQueue(clock)

    def body_limit(self, requested: bytes) -> int:
        """Return the most bytes of a request's body; `requested` is as it was sent."""
        for beginning, limit in self._large_bodies.items():
            if requested.startswith(beginning):
                return limit
        return BODY_LIMIT

    def startFactory(self) -> None:
        """Begin to watch the connections; Twisted calls this when a port opens."""
        super().startFactory()
        self.connections.start()

    def stopFactory(self) -> None:
        """Stop watching; Twisted calls this when the last port is closed."""
        super().stopFactory()
        self.connections.stop()

    def log(self, request: Any) -> None:
        """Do nothing: Twisted's own access log would be a third of the cost of a
        request."""
