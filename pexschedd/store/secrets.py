"""Stored secrets, sealed with a key that lies beside the data in a file of its own, or
elsewhere: then the configuration names the file that has it.

Sealing protects data that leaves the folder without the key: a data file in a bug
report, a record in a log, a copy of a single file. It does not protect against a reader
of the whole folder, unless the key is elsewhere.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from secrets import token_bytes
from shlex import quote
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pexschedd.errors import StoreError, StoreKeyUnusable
from pexschedd.store.fs import FileSystem, replace
from pexschedd.util.access import reason_of

KEY_SIZE = 32
NONCE_SIZE = 12

_LONGEST_KEY_FILE = 4096
_HEXADECIMAL = "0123456789abcdef"
_PREFIX = "sealed:v1:"
_KEY = re.compile(rb"[0-9a-fA-F]{64}")


class GivenKey(NamedTuple):
    """A key that is kept outside the state folder, and the file that has it."""

    source: Path
    key: bytes

    def __repr__(self) -> str:
        return f"<GivenKey {self.source}>"  # it gets into no log by accident

    def require(self, key_id: str | None) -> None:
        """Raise StoreKeyUnusable if the data were sealed with another key; `key_id`
        identifies that, None if there are no data yet."""
        if key_id is not None and key_id_of(self.key) != key_id:
            raise StoreKeyUnusable(
                f"key_file: {self.source} is not the key that the secrets were sealed "
                "with. Put the one there that belongs to this state folder; its copy "
                "is where it was kept when key_file was set up."
            )

    def require_alone(self, fs: FileSystem, path: Path) -> bool:
        """Return whether a copy of the same key is at `path`, in the state folder.

        Raises StoreKeyUnusable if there is another key.
        """
        if path.name not in fs.listdir(path.parent):
            return False
        if fs.read(path).strip().lower() == self.key.hex().encode():
            return True
        raise StoreKeyUnusable(
            f"There are two keys: key_file names {self.source}, and {path} has another "
            "one. Remove key_file from the configuration file, or move secret.key away."
        )


def read_given_key(path: Path) -> GivenKey:
    """Read a key from a file outside the state folder; raises StoreKeyUnusable."""
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_KEY_FILE).strip()
    except OSError as error:
        raise StoreKeyUnusable(
            f"key_file: {path} cannot be read: {reason_of(error, path)}. A copy of the "
            "key can be given to pexschedd-store by --key-file."
        ) from None
    if not _KEY.fullmatch(data):
        raise StoreKeyUnusable(
            f"key_file: {path} has no key of {2 * KEY_SIZE} hexadecimal digits. Put "
            "the content of secret.key there; for a state folder that is still to be "
            "created, what `openssl rand -hex 32` says."
        )
    return GivenKey(path, bytes.fromhex(data.decode("ascii")))


class SecretVault:
    """Seals and unseals texts with AES-256-GCM.

    `context` says what a secret belongs to, for example
    "ms_exchange_connector/<uuid>/password". It is not stored, and unsealing requires
    the same context, so a sealed text that is moved to another record or field cannot
    be unsealed there.
    """

    def __init__(
        self, key: bytes, random: Callable[[int], bytes] = token_bytes
    ) -> None:
        self._cipher = AESGCM(key)
        self._digest_key = hmac.digest(key, b"pexschedd digests", hashlib.sha256)
        self._random = random

    def __repr__(self) -> str:
        return "<Vault>"

    def digest(self, text: str, context: str) -> str:
        """Return a digest (base64url) that tells nothing of a text without the key.

        The same text has the same digest in the same context.
        """
        message = f"{len(context)}/{context}/{text}".encode()
        digest = hmac.digest(self._digest_key, message, hashlib.sha256)
        return urlsafe_b64encode(digest[:16]).decode("ascii").rstrip("=")

    def seal(self, text: str, context: str) -> str:
        """Return `sealed:v1:` and base64url of nonce, ciphertext and tag."""
        nonce = self._random(NONCE_SIZE)
        sealed = self._cipher.encrypt(nonce, text.encode(), context.encode())
        return _PREFIX + urlsafe_b64encode(nonce + sealed).decode("ascii")

    def unseal(self, sealed: str, context: str) -> str:
        """Return the original text.

        Raises StoreError if the sealed text was changed, or if context or key are not
        those it was sealed with.
        """
        problem = StoreError(
            f"the secret of {context} cannot be unsealed: it was changed, or moved "
            "from another record, or sealed with another key. Enter it again."
        )
        if not sealed.startswith(_PREFIX):
            raise problem
        encoded = sealed.removeprefix(_PREFIX)
        try:
            data = urlsafe_b64decode(encoded)
        except ValueError:
            raise problem from None
        # Decoding is lenient; one secret has exactly one sealed form.
        if urlsafe_b64encode(data) != encoded.encode():
            raise problem
        try:
            text = self._cipher.decrypt(
                data[:NONCE_SIZE], data[NONCE_SIZE:], context.encode()
            )
        except (InvalidTag, ValueError):
            raise problem from None
        return text.decode()


def load_or_create_key(
    fs: FileSystem,
    path: Path,
    key_id: str | None,
    random: Callable[[int], bytes] = token_bytes,
) -> bytes:
    """Return the key in a file; `key_id` identifies the key that sealed the data.

    Without `key_id` this is a first start: a key is created, unless an interrupted
    first start has already created one. Raises StoreError or OSError.
    """
    try:
        data = fs.read(path).strip()
    except FileNotFoundError:
        if key_id is not None:
            raise StoreError(
                f"{path} is missing: the secrets were sealed with it, and no other key "
                "opens them. Restore it from a backup; or, if it is kept elsewhere, "
                "name its file: key_file of the configuration, --key-file of "
                "pexschedd-store."
            ) from None
        key = new_key(random)
        replace(fs, path, key.hex().encode() + b"\n")
        return key
    mode = fs.mode(path)
    if mode & 0o077:
        raise StoreError(
            f"{path} has mode {mode:04o}: others than its owner may read it. Run: "
            f"chmod 600 {quote(str(path))}; and think about who may have read it."
        )
    if not _KEY.fullmatch(data):
        raise StoreError(
            f"{path}, line 1: not a key of {2 * KEY_SIZE} hexadecimal digits. Restore "
            "it from a backup."
        )
    key = bytes.fromhex(data.decode("ascii"))
    if key_id is not None and key_id_of(key) != key_id:
        raise StoreError(
            f"{path} is not the key that the secrets were sealed with. Restore the one "
            "that belongs to this folder from a backup."
        )
    return key


def new_key(random: Callable[[int], bytes] = token_bytes) -> bytes:
    """Create a random key."""
    return random(KEY_SIZE)


def key_id_of(key: bytes) -> str:
    """Return an identifier that distinguishes keys without revealing them."""
    return hashlib.sha256(b"pexschedd key id\0" + key).hexdigest()[:16]


def mend_key(data: bytes, key_id: str) -> bytes | None:
    """Return the key with this id whose text differs from `data` in at most two digits.

    Returns None if there is no such key.
    """
    text = data.decode("latin-1").strip().lower()
    if len(text) != 2 * KEY_SIZE:
        return None
    wrong = [i for i, digit in enumerate(text) if digit not in _HEXADECIMAL]
    if len(wrong) > 2:
        return None
    free = [i for i in range(len(text)) if i not in wrong]
    for count in range(3 - len(wrong)):
        for more in combinations(free, count):
            places = {*wrong, *more}
            trial = "".join(
                "%s" if i in places else each for i, each in enumerate(text)
            )
            # Of two digits there are half a million, so each has to be quick.
            for digits in product(_HEXADECIMAL, repeat=len(places)):
                key = bytes.fromhex(trial % digits)
                if key_id_of(key) == key_id:
                    return key
    return None
