"""A connection whose answers may be read while they come, and that keeps cookies.

What notifications need and nothing else does: the answer of GetStreamingEvents goes on
for up to half an hour, and all requests about one subscription have to reach the same
server behind a balancer, which knows them by its cookies. Whoever signs in sees whole
answers only: the legs of a handshake are read to their end as always, and an answer
that was read while it came is over, with an empty body, when the stream is.
"""

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from pexschedd.ews.auth import HttpRequest, HttpResponse
from pexschedd.ews.transport.connection import TwistedConnection
from pexschedd.net.errors import ConnectionFailure, FailureKind

Consumer = Callable[[bytes], None]
"""Takes a piece of a body. It does not raise."""

MAX_COOKIES = 20
MAX_COOKIE = 4096
"""Characters of a name and a value."""


class StreamConnection(TwistedConnection):
    """As long as `consumer` is set, XML that comes with status 200 goes to it."""

    consumer: Consumer | None = None

    def __init__(self, *arguments: object, **settings: object) -> None:
        super().__init__(*arguments, **settings)  # type: ignore[arg-type]  # as they are
        self._cookies = Cookies()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request with the server's cookies, and keep the cookies of the
        answer."""
        cookies = self._cookies.header()
        if cookies:
            headers = {**request.headers, "Cookie": cookies}
            request = HttpRequest(headers, request.body)
        return await super().send(request)

    async def _body(self, response: IResponse) -> bytes:
        self._cookies.keep(_header(response, b"set-cookie"))
        if not (self.consumer and response.code == 200 and _is_xml(response)):
            return await super()._body(response)
        self._keep_alive()
        pieces = _Pieces(self.consumer)
        response.deliverBody(pieces)
        await pieces.done
        return b""

    def _keep_alive(self) -> None:
        """Have the system notice when the other end is gone without a word."""
        ask = getattr(self._transport(), "setTcpKeepAlive", None)
        if ask is not None:
            ask(True)


class Cookies:
    """The cookies of one server at one URL; every one is sent with every request."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def keep(self, headers: Iterable[str]) -> None:
        """Take over what an answer sets, and drop what it takes back with an empty
        value."""
        for header in headers:
            pair, _, attributes = header.partition(";")
            name, equals, value = (part.strip() for part in pair.partition("="))
            if not (name and equals) or len(pair) > MAX_COOKIE:
                continue
            over = "max-age=0" in attributes.replace(" ", "").lower()
            if over or not value:
                self._values.pop(name, None)
            elif name in self._values or len(self._values) < MAX_COOKIES:
                self._values[name] = value

    def header(self) -> str:
        """Return the Cookie header's value; empty without cookies."""
        return "; ".join(f"{name}={value}" for name, value in self._values.items())


class _Pieces(Protocol):
    """Hands a body on, piece by piece."""

    def __init__(self, consumer: Consumer) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._stop())
        self._consumer: Consumer | None = consumer

    def _stop(self) -> None:
        self._consumer = None

    def dataReceived(self, data: bytes) -> None:
        if self._consumer is not None:
            self._consumer(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._consumer is None:
            return
        self._stop()
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(None)
        else:
            self.done.errback(ConnectionFailure(FailureKind.LOST))


def _header(response: IResponse, name: bytes) -> list[str]:
    values = response.headers.getRawHeaders(name, [])
    return [value.decode("latin-1") for value in values]


def _is_xml(response: IResponse) -> bool:
    return any("xml" in value.lower() for value in _header(response, b"content-type"))
