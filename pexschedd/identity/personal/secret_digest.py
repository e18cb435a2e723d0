"""Digests by which secrets are looked up: what is remembered cannot be presented."""

from hashlib import sha256

LONGEST = 200
"""Characters of a secret that is looked up at all; ours have 43."""


def digest_of(secret: str) -> bytes:
    """Return the digest of a secret as it was presented; empty if it cannot be ours.

    A lookup by the digest takes no longer the more of the secret is right, because a
    single wrong character changes all of it.
    """
    if not secret or len(secret) > LONGEST:
        return b""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
