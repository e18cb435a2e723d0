"""API tokens: their form, their making, and what each of them stands for.

A token is `pexschedd_`, 30 random characters and 6 that check them (CRC-32): scanners
for leaked secrets find it by `pexschedd_[0-9A-Za-z]{36}` and can tell it from a text
that only looks like one.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from secrets import choice
from zlib import crc32

from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.errors import NotAuthenticated
from pexschedd.identity.last_use import LastUse
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import RoleLevel
from pexschedd.model.accounts.api_token import ApiToken
from pexschedd.model.accounts.principal import Principal
from pexschedd.store.store import Store

PREFIX = "pexschedd_"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _CHECK = 30, 6
_SHOWN = len(PREFIX) + 4

CountFailure = Callable[[str, str], None]
"""See `Administrators.count_failure`."""


def new_token() -> str:
    """Return a new random token."""
    text = PREFIX + "".join(choice(_LETTERS) for _ in range(_RANDOM))
    return text + _check_of(text)


def is_well_formed(token: str) -> bool:
    """Return whether a text is a token, of this installation or of another one."""
    body, check = token[:-_CHECK], token[-_CHECK:]
    return (
        len(token) == len(PREFIX) + _RANDOM + _CHECK
        and token.isascii()
        and token.startswith(PREFIX)
        and check == _check_of(body)
    )


def beginning_of(token: str) -> str:
    """Return the part of a token that may be shown; "-" for what is none."""
    return token[:_SHOWN] if is_well_formed(token) else "-"


def hash_of(token: str) -> str:
    """Return the hash by which a token is kept."""
    return sha256(token.encode()).hexdigest()


def issue_token(record: ApiToken) -> tuple[ApiToken, str]:
    """Return a record with a new token's hash, and the token itself."""
    token = new_token()
    kept = replace(record, token_hash=hash_of(token), starts_with=beginning_of(token))
    return kept, token


def _check_of(text: str) -> str:
    number, letters = crc32(text.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return letters


class ApiTokens:
    """Tells who a token acts for.

    A right token is never delayed: it cannot be guessed. What is refused counts
    against its address, with `count_failure`.
    """

    def __init__(self, store: Store, now: Now, count_failure: CountFailure) -> None:
        self._store = store
        self._now = now
        self._count_failure = count_failure
        self._last_use = LastUse(store, tables.API_TOKEN, now)

    def authenticate(self, token: str, address: str) -> Principal:
        """Return the principal of a token.

        Raises `NotAuthenticated`, and `TooManyRequests` after many that were refused.
        """
        found = self._find(token)
        if found is None:
            self._count_failure(f"a token from {address}", address)
            raise NotAuthenticated("The token is wrong, or was revoked.")
        now = self._now()
        if found.expiration_time is None or now >= found.expiration_time:
            self._count_failure(f"token {found.id}", address)
            raise NotAuthenticated(
                f"The token {found.name!r} has expired. Make another one."
            )
        owner = self._store.get(tables.ADMINISTRATOR, found.administrator)
        if owner is None:
            self._count_failure(f"token {found.id}", address)
            raise NotAuthenticated("The token's administrator was deleted.")
        self._last_use.note(found)
        return Principal(
            name=f"{owner.name} (token {found.name})",
            level=RoleLevel(min(found.role, owner.role)),
            administrator=owner.id,
            has_password=False,
        )

    def _find(self, token: str) -> ApiToken | None:
        if not is_well_formed(token):
            return None
        digest = hash_of(token)
        found = self._store.find(tables.API_TOKEN_BY_HASH, digest)
        same = found is not None and hmac.compare_digest(found.token_hash, digest)
        return found if same else None
