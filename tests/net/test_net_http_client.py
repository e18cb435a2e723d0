"""The HTTP client of the network, with servers that mean harm, on real sockets."""

import gzip
from itertools import pairwise
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse
from zope.interface import implementer

from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.http_client import IN_A_TURN, PIECE
from pexschedd.net.http_pool import HttpPool
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.net.twisted_errors import as_connection_failure
from tests.ews.ews_support import Behaviour, RawServer
from tests.net.net_support import Authority, dns

reactor: Any = _reactor
ROOT = Authority("The test authority")
NETWORK = Network(reactor, Trust([("ca_file", ROOT.pem)]))
MUCH = 64 * 1024 * 1024
"""Bytes: far more than a bounded head and all buffers of a connection."""


@implementer(IPullProducer)
class Endless:
    """Writes a start, and then a piece over and over, as fast as it is read."""

    def __init__(self, start: bytes, piece: bytes) -> None:
        self._start = start
        self._piece = piece * (16 * 1024 // len(piece) + 1)
        self.sent = 0

    def __call__(self, connection: RawServer, _: int) -> None:
        self._transport = cast(Any, connection.transport)
        self._transport.write(self._start)
        self._transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        self.sent += len(self._piece)
        if self.sent < MUCH:
            self._transport.write(self._piece)
        else:
            self._transport.unregisterProducer()

    def stopProducing(self) -> None:
        pass


STATUS = b"HTTP/1.1 200 OK\r\n"
ENDLESS_HEADS = {
    "headers": (STATUS, b"X-Header: value\r\n"),
    "one line": (STATUS + b"X-Header: ", b"value"),
    "one folded line": (STATUS + b"X-Header: ", b"value\r\n "),
    "interim responses": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
    "status line": (b"HTTP/1.1 200 ", b"very fine "),
}


async def trouble_with(asking: "Deferred[Any]") -> ConnectionFailure:
    try:
        await asking
    except Exception as failure:  # noqa: BLE001 - it is told apart
        trouble = as_connection_failure(failure)
        assert isinstance(trouble, ConnectionFailure)
        return trouble
    pytest.fail("the request did not fail")


@pytest.mark.parametrize("by", ["agent", "kept connection", "client"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("head", ENDLESS_HEADS)
@pytest_twisted.ensureDeferred
async def test_an_endless_head_is_cut_off(
    serve: Any, head: str, scheme: str, by: str
) -> None:
    """Every agent drops a server that does not end its headers, and says so."""
    server = Endless(*ENDLESS_HEADS[head])
    context = ROOT.server(dns("localhost")) if scheme == "https" else None
    site = serve(server, context)
    url = site.url(scheme, "localhost")
    pool = HttpPool(reactor, kept=1, idle_seconds=60)
    asking: Deferred[Any]
    match by:
        case "agent":
            asking = NETWORK.agent().request(b"GET", url.encode())
        case "kept connection":
            asking = NETWORK.agent(pool).request(b"GET", url.encode())
        case _:
            asking = NETWORK.http_client().get(url)
    trouble = await trouble_with(asking)
    if head in ("headers", "interim responses"):
        assert trouble.kind is FailureKind.GARBLED
        assert trouble.detail == "its headers do not end"
    await site.all_lost()
    assert server.sent < MUCH


@pytest_twisted.ensureDeferred
async def test_a_body_is_not_counted_as_a_head(serve: Any) -> None:
    """Bodies of any length and many requests do not use the head's bound up."""
    site = serve(lambda connection, _: connection.answer(b"x" * 300_000))
    pool = HttpPool(reactor, kept=1, idle_seconds=60)
    client = NETWORK.http_client(pool)
    for _ in range(3):
        body = await read(await client.get(site.url()))
        assert len(body.data) == 300_000
    assert (len(site.connections), pool.opened) == (1, 1)
    await pool.closeCachedConnections()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest_twisted.ensureDeferred
async def test_a_reader_that_has_enough_ends_the_connection(
    serve: Any, scheme: str
) -> None:
    """A server that does not heed the end of a connection cannot go on sending."""
    server = Endless(STATUS + b"\r\n", b"x" * 1024)
    site = serve(server, ROOT.server(dns("localhost")) if scheme == "https" else None)
    response = await NETWORK.http_client().get(site.url(scheme, "localhost"))
    response.deliverBody(Leaving())
    await site.all_lost()
    assert server.sent < MUCH


@pytest_twisted.ensureDeferred
async def test_follows_no_redirect_and_keeps_no_cookie(serve: Any) -> None:
    """A redirect is a response like any other, and a cookie is forgotten."""
    site = serve(
        lambda connection, _: connection.answer(
            b"", "302 Found", ["Location: /elsewhere", "Set-Cookie: a=b"]
        )
    )
    client = NETWORK.http_client()
    for _ in range(2):
        response = await client.get(site.url())
        assert response.code == 302
        await read(response)
    assert len(site.requests) == 2
    for head, _ in site.requests:
        assert b"cookie" not in head.lower()
        assert b"accept-encoding" not in head.lower()


@pytest_twisted.ensureDeferred
async def test_an_empty_body_has_a_length(serve: Any) -> None:
    """The first request of a handshake is a POST of nothing."""
    site = serve(lambda connection, _: connection.answer(b""))
    await read(await NETWORK.http_client().post(site.url(), data=b""))
    assert b"content-length: 0" in site.requests[0][0].lower()


async def unzipped(serve: Any, behaviour: Behaviour, accept: bytes = b"gzip") -> "Body":
    site = serve(behaviour)
    headers = Headers({b"accept-encoding": [accept]} if accept else {})
    return await read(await NETWORK.http_client().get(site.url(), headers=headers))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 20_000_000])
@pytest_twisted.ensureDeferred
async def test_unzips_in_small_pieces(serve: Any, size: int) -> None:
    """A body that unzips to a thousand times its length does not come at once."""
    body = await unzipped(serve, lambda c, _: c.answer(b"\0" * size, zipped=True))
    assert body.data == b"\0" * size
    assert body.largest <= PIECE


@pytest_twisted.ensureDeferred
async def test_unzips_over_several_turns(serve: Any) -> None:
    """What 20 KB unzip to, twenty million bytes, does not hold the reactor; the end of
    the body comes last."""
    sizes: list[int] = []
    body = Body()
    looks = LoopingCall(lambda: sizes.append(len(body.data)))
    site = serve(lambda c, _: c.answer(b"\0" * 20_000_000, zipped=True))
    headers = Headers({b"accept-encoding": [b"gzip"]})
    response = await NETWORK.http_client().get(site.url(), headers=headers)
    looks.start(0)
    response.deliverBody(body)
    await body.done
    looks.stop()
    sizes.append(len(body.data))
    grown = [after - before for before, after in pairwise(sizes)]
    assert sizes[-1] == 20_000_000
    assert max(grown) <= 2 * (IN_A_TURN + PIECE)


@pytest_twisted.ensureDeferred
async def test_a_reader_that_has_enough_ends_a_body(serve: Any) -> None:
    """The connection is closed within the body, of which nothing more is unzipped."""
    body = Enough()
    site = serve(lambda c, _: c.answer(b"\0" * 100_000_000, zipped=True))
    headers = Headers({b"accept-encoding": [b"gzip"]})
    response = await NETWORK.http_client().get(site.url(), headers=headers)
    response.deliverBody(body)
    await body.lost
    assert body.size <= 3 * IN_A_TURN


def answer_with(body: bytes, encoding: str) -> Behaviour:
    return lambda connection, _: connection.answer(
        body, headers=[f"Content-Encoding: {encoding}"]
    )


@pytest.mark.parametrize(
    ("body", "encoding", "accept", "detail"),
    [
        (gzip.compress(gzip.compress(b"x")), "gzip, gzip", b"gzip", "unknown content"),
        (b"x", "br", b"gzip", "unknown content"),
        (gzip.compress(b"x"), "gzip", b"", "packed"),
        (b"no zip", "gzip", b"gzip", "damaged"),
        (gzip.compress(b"x") + b"y" * 200_000, "gzip", b"gzip", "damaged"),
        (gzip.compress(b"") * 20_000, "gzip", b"gzip", "damaged"),
    ],
    ids=["twice", "unknown", "not asked for", "none", "with more", "many"],
)
@pytest_twisted.ensureDeferred
async def test_other_encodings_are_refused(
    serve: Any, body: bytes, encoding: str, accept: bytes, detail: str
) -> None:
    """Only what was asked for, once, and without much that unzips to nothing."""
    trouble = await trouble_with(
        Deferred.fromCoroutine(
            unzipped(serve, answer_with(body, encoding), accept=accept)
        )
    )
    assert trouble.kind is FailureKind.GARBLED
    assert detail in trouble.detail


@pytest_twisted.ensureDeferred
async def test_a_torn_zip_is_no_body(serve: Any) -> None:
    """The end of the data is not the end of the zip."""
    body = gzip.compress(b"<ok/>")[:-4]
    trouble = await trouble_with(
        Deferred.fromCoroutine(unzipped(serve, answer_with(body, "gzip")))
    )
    assert trouble.kind is FailureKind.LOST


@pytest_twisted.ensureDeferred
async def test_endpoints_are_remembered_by_target(serve: Any) -> None:
    """One agent reaches many servers, more of them than it remembers."""
    sites = [serve(lambda connection, _: connection.answer(b"ok")) for _ in range(20)]
    client = NETWORK.http_client()
    for site in sites * 2:
        assert (await read(await client.get(site.url()))).data == b"ok"
    assert [len(site.requests) for site in sites] == [2] * 20


class Body(Protocol):
    """Collects a body without a limit, and the size of its largest piece."""

    def __init__(self) -> None:
        self.done: Deferred[Body] = Deferred()
        self._pieces: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self._pieces.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(self)
        else:
            self.done.errback(reason)

    @property
    def data(self) -> bytes:
        return b"".join(self._pieces)

    @property
    def largest(self) -> int:
        return max(map(len, self._pieces), default=0)


class Enough(Protocol):
    """Aborts the connection at the first piece of a body, and counts what comes."""

    def __init__(self) -> None:
        self.lost: Deferred[None] = Deferred()
        self.size = 0

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.size += len(data)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)


class Leaving(Protocol):
    """Loses the connection at the first piece of a body."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


async def read(response: IResponse) -> Body:
    body = Body()
    response.deliverBody(body)
    return await body.done
