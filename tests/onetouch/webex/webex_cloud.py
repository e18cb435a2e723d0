"""A stand-in for the Webex cloud: tokens that end and rotate, devices with bookings,
limits of requests, and every way of misbehaving.

It is a resource, for a real HTTPS port.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import msgspec
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from tests.onetouch.cisco.cisco_support import (
    NOW,
    PublishedBooking,
    PublishedBookings,
    check_bounds,
)

REDIRECT_URI = (
    "https://pexschedd.example.test/admin/platform/mjxintegration/oauth_redirect/"
)


class Command(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON body of a command, as it was published."""

    deviceId: str
    arguments: dict[str, Any] = {}
    body: PublishedBookings | None = None


class Device:
    """A device of the cloud; `titles` is None until it has been sent a list."""

    def __init__(self) -> None:
        self.started = -1000.0
        self.titles: list[str] | None = None
        self.bookings: list[PublishedBooking] = []
        self.takes_empty_lists = True
        self.takes_empty_numbers = True

    def show(self, bookings: list[PublishedBooking]) -> None:
        self.bookings, self.titles = bookings, [b.Title for b in bookings]


class WebexStandIn(Resource):
    """The token endpoint and the xAPI of devices 1 to n, `device-1` and so on."""

    isLeaf = True

    def __init__(self, devices: int = 1) -> None:
        super().__init__()
        self.seconds: Callable[[], float] = lambda: 0.0
        self.devices = {f"device-{n}": Device() for n in range(1, devices + 1)}
        self.client = ("client", "client-secret")
        self.codes: dict[str, str] = {}
        """Codes of sign-ins that were granted, with their challenges."""
        self.refresh_tokens: set[str] = set()
        self.access_tokens: dict[str, float] = {}
        """With the times of their ends."""
        self.lifetime: Any = 1209599
        self.rotates = True
        self.gives_refresh_token = True
        self.made = 0
        self.requests: list[str] = []
        self.asked: list[dict[str, str]] = []
        """The forms that the token endpoint was sent."""
        self.limit: str | None = None
        """The Retry-After of answers to all requests for devices, of this status:"""
        self.limit_status = 429
        self.statuses_allowed = True
        self.mode = ""
        """"", "hang", "drip", "huge", "endless", "elsewhere", an HTTP status, or the
        text of a body."""
        self.misbehaves_at = "/v1/xapi"
        self.hanging: list[Any] = []
        self.busiest = 0
        self.before: Callable[[str], None] = lambda path: None

    @property
    def puts(self) -> int:
        return sum(path.endswith("Bookings.Put") for path in self.requests)

    def grant(self, url: str) -> dict[str, str]:
        """What a browser comes back with after its user has signed in at a URL."""
        query = {k: v[0] for k, v in parse_qs(url.partition("?")[2]).items()}
        assert query["response_type"] == "code"
        assert query["redirect_uri"] == REDIRECT_URI
        assert query["client_id"] == self.client[0]
        assert "spark:xapi_commands" in query["scope"].split()
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}-{self.made}"
        self.codes[code] = query["code_challenge"]
        return {"state": query["state"], "code": code}

    def new_refresh_token(self) -> str:
        self.made += 1
        token = f"refresh-{self.made}"
        self.refresh_tokens.add(token)
        return token

    def revoke(self) -> None:
        self.refresh_tokens.clear()
        self.access_tokens.clear()

    def render(self, request: Any) -> Any:
        path = request.path.decode()
        self.requests.append(path)
        now = NOW + timedelta(seconds=self.seconds())
        request.setHeader("date", format_datetime(now, usegmt=True))
        self.before(path)
        if self.mode and path.startswith(self.misbehaves_at):
            return self._misbehave(request)
        request.setHeader("content-type", "application/json")
        if path == "/v1/access_token":
            return self._tokens(request)
        header = request.getHeader("authorization") or ""
        token = header.removeprefix("Bearer ")
        if self.access_tokens.get(token, -1.0) <= self.seconds():
            return _error(request, 401, "The request requires a valid access token.")
        if self.limit is not None:
            request.setHeader("retry-after", self.limit)
            return _error(request, self.limit_status, "Too many requests.")
        if path == "/v1/xapi/status":
            return self._status(request)
        if path in ("/v1/xapi/command/Bookings.Put", "/v1/xapi/command/Bookings.Clear"):
            return self._command(request, path.rpartition(".")[2])
        return _error(request, 404, "The requested resource could not be found.")

    def _tokens(self, request: Any) -> bytes:
        kind = request.getHeader("content-type")
        assert kind == "application/x-www-form-urlencoded"
        form = {k.decode(): v[0].decode() for k, v in request.args.items()}
        self.asked.append(form)
        if (form.pop("client_id"), form.pop("client_secret")) != self.client:
            return _error(request, 401, "Client authentication failed.")
        if form.pop("grant_type") == "authorization_code":
            wanted = self.codes.pop(form["code"], "")
            given = sha256(form["code_verifier"].encode()).digest()
            challenge = urlsafe_b64encode(given).decode().rstrip("=")
            if challenge != wanted or form["redirect_uri"] != REDIRECT_URI:
                return _error(request, 400, "The authorization code is invalid.")
            refresh = self.new_refresh_token()
        else:
            refresh = form["refresh_token"]
            if refresh not in self.refresh_tokens:
                return _error(request, 400, "The refresh token is expired or revoked.")
            if self.rotates:
                self.refresh_tokens.discard(refresh)
                refresh = self.new_refresh_token()
        self.made += 1
        access = f"access-{self.made}"
        is_usual = type(self.lifetime) is int and 0 < self.lifetime < 1e9
        seconds = self.lifetime if is_usual else 3600
        self.access_tokens[access] = self.seconds() + seconds
        answer = {
            "access_token": access,
            "expires_in": self.lifetime,
            "token_type": "Bearer",
        }
        if self.gives_refresh_token:
            answer |= {"refresh_token": refresh, "refresh_token_expires_in": 7775999}
        return msgspec.json.encode(answer)

    def _status(self, request: Any) -> bytes:
        device = self._device(request, request.args[b"deviceId"][0].decode())
        if not isinstance(device, Device):
            return device
        if not self.statuses_allowed:
            return _error(request, 403, "Missing scope spark:xapi_statuses.")
        assert request.args[b"name"] == [b"SystemUnit.Uptime"]
        uptime = int(self.seconds() - device.started)
        return msgspec.json.encode({"result": {"SystemUnit": {"Uptime": uptime}}})

    def _command(self, request: Any, name: str) -> bytes:
        assert request.getHeader("content-type") == "application/json"
        command = msgspec.json.decode(request.content.read(), type=Command)
        device = self._device(request, command.deviceId)
        if not isinstance(device, Device):
            return device
        assert command.arguments == {}
        assert (command.body is None) == (name == "Clear")
        bookings = command.body.Bookings if command.body else []
        for booking in bookings:
            check_bounds(booking)
        if name == "Put" and not bookings and not device.takes_empty_lists:
            return _error(request, 400, "Bookings: too few.")
        if not device.takes_empty_numbers and not all(b.Number for b in bookings):
            return _error(request, 400, "Number is required.")
        device.show(bookings)
        return msgspec.json.encode({"deviceId": command.deviceId, "result": {}})

    def _device(self, request: Any, id: str) -> Device | bytes:
        found = self.devices.get(id)
        return found or _error(request, 404, "Device not found.")

    def _misbehave(self, request: Any) -> Any:
        if self.mode.isdigit():
            return _error(request, int(self.mode), "<b>no</b>")
        if self.mode == "elsewhere":
            request.setResponseCode(307)
            request.setHeader("location", "https://evil.example/v1/xapi")
            return b""
        if self.mode == "huge":
            request.setHeader("content-length", str(100 << 20))
            request.write(b'{"a": "')
        elif self.mode == "drip":
            request.write(b"{")
        elif self.mode == "endless":
            request.registerProducer(_Endless(request), False)
        elif self.mode != "hang":
            return self.mode.encode()
        self.hanging.append(request)
        self.busiest = max(self.busiest, self.hangs())
        return NOT_DONE_YET

    def hangs(self) -> int:
        """The number of requests that wait for their answers."""
        return sum(not request._disconnected for request in self.hanging)


class _Endless:
    """Writes for as long as anybody reads."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def resumeProducing(self) -> None:
        self._request.write(b"x" * 65536)

    def stopProducing(self) -> None:
        pass


def _error(request: Any, status: int, text: str) -> bytes:
    request.setResponseCode(status)
    found = {
        "message": text,
        "errors": [{"description": text}],
        "trackingId": "ROUTER_1",
    }
    return msgspec.json.encode(found)


def gone(request: Request) -> Deferred[None]:
    """Fires when a request's connection is lost."""
    return request.notifyFinish().addErrback(lambda _: None)
