"""Passwords at rest: scrypt with a salt of its own for each.

Slow and memory-hungry on purpose, so the functions here belong into a thread.
"""

import hashlib
from base64 import b64decode, b64encode
from hmac import compare_digest

import msgspec

_MEMORY = 64 * 1024 * 1024
SALT_BYTES = 16


class _Parameters(msgspec.Struct, frozen=True):
    n: int
    r: int
    p: int


_TODAY = _Parameters(2**14, 8, 1)
"""16 MiB and some 40 ms for each hash."""


def make_hash(password: str, salt: bytes) -> str:
    """`scrypt$n$r$p$salt$hash`; the salt must be random and new."""
    digest = _scrypt(password, salt, _TODAY)
    n, r, p = _TODAY.n, _TODAY.r, _TODAY.p
    return f"scrypt${n}${r}${p}${_text(salt)}${_text(digest)}"


def fits(password: str, stored: str) -> bool:
    """Whether `stored` was made of this password."""
    kind, n, r, p, salt, digest = stored.split("$")
    if kind != "scrypt":
        raise ValueError(f"unknown kind of password hash: {kind}")
    parameters = _Parameters(int(n), int(r), int(p))
    found = _scrypt(password, b64decode(salt), parameters)
    return compare_digest(found, b64decode(digest))


def _scrypt(password: str, salt: bytes, with_: _Parameters) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=with_.n,
        r=with_.r,
        p=with_.p,
        maxmem=_MEMORY,
        dklen=32,
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode()
