"""One HTTP exchange: what is sent, over which connection, and how it may fail."""

from base64 import b64encode
from typing import Any

import pytest
import pytest_twisted
from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock
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
from tests.ews.ews_support import RawServer, RawSite, Starter
from tests.ews.transport_support import BODY, hang, post, transport_to

reactor: Any = _reactor


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
