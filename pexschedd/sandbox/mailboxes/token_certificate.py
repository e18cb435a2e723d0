"""The certificate that signs identity tokens: self-signed, like Exchange's."""

import base64
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


class TokenCertificate:
    """An RSA key with its certificate."""

    def __init__(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        self.key = key
        self._certificate = certificate

    @classmethod
    def generate(cls, now: datetime) -> Self:
        """Return a new certificate, valid for five years.

        All that one process generates have the same key: a key takes about a tenth of
        a second, and programs that test with sandboxes make hundreds of them.
        """
        key = _key()
        title = "Microsoft Exchange Server Auth Certificate"
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=5 * 365))
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @classmethod
    def load(cls, pem: bytes) -> Self:
        """Return the one in the result of `pem`. Raises ValueError."""
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("not an RSA key")
        return cls(key, x509.load_pem_x509_certificate(pem))

    @cached_property
    def pem(self) -> bytes:
        """The private key and the certificate."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ) + self._certificate.public_bytes(serialization.Encoding.PEM)

    @cached_property
    def der(self) -> bytes:
        """The certificate alone."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    @cached_property
    def thumbprint(self) -> bytes:
        """The SHA-1 of the certificate, by which identity tokens name it."""
        return self._certificate.fingerprint(hashes.SHA1())  # noqa: S303 - x5t is SHA-1

    @property
    def x5t(self) -> str:
        """The thumbprint as in the header of a token (RFC 7515, 4.1.7)."""
        return base64.urlsafe_b64encode(self.thumbprint).rstrip(b"=").decode()


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
