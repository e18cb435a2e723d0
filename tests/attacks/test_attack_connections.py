"""A stranger's connections and bodies: others are served meanwhile."""

from collections.abc import AsyncIterator
from time import process_time
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from pexschedd.web.connections import ConnectionCaps
from pexschedd.web.health import HealthApi
from pexschedd.web.site import HttpSite
from tests.turns import some_turns, until

reactor: Any = _reactor

GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"


class Stranger(Protocol):
    """Says what it is told, hears everything, and notices the end."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.lost: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(bytes(self.heard))

    def say(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Served:
    """A site on a real port, whose clock is moved by hand."""

    def __init__(self, **caps: float) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        limits = ConnectionCaps(**caps)  # type: ignore[arg-type]
        resource = HealthApi(list, "1").app.resource()
        self.site = HttpSite(resource, self.clock, None, limits)
        self.port = reactor.listenTCP(0, self.site, interface="127.0.0.1")

    async def stranger(self) -> Stranger:
        number = self.port.getHost().port
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", number)
        stranger: Stranger = await connectProtocol(endpoint, Stranger())
        return stranger

    async def ask(self) -> bytes:
        one = await self.stranger()
        one.say(GET + b"Connection: close\r\n\r\n")
        return await one.lost

    async def settled(self, count: int) -> None:
        """Waits until the server has seen so many connections."""
        await until(lambda: len(self.site.connections) == count)


@pytest_twisted.async_yield_fixture()
async def few() -> AsyncIterator[Served]:
    served = Served(most=20, head=10, request=60)
    yield served
    await served.port.stopListening()


FORMS = {
    "semicolons": b'form-data; name="' + b";" * 200_000,
    "quoted": b"form-data; name=" + b'"a";' * 50_000,
    "folded": b"form-data;" + b"\r\n x" * 60_000,
}


@pytest.mark.parametrize("form", FORMS)
@pytest_twisted.ensureDeferred
async def test_a_form_is_not_parsed(few: Served, form: str) -> None:
    """A form whose parsing takes seconds costs about as much as its bytes."""
    body = b"--X\r\nContent-Disposition: " + FORMS[form] + b"\r\n\r\nv\r\n--X--\r\n"
    one = await few.stranger()
    before = process_time()
    one.say(
        b"POST /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: multipart/form-data; boundary=X\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    answer = await one.lost
    assert answer.startswith(b"HTTP/1.1 405")
    assert process_time() - before < 1


@pytest_twisted.ensureDeferred
async def test_half_open_connections_keep_nobody_out(few: Served) -> None:
    """Ten times as many as there may be: each newcomer is served at once."""
    strangers = []
    for _ in range(200):
        one = await few.stranger()
        one.say(GET[:20])
        strangers.append(one)
    await few.settled(20)
    assert (await few.ask()).startswith(b"HTTP/1.1 200")
    for one in strangers:
        assert one.transport is not None
        one.transport.loseConnection()
        await one.lost


@pytest_twisted.ensureDeferred
async def test_a_length_that_nobody_can_count(few: Served) -> None:
    """A Content-Length of thousands of digits is answered, and is no error of ours."""
    one = await few.stranger()
    with capturedLogs() as logged:
        one.say(GET + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n")
        assert (await one.lost).startswith(b"HTTP/1.1 400")
    assert not [event for event in logged if event.get("log_failure")]


@pytest_twisted.ensureDeferred
async def test_a_client_that_asks_before_it_sends(few: Served) -> None:
    """`Expect: 100-continue` with a body that is too large is refused at once, before
    anything of the body was sent."""
    one = await few.stranger()
    one.say(
        b"POST /health HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        b"Content-Length: 5000000\r\n\r\n"
    )
    answer = await one.lost
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer


@pytest.mark.parametrize(
    ("first", "more", "seconds"),
    [
        (b"", b"", 11),
        (GET, b"x: y\r\n", 11),
        (b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n", b"a", 61),
    ],
    ids=["nothing", "head", "body"],
)
@pytest_twisted.ensureDeferred
async def test_a_request_has_to_arrive(
    few: Served, first: bytes, more: bytes, seconds: int
) -> None:
    """A byte now and then does not keep a connection."""
    one = await few.stranger()
    await few.settled(1)
    one.say(first)
    for _ in range(seconds):
        one.say(more)
        await some_turns()  # so that the server has it before its clock goes on
        few.clock.advance(1)
    assert (await one.lost).startswith(b"HTTP/1.1 408")


@pytest_twisted.ensureDeferred
async def test_pipelined_requests_have_to_arrive_too(few: Served) -> None:
    """The beginning of a second request behind a whole one has its own deadline."""
    one = await few.stranger()
    one.say(GET + b"\r\n" + GET)
    await until(lambda: bool(one.heard))
    few.clock.pump([1.0] * 12)
    assert (await one.lost).count(b"HTTP/1.1 408") == 1
