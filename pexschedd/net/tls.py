"""Whom we believe to be the server: certificate chain and host name, fail closed.

Twisted's own client options check the host name with a callback that, in the
versions this runs on, accepts a certificate without any subject alternative name. So
this has its own: whatever cannot be shown to be right is refused, and the reason is
kept for the administrator.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from ipaddress import ip_address

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity.cryptography import extract_patterns
from service_identity.exceptions import CertificateError, VerificationError
from service_identity.hazmat import (
    DNS_ID,
    IPAddress_ID,
    ServiceID,
    verify_service_identity,
)
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pexschedd.errors import ConfigError
from pexschedd.net.trouble import ConnectionTrouble, Trouble

# From OpenSSL's x509_vfy.h.
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = (18, 19)
_UNKNOWN_ISSUER = (2, 20, 21)


class Trust:
    """The system's roots and the given certificates (PEM, any number in each text).

    Raises `ConfigError` naming the source of a text without certificates.
    """

    def __init__(self, authorities: Iterable[tuple[str, bytes]] = ()) -> None:
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self._context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
        self._context.set_default_verify_paths()
        store = self._context.get_cert_store()
        if store is None:  # never, but its type says so
            raise ConfigError("TLS", ["there is no certificate store"])
        # An administrator may trust an issuing authority without its root.
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        for source, pem in authorities:
            try:
                certificates = x509.load_pem_x509_certificates(pem)
            except ValueError as error:
                raise ConfigError(source, ["holds no PEM certificates"]) from error
            for certificate in certificates:
                store.add_cert(crypto.X509.from_cryptography(certificate))

    def for_host(self, host: str) -> IOpenSSLClientConnectionCreator:
        """Makes connections that are only for `host`: a DNS name or an IP address."""
        return _Creator(self._context, host)


@implementer(IOpenSSLClientConnectionCreator)
class _Creator:
    def __init__(self, context: SSL.Context, host: str) -> None:
        self._context = context
        self._host = host
        self._identity = _identity(host)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        if isinstance(self._identity, DNS_ID):
            connection.set_tlsext_host_name(self._host.encode("idna"))
        connection.set_verify(
            SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
            _verifier(self._identity, self._host, protocol),
        )
        return connection


def _identity(host: str) -> ServiceID:
    try:
        ip_address(host)
    except ValueError:
        return DNS_ID(host.encode("idna").decode("ascii"))
    return IPAddress_ID(host)


_Verify = Callable[[SSL.Connection, crypto.X509, int, int, int], bool]


def _verifier(
    identity: ServiceID, host: str, protocol: TLSMemoryBIOProtocol
) -> _Verify:
    """OpenSSL's question for each certificate of the chain, the server's own last.

    Nothing may escape from here: an exception would be lost and, worse, taken for a
    yes.
    """

    def verify(
        _connection: SSL.Connection,
        certificate: crypto.X509,
        error: int,
        depth: int,
        chain_is_good: int,
    ) -> bool:
        try:
            trouble = (
                _name_trouble(certificate.to_cryptography(), identity, host)
                if chain_is_good and depth == 0
                else None
                if chain_is_good
                else _chain_trouble(certificate.to_cryptography(), error)
            )
        except Exception as problem:  # noqa: BLE001 - fail closed, see above
            trouble = ConnectionTrouble(
                Trouble.TLS, f"its certificate cannot be read ({problem!r})"
            )
        if trouble is None:
            return True
        protocol.failVerification(Failure(trouble))
        return False

    return verify


def _name_trouble(
    certificate: x509.Certificate, identity: ServiceID, host: str
) -> ConnectionTrouble | None:
    try:
        verify_service_identity(extract_patterns(certificate), [identity], [])
    except (VerificationError, CertificateError):
        names = ", ".join(_names(certificate)) or "no name at all"
        return ConnectionTrouble(
            Trouble.WRONG_HOST, f"it is for {names} and not for {host}"
        )
    return None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    ][:10]


def _chain_trouble(certificate: x509.Certificate, error: int) -> ConnectionTrouble:
    subject = f'"{certificate.subject.rfc4514_string()[:200]}"'
    issuer = f'"{certificate.issuer.rfc4514_string()[:200]}"'
    if error == _EXPIRED:
        return ConnectionTrouble(
            Trouble.NOT_VALID_NOW,
            f"{subject} expired on {_day(certificate.not_valid_after_utc)}",
        )
    if error == _NOT_YET_VALID:
        return ConnectionTrouble(
            Trouble.NOT_VALID_NOW,
            f"{subject} is valid from {_day(certificate.not_valid_before_utc)}",
        )
    if error in _SELF_SIGNED:
        return ConnectionTrouble(Trouble.UNTRUSTED, f"{subject} signed itself")
    if error in _UNKNOWN_ISSUER:
        return ConnectionTrouble(
            Trouble.UNTRUSTED, f"{subject} was issued by {issuer}, which is not known"
        )
    return ConnectionTrouble(
        Trouble.UNTRUSTED, f"{subject} was refused (OpenSSL verification error {error})"
    )


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
