"""The checks that every token of an identity provider has to pass. Pure.

What else a token has to be is up to those who get it. Source: RFC 7515, 7519 and 8725.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pexschedd.identity.openid.faults import TokenRefused

ALGORITHM = "RS256"
"""The algorithm of AD FS and Entra ID. No other one is accepted: `none` is no
signature, and with HMAC anybody could sign by the public key."""

MAX_TOKEN = 16 * 1024
"""Characters. Tokens with many groups have some thousand."""

SKEW = timedelta(minutes=5)
"""The greatest difference allowed between the provider's clock and this server's."""

LONGEST_TEXT = 1024
"""Characters of a claim that are looked at."""

_jws = jwt.PyJWS(algorithms=[ALGORITHM])

Keys = Mapping[str, RSAPublicKey]
"""A provider's signing keys, by `kid` and by `x5t`."""


def key_of_token(token: str) -> str:
    """Return the name of the key that a token says it is signed with.

    Raises `TokenRefused` for a token that is none, or signed in another way.
    """
    if len(token) > MAX_TOKEN:
        raise TokenRefused(f"The token is longer than {MAX_TOKEN} characters.")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, RecursionError):
        raise TokenRefused("The token is not a JSON Web Token.") from None
    if header.get("alg") != ALGORITHM:
        raise TokenRefused(f"The token is not signed with {ALGORITHM}.")
    if "crit" in header:
        raise TokenRefused("The token has critical extensions.")
    for name in ("kid", "x5t"):
        value = header.get(name)
        if isinstance(value, str) and value:
            return value
    raise TokenRefused("The token does not name the key that it is signed with.")


def signed_claims(token: str, key: RSAPublicKey) -> Mapping[str, Any]:
    """Return the claims of a token whose signature is right by a key.

    Raises `TokenRefused`.
    """
    try:
        payload = _jws.decode_complete(token, key, algorithms=[ALGORITHM])["payload"]
    except (jwt.InvalidTokenError, TypeError, ValueError, RecursionError):
        raise TokenRefused("The token's signature is wrong.") from None
    return _claims_in(payload)


def unverified_claims(token: str) -> Mapping[str, Any]:
    """Return the claims of a token that anybody may have made.

    Raises `TokenRefused` for what is no token.
    """
    try:
        found = _jws.decode_complete(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, TypeError, ValueError, RecursionError):
        raise TokenRefused("The token is not a JSON Web Token.") from None
    return _claims_in(found["payload"])


def _claims_in(payload: bytes) -> Mapping[str, Any]:
    try:
        claims = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise TokenRefused("The token's content is not a JSON object.")
    return claims


def check_times(claims: Mapping[str, Any], now: datetime) -> None:
    """Raise `TokenRefused` unless a token is valid now, give or take `SKEW`."""
    moment, skew = now.timestamp(), SKEW.total_seconds()
    expires = _time(claims, "exp")
    if expires is None:
        raise TokenRefused("The token does not say how long it is valid (exp).")
    if moment >= expires + skew:
        raise TokenRefused("The token has expired. Compare the servers' clocks.")
    for name in ("nbf", "iat"):
        begins = _time(claims, name)
        if begins is not None and moment < begins - skew:
            raise TokenRefused(
                "The token is not valid yet. Compare the servers' clocks."
            )


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(f"The token's {name} is not a time.")
    return float(min(max(value, -1e12), 1e12))


def is_guest(claims: Mapping[str, Any]) -> bool:
    """Return whether the account is at home in another tenant (`idp`, or `acct` 1)."""
    provider = text_of(claims, "idp")
    home = provider.rstrip("/").rpartition("/")[2].lower()
    return claims.get("acct") == 1 or bool(
        provider and home != text_of(claims, "tid").lower()
    )


def text_of(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim's text; empty if it is missing, not one text, or too long."""
    value = claims.get(name)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return ""
    return value.strip()


def shown(value: object) -> str:
    """Return a claim that may be anything, short enough for a log line."""
    return ascii(value)[:120]
