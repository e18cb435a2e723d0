"""Secrets that leave the installation, sealed with a passphrase.

The key is scrypt's of the passphrase (RFC 7914), with the costs of password hashes; the
text is sealed with AES-256-GCM. Both take time and memory: call these functions in a
thread.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pexschedd.crypto import password_hashes
from pexschedd.crypto.password_hashes import MEMORY, SALT_BYTES
from pexschedd.errors import PexscheddError

SHORTEST, LONGEST = 12, 1024
"""Characters of a passphrase. What it seals may be attacked at leisure."""
NONCE_BYTES = 12


class WrongPassphrase(PexscheddError):
    """The passphrase does not open what was sealed."""

    code = "wrong_passphrase"


class PassphraseSeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something sealed, as JSON has it; binary values are base64."""

    salt: str
    nonce: str
    sealed: str
    kdf: str = "scrypt"
    n: int = msgspec.field(default_factory=lambda: password_hashes.CURRENT.n)
    r: int = msgspec.field(default_factory=lambda: password_hashes.CURRENT.r)
    p: int = msgspec.field(default_factory=lambda: password_hashes.CURRENT.p)
    cipher: str = "AES-256-GCM"


def passphrase_problem(passphrase: object) -> str:
    """Return what is wrong with a new passphrase; empty if nothing is."""
    if not isinstance(passphrase, str):
        return "The passphrase must be a text."
    if not SHORTEST <= len(passphrase) <= LONGEST:
        return f"The passphrase must have {SHORTEST} to {LONGEST} characters."
    return ""


def seal(
    data: bytes, passphrase: str, context: str, random: Callable[[int], bytes]
) -> PassphraseSeal:
    """Seal `data`; it can be opened with the same passphrase and context only.

    `random` makes so many random bytes.
    """
    salt, nonce = random(SALT_BYTES), random(NONCE_BYTES)
    sealed = _cipher(passphrase, salt).encrypt(nonce, data, context.encode())
    texts = [b64encode(each).decode() for each in (salt, nonce, sealed)]
    return PassphraseSeal(salt=texts[0], nonce=texts[1], sealed=texts[2])


def unseal(found: PassphraseSeal, passphrase: str, context: str) -> bytes:
    """Return what was sealed.

    Raises `WrongPassphrase`; also for other costs than ours, which could take any time
    and memory.
    """
    ours = password_hashes.CURRENT
    costs = (found.kdf, found.n, found.r, found.p, found.cipher)
    if costs != ("scrypt", ours.n, ours.r, ours.p, "AES-256-GCM"):
        raise WrongPassphrase(
            "The secrets are sealed in another way than this release knows."
        )
    try:
        salt, nonce, sealed = (
            b64decode(each, validate=True)
            for each in (found.salt, found.nonce, found.sealed)
        )
        if len(nonce) != NONCE_BYTES:
            raise ValueError("a nonce of another size")
        return _cipher(passphrase, salt).decrypt(nonce, sealed, context.encode())
    except (InvalidTag, ValueError):
        raise WrongPassphrase(
            "The passphrase is not the one that the secrets were sealed with, or what "
            "was sealed has been changed."
        ) from None


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    costs = password_hashes.CURRENT
    key = hashlib.scrypt(
        passphrase.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=costs.n,
        r=costs.r,
        p=costs.p,
        maxmem=MEMORY,
        dklen=32,
    )
    return AESGCM(key)
