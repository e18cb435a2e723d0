"""The HTTP server's edge: bounded bodies, request ids, headers, one access line.

Everything here runs for every request, so it is kept cheap: the access line is one
formatted string handed to a sink that buffers, not a logger event.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from json import dumps
from secrets import token_hex
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Request as TwistedRequest
from twisted.web.server import Site as TwistedSite

BODY_LIMIT = 1024 * 1024
IDLE_TIMEOUT = 60

AccessSink = Callable[[str], None]
"""Takes one line without its newline."""

_run = token_hex(4)
_number = count(1)


class BoundedRequest(TwistedRequest):
    """A request with an id, a bounded body and safe default headers."""

    site: "HttpSite"
    _started = 0.0
    _received = 0
    request_id = ""

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > BODY_LIMIT:
            self._refuse_body()
            return
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > BODY_LIMIT:
            self._refuse_body()
            return
        super().handleContentChunk(data)

    def _refuse_body(self) -> None:
        """Answers 413 at once: the request is not complete and never will be."""
        words = f"The request body is larger than {BODY_LIMIT} bytes."
        text = _refusal("too_large", words)
        transport = self.channel.transport
        assert transport is not None  # noqa: S101 - the request came over it
        transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(text), text)
        )
        self.channel.loseConnection()
        # What still arrives on this connection must not be collected.
        if self.content is not None:
            self.content.close()
        self.content = _Nowhere()
        self._received = 0

    def process(self) -> None:
        self.request_id = f"{_run}-{next(_number)}"
        self.site = self.channel.site  # type: ignore[attr-defined]  # our Site's
        self._started = self.site.clock.seconds()
        set_header = self.responseHeaders.setRawHeaders
        set_header(b"x-request-id", [self.request_id.encode()])
        set_header(b"x-content-type-options", [b"nosniff"])
        set_header(b"referrer-policy", [b"no-referrer"])
        set_header(b"cache-control", [b"no-store"])
        if _is_text(self.path) and _is_text(self.getRequestHostname()):
            super().process()
        else:
            self._refuse_address()

    def getRequestHostname(self) -> bytes:
        """Over a Unix socket there is none if nobody says one."""
        if self.getHeader(b"host") is None and not hasattr(self.getHost(), "host"):
            return b"localhost"
        return bytes(super().getRequestHostname())

    def _refuse_address(self) -> None:
        """Klein would log a traceback: as often as anybody likes."""
        words = "The address is not UTF-8."
        text = _refusal("bad_request", words, correlation_id=self.request_id)
        self.setResponseCode(400)
        set_header = self.responseHeaders.setRawHeaders
        set_header(b"content-type", [b"application/json"])
        set_header(b"content-length", [b"%d" % len(text)])
        self.write(text)
        self.finish()

    def render(self, resrc: IResource) -> None:
        self.responseHeaders.setRawHeaders(b"server", [b"pexschedd"])
        super().render(resrc)

    def finish(self) -> None:
        super().finish()
        if self.site.access is not None:
            self.site.access(self._access_line())

    def _access_line(self) -> str:
        """JSON by hand: nothing in it needs more escaping than the path."""
        now = self.site.clock.seconds()  # a reactor counts from 1970
        elapsed = (now - self._started) * 1000
        time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        method = self.method.decode("ascii", "replace")
        # The path alone: a query may hold what does not belong into a log.
        path = self.path.decode("ascii", "replace")[:200]
        path = path.replace("\\", "\\\\").replace('"', '\\"')
        return (
            f'{{"time":"{time}","log":"access","request":"{self.request_id}",'
            f'"method":"{method}","path":"{path}",'
            f'"status":{self.code},"bytes":{self.sentLength},"ms":{elapsed:.1f}}}'
        )


def _refusal(code: str, text: str, **more: str) -> bytes:
    """In the shapes of both sides: nobody knows yet which one is asked."""
    both = {"status": "error", "code": code, "message": text, "error": text}
    return dumps(both | more).encode()


def _is_text(part: bytes) -> bool:
    """Whether a part of the address is UTF-8, which most are at first sight."""
    if part.isascii() and b"%" not in part:
        return True
    try:
        unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return False
    return True


class _Nowhere:
    """A file that forgets what is written to it."""

    def write(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


class HttpSite(TwistedSite):
    """Serves a resource with our kind of request."""

    noisy = False
    requestFactory = BoundedRequest
    displayTracebacks = False

    def __init__(
        self, resource: IResource, clock: IReactorTime, access: AccessSink | None
    ) -> None:
        super().__init__(resource, timeout=IDLE_TIMEOUT, reactor=clock)
        self.clock = clock
        self.access = access

    def log(self, request: Any) -> None:
        """Twisted's own access log is a third of the cost of a request: not used."""


class BufferedSink:
    """Collects lines and writes them together, at most half a second later."""

    _log = Logger()

    def __init__(self, write: Callable[[str], object], clock: IReactorTime) -> None:
        self._write = write
        self._clock = clock
        self._lines: list[str] = []

    def __call__(self, line: str) -> None:
        if not self._lines:
            self._clock.callLater(0.5, self.flush)
        self._lines.append(line)

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._write("\n".join(lines) + "\n")
