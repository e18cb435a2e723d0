"""Certificates of applications, and assertions signed by them. Pure, but slow."""

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
"""An assertion's validity; it is used at once."""

VALID = timedelta(days=730)
"""A certificate's validity: the longest that identity providers usually accept."""


class ApplicationCertificate(msgspec.Struct, frozen=True):
    """A certificate and its private key, as PEM texts."""

    certificate: str
    private_key: str

    def __repr__(self) -> str:
        return "<ApplicationCertificate>"


def make_certificate(name: str, now: datetime) -> ApplicationCertificate:
    """Make a key and a self-signed certificate for it.

    Takes a tenth of a second or more: call this in a thread.
    """
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
    """Return a JWT that authenticates the application (RFC 7523).

    `id` is a new UUID. Entra ID recommends PS256 for its newer endpoints; the older
    ones and AD FS only support RS256. The header has both thumbprints by which
    providers find the certificate. Raises ValueError for what is no certificate, or no
    RSA key.
    """
    # Whether the key is sound was checked when it was made or imported. To check it
    # takes a tenth of a second, and much more for longer keys.
    key = load_pem_private_key(
        private_key.encode("ascii"), None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA key")
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
    """Return the end of a certificate's validity (PEM)."""
    pem = certificate.encode("ascii")
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def _thumbprint(certificate: x509.Certificate, digest: SHA1 | SHA256) -> str:
    return urlsafe_b64encode(certificate.fingerprint(digest)).decode().rstrip("=")
