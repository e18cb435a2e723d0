"""Requests that are sent ahead, in great number: others are answered in between."""

from collections import Counter
from collections.abc import AsyncIterator
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET
from typing import Any

import msgspec
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pexschedd.web.channel import BoundedChannel, RequestQueue
from pexschedd.web.site import BoundedRequest, HttpSite
from tests.attacks.test_attack_connections import Stranger
from tests.conftest import Failures
from tests.turns import some_turns, until

reactor: Any = _reactor

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
MANY = 2000
LARGE = bytes(100_000)


class Numbers(Resource):
    """Answers with the number, every 500th in a later turn; 10000 has a long answer."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes | int:
        number = int(request.path[1:])
        if number % 500 == 499:
            reactor.callLater(0, self._answer, request)
            return NOT_DONE_YET
        return LARGE if number == 10_000 else b"<%d>" % number

    def _answer(self, request: Request) -> None:
        request.write(b"<" + request.path[1:] + b">")
        request.finish()


class Turns(Clock):
    """A clock whose calls without a delay wait for the next turn, as a reactor's do."""

    def turn(self) -> None:
        for call in [each for each in self.calls if each.getTime() <= self.seconds()]:
            self.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)


class Served:
    """A site with the paths that it has answered, in order."""

    def __init__(self, clock: Any, resource: Resource | None = None) -> None:
        self._lines: list[str] = []
        self.clock = clock
        self.site = HttpSite(resource or Numbers(), clock, self._lines.append)
        self.port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        # Its connections inherit this, so that unread answers have little room.
        self.port.socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 65536)

    @property
    def paths(self) -> list[str]:
        return [msgspec.json.decode(line)["path"] for line in self._lines]

    async def stranger(self) -> Stranger:
        number = self.port.getHost().port
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", number)
        stranger: Stranger = await connectProtocol(endpoint, Stranger())
        return stranger


@pytest_twisted.async_yield_fixture()
async def served() -> AsyncIterator[Served]:
    served = Served(reactor)
    yield served
    await served.port.stopListening()


@pytest_twisted.async_yield_fixture()
async def stopped() -> AsyncIterator[Served]:
    """A site whose turns are taken by hand."""
    served = Served(Turns())
    yield served
    await served.port.stopListening()


async def leave(*strangers: Stranger) -> None:
    for one in strangers:
        assert one.transport is not None
        one.transport.loseConnection()
        await one.lost


@pytest_twisted.ensureDeferred
async def test_others_are_answered_in_between(served: Served) -> None:
    """One who asks after thousands of requests sent in one piece is answered long
    before the last of them, and they are answered in order."""
    many, other = await served.stranger(), await served.stranger()
    many.say(b"".join(GET % number for number in range(MANY)))
    await until(lambda: bool(served.paths))
    other.say(GET % MANY)
    await until(lambda: b"<%d>" % MANY in other.heard)
    assert served.paths.index(f"/{MANY}") < MANY / 10
    await until(lambda: b"<%d>" % (MANY - 1) in many.heard)
    assert [path for path in served.paths if path != f"/{MANY}"] == [
        f"/{number}" for number in range(MANY)
    ]
    await leave(many, other)


@pytest_twisted.ensureDeferred
async def test_each_connection_has_one_answer_in_a_turn(stopped: Served) -> None:
    """Of several clients that send ahead none is answered more than another."""
    strangers = [await stopped.stranger() for _ in range(3)]
    for number, one in enumerate(strangers):
        one.say(GET % number * 4)
        await until(lambda one=one: bool(one.heard))  # type: ignore[misc]
    for count in (1, 2, 3, 4, 4):
        answers = Counter(stopped.paths)
        assert answers == {"/0": count, "/1": count, "/2": count}
        stopped.clock.turn()
    await leave(*strangers)


class Costly(BoundedChannel):
    """A connection whose requests cost two milliseconds each, and never end."""

    def __init__(self, queue: RequestQueue, clock: Clock) -> None:
        super().__init__()
        self._queue = queue
        self._clock = clock
        self.answers = 0

    def go_on(self) -> None:
        self.answers += 1
        self._clock.rightNow += 0.002
        self._queue.add(self)


def test_a_turn_is_short_however_many_wait() -> None:
    """It lasts three milliseconds, and the next one begins with the others."""
    clock = Turns()
    queue = RequestQueue(clock)
    connections = [Costly(queue, clock) for _ in range(5)]
    for each in connections:
        queue.add(each)
    for answers in ([1, 1, 0, 0, 0], [1, 1, 1, 1, 0], [2, 1, 1, 1, 1]):
        clock.turn()
        assert [each.answers for each in connections] == answers


class Slow(Resource):
    """Answers take five milliseconds each."""

    isLeaf = True

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def render(self, request: Request) -> bytes:
        self._clock.rightNow += 0.005
        return request.path


@pytest_twisted.ensureDeferred
async def test_many_clients_at_once() -> None:
    """Requests that are read when enough was done in a turn are answered in later ones,
    in the order in which they came; a connection that is closed meanwhile is
    forgotten."""
    clock = Turns()
    served = Served(clock, Slow(clock))
    strangers = [await served.stranger() for _ in range(7)]
    for number, one in enumerate(strangers[:6]):
        one.say(GET % number)
        await some_turns()
    assert served.paths == ["/0", "/1"]
    next(each for each in served.site.queue._late if each._read[5:6] == b"3").abort()
    await strangers[3].lost
    await until(lambda: len(served.site.connections) == 6)
    clock.turn()
    assert served.paths == ["/0", "/1", "/2"]
    # It has to wait although the turn is a new one: others were there before.
    strangers[6].say(GET % 6)
    await some_turns()
    assert served.paths == ["/0", "/1", "/2"]
    for expected in ("/4", "/5", "/6"):
        clock.turn()
        assert served.paths[-1] == expected
    strangers[0].say(GET % 7)
    await until(lambda: served.paths[-1] == "/7")
    await leave(*strangers[:3], *strangers[4:])
    await served.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_body_in_pieces_that_wait() -> None:
    """A request that is read in several pieces is one all the same."""
    clock = Turns()
    served = Served(clock, Slow(clock))
    first, other, last = [await served.stranger() for _ in range(3)]
    for number, one in enumerate((first, other)):
        one.say(GET % number)
        await some_turns()
    last.say(b"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Le")
    await some_turns()
    last.say(b"ngth: 5\r\n\r\nab")
    await some_turns()
    clock.turn()
    await some_turns()
    assert served.paths == ["/0", "/1"]
    last.say(b"cde")
    await until(lambda: served.paths[-1] == "/2")
    await leave(first, other, last)
    await served.port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_client_that_goes_is_forgotten(stopped: Served) -> None:
    """Requests that it has sent ahead are not processed, and no error is logged."""
    one = await stopped.stranger()
    one.say(GET % 1 * 4)
    await until(lambda: bool(one.heard))
    await leave(one)
    await until(lambda: not len(stopped.site.connections))
    stopped.clock.advance(1)
    assert stopped.paths == ["/1"]


@pytest_twisted.ensureDeferred
async def test_the_last_request_of_a_connection(stopped: Served) -> None:
    """`Connection: close` ends it at once; what was sent behind that is not read."""
    one = await stopped.stranger()
    last = (GET % 2)[:-2] + b"Connection: close\r\n\r\n"
    one.say(GET % 1 + last + GET % 3)
    await until(lambda: bool(one.heard))
    stopped.clock.advance(0)
    assert (await one.lost).count(b"HTTP/1.1 200") == 2
    assert stopped.paths == ["/1", "/2"]


async def one_that_does_not_read(served: Served, ahead: int) -> Stranger:
    """A client that asks for so many large answers and takes none of them yet."""
    one = await served.stranger()
    transport: Any = one.transport
    transport.getHandle().setsockopt(SOL_SOCKET, SO_RCVBUF, 65536)
    transport.pauseProducing()
    one.say(GET % 10_000 * ahead)
    await until(lambda: bool(served.paths))
    return one


async def until_nothing_is_answered(served: Served) -> int:
    """The number of answers when no turn brings another one."""
    answered = -1
    while answered < len(served.paths):
        answered = len(served.paths)
        await some_turns()
        served.clock.advance(0)
    return answered


@pytest_twisted.ensureDeferred
async def test_a_client_that_takes_its_answers_late(stopped: Served) -> None:
    """It is given no more of them until it does, and then all."""
    ahead = 30
    one = await one_that_does_not_read(stopped, ahead)
    assert await until_nothing_is_answered(stopped) < ahead
    transport: Any = one.transport
    transport.resumeProducing()

    def all_taken() -> bool:
        stopped.clock.advance(0)
        return len(one.heard) > ahead * len(LARGE)

    await until(all_taken)
    assert one.heard.count(LARGE) == ahead
    await leave(one)


@pytest_twisted.ensureDeferred
async def test_a_client_that_takes_no_answers(stopped: Served) -> None:
    """It cannot keep its connection."""
    one = await one_that_does_not_read(stopped, 30)
    assert await until_nothing_is_answered(stopped) < 30
    stopped.clock.pump([1] * 80)
    await until(lambda: not len(stopped.site.connections))
    transport: Any = one.transport
    transport.resumeProducing()
    await one.lost


class Faulty(BoundedRequest):
    """A request that cannot be processed if it asks for /20000."""

    def process(self) -> None:
        if self.path == b"/20000":
            raise ArithmeticError
        super().process()


@pytest_twisted.ensureDeferred
async def test_a_request_that_fails(stopped: Served, logged_failures: Failures) -> None:
    """Its connection is closed, the others go on, and the log has the error."""
    stopped.site.requestFactory = Faulty
    one, other = await stopped.stranger(), await stopped.stranger()
    one.say(GET % 1 + GET % 20_000 + GET % 1)
    other.say(GET % 1 * 3)
    await until(lambda: bool(one.heard and other.heard))
    stopped.clock.advance(0)
    assert (await one.lost).count(b"HTTP/1.1 200") == 1
    await until(lambda: other.heard.count(b"HTTP/1.1 200") == 3)
    assert [text for text in logged_failures if "ArithmeticError" in text]
    logged_failures.clear()
    await leave(other)
