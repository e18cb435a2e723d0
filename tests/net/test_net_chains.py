"""What is wrong with a chain or a handshake, told apart; and trust that changes."""

import gc
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock, deferLater
from twisted.web.client import URI
from zope.interface import implementer

from pexschedd.crypto.certificates import read_pem
from pexschedd.errors import ConfigError
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.transport.transport import Transport
from pexschedd.net.errors import ABOUT_TRUST, ConnectionFailure, FailureKind
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.ews.ews_support import RawServer, RawSite
from tests.net.net_support import DAY, NOW, Authority, Server, dns

reactor: Any = _reactor


def answer(connection: RawServer, _: int) -> None:
    connection.answer(b"<ok/>")


def pem(server: Server) -> bytes:
    return server.certificate.public_bytes(serialization.Encoding.PEM)


class Client:
    """A transport to one server, which can be asked again and again."""

    def __init__(self, site: RawSite, trust: Trust) -> None:
        self._transport = Transport(
            site.url("https", "localhost"),
            BasicAuthenticator("svc", "pw"),
            clock=Clock(),
            network=Network(reactor, trust),
        )
        self.close = self._transport.close

    async def ask(self) -> bytes:
        response = await self._transport.post(b"", mailbox="a@b.test", repeatable=False)
        return response.body

    async def trouble(self) -> ConnectionFailure:
        with pytest.raises(ConnectionFailure) as caught:
            await self.ask()
        return caught.value


@pytest_twisted.async_yield_fixture()
async def client(serve: Any) -> Any:
    """Makes clients of servers of the given context."""
    clients = []

    def make(context: Any, *trusted: bytes, trust: Trust | None = None) -> Client:
        trust = trust or Trust([("ca_file", each) for each in trusted])
        made = Client(serve(answer, context), trust)
        clients.append(made)
        return made

    yield make
    for each in clients:
        await each.close()


ROOT = Authority("Root")
ISSUING = Authority("Issuing", ROOT)


@pytest_twisted.ensureDeferred
async def test_which_certificate_is_unknown(client: Any) -> None:
    """The first whose issuer is not known is named, with all that identifies it."""
    server = ISSUING.server(dns("localhost"), above=[ISSUING])
    trouble = await client(server).trouble()
    assert trouble.kind is FailureKind.UNTRUSTED
    assert trouble.detail.startswith(
        'certificate 1 above the server\'s own, "CN=Issuing" was issued by an '
        'authority not known here (issued by "CN=Root", valid '
    )
    assert "SHA-256 fingerprint " in trouble.detail


@pytest_twisted.ensureDeferred
async def test_a_whole_chain_of_strangers(client: Any) -> None:
    """A root that the server shows itself is no reason to believe it."""
    server = ISSUING.server(dns("localhost"), above=[ISSUING, ROOT])
    trouble = await client(server).trouble()
    assert trouble.kind is FailureKind.UNTRUSTED
    assert '"CN=Root" is self-signed and not known here' in trouble.detail


@pytest_twisted.ensureDeferred
async def test_a_missing_link(client: Any) -> None:
    """A server that does not show its issuer cannot be followed to a known root."""
    trouble = await client(ISSUING.server(dns("localhost")), ROOT.pem).trouble()
    assert trouble.kind is FailureKind.UNTRUSTED
    assert "the server's own certificate" in trouble.detail
    assert 'issued by "CN=Issuing"' in trouble.detail


@pytest_twisted.ensureDeferred
async def test_an_expired_authority(client: Any) -> None:
    """It is the authority's certificate that has to be renewed, and it is said so."""
    old = Authority("Old", ROOT, expires=NOW - DAY)
    server = old.server(dns("localhost"), above=[old])
    trouble = await client(server, ROOT.pem).trouble()
    assert trouble.kind is FailureKind.NOT_VALID_NOW
    assert 'certificate 1 above the server\'s own, "CN=Old" expired' in trouble.detail


@pytest_twisted.ensureDeferred
async def test_a_certificate_for_something_else(client: Any) -> None:
    """A certificate for clients does not make a server."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    server = ROOT.server(dns("localhost"), extensions=[usage])
    trouble = await client(server, ROOT.pem).trouble()
    assert trouble.kind is FailureKind.UNFIT
    assert "is not meant for servers" in trouble.detail


@pytest_twisted.ensureDeferred
async def test_a_weak_key(client: Any) -> None:
    """A key that can be broken proves nothing."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    server = ROOT.server(dns("localhost"), key=key)
    trouble = await client(server, ROOT.pem).trouble()
    assert trouble.kind is FailureKind.UNFIT
    assert "has a key that is too weak" in trouble.detail


@pytest_twisted.ensureDeferred
async def test_an_authority_for_other_names(client: Any) -> None:
    """What an authority may not certify is not believed."""
    only = x509.NameConstraints([x509.DNSName("example.test")], None)
    bound = Authority("Bound", extensions=[only])
    trouble = await client(bound.server(dns("localhost")), bound.pem).trouble()
    assert trouble.kind is FailureKind.UNFIT
    assert "an authority above it may not certify" in trouble.detail


@pytest_twisted.ensureDeferred
async def test_a_server_that_certifies(client: Any) -> None:
    """A server's certificate certifies no other, even when it is trusted."""
    own = ROOT.server(dns("own.test"))
    impostor = Authority("Impostor")
    impostor.key, impostor.name = own.key, own.certificate.subject
    server = impostor.server(dns("localhost"))
    trouble = await client(server, pem(own)).trouble()
    assert trouble.kind in ABOUT_TRUST


@pytest_twisted.ensureDeferred
async def test_a_servers_own_certificate(client: Any) -> None:
    """It can be trusted for itself, without its issuer."""
    own = ROOT.server(dns("localhost"))
    assert await client(own, pem(own)).ask() == b"<ok/>"
    other = ROOT.server(dns("localhost"))
    trouble = await client(other, pem(own)).trouble()
    assert trouble.kind is FailureKind.UNTRUSTED


@pytest.mark.parametrize(
    "versions",
    [(SSL.TLS1_VERSION, SSL.TLS1_VERSION), (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION)],
)
@pytest_twisted.ensureDeferred
async def test_old_tls(client: Any, versions: tuple[int, int]) -> None:
    """A server with old TLS alone is told apart."""
    server = ROOT.server(dns("localhost"), versions=versions)
    assert (await client(server, ROOT.pem).trouble()).kind is FailureKind.OLD_TLS


TLS_1_2 = (SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION)


@pytest_twisted.ensureDeferred
async def test_no_cipher(client: Any) -> None:
    """A server with nothing but obsolete ciphers is told apart."""
    made = ROOT.server(dns("localhost"))
    server = Server(
        made.key, made.certificate, TLS_1_2, ciphers=b"aNULL:eNULL:@SECLEVEL=0"
    )
    assert (await client(server, ROOT.pem).trouble()).kind is FailureKind.NO_CIPHER


@pytest.mark.parametrize(
    "versions", [TLS_1_2, (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)]
)
@pytest_twisted.ensureDeferred
async def test_client_certificate(client: Any, versions: tuple[int, int]) -> None:
    """A server that wants a certificate of ours is told apart."""
    made = ROOT.server(dns("localhost"))
    server = Server(made.key, made.certificate, versions, wants_certificate=True)
    trouble = await client(server, ROOT.pem).trouble()
    assert trouble.kind is FailureKind.CLIENT_CERTIFICATE


# Trust that changes


@pytest_twisted.ensureDeferred
async def test_new_trust_counts_at_once(client: Any) -> None:
    """An uploaded authority is believed by the next connection."""
    trust = Trust()
    asking = client(ROOT.server(dns("localhost")), trust=trust)
    assert (await asking.trouble()).kind is FailureKind.UNTRUSTED
    trust.replace([("uploaded", ROOT.pem)])
    assert await asking.ask() == b"<ok/>"


@pytest_twisted.ensureDeferred
async def test_trust_is_asked_for_when_the_server_is_there(serve: Any) -> None:
    """What changes while a connection is being opened counts for it already."""
    site = serve(answer, ROOT.server(dns("localhost")))
    trust = Trust()
    uri = URI.fromBytes(site.url("https", "localhost").encode())
    endpoint = Network(reactor, trust).endpoint(uri)
    trust.replace([("uploaded", ROOT.pem)])
    done: Deferred[None] = Deferred()

    @implementer(IHandshakeListener)
    class Visitor(Protocol):
        def handshakeCompleted(self) -> None:
            done.callback(None)

    visitor: Any = await endpoint.connect(Factory.forProtocol(Visitor))
    await done
    visitor.transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_lost_trust_ends_connections(serve: Any) -> None:
    """Connections to servers that are trusted no more are closed; all others stay."""
    other = Authority("Other")
    trust = Trust([("ca_file", other.pem)])
    trust.replace([("uploaded", ROOT.pem)])
    leaving = serve(answer, ROOT.server(dns("localhost")))
    staying = serve(answer, other.server(dns("localhost")))
    clients = [Client(leaving, trust), Client(staying, trust)]
    for each in clients:
        await each.ask()
    trust.replace([])
    await leaving.all_lost()
    assert (await clients[0].trouble()).kind is FailureKind.UNTRUSTED
    assert await clients[1].ask() == b"<ok/>"
    assert len(staying.connections) == 1
    for each in clients:
        await each.close()


@pytest_twisted.ensureDeferred
async def test_lost_trust_ends_what_is_under_way(serve: Any) -> None:
    """An exchange under way is broken off, and says why."""
    asked: Deferred[None] = Deferred()
    site = serve(
        lambda _connection, _number: asked.callback(None),
        ROOT.server(dns("localhost")),
    )
    trust = Trust()
    trust.replace([("uploaded", ROOT.pem)])
    asking = Client(site, trust)
    exchange = Deferred.fromCoroutine(asking.trouble())
    await asked
    trust.replace([])
    trouble = await exchange
    assert trouble.kind is FailureKind.UNTRUSTED
    assert "has been removed" in trouble.detail
    await asking.close()


@pytest_twisted.ensureDeferred
async def test_renewed_trust_closes_no_connection(serve: Any) -> None:
    """The same certificate twice is one; changes elsewhere leave connections open."""
    trust = Trust([("ca_file", ROOT.pem + ROOT.pem)])
    site = serve(answer, ROOT.server(dns("localhost")))
    asking = Client(site, trust)
    await asking.ask()
    trust.replace([("uploaded", ROOT.pem), ("again", ROOT.pem)])
    trust.replace([("uploaded", Authority("Root").pem)])
    await asking.ask()
    assert len(site.connections) == 1
    await asking.close()


@pytest_twisted.ensureDeferred
async def test_closed_connections_are_forgotten(serve: Any) -> None:
    """A connection that is over leaves nothing behind."""
    trust = Trust([("ca_file", ROOT.pem)])
    seen = []
    trust.watch(lambda host, certificate: seen.append(host))
    site = serve(answer, ROOT.server(dns("localhost")))
    for _ in range(3):
        asking = Client(site, trust)
        await asking.ask()
        await asking.close()
        del asking
    await site.all_lost()
    while list(trust._open):  # our end hears of it a turn later
        await deferLater(reactor, 0)
        gc.collect()
    assert len(seen) == 3


def test_a_bad_replacement_changes_nothing() -> None:
    """What cannot be read is an error that names it."""
    trust = Trust([("ca_file", ROOT.pem)])
    with pytest.raises(ConfigError, match="uploaded 7: it holds no PEM"):
        trust.replace([("uploaded 7", b"x")])
    assert [each.subject for each in trust.given] == ["CN=Root"]


@pytest_twisted.ensureDeferred
async def test_believed_servers_are_heard_of(client: Any) -> None:
    """Who watches hears of servers that are believed, and of no others."""
    seen = []
    trust = Trust([("ca_file", ROOT.pem)])
    trust.watch(lambda host, certificate: seen.append((host, certificate)))
    good = ROOT.server(dns("localhost"))
    await client(good, trust=trust).ask()
    await client(ROOT.server(dns("other.test")), trust=trust).trouble()
    await client(ISSUING.server(dns("localhost")), trust=trust).trouble()
    assert seen == [("localhost", good.certificate)]


# Texts


def test_texts_with_comments() -> None:
    """Whatever stands between certificates does not matter; their order does."""
    text = f"# one\n{ISSUING.pem.decode()}\nsubject=x\n{ROOT.pem.decode()}trailer"
    found = [each.subject.rfc4514_string() for each in read_pem(text)]
    assert found == ["CN=Issuing", "CN=Root"]


def test_a_million_beginnings() -> None:
    """A hostile text is refused at once."""
    with pytest.raises(ValueError, match="at most 500"):
        read_pem("-----BEGIN CERTIFICATE-----" * 30_000)


class _Mute(Protocol):
    """Takes a connection and says nothing that is TLS."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"220 mail.example.test ESMTP\r\n")


@pytest_twisted.ensureDeferred
async def test_another_protocol() -> None:
    """A mail server's port is said to speak no TLS."""
    port = reactor.listenTCP(0, Factory.forProtocol(_Mute), interface="127.0.0.1")
    site = RawSite(answer)
    site.port = port.getHost().port
    asking = Client(site, Trust())
    assert (await asking.trouble()).kind is FailureKind.NOT_TLS
    await asking.close()
    await port.stopListening()
