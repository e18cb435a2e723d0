"""A Cisco endpoint that records what it is sent, and can misbehave in every way.

It is a resource: behind a real HTTPS port, or behind an agent that needs none.
"""

from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from tests.onetouch.cisco.cisco_support import NOW, PublishedBooking, published

OK = b'<?xml version="1.0"?><Command><BookingsPutResult status="OK"/></Command>'


def error(reason: str, result: str = "BookingsPutResult") -> bytes:
    return (
        f'<?xml version="1.0"?><Command><{result} status="Error">'
        f"<Reason>{reason}</Reason></{result}></Command>"
    ).encode()


class RecordingEndpoint(Resource):
    """An endpoint with an account, sessions, software and a list of bookings."""

    isLeaf = True

    def __init__(self, version: str = "RoomOS 11.24.4.1 abc") -> None:
        super().__init__()
        self.account = ("obtp", "secret")
        self.version = version
        self.in_cloud = False
        self.seconds: Callable[[], float] = lambda: 0.0
        self.started = -1000.0
        self.clock_ahead = 0.0
        self.is_https = True
        self.knows_sessions = True
        self.knows_put = True
        self.knows_document = False
        self.takes_empty_numbers = True
        self.most_sessions = 20
        self.mode = ""
        """"", "hang", "drip", "huge", "endless", "elsewhere", or an HTTP status."""
        self.misbehaves_at = "/"
        """The beginning of the paths that the mode is for."""
        self.refusal = ""
        """The reason for which it refuses lists."""
        self.sessions: set[str] = set()
        self.begun = 0
        self.requests: list[tuple[str, str]] = []
        self.titles: list[str] | None = None
        """Of the list that it shows; None if it has none."""
        self.bookings: list[PublishedBooking] = []
        self.feedback: dict[int, tuple[str, list[str]]] = {}
        """URL and expressions of the registrations, by slot."""
        self.knows_feedback = True
        self.hanging: list[Request] = []
        self.connections: set[Any] = set()
        """The transports by which requests have come."""

    @property
    def puts(self) -> int:
        """The number of lists that it was sent."""
        return sum(
            path in ("/putxml put", "/bookingsputxml") for _, path in self.requests
        )

    def reboot(self) -> None:
        """Lose sessions and bookings, and count the time from here."""
        self.sessions.clear()
        self.titles, self.bookings, self.started = None, [], self.seconds()

    def render(self, request: Any) -> Any:
        ahead = timedelta(seconds=self.seconds() + self.clock_ahead)
        request.setHeader("date", format_datetime(NOW + ahead, usegmt=True))
        self.connections.add(request.transport)
        path = request.path.decode()
        body = request.content.read()
        name = path
        if path == "/putxml":
            kinds = {b"<Put>": " put", b"<HttpFeedback>": " feedback"}
            name += next((kinds[k] for k in kinds if k in body), " list")
        self.requests.append((request.method.decode(), name))
        if self.mode and path.startswith(self.misbehaves_at):
            return self._misbehave(request)
        if path == "/xmlapi/session/begin":
            return self._begin(request)
        if not self._is_signed_in(request):
            request.setResponseCode(401)
            return b""
        if path == "/xmlapi/session/end":
            self.sessions.discard(self._cookie(request))
            request.setResponseCode(204)
            return b""
        request.setHeader("content-type", "text/xml")
        if path == "/getxml":
            return self._status(request.args[b"location"][0].decode())
        if path == "/putxml":
            if b"<HttpFeedback>" in body:
                return self._feedback(body)
            return self._put(body) if b"<Put>" in body else self._list()
        if path == "/bookingsputxml" and self.knows_document:
            return self._document(body)
        request.setResponseCode(404)
        return b"<html>not found</html>"

    def _misbehave(self, request: Any) -> Any:
        if self.mode.isdigit():
            request.setResponseCode(int(self.mode))
            return b""
        if self.mode == "elsewhere":
            request.setResponseCode(307)
            request.setHeader("location", "https://evil.example/putxml")
            return b""
        if self.mode == "huge":
            request.setHeader("content-length", str(100 << 20))
            request.write(b"<a>")
        elif self.mode == "drip":
            request.write(b"<a>")
        elif self.mode == "endless":
            request.registerProducer(_Endless(request), False)
        self.hanging.append(request)
        return NOT_DONE_YET

    def _begin(self, request: Any) -> bytes:
        if not self.knows_sessions:
            request.setResponseCode(302)
            request.setHeader("location", "/")
            return b""
        if not self._is_basic_right(request):
            request.setResponseCode(401)
            return b""
        if len(self.sessions) >= self.most_sessions:
            request.setResponseCode(503)
            return b""
        self.begun += 1
        cookie = f"s{self.begun}"
        self.sessions.add(cookie)
        name = "SecureSessionId" if self.is_https else "SessionId"
        request.setHeader("set-cookie", f"{name}={cookie}; Path=/; HttpOnly")
        request.setResponseCode(204)
        return b""

    def _is_signed_in(self, request: Any) -> bool:
        cookie = self._cookie(request)
        return cookie in self.sessions if cookie else self._is_basic_right(request)

    def _cookie(self, request: Any) -> str:
        name = b"SecureSessionId" if self.is_https else b"SessionId"
        return (request.getCookie(name) or b"").decode()

    def _is_basic_right(self, request: Any) -> bool:
        header = request.getHeader("authorization") or ""
        kind, _, value = header.partition(" ")
        return kind == "Basic" and b64decode(value).decode() == ":".join(self.account)

    def _status(self, location: str) -> bytes:
        if location == "/Status/Webex/Status":
            status = "Registered" if self.in_cloud else "Disconnected"
            return f"<Status><Webex><Status>{status}</Status></Webex></Status>".encode()
        if location == "/Status/HttpFeedback":
            rows = "".join(
                f'<HttpFeedback item="{slot}"><URL>{escape(url)}</URL></HttpFeedback>'
                for slot, (url, _) in self.feedback.items()
            )
            return f"<Status>{rows}</Status>".encode()
        assert location == "/Status/SystemUnit"
        uptime = self.seconds() - self.started
        return (
            '<?xml version="1.0"?><Status><SystemUnit><ProductId>Room Kit</ProductId>'
            f"<Software><Version>{self.version}</Version></Software>"
            f"<Uptime>{uptime:.0f}</Uptime></SystemUnit></Status>"
        ).encode()

    def _feedback(self, body: bytes) -> bytes:
        if not self.knows_feedback:
            return error("Unknown command", "Result")
        (one,) = etree.fromstring(body).findall("HttpFeedback/*")
        slot = int(one.findtext("FeedbackSlot") or "")
        assert 1 <= slot <= 4
        if one.tag == "Deregister":
            self.feedback.pop(slot, None)
        else:
            assert one.tag == "Register"
            items = one.findall("Expression")
            assert [e.get("item") for e in items] == [
                str(n) for n in range(1, len(items) + 1)
            ]
            url = one.findtext("ServerUrl") or ""
            self.feedback[slot] = url, [e.text or "" for e in items]
        result = f"HttpFeedback{one.tag}Result"
        return f'<Command><{result} status="OK"/></Command>'.encode()

    def _put(self, body: bytes) -> bytes:
        if not self.knows_put:
            return error("Unknown command", "Result")
        if self.refusal:
            return error(self.refusal)
        bookings = published(body)
        if not self.takes_empty_numbers and not all(b.Number for b in bookings):
            return error("Number is required")
        self.bookings = bookings
        self.titles = [b.Title for b in bookings]
        return OK

    def _document(self, body: bytes) -> bytes:
        if self.refusal:
            return error(self.refusal)
        root = etree.fromstring(body)
        assert root.tag == "Bookings"
        self.titles = [b.findtext("Title") or "" for b in root.findall("Booking")]
        return b"<success />"

    def _list(self) -> bytes:
        if not self.knows_put:
            return error("Unknown command", "Result")
        rows = "".join(f"<Booking><Id>{b.Id}</Id></Booking>" for b in self.bookings)
        return (
            f'<Command><BookingsListResult status="OK">{rows}</BookingsListResult>'
            "</Command>"
        ).encode()


class _Endless:
    """Writes for as long as anybody reads."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def resumeProducing(self) -> None:
        self._request.write(b"x" * 65536)

    def stopProducing(self) -> None:
        pass


def gone(request: Request) -> Deferred[None]:
    """Fires when a request's connection is lost."""
    return request.notifyFinish().addErrback(lambda _: None)
