"""The exporter and collectors of all kinds, over real sockets; pauses by a clock."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as real_reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock, deferLater
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.observation.tracing.otlp_exporter import (
    AT_ONCE,
    EVERY,
    LAST_TIMEOUT,
    RETRY_FIRST,
    RETRY_MOST,
    TIMEOUT,
    OtlpExporter,
    headers_in,
)
from pexschedd.observation.tracing.spans import Span, SpanQueue
from tests.net.net_support import Authority, ips
from tests.observation.tracing.otlp_receiver import Receiver, receiver
from tests.ports import free_ports

reactor: Any = real_reactor
SECRET = "Bearer s3cret-token"
TURNS = 3000
"""Turns of the reactor, of a millisecond, until what should happen counts as not
happening."""


def now() -> datetime:
    return datetime(2026, 11, 30, tzinfo=UTC)


@implementer(ILogObserver)
class Exporting:
    """An exporter, its queue and its clock, and what the log said."""

    def __init__(self, url: str, most: int = 20_000, *trusted: bytes) -> None:
        trust = Trust([("ca_file", pem) for pem in trusted])
        self.clock = Clock()
        self.queue = SpanQueue(most)
        self.log: list[str] = []
        self.counted = Counter[str]()
        self.exporter = OtlpExporter(
            self.queue,
            Network(reactor, trust, now=now).http_client(),
            url,
            {"Authorization": SECRET},
            {"service.name": "pexschedd"},
            self.clock,
            self.count,
        )

    def __call__(self, event: LogEvent) -> None:
        if event["log_namespace"].endswith("OtlpExporter"):
            self.log.append(event["log_format"].format(**event))

    def count(self, outcome: str, count: int) -> None:
        self.counted[outcome] += count

    def add(self, count: int = 1) -> None:
        for number in range(count):
            self.queue.add(
                Span(f"span {number}", b"8" * 8, 1, 2, trace_id=b"0123456789abcdef")
            )

    async def round(self, seconds: float = EVERY) -> None:
        """One interval, until nothing is under way any more."""
        self.clock.advance(seconds)
        await until(lambda: self.exporter._sending is None)


async def until(check: Callable[[], bool]) -> None:
    for _ in range(TURNS):
        if check():
            return
        await deferLater(reactor, 0.001)
    raise AssertionError("it does not happen")


@pytest.fixture
def exporting() -> Iterator[Callable[..., Exporting]]:
    """Make exporters that run, and whose log is kept."""
    made: list[Exporting] = []

    def make(url: str, most: int = 20_000, *trusted: bytes) -> Exporting:
        each = Exporting(url, most, *trusted)
        globalLogPublisher.addObserver(each)
        each.exporter.startService()
        made.append(each)
        return each

    yield make
    for each in made:
        globalLogPublisher.removeObserver(each)
        assert "s3cret" not in str(each.log)


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


class Script(Protocol):
    """Says one thing to whatever it is asked, or nothing."""

    answer = b""
    made: "list[Script]"

    def connectionMade(self) -> None:
        self.made.append(self)

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        if self.answer and b"\r\n\r\n" in data:
            self.transport.write(self.answer)


@pytest.fixture
def script() -> Iterator[Callable[[bytes], tuple[str, list[Script]]]]:
    """Listen with a server that always says the same."""
    ports = []

    def listen(answer: bytes) -> tuple[str, list[Script]]:
        made: list[Script] = []
        kind = type("Saying", (Script,), {"answer": answer, "made": made})
        factory: Any = Factory.forProtocol(kind)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        ports.append((port, made))
        return f"http://127.0.0.1:{port.getHost().port}/v1/traces", made

    yield listen
    for port, made in ports:
        port.stopListening()
        for each in made:
            transport: Any = each.transport
            transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_spans_arrive(
    exporting: Callable[..., Exporting], collector: Receiver
) -> None:
    """All of them, once, in requests of a bounded size, with the headers; nothing is
    asked while there is nothing to send."""
    each = exporting(collector.url)
    await each.round()
    assert collector.headers == []
    each.add(2 * AT_ONCE + 1)
    each.clock.advance(EVERY)
    await until(lambda: len(collector.spans()) == 2 * AT_ONCE + 1)
    assert len(collector.headers) == 3
    assert {h["Authorization"] for h in collector.headers} == {SECRET}
    names = [span.name for span in collector.spans()]
    assert names == [f"span {number}" for number in range(2 * AT_ONCE + 1)]
    await each.exporter.finish()
    assert each.log == []


@pytest_twisted.ensureDeferred
async def test_a_collector_that_comes_back(
    exporting: Callable[..., Exporting],
) -> None:
    """It refuses connections for ten minutes: one warning, ever longer pauses, nothing
    lost that has room; then all of it arrives, and one line says so."""
    port = free_ports()
    each = exporting(f"http://127.0.0.1:{port}/v1/traces", 10)
    each.add(7)
    tries = 0
    begin = each.exporter._send

    def counted(body: bytes) -> Any:
        nonlocal tries
        tries += 1
        return begin(body)

    each.exporter._send = counted  # type: ignore[method-assign]
    for _ in range(int(600 / EVERY)):
        await each.round()
    assert tries == 9  # at once, and 4, 12, 28, 60, 124, 244, 364 and 484 s later
    each.add(5)
    (warning,) = each.log
    assert warning.endswith("/v1/traces reason=it refuses connections")
    with receiver(port) as collector:
        await each.round(RETRY_MOST)
        assert len(collector.spans()) == 10
    (news,) = each.log[1:]
    assert news.startswith("collector takes traces again url=http://127.0.0.1:")
    assert news.endswith("/v1/traces dropped_spans=2")
    assert each.counted == {"sent": 10, "dropped": 2}
    await each.exporter.finish()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("status", [429, 503])
async def test_a_status_that_passes(
    exporting: Callable[..., Exporting], collector: Receiver, status: int
) -> None:
    """The same spans are sent again, as OTLP says of these."""
    each = exporting(collector.url)
    collector.status = status
    each.add()
    await each.round()
    (warning,) = each.log
    assert warning == (
        f"collector takes no traces, they get lost if this goes on url={collector.url} "
        f"reason=it answers with HTTP status {status}"
    )
    collector.status = 200
    await each.round()
    assert not collector.spans()  # the pause is not over
    await each.round(RETRY_FIRST)
    assert len(collector.spans()) == 1
    await each.exporter.finish()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("status", [302, 400, 401, 404, 500])
async def test_a_status_that_stays(
    exporting: Callable[..., Exporting], collector: Receiver, status: int
) -> None:
    """The spans are dropped: they would be refused again. One warning."""
    each = exporting(collector.url)
    collector.status = status
    for _ in range(5):
        each.add(3)
        await each.round(RETRY_MOST)
    assert len(each.queue) == 0
    assert each.queue.dropped == 15
    await each.round()
    assert each.counted == {"dropped": 15}
    assert len(each.log) == 1
    assert f"HTTP status {status}" in each.log[0]
    await each.exporter.finish()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not answer as a web server does"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 60_000, "headers do not end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "within 10 seconds"),
        (b"", "it did not answer within 10 seconds"),
    ],
)
async def test_garbage_and_silence(
    exporting: Callable[..., Exporting],
    script: Callable[[bytes], tuple[str, list[Script]]],
    answer: bytes,
    reason: str,
) -> None:
    """Whatever a server says or does not say costs ten seconds and one warning."""
    url, connections = script(answer)
    each = exporting(url)
    each.add()
    each.clock.advance(EVERY)
    await until(lambda: bool(connections))
    if "10 seconds" in reason:
        await deferLater(reactor, 0.02)
        each.clock.advance(TIMEOUT)
    await until(lambda: each.exporter._sending is None)
    (warning,) = each.log
    assert reason in warning
    assert len(each.queue) == 1
    await each.exporter.finish()


@pytest_twisted.ensureDeferred
async def test_an_endless_body(
    exporting: Callable[..., Exporting],
    script: Callable[[bytes], tuple[str, list[Script]]],
) -> None:
    """Its beginning is read, and that is all: the spans were taken."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"
    url, _ = script(head + b"x" * 200_000)
    each = exporting(url)
    each.add()
    await each.round()
    assert (len(each.queue), each.log) == (0, [])
    await each.exporter.finish()


@pytest_twisted.ensureDeferred
async def test_the_last_ones_are_sent(
    exporting: Callable[..., Exporting], collector: Receiver
) -> None:
    """What is left when the daemon stops goes out at once."""
    each = exporting(collector.url)
    await each.round()
    each.add(AT_ONCE + 1)
    await each.exporter.finish()
    assert len(collector.spans()) == AT_ONCE + 1
    assert not each.clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_a_stop_is_bounded(
    exporting: Callable[..., Exporting],
    script: Callable[[bytes], tuple[str, list[Script]]],
) -> None:
    """A collector that says nothing holds it up for two seconds, whether a request was
    under way or not."""
    for is_under_way in (False, True):
        url, connections = script(b"")
        each = exporting(url)
        each.add(3)
        if is_under_way:
            each.clock.advance(EVERY)
            await until(lambda: bool(connections))  # noqa: B023 - at once
        finished = Deferred.fromCoroutine(each.exporter.finish())
        await until(lambda: len(connections) == 1 + is_under_way)  # noqa: B023
        each.clock.advance(LAST_TIMEOUT - 0.1)
        await deferLater(reactor, 0.02)
        assert not finished.called
        each.clock.advance(0.1)
        await finished
        (warning,) = each.log
        assert warning.startswith("collector did not take all traces before the stop")
        assert warning.endswith("lost_spans=3")
        assert not each.clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_over_tls(exporting: Callable[..., Exporting]) -> None:
    """Only a collector gets spans and headers whose certificate leads to what is
    trusted for all other machines."""
    ours, other = Authority("Ours"), Authority("Another")
    heard: list[bytes] = []

    class Taking(Protocol):
        def dataReceived(self, data: bytes) -> None:
            heard.append(data)
            assert self.transport is not None
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    context = ours.server(ips("127.0.0.1"))
    factory: Any = Factory.forProtocol(Taking)
    port = reactor.listenSSL(0, factory, context, interface="127.0.0.1")
    url = f"https://127.0.0.1:{port.getHost().port}/v1/traces"
    try:
        for authority, taken in ((other, False), (ours, True)):
            each = exporting(url, 10, authority.pem)
            each.add()
            each.clock.advance(EVERY)
            await until(lambda: each.exporter._sending is None)  # noqa: B023 - at once
            assert bool(heard) is taken
            assert len(each.queue) == (not taken)
            assert ["certificate is not trusted" in line for line in each.log] == (
                [] if taken else [True]
            )
            await each.exporter.finish()
    finally:
        await port.stopListening()
    assert SECRET.encode() in heard[0]


def test_headers() -> None:
    """One in each line; empty lines are nothing, nor is the mark of UTF-8."""
    text = "\ufeffAuthorization: Bearer a.b_c=\n\nX-Scope-OrgID:tenant 1\r\n"
    assert headers_in(text) == {
        "Authorization": "Bearer a.b_c=",
        "X-Scope-OrgID": "tenant 1",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it has no header"),
        ("\n \n", "it has no header"),
        ("s3cret", "line 1 is not a header"),
        ("A: b\ns3cret: \n", "line 2 is not a header"),
        ("A: b\n: s3cret", "line 2 is not a header"),
        ("A b: s3cret", "line 1 is not a header"),
        ("A: s3cr\x00et", "line 1 is not a header"),
        ("A: s3crét", "line 1 is not a header"),
        ("Content-Length: 3", "line 1 has a header that may not be given"),
        ("Host: s3cret", "line 1 has a header that may not be given"),
        ("content-encoding: gzip", "line 1 has a header that may not be given"),
        ("Connection: close", "line 1 has a header that may not be given"),
        ("Transfer-Encoding: s3cr", "line 1 has a header that may not be given"),
        ("A: b\nKeep-Alive: s3cr", "line 2 has a header that may not be given"),
        ("Proxy-Connection: s3cr", "line 1 has a header that may not be given"),
        ("proxy-authorization: s3cr", "line 1 has a header that may not be given"),
        ("A: b\na: s3cret", "line 2 has a header that is there already"),
    ],
)
def test_headers_that_are_none(text: str, problem: str) -> None:
    """The line is named by its number: it may be the secret."""
    with pytest.raises(ValueError, match=problem) as caught:
        headers_in(text)
    assert "s3cr" not in str(caught.value)
