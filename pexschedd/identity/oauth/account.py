"""The account that tokens belong to. Pure.

The tokens come from the token endpoint itself, over a TLS connection: verifying their
signatures would add nothing (OpenID Connect Core, section 3.1.3.7).
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

NAMES = ("upn", "preferred_username", "unique_name", "email")
"""The claims that name an account, the most specific one first."""

_LONGEST = 320


def names_in(*tokens: str) -> list[str]:
    """Return the names of the account in the tokens.

    Empty if they name none, or are no JWTs.
    """
    found: dict[str, None] = {}
    for token in tokens:
        claims = claims_of(token)
        for name in NAMES:
            value = claims.get(name)
            if isinstance(value, str) and 0 < len(value) <= _LONGEST:
                found.setdefault(value)
    return list(found)


def is_account(names: list[str], username: str) -> bool:
    """Return whether one of the names is `username`, in upper or lower case."""
    return any(name.casefold() == username.casefold() for name in names)


def claims_of(token: str) -> Mapping[str, Any]:
    """Return the claims of a JWT, not verified; empty for any other token."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(payload)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
