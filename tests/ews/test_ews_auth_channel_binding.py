"""Channel bindings of all kinds of certificates (RFC 5929)."""

import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from pexschedd.ews.auth.channel_binding import channel_binding
from tests.net.net_support import DAY, NOW

EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PSS = padding.PSS(padding.MGF1(hashes.SHA384()), padding.PSS.DIGEST_LENGTH)
# Libraries make no signatures with MD5 and SHA-1 any more: these only claim to be.
MD5_RSA, SHA1_RSA, SHA256_RSA = (
    bytes.fromhex(f"2a864886f70d0101{number}") for number in ("04", "05", "0b")
)


def certificate(key: Any, digest: Any, **settings: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + DAY)
        .sign(key, digest, **settings)
    )
    return made.public_bytes(serialization.Encoding.DER)


RSA_SHA256 = certificate(RSA, hashes.SHA256())


@pytest.mark.parametrize(
    ("der", "name"),
    [
        (certificate(EC, hashes.SHA256()), "sha256"),
        (certificate(EC, hashes.SHA384()), "sha384"),
        (certificate(RSA, hashes.SHA512()), "sha512"),
        (certificate(RSA, hashes.SHA384(), rsa_padding=PSS), "sha384"),
        (RSA_SHA256.replace(SHA256_RSA, SHA1_RSA), "sha256"),
        (RSA_SHA256.replace(SHA256_RSA, MD5_RSA), "sha256"),
        (certificate(ed25519.Ed25519PrivateKey.generate(), None), "sha256"),
    ],
    ids=["ec", "ec-sha384", "rsa-sha512", "rsa-pss", "sha1", "md5", "ed25519"],
)
def test_hash(der: bytes, name: str) -> None:
    """The hash is the signature's own, but never a weak one."""
    expected = b"tls-server-end-point:" + hashlib.new(name, der).digest()
    assert channel_binding(der) == expected


def test_no_certificate() -> None:
    """What is no certificate is an error."""
    with pytest.raises(ValueError, match=r"certificate|parsing"):
        channel_binding(b"nothing")
