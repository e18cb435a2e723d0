"""Requests that are refused before a route is asked: all in one shape."""

import socket
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from pexschedd.web.connections import ConnectionCaps
from pexschedd.web.health import HealthApi
from pexschedd.web.refusals import admin_shape, client_shape
from pexschedd.web.site import BODY_LIMIT, HttpSite
from tests.conftest import Failures

reactor: Any = _reactor

ADMIN_KEYS = {"error", "code", "correlation_id"}
HEAD = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


class Seen(Resource):
    """Counts the requests that get to it, and fails at all of them."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def render(self, request: Any) -> bytes:
        self.count += 1
        raise RuntimeError("no route")


class Answer(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    json: Any


def talk(port: int, said: bytes) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as talking,
        talking.makefile("rb") as heard,
    ):
        talking.sendall(said)
        return heard.read()


def answer_of(heard: bytes) -> Answer:
    head, _, body = heard.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in lines)
    }
    assert int(headers[b"content-length"]) == len(body), heard
    return Answer(int(first.split()[1]), headers, msgspec.json.decode(body))


@pytest_twisted.async_yield_fixture()
async def seen() -> AsyncIterator[tuple[Seen, int, list[str]]]:
    """A resource on the administrators' side, its port, and the access log."""
    resource, lines = Seen(), list[str]()
    site = HttpSite(resource, reactor, lines.append, shape=admin_shape)
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    yield resource, port.getHost().port, lines
    await port.stopListening()


REFUSED = [
    (400, "malformed", b"GET\r\n\r\n"),
    (400, "malformed", b"GET /\r\n\r\n"),
    (400, "malformed", b"GET / HTTP/1.1 x\r\n\r\n"),
    (400, "malformed", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n"),
    (400, "malformed", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    (400, "malformed", b"GET /" + HEAD + b"no colon\r\n\r\n"),
    (400, "malformed", b"GET /" + HEAD + b"no colon\r\nA: b\r\nno colon\r\n\r\n"),
    (400, "malformed", b"GET /" + HEAD + b"A b: c\r\n\r\n"),
    (400, "malformed", b"POST /" + HEAD + b"Content-Length: -1\r\n\r\n"),
    (
        400,
        "malformed",
        b"POST /" + HEAD + b"Content-Length: %s\r\n\r\n" % (b"9" * 5000),
    ),
    (
        400,
        "malformed",
        b"POST /" + HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ),
    (400, "malformed", b"POST /" + HEAD + b"Transfer-Encoding: gzip\r\n\r\n"),
    (
        400,
        "malformed",
        b"POST /" + HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    ),
    (
        400,
        "malformed",
        b"POST /" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ),
    (400, "one Host header", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
    (400, "does not name", b"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"),
    (400, "not UTF-8", b"GET /%ff" + HEAD + b"\r\n"),
    (404, "nothing here", b"GET //api" + HEAD + b"\r\n"),
    (404, "nothing here", b"GET http://x/api" + HEAD + b"\r\n"),
    (405, "only OPTIONS", b"GET *" + HEAD + b"\r\n"),
    (413, str(BODY_LIMIT), b"POST /" + HEAD + b"Content-Length: 99999999\r\n\r\n"),
    (414, "16 KiB", b"GET /" + b"x" * 17_000 + HEAD + b"\r\n"),
    (
        415,
        "compressed",
        b"POST /" + HEAD + b"Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
    ),
    (431, "too large", b"GET /" + HEAD + b"A: " + b"x" * 17_000 + b"\r\n\r\n"),
    (431, "too many", b"GET /" + HEAD + b"A: b\r\n" * 600 + b"\r\n"),
]


@pytest.mark.parametrize(("status", "says", "said"), REFUSED)
@pytest_twisted.ensureDeferred
async def test_each_is_answered_in_the_one_shape(
    seen: tuple[Seen, int, list[str]], status: int, says: str, said: bytes
) -> None:
    """Whatever is wrong, the answer is JSON with the same keys and a text that helps;
    its correlation id stands in it, in a header and in the access log. No route is
    asked, and there is one answer."""
    resource, port, lines = seen
    answer = answer_of(await deferToThread(talk, port, said))
    assert answer.status == status
    assert answer.headers[b"content-type"] == b"application/json"
    assert answer.headers[b"x-content-type-options"] == b"nosniff"
    assert answer.headers[b"cache-control"] == b"no-store"
    assert answer.json.keys() == ADMIN_KEYS
    assert says in answer.json["error"]
    id_ = answer.json["correlation_id"]
    assert answer.headers[b"x-request-id"].decode() == id_
    (line,) = lines
    logged = msgspec.json.decode(line)
    assert (logged["request"], logged["status"]) == (id_, status)
    assert resource.count == 0


@pytest_twisted.ensureDeferred
async def test_what_no_route_has_caught(
    seen: tuple[Seen, int, list[str]], logged_failures: Failures
) -> None:
    """A failure outside the routes is a 500 in the same shape, and tells nothing."""
    _, port, _ = seen
    with capturedLogs() as logged:
        said = b"GET /" + HEAD + b"\r\n"
        answer = answer_of(await deferToThread(talk, port, said))
    assert (answer.status, answer.json.keys()) == (500, ADMIN_KEYS)
    assert "no route" not in answer.json["error"]
    (event,) = [each for each in logged if each.get("log_failure")]
    assert event["correlation_id"] == answer.json["correlation_id"]
    logged_failures.clear()


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        (admin_shape, ADMIN_KEYS),
        (client_shape, {"status", "code", "message", "correlation_id"}),
    ],
)
@pytest.mark.parametrize("path", [b"//x", b"/health/x", b"/metrics/"])
@pytest_twisted.ensureDeferred
async def test_each_side_has_its_shape(shape: Any, keys: set[str], path: bytes) -> None:
    """A side's routes and what comes before them answer with the same keys, also where
    both sides have the route."""
    resource = HealthApi(list, "1.2").app.resource()
    site = HttpSite(resource, reactor, None, shape=shape)
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    said = b"POST " + path + HEAD + b"Content-Length: 0\r\n\r\n"
    answer = answer_of(await deferToThread(talk, port.getHost().port, said))
    assert answer.status in (404, 405)
    assert answer.json.keys() == keys
    await port.stopListening()


def test_a_request_that_does_not_arrive() -> None:
    """It is given up in the same shape once its time is over."""
    clock = Clock()
    site = HttpSite(Seen(), clock, None, ConnectionCaps(head=10), shape=admin_shape)
    site.startFactory()
    channel = site.buildProtocol(None)
    assert channel is not None
    transport = StringTransport()
    channel.makeConnection(transport)
    channel.dataReceived(b"GET / HTTP/1.1\r\n")
    clock.pump([1.0] * 12)
    answer = answer_of(transport.value())
    assert (answer.status, answer.json["code"]) == (408, "too_slow")
    assert answer.json.keys() == ADMIN_KEYS
    assert transport.disconnecting
    site.stopFactory()
    channel.connectionLost(Failure(ConnectionDone()))
