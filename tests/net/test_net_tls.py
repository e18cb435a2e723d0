"""Whom the client believes: certificates good and bad, on real sockets."""

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock

from pexschedd.errors import ConfigError
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.transport import Transport
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_support import RawServer, RawSite
from tests.net.net_support import DAY, NOW, Authority, Server, dns, ips

reactor: Any = _reactor


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("The test authority")


@pytest.fixture
def connect(serve: Any, authority: Authority) -> Callable[..., Any]:
    """One exchange with a server of the given context; the answer's body."""

    async def exchange(
        context: Any, *, host: str = "localhost", trusted: bytes | None = None
    ) -> bytes:
        site: RawSite = serve(answer, context)
        transport = Transport(
            site.url("https", host),
            BasicAuthenticator("svc", "pw"),
            clock=Clock(),
            network=Network(reactor, Trust([("ca_file", trusted or authority.pem)])),
        )
        try:
            response = await transport.post(b"", mailbox="a@b.test", repeatable=True)
        finally:
            await transport.close()
        assert len(site.requests) == 1
        return response.body

    return exchange


def answer(connection: RawServer, _: int) -> None:
    connection.answer(b"<ok/>")


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("localhost", dns("mail.example.test", "localhost")),
        ("127.0.0.1", ips("127.0.0.1")),
        ("127.0.0.1", [*dns("localhost"), *ips("10.0.0.1", "127.0.0.1")]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_good(
    connect: Any, authority: Authority, host: str, names: list[x509.GeneralName]
) -> None:
    """A certificate of a trusted authority with the host's name or address."""
    assert await connect(authority.server(names), host=host) == b"<ok/>"


@pytest.mark.parametrize(
    ("host", "names", "detail"),
    [
        ("localhost", dns("mail.example.test"), "mail.example.test"),
        ("localhost", [], "no name at all"),
        ("localhost", ips("127.0.0.1"), "127.0.0.1"),
        ("localhost", dns("*.localhost"), "*.localhost"),
        ("127.0.0.1", dns("localhost"), "localhost"),
        ("127.0.0.1", dns("127.0.0.1"), "127.0.0.1"),
        ("127.0.0.1", ips("127.0.0.2"), "127.0.0.2"),
        ("127.0.0.1", [], "no name at all"),
        ("localhost", [x509.RFC822Name("a@localhost")], "no name at all"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_wrong_host(
    connect: Any,
    authority: Authority,
    host: str,
    names: list[x509.GeneralName],
    detail: str,
) -> None:
    """A certificate for another host, or for none, is refused and says for which.

    The common name "localhost", which all of them have, counts for nothing.
    """
    with pytest.raises(ConnectionFailure) as caught:
        await connect(authority.server(names), host=host)
    assert caught.value.kind is FailureKind.WRONG_HOST
    assert caught.value.detail == f"it is for {detail} and not for {host}"


@pytest_twisted.ensureDeferred
async def test_unknown_authority(connect: Any) -> None:
    """A certificate of an unknown authority is refused, naming its issuer."""
    stranger = Authority("A stranger")
    with pytest.raises(ConnectionFailure) as caught:
        await connect(stranger.server(dns("localhost")))
    assert caught.value.kind is FailureKind.UNTRUSTED
    assert "CN=A stranger" in caught.value.detail


@pytest_twisted.ensureDeferred
async def test_self_signed(connect: Any) -> None:
    """A certificate that signed itself is refused, unless it is the trusted one."""
    lonely = Authority("localhost")
    server = Server(lonely.key, lonely.certificate)
    with pytest.raises(ConnectionFailure) as caught:
        await connect(server)
    assert caught.value.kind is FailureKind.UNTRUSTED
    assert caught.value.detail.startswith(
        'the server\'s own certificate "CN=localhost" is self-signed and not known'
    )


@pytest_twisted.ensureDeferred
async def test_an_issuing_authority_is_enough(connect: Any) -> None:
    """Trusting an issuing authority does not need its root."""
    issuing = Authority("Issuing", Authority("Root"))
    context = issuing.server(dns("localhost"))
    assert await connect(context, trusted=issuing.pem) == b"<ok/>"


@pytest_twisted.ensureDeferred
async def test_expired(connect: Any, authority: Authority) -> None:
    """An expired certificate is refused and says since when."""
    with pytest.raises(ConnectionFailure) as caught:
        await connect(authority.server(dns("localhost"), expires=NOW - DAY))
    assert caught.value.kind is FailureKind.NOT_VALID_NOW
    assert f"expired on {NOW - DAY:%Y-%m-%d}" in caught.value.detail


@pytest_twisted.ensureDeferred
async def test_not_yet_valid(connect: Any, authority: Authority) -> None:
    """A certificate of the future is refused and says from when it is valid."""
    with pytest.raises(ConnectionFailure) as caught:
        await connect(authority.server(dns("localhost"), begins=NOW + DAY))
    assert caught.value.kind is FailureKind.NOT_VALID_NOW
    assert f"valid from {NOW + DAY:%Y-%m-%d}" in caught.value.detail


@pytest_twisted.ensureDeferred
async def test_old_tls(connect: Any, authority: Authority) -> None:
    """TLS 1.1 is not spoken."""
    versions = (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION)
    with pytest.raises(ConnectionFailure) as caught:
        await connect(authority.server(dns("localhost"), versions=versions))
    assert caught.value.kind is FailureKind.OLD_TLS


@pytest_twisted.ensureDeferred
async def test_tls_1_2_is_spoken(connect: Any, authority: Authority) -> None:
    """A server that knows nothing newer than TLS 1.2 is reached."""
    versions = (SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION)
    server = authority.server(dns("localhost"), versions=versions)
    assert await connect(server) == b"<ok/>"


@pytest_twisted.ensureDeferred
async def test_the_deadline_counts_over_tls(serve: Any, authority: Authority) -> None:
    """A silent server loses its connection; the next exchange gets a new one."""
    asked: Deferred[None] = Deferred()

    def first_hangs(connection: RawServer, number: int) -> None:
        asked.callback(None) if number == 1 else answer(connection, number)

    site: RawSite = serve(first_hangs, authority.server(dns("localhost")))
    clock = Clock()
    transport = Transport(
        site.url("https", "localhost"),
        BasicAuthenticator("svc", "pw"),
        clock=clock,
        network=Network(reactor, Trust([("ca_file", authority.pem)])),
        limits=ConnectionLimits(connections=1, deadline=60),
    )
    exchange = Deferred.fromCoroutine(
        transport.post(b"", mailbox="a@b.test", repeatable=True)
    )
    await asked
    clock.advance(61)
    with pytest.raises(ConnectionFailure) as caught:
        await exchange
    assert caught.value.kind is FailureKind.TIMEOUT
    await site.all_lost()
    response = await transport.post(b"", mailbox="a@b.test", repeatable=False)
    assert response.body == b"<ok/>"
    await transport.close()


class PlainServer(Protocol):
    """A web server that does not expect TLS."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.transport.loseConnection()


@pytest_twisted.ensureDeferred
async def test_no_tls_at_all() -> None:
    """A server that speaks plain HTTP on the port is said not to speak TLS."""
    port = reactor.listenTCP(0, Factory.forProtocol(PlainServer), interface="127.0.0.1")
    transport = Transport(
        f"https://127.0.0.1:{port.getHost().port}/EWS",
        BasicAuthenticator("svc", "pw"),
        clock=Clock(),
        network=Network(reactor, Trust()),
    )
    with pytest.raises(ConnectionFailure) as caught:
        await transport.post(b"", mailbox="a@b.test", repeatable=True)
    assert caught.value.kind is FailureKind.NOT_TLS
    assert "wrong version number" in caught.value.detail
    await transport.close()
    await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_the_certificate_can_be_bound_to(
    serve: Any, authority: Authority
) -> None:
    """An authenticator can ask for the certificate of the connection it uses."""
    seen = []

    class Binding:
        async def send(self, request: Any, connection: Any) -> Any:
            response = await connection.send(request)
            seen.append(connection.certificate())
            return response

    server = authority.server(dns("localhost"))
    site = serve(answer, server)
    transport = Transport(
        site.url("https", "localhost"),
        Binding(),
        clock=Clock(),
        network=Network(reactor, Trust([("ca_file", authority.pem)])),
    )
    await transport.post(b"", mailbox="a@b.test", repeatable=True)
    assert seen == [server.certificate.public_bytes(serialization.Encoding.DER)]
    await transport.close()


@pytest.mark.parametrize("pem", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAA\n"])
def test_a_file_without_certificates(pem: bytes) -> None:
    """What holds no certificate is an error that names its source."""
    with pytest.raises(ConfigError) as caught:
        Trust([("/etc/ca.pem", pem)])
    assert "/etc/ca.pem" in caught.value.message
