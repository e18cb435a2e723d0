"""Tokens that have come by mail are known again until they expire, after a restart,
too, however they are written."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor

from pexschedd.errors import StoreError
from pexschedd.identity.exchange_token import (
    SKEW,
    check_claims,
    check_signature,
    read_keys,
    read_token,
)
from pexschedd.identity.mailed_tokens import LONGEST, MailedTokens, seen
from pexschedd.model import tables
from pexschedd.model.outbox import LastSweep
from pexschedd.store.store import Store
from tests.identity.identity_support import (
    AUDIENCE,
    NOW,
    metadata,
    payload,
    signer,
    token,
)

HOUR = timedelta(hours=1)
EXPIRES = NOW + 7 * HOUR + SKEW
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def another(number: int) -> str:
    """Another token of the same user."""
    return token(payload(nbf=int((NOW - HOUR).timestamp()) + number))


def respelled(text: str) -> str:
    """The same token, with another last character of its signature."""
    return text[:-1] + LETTERS[LETTERS.index(text[-1]) + 1]


def opened(folder: Path, known: tuple[Any, ...] = tables.TABLES) -> Store:
    return Store.open(folder, known, reactor=cast(Any, reactor), failed=_unexpected)


def _unexpected(error: StoreError) -> None:
    pytest.fail(error.message)


async def remember(store: Store, *found: str) -> None:
    transaction = store.transaction()
    MailedTokens(store, lambda: NOW).remember(transaction, found)
    await transaction.commit()


def test_a_respelled_token_is_the_same() -> None:
    """A signature that is written in another way verifies, and does not make another
    token; that of another token does."""
    written = respelled(token())
    claims = read_token(written)
    check_claims(claims, AUDIENCE, NOW)
    check_signature(claims, read_keys(metadata(signer())))
    assert written != token()
    assert seen(written, NOW) == seen(token(), NOW)
    assert seen(another(1), NOW) != seen(token(), NOW)


@pytest.mark.parametrize(
    ("change", "expires"),
    [
        (lambda claims: claims, EXPIRES),
        (lambda claims: claims | {"exp": 253402300799}, NOW + LONGEST),
        (lambda claims: claims | {"exp": str(claims["exp"])}, EXPIRES),
    ],
)
def test_the_expiry(change: Callable[[dict[str, Any]], Any], expires: Any) -> None:
    """A token is remembered as long as it is accepted, a made-up one for a day."""
    found = seen(token(change(payload())), NOW)
    assert found is not None
    assert found.expires == expires


@pytest.mark.parametrize("text", ["", "a.b.c", "\ud800.b.c", "a" * 20_000, "é.é.é"])
def test_no_token(text: str) -> None:
    """Nothing is remembered of what no integration would accept."""
    assert seen(text, NOW) is None


@pytest_twisted.ensureDeferred
async def test_after_a_restart(tmp_path: Path) -> None:
    """A token that was found in mail is known after a restart, one of the same user
    that was not is not, and the token itself is nowhere in the state folder."""
    store = opened(tmp_path)
    await remember(store, token(), "a.b.c", token())
    await remember(store, respelled(token()))
    assert store.count(tables.MAILED_TOKEN) == 1
    await store.close()
    store = opened(tmp_path)
    mailed = MailedTokens(store, lambda: NOW)
    assert mailed.has(token())
    assert mailed.has(respelled(token()))
    assert not mailed.has(another(1))
    assert not mailed.has("a.b.c")
    await store.close()
    signed = token().rpartition(".")[0].encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if signed in path.read_bytes()]


@pytest_twisted.ensureDeferred
async def test_a_store_of_an_earlier_version(tmp_path: Path) -> None:
    """A store from before these records were kept is opened, and can keep them."""
    before = tuple(t for t in tables.TABLES if t is not tables.MAILED_TOKEN)
    store = opened(tmp_path, before)
    transaction = store.transaction()
    transaction.put(tables.SWEEP, LastSweep(id=1, finished=NOW))
    await transaction.commit()
    await store.close()
    store = opened(tmp_path)
    assert store.count(tables.SWEEP) == 1
    await remember(store, token())
    assert MailedTokens(store, lambda: NOW).has(token())
    await store.close()
