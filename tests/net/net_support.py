"""Certificate authorities and servers of all kinds, made for a test."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

NOW = datetime.now(UTC)
DAY = timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


_ISSUES = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A certificate authority for one test run."""

    def __init__(
        self,
        name: str,
        issuer: "Authority | None" = None,
        *,
        begins: datetime | None = None,
        expires: datetime | None = None,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> None:
        self.key: Key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        by = issuer or self
        builder = _builder(self.name, by.name, self.key, begins=begins, expires=expires)
        for extension in (
            x509.BasicConstraints(ca=True, path_length=None),
            _ISSUES,
            *extensions,
        ):
            builder = builder.add_extension(extension, True)
        own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = builder.add_extension(own, False)
        builder = builder.add_extension(by.key_identifier, False)
        self.certificate = builder.sign(by.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_identifier(self) -> x509.AuthorityKeyIdentifier:
        """Names the key in what it signs: Python 3.13 and later want it there."""
        public = self.key.public_key()
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(public)

    def server(
        self,
        names: list[x509.GeneralName],
        *,
        common_name: str = "localhost",
        expires: datetime | None = None,
        begins: datetime | None = None,
        versions: tuple[int, int] = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION),
        above: Sequence["Authority"] = (),
        extensions: Sequence[x509.ExtensionType] = (),
        key: Key | None = None,
    ) -> "Server":
        """A server with a certificate of this authority.

        It shows those of the authorities `above`, too.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = _builder(subject, self.name, key, begins=begins, expires=expires)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        builder = builder.add_extension(self.key_identifier, False)
        for extension in extensions:
            builder = builder.add_extension(extension, False)
        certificate = builder.sign(self.key, hashes.SHA256())
        return Server(key, certificate, versions, above=[a.certificate for a in above])


@implementer(IOpenSSLServerConnectionCreator)
class Server:
    """A server's TLS, as Twisted wants it."""

    def __init__(
        self,
        key: Key,
        certificate: x509.Certificate,
        versions: tuple[int, int] = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION),
        *,
        above: Sequence[x509.Certificate] = (),
        ciphers: bytes = b"ALL:@SECLEVEL=0",
        wants_certificate: bool = False,
    ) -> None:
        self.certificate = certificate
        self.key = key
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._context.set_min_proto_version(versions[0])
        self._context.set_max_proto_version(versions[1])
        self._context.set_cipher_list(ciphers)
        self._context.use_privatekey(key)
        self._context.use_certificate(certificate)
        for each in above:
            self._context.add_extra_chain_cert(each)
        if wants_certificate:
            self._context.set_verify(
                SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True
            )

    def serverConnectionForTLS(self, _protocol: Any) -> SSL.Connection:
        return SSL.Connection(self._context, None)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    *,
    begins: datetime | None = None,
    expires: datetime | None = None,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins or NOW - 10 * DAY)
        .not_valid_after(expires or NOW + 10 * DAY)
    )


def dns(*names: str) -> list[x509.GeneralName]:
    return [x509.DNSName(name) for name in names]


def ips(*addresses: str) -> list[x509.GeneralName]:
    return [x509.IPAddress(ip_address(address)) for address in addresses]
