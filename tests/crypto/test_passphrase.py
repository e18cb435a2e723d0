"""Secrets sealed with a passphrase."""

import os

import pytest

from pexschedd.crypto import password_hashes
from pexschedd.crypto.passphrase import WrongPassphrase, seal, unseal

COSTS = password_hashes.CURRENT
"""The product's costs: read before the tests get cheap ones."""

PASSPHRASE = "correct horse battery"


def test_the_key_costs_what_a_password_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seal says its costs, and is opened with these costs only."""
    cheap = seal(b"secret", PASSPHRASE, "here", os.urandom)
    assert cheap.n == password_hashes.CURRENT.n
    assert unseal(cheap, PASSPHRASE, "here") == b"secret"
    monkeypatch.setattr(password_hashes, "CURRENT", COSTS)
    sealed = seal(b"secret", PASSPHRASE, "here", os.urandom)
    assert (sealed.n, sealed.r, sealed.p) == (2**17, 8, 1)
    assert unseal(sealed, PASSPHRASE, "here") == b"secret"
    with pytest.raises(WrongPassphrase, match="in another way"):
        unseal(cheap, PASSPHRASE, "here")
