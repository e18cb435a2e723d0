"""Password hashes."""

from base64 import b64encode
from hashlib import scrypt

import pytest

from pexschedd.crypto import password_hashes
from pexschedd.crypto.password_hashes import (
    MEMORY,
    HashParameters,
    is_password,
    make_hash,
)

COSTS = password_hashes.CURRENT
"""The product's costs: read before the tests get cheap ones."""

SALT = b"salt" * 4
OTHER = b"talt" * 4


def test_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash is its own password's only, and says how it was made."""
    monkeypatch.setattr(password_hashes, "CURRENT", COSTS)
    assert HashParameters(2**17, 8, 1) == COSTS
    stored = make_hash("päss word", SALT)
    assert stored.startswith("scrypt$131072$8$1$")
    assert is_password("päss word", stored)
    assert not is_password("päss wore", stored)
    assert make_hash("päss word", OTHER) != stored


def test_the_memory_of_one_hash_is_bounded() -> None:
    """The product's costs fit into what one may take (RFC 7914: 128 * r * n bytes, and
    some more), and nothing that is read from a file can take twice of that."""
    assert 128 * COSTS.r * COSTS.n <= MEMORY < 2 * 128 * COSTS.r * COSTS.n
    dear = f"scrypt$262144$8$1${b64encode(SALT).decode()}${b64encode(OTHER).decode()}"
    with pytest.raises(ValueError, match="memory limit"):
        is_password("secret", dear)


def test_a_hash_with_other_parameters() -> None:
    """A hash that was stored with other costs than today's can still be verified."""
    digest = scrypt(b"secret", salt=SALT, n=1024, r=4, p=2, dklen=32)
    stored = f"scrypt$1024$4$2${b64encode(SALT).decode()}${b64encode(digest).decode()}"
    assert is_password("secret", stored)
    assert not is_password("other", stored)


def test_an_unknown_kind() -> None:
    """A hash of an unknown kind lets nobody in."""
    with pytest.raises(ValueError, match="unknown kind of password hash: argon2"):
        is_password("secret", "argon2$1$2$3$c2FsdA==$aGFzaA==")
