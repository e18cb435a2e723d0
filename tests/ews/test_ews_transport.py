"""One HTTP exchange, with servers of all kinds on real sockets."""

import gzip
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed, ResponseNeverReceived

from pexschedd.errors import MailboxRefused
from pexschedd.ews.auth import HttpRequest, HttpResponse
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.transport import Transport, ascii_url
from pexschedd.net.errors import ConnectionFailure, FailureKind, NeverAnsweredError
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.net.twisted_errors import as_connection_failure
from tests.ews.ews_support import Behaviour, RawServer, RawSite

reactor: Any = _reactor
Starter = Callable[[Behaviour], RawSite]
BODY = b"<request/>"


def transport_to(
    site: RawSite, *, clock: Any = None, limits: ConnectionLimits | None = None
) -> Transport:
    return Transport(
        site.url(),
        BasicAuthenticator("svc", "pä:ss"),
        clock=clock or Clock(),
        network=Network(reactor, Trust()),
        limits=limits or ConnectionLimits(),
    )


async def post(transport: Transport, *, repeatable: bool = True) -> HttpResponse:
    return await transport.post(
        BODY, mailbox="room@example.test", repeatable=repeatable
    )


async def trouble_with(
    behaviour: Behaviour,
    serve: Starter,
    *,
    repeatable: bool = False,
    limits: ConnectionLimits | None = None,
) -> ConnectionFailure:
    """The trouble that one exchange ends in; the connection is gone afterwards."""
    site = serve(behaviour)
    transport = transport_to(site, limits=limits)
    with pytest.raises(ConnectionFailure) as caught:
        await post(transport, repeatable=repeatable)
    await site.all_lost()
    await transport.close()
    return caught.value


@pytest_twisted.ensureDeferred
async def test_sends_what_exchange_wants(serve: Starter) -> None:
    """A POST of XML with credentials, a stable agent, an anchor and an own id."""
    site = serve(lambda connection, _: connection.answer(b"<ok/>"))
    transport = transport_to(site)
    response = await post(transport)
    assert (response.status, response.body) == (200, b"<ok/>")
    assert response.headers["content-type"] == "text/xml; charset=utf-8"
    head, body = site.requests[0]
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /EWS/Exchange.asmx HTTP/1.1"
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    assert body == BODY
    assert headers["content-type"] == "text/xml; charset=utf-8"
    assert headers["user-agent"] == "pexschedd"
    assert headers["x-anchormailbox"] == "room@example.test"
    assert f"Authorization: Basic {b64encode('svc:pä:ss'.encode()).decode()}" in lines
    assert len(headers["client-request-id"]) == 36
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_one_connection_serves_many_exchanges(serve: Starter) -> None:
    """Exchanges one after the other need one connection only."""
    site = serve(lambda connection, _: connection.answer(b"x" * 100_000))
    transport = transport_to(site)
    for _ in range(5):
        await post(transport)
    assert len(site.connections) == 1
    await transport.close()
    await site.all_lost()


@pytest_twisted.ensureDeferred
async def test_never_more_connections_than_allowed(serve: Starter) -> None:
    """Exchanges beyond the limit wait for a connection."""
    site = serve(lambda connection, _: connection.answer(b"<ok/>"))
    transport = transport_to(site, limits=ConnectionLimits(connections=2))
    await gatherResults([Deferred.fromCoroutine(post(transport)) for _ in range(10)])
    assert len(site.requests) == 10
    assert len(site.connections) == 2
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_unzips(serve: Starter) -> None:
    """A zipped answer arrives as it was before zipping."""
    site = serve(lambda connection, _: connection.answer(b"<ok/>" * 9999, zipped=True))
    transport = transport_to(site)
    assert (await post(transport)).body == b"<ok/>" * 9999
    await transport.close()


@pytest.mark.parametrize("status", ["302 Found", "401 Unauthorized", "500 Oops"])
@pytest_twisted.ensureDeferred
async def test_any_status_is_an_answer(serve: Starter, status: str) -> None:
    """Redirections are not followed, and no status is an exception down here."""
    site = serve(
        lambda connection, _: connection.answer(
            b"", status, ["Location: http://127.0.0.1:9/", "WWW-Authenticate: Basic"]
        )
    )
    transport = transport_to(site)
    response = await post(transport)
    assert response.status == int(status[:3])
    assert response.headers["location"] == "http://127.0.0.1:9/"
    assert len(site.requests) == 1
    await transport.close()


def header_flood(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(40_000):
        connection.write(b"X-%d: %s\r\n" % (number, b"y" * 50))


def endless_continue(connection: RawServer, _: int) -> None:
    for _number in range(40_000):
        connection.write(
            b"HTTP/1.1 103 Early Hints\r\nLink: <%s>\r\n\r\n" % (b"y" * 50)
        )


@pytest.mark.parametrize("behaviour", [header_flood, endless_continue])
@pytest_twisted.ensureDeferred
async def test_headers_end_somewhere(serve: Starter, behaviour: Behaviour) -> None:
    """More headers than any server has cost the connection, not the memory."""
    trouble = await trouble_with(behaviour, serve)
    assert trouble.kind is FailureKind.GARBLED
    assert "headers" in trouble.detail


@pytest.mark.parametrize("gap", ["head", "body"])
@pytest_twisted.ensureDeferred
async def test_a_byte_a_second_ends_at_the_deadline(serve: Starter, gap: str) -> None:
    """However alive the connection is: the whole answer has to come in time."""
    clock = Clock()
    site = serve(lambda connection, _: drip_on(connection, gap))
    transport = transport_to(site, clock=clock, limits=ConnectionLimits(deadline=60))
    exchange = Deferred.fromCoroutine(post(transport))
    for _ in range(61):
        await deferLater(reactor, 0.002, lambda: None)
        clock.advance(1)
        if site.connections and not site.connections[0].lost:
            site.connections[0].write(b"x")
    with pytest.raises(ConnectionFailure) as caught:
        await exchange
    assert caught.value.kind is FailureKind.TIMEOUT
    await site.all_lost()
    await transport.close()


def drip_on(connection: RawServer, gap: str) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    if gap == "body":
        connection.write(b"\r\nContent-Length: 999\r\n\r\n")


@pytest_twisted.ensureDeferred
async def test_a_session_that_is_over_begins_anew(serve: Starter) -> None:
    """HTTP 440 means that nothing was done: again, once, on a new connection."""

    def forgetful(connection: RawServer, number: int) -> None:
        if number == 1:
            connection.answer(b"", "440 Login Timeout")
        else:
            connection.answer(b"<ok/>")

    site = serve(forgetful)
    transport = transport_to(site)
    assert (await post(transport, repeatable=False)).body == b"<ok/>"
    assert len(site.connections) == 2
    await transport.close()
    site = serve(lambda connection, _: connection.answer(b"", "440 Login Timeout"))
    transport = transport_to(site)
    assert (await post(transport)).status == 440
    assert len(site.requests) == 2
    await transport.close()


def huge_with_length(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nx")


def huge_chunked(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.write((b"400\r\n" + b"x" * 1024 + b"\r\n") * 50)


def zip_bomb(connection: RawServer, _: int) -> None:
    connection.answer(b"\0" * 10_000_000, zipped=True)


@pytest.mark.parametrize("behaviour", [huge_with_length, huge_chunked, zip_bomb])
@pytest_twisted.ensureDeferred
async def test_too_large(serve: Starter, behaviour: Behaviour) -> None:
    """An answer beyond the limit, packed or unpacked, costs the connection."""
    trouble = await trouble_with(
        behaviour, serve, limits=ConnectionLimits(max_answer=20_000)
    )
    assert trouble.kind is FailureKind.TOO_LARGE
    assert trouble.detail == "20000"


@pytest_twisted.ensureDeferred
async def test_an_answer_of_the_largest_size_is_taken(serve: Starter) -> None:
    """The limit itself is allowed, zipped or not."""
    site = serve(lambda connection, n: connection.answer(b"x" * 20_000, zipped=n == 2))
    transport = transport_to(site, limits=ConnectionLimits(max_answer=20_000))
    assert len((await post(transport)).body) == 20_000
    assert len((await post(transport)).body) == 20_000
    await transport.close()


def torn_body(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<torn")
    connection.close()


def torn_chunks(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<torn")
    connection.close()


def torn_zip(connection: RawServer, _: int) -> None:
    body = gzip.compress(b"<ok/>")[:-4]
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}"
    connection.write(head.encode() + b"\r\nConnection: close\r\n\r\n" + body)
    connection.close()


def torn_header(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.close()


@pytest.mark.parametrize("behaviour", [torn_body, torn_chunks, torn_zip, torn_header])
@pytest_twisted.ensureDeferred
async def test_a_torn_answer_is_none(serve: Starter, behaviour: Behaviour) -> None:
    """Half an answer is never taken for a whole one."""
    trouble = await trouble_with(behaviour, serve)
    assert trouble.kind is FailureKind.LOST


def garbage(connection: RawServer, _: int) -> None:
    connection.write(b"220 mail.example.test ESMTP\r\n\r\n")


def bad_gzip(connection: RawServer, _: int) -> None:
    connection.answer(b"no zip", headers=["Content-Encoding: gzip"])


def strange_encoding(connection: RawServer, _: int) -> None:
    connection.answer(b"??", headers=["Content-Encoding: br"])


def bad_length(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n")


@pytest.mark.parametrize("behaviour", [garbage, bad_gzip, strange_encoding, bad_length])
@pytest_twisted.ensureDeferred
async def test_garbage(serve: Starter, behaviour: Behaviour) -> None:
    """What is no HTTP is said to be none."""
    trouble = await trouble_with(behaviour, serve)
    assert trouble.kind is FailureKind.GARBLED


def hang(_connection: RawServer, _: int) -> None:
    pass


def drip(connection: RawServer, _: int) -> None:
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<")


@pytest.mark.parametrize("behaviour", [hang, drip])
@pytest_twisted.ensureDeferred
async def test_the_deadline_ends_an_exchange(
    serve: Starter, behaviour: Behaviour
) -> None:
    """Silence and dripping end at the deadline, and with them the connection."""
    clock = Clock()
    asked: Deferred[None] = Deferred()

    def notice(connection: RawServer, number: int) -> None:
        behaviour(connection, number)
        reactor.callLater(0.02, asked.callback, None)

    site = serve(notice)
    transport = transport_to(site, clock=clock, limits=ConnectionLimits(deadline=60))
    exchange = Deferred.fromCoroutine(post(transport))
    await asked
    clock.advance(59)
    assert not exchange.called
    clock.advance(2)
    with pytest.raises(ConnectionFailure) as caught:
        await exchange
    assert caught.value.kind is FailureKind.TIMEOUT
    assert caught.value.detail == "60"
    await site.all_lost()
    assert len(site.requests) == 1  # not repeated, although it could have been
    await transport.close()
    assert not clock.getDelayedCalls()


@pytest.mark.parametrize("behaviour", [hang, drip])
@pytest_twisted.ensureDeferred
async def test_closing_gives_up_what_is_under_way(
    serve: Starter, behaviour: Behaviour
) -> None:
    """After close nothing is under way, and nothing begins."""
    asked: Deferred[None] = Deferred()

    def notice(connection: RawServer, number: int) -> None:
        behaviour(connection, number)
        reactor.callLater(0.02, asked.callback, None)

    site = serve(notice)
    transport = transport_to(site)
    exchange = Deferred.fromCoroutine(post(transport))
    await asked
    await transport.close()
    for attempt in (exchange, Deferred.fromCoroutine(post(transport))):
        with pytest.raises(ConnectionFailure) as caught:
            await attempt
        assert caught.value.kind is FailureKind.CLOSED
    await site.all_lost()


@pytest_twisted.ensureDeferred
async def test_the_caller_may_cancel(serve: Starter) -> None:
    """A cancellation stays one, and costs the connection but not the transport."""
    asked: Deferred[None] = Deferred()

    def first_hangs(connection: RawServer, number: int) -> None:
        if number == 1:
            asked.callback(None)
        else:
            connection.answer(b"<ok/>")

    site = serve(first_hangs)
    transport = transport_to(site, limits=ConnectionLimits(connections=1))
    exchange = Deferred.fromCoroutine(post(transport))
    await asked
    exchange.cancel()
    with pytest.raises(CancelledError):
        await exchange
    assert (await post(transport)).body == b"<ok/>"
    await transport.close()


def first_dies(connection: RawServer, number: int) -> None:
    if number == 1:
        connection.close()
    else:
        connection.answer(b"<ok/>")


@pytest_twisted.ensureDeferred
async def test_a_read_is_repeated_once(serve: Starter) -> None:
    """A reading request survives one connection that dies without an answer."""
    site = serve(first_dies)
    transport = transport_to(site)
    assert (await post(transport)).body == b"<ok/>"
    assert len(site.requests) == 2
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_a_write_is_not_repeated(serve: Starter) -> None:
    """A writing request is not sent again: the server may have done it."""
    site = serve(first_dies)
    transport = transport_to(site)
    with pytest.raises(ConnectionFailure) as caught:
        await post(transport, repeatable=False)
    assert caught.value.kind is FailureKind.LOST
    assert len(site.requests) == 1
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_a_read_is_not_repeated_for_ever(serve: Starter) -> None:
    """Two connections that die are enough."""
    site = serve(lambda connection, _: connection.reset())
    transport = transport_to(site)
    with pytest.raises(ConnectionFailure) as caught:
        await post(transport)
    assert caught.value.kind is FailureKind.LOST
    assert len(site.requests) == 2
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_a_torn_answer_is_not_asked_for_again(serve: Starter) -> None:
    """Only silence is repeated: an answer that began may have cost the server much."""
    site = serve(torn_body)
    transport = transport_to(site)
    with pytest.raises(ConnectionFailure):
        await post(transport)
    assert len(site.requests) == 1
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_refused(serve: Starter) -> None:
    """A port without a server is said to refuse connections."""
    port = reactor.listenTCP(0, RawSite(hang), interface="127.0.0.1")
    site = RawSite(hang)
    site.port = port.getHost().port
    await port.stopListening()
    transport = transport_to(site)
    with pytest.raises(ConnectionFailure) as caught:
        await post(transport)
    assert caught.value.kind is FailureKind.REFUSED
    await transport.close()


@pytest_twisted.ensureDeferred
async def test_an_authenticator_may_lead_a_handshake(serve: Starter) -> None:
    """It may ask several times on one connection, and sees when it was another."""

    class Handshake:
        def __init__(self) -> None:
            self.seen: list[tuple[int, int]] = []

        async def send(self, request: HttpRequest, connection: Any) -> HttpResponse:
            first = await connection.send(HttpRequest({}, b""))
            self.seen.append((first.status, connection.serial))
            second: HttpResponse = await connection.send(request)
            self.seen.append((second.status, connection.serial))
            assert connection.certificate() is None
            return second

    def challenge(connection: RawServer, number: int) -> None:
        connection.answer(b"no", "401 No") if number == 1 else connection.answer(b"yes")

    site = serve(challenge)
    handshake = Handshake()
    transport = Transport(
        site.url(), handshake, clock=Clock(), network=Network(reactor, Trust())
    )
    assert (await post(transport)).body == b"yes"
    assert handshake.seen == [(401, 1), (200, 1)]
    await transport.close()


@pytest.mark.parametrize(
    ("failure", "trouble"),
    [
        (net.DNSLookupError("no such name"), FailureKind.NAME),
        (net.UnknownHostError(), FailureKind.NAME),
        (net.ConnectionRefusedError(), FailureKind.REFUSED),
        (net.NoRouteError(), FailureKind.NO_ROUTE),
        (net.TimeoutError(), FailureKind.NO_ROUTE),
        (net.TCPTimedOutError(), FailureKind.NO_ROUTE),
        (net.ConnectionLost(), FailureKind.LOST),
        (ResponseFailed([Failure(net.ConnectionLost())]), FailureKind.LOST),
        (ResponseFailed([Failure(ValueError("?"))]), FailureKind.GARBLED),
        (ResponseNeverReceived([Failure(net.ConnectionDone())]), FailureKind.LOST),
        (ResponseNeverReceived([Failure(SSL.Error([]))]), FailureKind.TLS),
    ],
)
def test_failures_of_the_network(failure: Exception, trouble: FailureKind) -> None:
    """Each of Twisted's ways to fail is told apart, also inside another."""
    found = as_connection_failure(failure)
    assert isinstance(found, ConnectionFailure)
    assert found.kind is trouble
    never = isinstance(failure, ResponseNeverReceived) and trouble is FailureKind.LOST
    assert isinstance(found, NeverAnsweredError) is never


def test_a_cancellation_is_no_failure() -> None:
    """A cancellation stays one, however deep Twisted has wrapped it."""
    for failure in (
        CancelledError(),
        ResponseNeverReceived([Failure(CancelledError())]),
    ):
        assert isinstance(as_connection_failure(failure), CancelledError)


def test_secrets_stay_out_of_reprs() -> None:
    """Neither headers nor bodies nor passwords are in a repr."""
    request = HttpRequest({"Authorization": "Basic c2VjcmV0"}, b"secret")
    basic = BasicAuthenticator("svc", "secret")
    assert "c2VjcmV0" not in repr(request)
    assert "secret" not in repr(request) + repr(basic)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://mail.example.com/EWS/Exchange.asmx", True),
        ("https://bücher.example/EWS", True),
        ("http://127.0.0.1:8082/EWS/Exchange.asmx", True),
        ("http://127.8.8.8/EWS", True),
        ("http://[::1]:8082/EWS", True),
        ("http://localhost:8082/EWS", True),
        ("http://mail.example.com/EWS", False),
        ("http://localhost.example.com/EWS", False),
        ("http://10.0.0.1/EWS", False),
        ("ftp://mail.example.com/EWS", False),
        ("https:///EWS", False),
        ("https://user:pw@mail.example.com/EWS", False),
        ("https://mail.example.com:99999/EWS", False),
        ("https://[::1/EWS", False),
        ("https://mail.example.com/ÉWS", False),
        ("https://mail..example.com/EWS", False),
        ("", False),
    ],
)
def test_urls(url: str, good: bool) -> None:
    """https anywhere, http on this machine only, and nothing else."""
    if good:
        assert ascii_url(url).isascii()
    else:
        with pytest.raises(MailboxRefused):
            ascii_url(url)


def test_an_international_host_is_sent_as_dns_knows_it() -> None:
    """The port and the path stay as they are."""
    url = ascii_url("https://bücher.example:444/EWS/Exchange.asmx?x=1#y")
    assert url == "https://xn--bcher-kva.example:444/EWS/Exchange.asmx?x=1"
