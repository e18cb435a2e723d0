"""Assertions: signed statements by which an application proves who it is."""

import base64
import binascii
import hashlib
from datetime import datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_LONGEST = 24 * 3600
"""Seconds that an assertion may be valid."""
_SKEW = 300


class InvalidAssertion(Exception):
    """An assertion that is refused; the message is the reason."""


def check(
    assertion: str,
    certificate: x509.Certificate,
    client_id: str,
    audience: str,
    now: datetime,
) -> None:
    """Check signature and claims: PS256 with x5t#S256, or RS256 with x5t or x5t#S256.

    Raises `InvalidAssertion`.
    """
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError:
        raise InvalidAssertion("the assertion is malformed") from None
    algorithm = header.get("alg")
    if algorithm not in ("PS256", "RS256"):
        raise InvalidAssertion(f"the algorithm {algorithm!r} is not supported")
    _check_thumbprint(header, algorithm, certificate)
    expiry = certificate.not_valid_after_utc
    if not certificate.not_valid_before_utc <= now < expiry:
        raise InvalidAssertion("the certificate is not valid at this time")
    try:
        claims = jwt.decode(
            assertion,
            certificate.public_key(),  # type: ignore[arg-type]  # RSA, or it is refused
            algorithms=[algorithm],
            # Times are checked by the sandbox's own clock.
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except (jwt.PyJWTError, TypeError):
        raise InvalidAssertion("the signature is invalid") from None
    _check_claims(claims, client_id, audience, now)


def _check_thumbprint(
    header: dict[str, Any], algorithm: str, certificate: x509.Certificate
) -> None:
    der = certificate.public_bytes(Encoding.DER)
    expected = {
        "x5t#S256": hashlib.sha256(der).digest(),
        "x5t": hashlib.sha1(der).digest(),  # noqa: S324 - the thumbprint's own hash
    }
    named = [name for name in expected if name in header]
    if algorithm == "PS256" and "x5t#S256" not in named:
        raise InvalidAssertion("PS256 needs the header x5t#S256")
    if not named:
        raise InvalidAssertion("no thumbprint in the header")
    for name in named:
        text = str(header[name])
        try:
            given = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            given = b""
        if given != expected[name]:
            raise InvalidAssertion(f"{name} is not the certificate's")


def _check_claims(
    claims: dict[str, Any], client_id: str, audience: str, now: datetime
) -> None:
    if claims.get("aud") != audience:
        raise InvalidAssertion(f"aud must be {audience}")
    for name in ("iss", "sub"):
        if str(claims.get(name, "")).casefold() != client_id.casefold():
            raise InvalidAssertion(f"{name} must be the client id")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise InvalidAssertion("jti is missing")
    moment = now.timestamp()
    expires, begins = claims.get("exp"), claims.get("nbf", moment)
    if not isinstance(expires, int | float) or not isinstance(begins, int | float):
        raise InvalidAssertion("exp and nbf must be numbers")
    if expires <= moment - _SKEW or begins > moment + _SKEW:
        raise InvalidAssertion("it is not within its valid time range")
    if expires > moment + _LONGEST:
        raise InvalidAssertion("it is valid for too long")
