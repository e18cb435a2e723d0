"""Password hashes: scrypt (RFC 7914), each with a salt of its own.

They take much time and memory on purpose: call these functions in a thread.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from hmac import compare_digest

import msgspec

MEMORY = 192 * 1024 * 1024
"""Bytes that one hash may take."""
SALT_BYTES = 16


_HASH = re.compile(
    r"scrypt\$([0-9]{1,6})\$([0-9]{1,2})\$([0-9]{1,2})\$"
    r"[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}="
)


class HashParameters(msgspec.Struct, frozen=True):
    """The costs of a hash; see RFC 7914, section 2."""

    n: int
    r: int
    p: int


CURRENT = HashParameters(2**17, 8, 1)
"""Of new hashes: 128 MiB and some 0.4 seconds for each, the least that OWASP's Password
Storage Cheat Sheet advises for scrypt."""


def make_hash(password: str, salt: bytes) -> str:
    """Return a new hash: `scrypt$n$r$p$salt$hash`, with salt and hash in base64.

    `salt`: `SALT_BYTES` bytes, random and new for each hash.
    """
    digest = _scrypt(password, salt, CURRENT)
    n, r, p = CURRENT.n, CURRENT.r, CURRENT.p
    return f"scrypt${n}${r}${p}${_text(salt)}${_text(digest)}"


def is_password(password: str, stored: str) -> bool:
    """Return whether `stored`, made by `make_hash`, is the hash of this password."""
    *_, salt, digest = stored.split("$")
    found = _scrypt(password, b64decode(salt), _parameters_of(stored))
    return compare_digest(found, b64decode(digest))


def is_ours(stored: str) -> bool:
    """Return whether a text from elsewhere is a hash as `make_hash` makes it: one that
    takes no more memory and time."""
    found = _HASH.fullmatch(stored)
    if found is None:
        return False
    return int(found[1]) <= CURRENT.n and (int(found[2]), int(found[3])) == (8, 1)


def is_outdated(stored: str) -> bool:
    """Return whether a hash was made with other costs than new ones have."""
    return _parameters_of(stored) != CURRENT


def _parameters_of(stored: str) -> HashParameters:
    kind, n, r, p, *_ = stored.split("$")
    if kind != "scrypt":
        raise ValueError(f"unknown kind of password hash: {kind}")
    return HashParameters(int(n), int(r), int(p))


def _scrypt(password: str, salt: bytes, parameters: HashParameters) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=parameters.n,
        r=parameters.r,
        p=parameters.p,
        maxmem=MEMORY,
        dklen=32,
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode()
