"""Password hashes: scrypt (RFC 7914), each with a salt of its own.

They take much time and memory on purpose: call these functions in a thread.
"""

import hashlib
from base64 import b64decode, b64encode
from hmac import compare_digest

import msgspec

_MEMORY = 64 * 1024 * 1024
SALT_BYTES = 16


class HashParameters(msgspec.Struct, frozen=True):
    """The costs of a hash; see RFC 7914, section 2."""

    n: int
    r: int
    p: int


CURRENT = HashParameters(2**14, 8, 1)
"""Of new hashes: about 16 MiB and 40 ms for each."""


def make_hash(password: str, salt: bytes) -> str:
    """Return a new hash: `scrypt$n$r$p$salt$hash`, with salt and hash in base64.

    `salt`: `SALT_BYTES` bytes, random and new for each hash.
    """
    digest = _scrypt(password, salt, CURRENT)
    n, r, p = CURRENT.n, CURRENT.r, CURRENT.p
    return f"scrypt${n}${r}${p}${_text(salt)}${_text(digest)}"


def is_password(password: str, stored: str) -> bool:
    """Return whether `stored`, made by `make_hash`, is the hash of this password."""
    kind, n, r, p, salt, digest = stored.split("$")
    if kind != "scrypt":
        raise ValueError(f"unknown kind of password hash: {kind}")
    parameters = HashParameters(int(n), int(r), int(p))
    found = _scrypt(password, b64decode(salt), parameters)
    return compare_digest(found, b64decode(digest))


def _scrypt(password: str, salt: bytes, parameters: HashParameters) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=parameters.n,
        r=parameters.r,
        p=parameters.p,
        maxmem=_MEMORY,
        dklen=32,
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode()
