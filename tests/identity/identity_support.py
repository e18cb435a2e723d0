"""Keys, certificates, metadata documents and tokens as Exchange makes them."""

import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from pexschedd.identity.exchange_token import addin_url

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOST = "mail.example.test"
AMURL = f"https://{HOST}:443/autodiscover/metadata/json/1"
AUDIENCE = addin_url("vc.example.test", 1)
ISSUER = "00000002-0000-0ff1-ce00-000000000000@example.test"


class Signer:
    """One of Exchange's signing certificates."""

    def __init__(self, bits: int = 2048) -> None:
        self.key: RSAPrivateKey = generate_private_key(65537, bits)
        name = x509.Name(
            [x509.NameAttribute(x509.NameOID.COMMON_NAME, "Microsoft Exchange")]
        )
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(NOW - timedelta(days=3000))
            .not_valid_after(NOW - timedelta(days=1000))  # nobody looks at it
            .sign(self.key, SHA256())
        )
        digest = self.certificate.fingerprint(SHA1())  # noqa: S303 - what x5t is
        self.x5t = urlsafe_b64encode(digest).decode().rstrip("=")

    @property
    def entry(self) -> dict[str, Any]:
        der = self.certificate.public_bytes(Encoding.DER)
        return {
            "usage": "signing",
            "keyinfo": {"x5t": self.x5t},
            "keyvalue": {
                "type": "x509Certificate",
                "value": b64encode(der).decode(),
            },
        }


def signer(number: int = 0) -> Signer:
    """The same few for all tests: making a key takes long."""
    return _signer(number)


@cache
def _signer(number: int) -> Signer:
    return Signer()


def metadata(*signers: Signer) -> bytes:
    return json.dumps(
        {
            "id": "b1f9",
            "version": "1.0",
            "name": "Exchange",
            "realm": "example.test",
            "issuer": ISSUER,
            "allowedAudiences": [ISSUER],
            "keys": [each.entry for each in signers],
            "endpoints": [],
        }
    ).encode()


def context(**changes: Any) -> dict[str, Any]:
    return {
        "msexchuid": f"53e925fa-76ba-45e1-be0f-4ef08b59d389@{HOST}",
        "version": "ExIdTok.V1",
        "amurl": AMURL,
    } | changes


def payload(**changes: Any) -> dict[str, Any]:
    begin = int((NOW - timedelta(hours=1)).timestamp())
    return {
        "aud": AUDIENCE,
        "iss": ISSUER,
        "nbf": begin,
        "exp": begin + 28800,
        "appctxsender": ISSUER,
        "isbrowserhostedapp": "true",
        "appctx": json.dumps(context()),
    } | changes


def token(
    claims: dict[str, Any] | None = None,
    *,
    by: Signer | None = None,
    algorithm: str = "RS256",
    key: Any = None,
    **header: Any,
) -> str:
    by = by or signer()
    return jwt.encode(
        payload() if claims is None else claims,
        by.key if key is None else key,
        algorithm=algorithm,
        headers={"x5t": by.x5t, "kid": "ABCDEF"} | header,
    )
