"""The vault: only the right key and the right context open a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import StoreError
from pexschedd.store.secrets import KEY_SIZE, SecretVault, key_id_of

KEY = bytes(range(KEY_SIZE))
CONTEXT = "ms_exchange_connector/1/password"


@given(st.text(), st.text())
def test_a_secret_is_unsealed_as_it_was(text: str, context: str) -> None:
    """Any text, in any context, comes back; the sealed form is plain ASCII."""
    vault = SecretVault(KEY)
    sealed = vault.seal(text, context)
    assert sealed.startswith("sealed:v1:")
    assert sealed.isascii()
    assert vault.unseal(sealed, context) == text


def test_the_format_stays() -> None:
    """What was sealed by an older release can be unsealed."""
    vault = SecretVault(KEY, random=lambda size: bytes(size))
    sealed = "sealed:v1:AAAAAAAAAAAAAAAAZtnZstpxTqesI2mJu4TKqlTqmbEd"
    assert vault.seal("hello", CONTEXT) == sealed
    assert vault.unseal(sealed, CONTEXT) == "hello"


def test_the_same_secret_is_never_sealed_the_same() -> None:
    """Equal passwords do not show as equal."""
    vault = SecretVault(KEY)
    assert len({vault.seal("hello", CONTEXT) for _ in range(50)}) == 50


@given(st.data())
def test_anything_changed_is_refused(data: st.DataObject) -> None:
    """One character more, less or different: refused, and nothing is told."""
    sealed = SecretVault(KEY).seal("s3cret", CONTEXT)
    position = data.draw(st.integers(0, len(sealed) - 1))
    replacement = data.draw(st.text(max_size=2))
    changed = sealed[:position] + replacement + sealed[position + 1 :]
    if changed == sealed:
        return
    with pytest.raises(StoreError) as caught:
        SecretVault(KEY).unseal(changed, CONTEXT)
    assert CONTEXT in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_one_secret_has_one_sealed_form() -> None:
    """Bits and characters that decoding would ignore are not ignored."""
    sealed = SecretVault(KEY).seal("hello ther", CONTEXT)
    assert sealed.endswith("=")
    bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = sealed.rstrip("=")
    other = bits[bits.index(text[-1]) ^ 1]
    for changed in (text[:-1] + other + "=", sealed + "=", sealed + "\n", text + "!="):
        with pytest.raises(StoreError):
            SecretVault(KEY).unseal(changed, CONTEXT)


@pytest.mark.parametrize("sealed", ["", "hello", "sealed:v2:AAAA", "sealed:v1:AAAA"])
def test_what_is_not_sealed_is_refused(sealed: str) -> None:
    """A secret in clear, an unknown version, too few bytes."""
    with pytest.raises(StoreError, match="cannot be unsealed"):
        SecretVault(KEY).unseal(sealed, CONTEXT)


def test_another_key_or_context_does_not_open() -> None:
    """A sealed text that is moved to another record, or another folder, stays shut."""
    sealed = SecretVault(KEY).seal("hello", CONTEXT)
    for vault, context in [
        (SecretVault(KEY[::-1]), CONTEXT),
        (SecretVault(KEY), "ms_exchange_connector/2/password"),
    ]:
        with pytest.raises(StoreError, match="cannot be unsealed"):
            vault.unseal(sealed, context)


def test_nothing_shows_the_key() -> None:
    """Neither the vault's repr nor the key's id contains it."""
    assert repr(SecretVault(KEY)) == "<Vault>"
    assert key_id_of(KEY) not in KEY.hex()
    assert key_id_of(KEY) != key_id_of(KEY[::-1])
