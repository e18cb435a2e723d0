"""Verification of servers: certificate chain and host name, fail closed.

Twisted's own client options check the host name in a callback that, in the versions
this runs on, accepts a certificate without any subject alternative name. The callback
here refuses whatever it cannot verify, and keeps the reason for the administrator.
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
from pexschedd.net.certificate_errors import chain_failure, host_name_failure
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.tls_errors import HANDSHAKE_FAILURE, refused_handshake

Authorities = Iterable[tuple[str, bytes]]
"""Pairs of a source, to name in errors, and a PEM text with any number of them."""

Seen = Callable[[str, x509.Certificate], None]
"""Receives the host and certificate of each verified server. May not raise."""

_WAITING_FOR_SERVER = b"SSLv3/TLS write client hello"
"""OpenSSL's name for the state before the server has said anything."""


class Trust:
    """The trusted certificates: the system's, the given ones, and those of `replace`.

    Raises `ConfigError` naming the source of a text without certificates.
    """

    def __init__(self, authorities: Authorities = ()) -> None:
        self._given = _certificates(authorities)
        self._added: list[x509.Certificate] = []
        self._made: SSL.Context | None = None
        self._open: WeakSet[TLSMemoryBIOProtocol] = WeakSet()
        self._seen: Seen = _ignore

    @property
    def given(self) -> list[Certificate]:
        """The certificates it was made with, or those of the last `give`."""
        return [described(certificate) for certificate in self._given]

    def pem(self) -> bytes:
        """Return all of them but the system's, as PEM."""
        trusted = [*self._given, *self._added]
        return b"".join(each.public_bytes(Encoding.PEM) for each in trusted)

    def give(self, authorities: Authorities) -> bool:
        """Trust these instead of the given ones, as `replace` does; return whether they
        are others. Raises `ConfigError`, and changes nothing then."""
        given = _certificates(authorities)
        if given == self._given:
            return False
        self._given = given
        self._trust_anew()
        return True

    def replace(self, authorities: Authorities) -> None:
        """Trust these beside the system's and the given ones, instead of the last ones.

        This counts for connections that are opened from now on. Open ones are verified
        again, and closed if they would not be opened any more.
        """
        self._added = _certificates(authorities)
        self._trust_anew()

    def _trust_anew(self) -> None:
        self._made = None
        for protocol in list(self._open):
            connection: SSL.Connection | None = protocol.getHandle()
            if connection is not None and not self._still_trusts(connection):
                failure = ConnectionFailure(
                    FailureKind.UNTRUSTED,
                    "the authority that its certificate relied on has been removed",
                )
                protocol.failVerification(Failure(failure))

    def watch(self, seen: Seen) -> None:
        """Call `seen` for each connection whose server is verified."""
        self._seen = seen

    def for_host(self, host: str) -> IOpenSSLClientConnectionCreator:
        """TLS for connections to `host`, a DNS name or an IP address, and no other."""
        return _VerifyingCreator(self, host)

    def unverified(self, host: str) -> IOpenSSLClientConnectionCreator:
        """TLS for connections to `host` that accepts every certificate.

        For machines that an administrator has exempted by name only: whoever is in
        between can read and change what is sent.
        """
        return _UnverifiedCreator(self._context(), host)

    def observer(
        self, host: str, report: "HandshakeReport"
    ) -> IOpenSSLClientConnectionCreator:
        """TLS that verifies nothing, and writes what it observes into `report`.

        For inspecting a server's certificates only: nothing may be sent over it.
        """
        return _ObservingCreator(self._context(), host, report)

    def context(self, protocol: TLSMemoryBIOProtocol) -> SSL.Context:
        """The context for a connection that begins now, with what is trusted now."""
        self._open.add(protocol)
        return self._context()

    def seen(self, host: str, certificate: x509.Certificate) -> None:
        """Report a verified server to the callback of `watch`."""
        self._seen(host, certificate)

    def _context(self) -> SSL.Context:
        """Made when it is first needed: it reads all of the system's certificates."""
        if self._made is None:
            self._made = _new_context([*self._given, *self._added])
        return self._made

    def _still_trusts(self, connection: SSL.Connection) -> bool:
        chain = connection.get_peer_cert_chain()
        if not chain:  # still shaking hands, under the old rules
            return False
        try:
            crypto.X509StoreContext(
                _store(self._context()), chain[0], chain[1:]
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


def _new_context(authorities: Iterable[x509.Certificate]) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_default_verify_paths()
    context.set_info_callback(_on_info)
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


def _on_info(connection: SSL.Connection, where: int, value: int) -> None:
    """Handle OpenSSL's reports of a handshake: its errors do not tell of alerts."""
    alert = where & SSL.SSL_CB_READ_ALERT == SSL.SSL_CB_READ_ALERT
    protocol = connection.get_app_data()
    if alert and value & 0xFF == HANDSHAKE_FAILURE and protocol is not None:
        has_answered = connection.get_state_string() != _WAITING_FOR_SERVER
        protocol.failVerification(Failure(refused_handshake(has_answered)))


_Verifier = Callable[[crypto.X509, int, int, int], ConnectionFailure | None]


def _verifier(host: str, identity: ServiceID) -> _Verifier:
    """Return a callback that judges each certificate of a chain, the server's own last.

    The callback may not raise: OpenSSL would lose the exception and, worse, accept the
    certificate.
    """

    def verify(
        certificate: crypto.X509, error: int, depth: int, chain_is_good: int
    ) -> ConnectionFailure | None:
        try:
            shown = certificate.to_cryptography()
            if not chain_is_good:
                return chain_failure(shown, error, depth)
            return host_name_failure(shown, identity, host) if depth == 0 else None
        except Exception as problem:  # noqa: BLE001 - fail closed, see above
            return ConnectionFailure(
                FailureKind.TLS, f"its certificate cannot be read ({problem!r})"
            )

    return verify


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
class _VerifyingCreator:
    def __init__(self, trust: Trust, host: str) -> None:
        self._trust = trust
        self._host = host
        self._identity = _identity(host)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        context = self._trust.context(protocol)
        connection = _connection(context, self._host, self._identity, protocol)
        verifier = _verifier(self._host, self._identity)

        def verify(
            _connection: SSL.Connection,
            certificate: crypto.X509,
            error: int,
            depth: int,
            chain_is_good: int,
        ) -> bool:
            failure = verifier(certificate, error, depth, chain_is_good)
            if failure is not None:
                protocol.failVerification(Failure(failure))
                return False
            if depth == 0:
                self._trust.seen(self._host, certificate.to_cryptography())
            return True

        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)
        return connection


class HandshakeReport:
    """Observations of a handshake; see `Trust.observer`."""

    def __init__(self) -> None:
        self.connection: SSL.Connection | None = None
        self.failure: ConnectionFailure | None = None
        """The first thing that would have ended a real connection."""


@implementer(IOpenSSLClientConnectionCreator)
class _UnverifiedCreator:
    def __init__(self, context: SSL.Context, host: str) -> None:
        self._context = context
        self._host = host
        self._identity = _identity(host)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        connection = _connection(self._context, self._host, self._identity, protocol)
        connection.set_verify(SSL.VERIFY_NONE, None)
        return connection


@implementer(IOpenSSLClientConnectionCreator)
class _ObservingCreator:
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
        verifier = _verifier(self._host, identity)

        def verify(
            _connection: SSL.Connection,
            certificate: crypto.X509,
            error: int,
            depth: int,
            chain_is_good: int,
        ) -> bool:
            found = verifier(certificate, error, depth, chain_is_good)
            report.failure = report.failure or found
            return True

        connection.set_verify(SSL.VERIFY_PEER, verify)
        report.connection = connection
        return connection
