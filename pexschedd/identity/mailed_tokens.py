"""Identity tokens that have come by mail: they prove no longer who shows them.

A meeting that is sent while the add-in cannot reach the daemon carries its organizer's
identity token, and everybody invited can read it. So such a token still gets the
meeting its room, but opens nothing that is its user's own.

A token is known by the digest of what is signed of it. The signature itself can be
written in several ways that all verify: the last of its characters has bits that mean
nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from pexschedd.clock import Now
from pexschedd.errors import InvalidToken
from pexschedd.identity.exchange_token import expiry_of, read_token
from pexschedd.model import tables
from pexschedd.model.mailed_token import MailedToken
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

LONGEST = timedelta(days=1)
"""The longest time for which a token is remembered; Exchange's are valid for eight
hours. Anybody can write a later time into a token that nobody has signed."""


class SeenToken(msgspec.Struct, frozen=True):
    """The part of a token that is remembered: see `MailedToken`."""

    digest: str
    expires: datetime


def seen(token: str, now: datetime) -> SeenToken | None:
    """Return what is to be remembered of a token from a message that is read `now`.

    None for a text that no integration would accept as an Exchange identity token. The
    signature is not verified: that may have to wait, and this must not.
    """
    try:
        claims = read_token(token)
    except InvalidToken:
        return None
    return SeenToken(_digest(claims.signed), min(expiry_of(claims), now + LONGEST))


def _digest(signed: bytes) -> str:
    return sha256(signed).hexdigest()


class MailedTokens:
    """Remembers tokens that have come by mail until they expire."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now

    def remember(self, transaction: Transaction, tokens: Iterable[str]) -> None:
        """Add to `transaction` that `tokens` were found in a message."""
        for token in tokens:
            found = seen(token, self._now())
            if found is None or self._has(found.digest):
                continue
            record = MailedToken(
                id=transaction.new_id(tables.MAILED_TOKEN),
                digest=found.digest,
                expires=found.expires,
            )
            transaction.put(tables.MAILED_TOKEN, record)

    def has(self, token: str) -> bool:
        """Return whether a token has come by mail; what is none has not."""
        signed = token.rpartition(".")[0]
        return self._has(_digest(signed.encode("utf-8", "surrogatepass")))

    def _has(self, digest: str) -> bool:
        return self._store.find(tables.MAILED_TOKEN_BY_DIGEST, digest) is not None
