"""Whom we believe to be the server: certificate chain and host name, fail closed.

Twisted's own client options check the host name with a callback that, in the
versions this runs on, accepts a certificate without any subject alternative name. So
this has its own: whatever cannot be shown to be right is refused, and the reason is
kept for the administrator.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from weakref import WeakSet

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pexschedd.crypto.certificates import Certificate, described, read_pem
from pexschedd.errors import ConfigError
from pexschedd.net.certificate_errors import chain_trouble, name_trouble
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.tls_errors import HANDSHAKE_FAILURE, refused_handshake

Authorities = Iterable[tuple[str, bytes]]
"""Where a text comes from, and the text: PEM, any number of certificates."""

Seen = Callable[[str, x509.Certificate], None]
"""Hears of each believed server: the host and its certificate. May not raise."""

_WAITING_FOR_AN_ANSWER = b"SSLv3/TLS write client hello"
"""OpenSSL's name for the state before the server has said anything."""


class Trust:
    """The system's roots, the given certificates, and those in `replace`.

    Raises `ConfigError` naming the source of a text without certificates.
    """

    def __init__(self, authorities: Authorities = ()) -> None:
        self._given = _certificates(authorities)
        self._context = _context(self._given)
        self._open: WeakSet[TLSMemoryBIOProtocol] = WeakSet()
        self._seen: Seen = _ignore

    @property
    def given(self) -> list[Certificate]:
        """The certificates it was made with."""
        return [described(certificate) for certificate in self._given]

    def replace(self, authorities: Authorities) -> None:
        """Believes these beside the system's and the given ones, from now on.

        New connections ask the new ones. Open ones are judged again, and those that
        would not be made any more are closed.
        """
        self._context = _context([*self._given, *_certificates(authorities)])
        for protocol in list(self._open):
            connection: SSL.Connection | None = protocol.getHandle()
            if connection is not None and not self._still_believes(connection):
                trouble = ConnectionFailure(
                    FailureKind.UNTRUSTED,
                    "the authority that its certificate relied on has been removed",
                )
                protocol.failVerification(Failure(trouble))

    def watch(self, seen: Seen) -> None:
        """Calls `seen` for each connection whose server is believed."""
        self._seen = seen

    def for_host(self, host: str) -> IOpenSSLClientConnectionCreator:
        """Makes connections that are only for `host`: a DNS name or an IP address."""
        return _Creator(self, host)

    def observer(
        self, host: str, report: "HandshakeReport"
    ) -> IOpenSSLClientConnectionCreator:
        """Makes connections that go on whatever the server shows, and tell.

        For looking at a server's certificates only: nothing may be sent there.
        """
        return _Observer(self._context, host, report)

    def context(self, protocol: TLSMemoryBIOProtocol) -> SSL.Context:
        """What is believed at this moment, for a connection that begins now."""
        self._open.add(protocol)
        return self._context

    def seen(self, host: str, certificate: x509.Certificate) -> None:
        self._seen(host, certificate)

    def _still_believes(self, connection: SSL.Connection) -> bool:
        chain = connection.get_peer_cert_chain()
        if not chain:  # still shaking hands, under the old rules
            return False
        try:
            crypto.X509StoreContext(
                _store(self._context), chain[0], chain[1:]
            ).verify_certificate()
        except crypto.X509StoreContextError:
            return False
        return True


def _ignore(_host: str, _certificate: x509.Certificate) -> None:
    pass


def _certificates(authorities: Authorities) -> list[x509.Certificate]:
    found: dict[bytes, x509.Certificate] = {}
    for source, pem in authorities:
        try:
            for certificate in read_pem(pem.decode("utf-8", "replace")):
                found.setdefault(certificate.public_bytes(Encoding.DER), certificate)
        except ValueError as error:
            raise ConfigError(source, [str(error)]) from error
    return list(found.values())


def _context(authorities: Iterable[x509.Certificate]) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_default_verify_paths()
    context.set_info_callback(_heard)
    store = _store(context)
    # An administrator may trust an issuing authority without its root, or a server's
    # own certificate without any authority.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    for certificate in authorities:
        store.add_cert(crypto.X509.from_cryptography(certificate))
    return context


def _store(context: SSL.Context) -> crypto.X509Store:
    store = context.get_cert_store()
    if store is None:  # never, but its type says so
        raise ConfigError("TLS", ["there is no certificate store"])
    return store


def _heard(connection: SSL.Connection, where: int, value: int) -> None:
    """OpenSSL's reports of a handshake: keeps what its errors do not tell."""
    alert = where & SSL.SSL_CB_READ_ALERT == SSL.SSL_CB_READ_ALERT
    protocol = connection.get_app_data()
    if alert and value & 0xFF == HANDSHAKE_FAILURE and protocol is not None:
        answered = connection.get_state_string() != _WAITING_FOR_AN_ANSWER
        protocol.failVerification(Failure(refused_handshake(answered)))


_Judge = Callable[[crypto.X509, int, int, int], ConnectionFailure | None]


def _judge(host: str, identity: ServiceID) -> _Judge:
    """The answer to OpenSSL's question for each certificate of the chain.

    The server's own comes last. Nothing may escape from here: an exception would be
    lost and, worse, taken for a yes.
    """

    def judge(
        certificate: crypto.X509, error: int, depth: int, chain_is_good: int
    ) -> ConnectionFailure | None:
        try:
            shown = certificate.to_cryptography()
            if not chain_is_good:
                return chain_trouble(shown, error, depth)
            return name_trouble(shown, identity, host) if depth == 0 else None
        except Exception as problem:  # noqa: BLE001 - fail closed, see above
            return ConnectionFailure(
                FailureKind.TLS, f"its certificate cannot be read ({problem!r})"
            )

    return judge


def _identity(host: str) -> ServiceID:
    try:
        ip_address(host)
    except ValueError:
        return DNS_ID(host.encode("idna").decode("ascii"))
    return IPAddress_ID(host)


def _connection(
    context: SSL.Context, host: str, identity: ServiceID, protocol: TLSMemoryBIOProtocol
) -> SSL.Connection:
    connection = SSL.Connection(context, None)
    connection.set_app_data(protocol)
    if isinstance(identity, DNS_ID):
        connection.set_tlsext_host_name(host.encode("idna"))
    return connection


@implementer(IOpenSSLClientConnectionCreator)
class _Creator:
    def __init__(self, trust: Trust, host: str) -> None:
        self._trust = trust
        self._host = host
        self._identity = _identity(host)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        context = self._trust.context(protocol)
        connection = _connection(context, self._host, self._identity, protocol)
        judge = _judge(self._host, self._identity)

        def verify(
            _connection: SSL.Connection,
            certificate: crypto.X509,
            error: int,
            depth: int,
            chain_is_good: int,
        ) -> bool:
            trouble = judge(certificate, error, depth, chain_is_good)
            if trouble is not None:
                protocol.failVerification(Failure(trouble))
                return False
            if depth == 0:
                self._trust.seen(self._host, certificate.to_cryptography())
            return True

        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection


class HandshakeReport:
    """What an observed handshake showed."""

    def __init__(self) -> None:
        self.connection: SSL.Connection | None = None
        self.trouble: ConnectionFailure | None = None
        """The first thing that would have ended a real connection."""


@implementer(IOpenSSLClientConnectionCreator)
class _Observer:
    def __init__(
        self, context: SSL.Context, host: str, report: HandshakeReport
    ) -> None:
        self._context = context
        self._host = host
        self._report = report

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        report = self._report
        identity = _identity(self._host)
        connection = _connection(self._context, self._host, identity, protocol)
        judge = _judge(self._host, identity)

        def verify(
            _connection: SSL.Connection,
            certificate: crypto.X509,
            error: int,
            depth: int,
            chain_is_good: int,
        ) -> bool:
            found = judge(certificate, error, depth, chain_is_good)
            report.trouble = report.trouble or found
            return True

        connection.set_verify(SSL.VERIFY_PEER, verify)
        report.connection = connection
        return connection
