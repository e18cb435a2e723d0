"""An application's certificate, and what is signed with it. PURE but for being slow."""

from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

import jwt
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pexschedd.identity.oauth.settings import Dialect, ProviderSettings

LIFETIME = timedelta(minutes=10)
"""Of a signature: it is used at once."""

VALID = timedelta(days=730)
"""Of a certificate: the most that identity providers usually take."""


class ApplicationCertificate(msgspec.Struct, frozen=True):
    """PEM texts."""

    certificate: str
    private_key: str

    def __repr__(self) -> str:
        return "<Certificate>"


def make_certificate(name: str, now: datetime) -> ApplicationCertificate:
    """A self-signed one. Takes a tenth of a second and more: for a thread."""
    key = generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ApplicationCertificate(
        certificate.public_bytes(Encoding.PEM).decode("ascii"),
        private.decode("ascii"),
    )


def client_assertion(
    settings: ProviderSettings, private_key: str, *, now: datetime, id: str
) -> str:
    """A JWT that shows who the application is (RFC 7523); `id` is a fresh UUID.

    Entra ID's newer endpoints recommend PS256; the older ones and ADFS know RS256.
    Which certificate it is, is said in both ways that providers look for.
    """
    key = load_pem_private_key(private_key.encode("ascii"), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("not an RSA key")
    certificate = x509.load_pem_x509_certificate(settings.certificate.encode("ascii"))
    moment = int(now.timestamp())
    return jwt.encode(
        {
            "aud": settings.token_endpoint,
            "iss": settings.client_id,
            "sub": settings.client_id,
            "jti": id,
            "iat": moment,
            "nbf": moment,
            "exp": moment + int(LIFETIME.total_seconds()),
        },
        key,
        algorithm="PS256" if settings.dialect is Dialect.SCOPE else "RS256",
        headers={
            "x5t": _thumbprint(certificate, SHA1()),  # noqa: S303 - what x5t is
            "x5t#S256": _thumbprint(certificate, SHA256()),
        },
    )


def expires(certificate: str) -> datetime:
    """When a certificate (PEM) ends."""
    pem = certificate.encode("ascii")
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def _thumbprint(certificate: x509.Certificate, digest: SHA1 | SHA256) -> str:
    return urlsafe_b64encode(certificate.fingerprint(digest)).decode().rstrip("=")
