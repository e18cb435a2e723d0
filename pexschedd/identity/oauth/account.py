"""Whose tokens these are. PURE.

The tokens come from the token endpoint itself, over a connection that it was
authenticated by: their signatures say nothing more (OpenID Connect Core, 3.1.3.7).
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import msgspec

NAMES = ("upn", "preferred_username", "unique_name", "email")
"""The claims that name an account, the most telling first."""

_LONGEST = 320


def names_in(*tokens: str) -> list[str]:
    """What the tokens call the account; empty if they do not tell, or are opaque."""
    found: dict[str, None] = {}
    for token in tokens:
        claims = claims_of(token)
        for name in NAMES:
            value = claims.get(name)
            if isinstance(value, str) and 0 < len(value) <= _LONGEST:
                found.setdefault(value)
    return list(found)


def is_account(names: list[str], username: str) -> bool:
    return any(name.casefold() == username.casefold() for name in names)


def claims_of(token: str) -> Mapping[str, Any]:
    """The claims of a JWT, read without trust; empty for any other token."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(payload)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
