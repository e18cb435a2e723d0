"""The tokens with which screens ask for the meetings of one room.

They have the form of API tokens, are shown once and kept as a hash.
"""

import hmac
from collections.abc import Callable

from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.errors import NotAuthenticated, TooManyRequests
from pexschedd.identity.api_tokens import (
    beginning_of,
    hash_of,
    is_well_formed,
    new_token,
)
from pexschedd.identity.last_use import LastUse
from pexschedd.identity.sign_in_backoff import SignInBackOff
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.screen_token import ScreenToken
from pexschedd.store.store import Store

_REFUSED = "The token is wrong, or was deleted."


def issue_screen_token(record: ScreenToken) -> tuple[ScreenToken, str]:
    """Return a record with a new token's hash, and the token itself."""
    token = new_token()
    kept = replace(record, token_hash=hash_of(token), starts_with=beginning_of(token))
    return kept, token


class ScreenTokens:
    """Tells whose meetings a token may read.

    A right token is never delayed: it cannot be guessed. What is refused counts against
    its address.
    """

    def __init__(self, store: Store, now: Now, seconds: Callable[[], float]) -> None:
        self._store = store
        self._seconds = seconds
        self._back_off = SignInBackOff()
        self._last_use = LastUse(store, tables.SCREEN_TOKEN, now)

    def authenticate(self, token: str, address: str) -> tuple[ScreenToken, Endpoint]:
        """Return the token's record and its endpoint.

        Raises `NotAuthenticated`, and `TooManyRequests` after many that were refused.
        """
        found = self._find(token)
        endpoint = (
            None
            if found is None
            else self._store.get(tables.MJX_ENDPOINT, found.mjx_endpoint)
        )
        if found is None or endpoint is None:
            name = f"a token from {address}"
            wait = self._back_off.begin(name, address, self._seconds())
            if wait:
                raise TooManyRequests(
                    "Too many tokens were refused. Wait, then try again.",
                    retry_after=wait,
                )
            raise NotAuthenticated(_REFUSED)
        self._last_use.note(found)
        return found, endpoint

    def _find(self, token: str) -> ScreenToken | None:
        if not is_well_formed(token):
            return None
        digest = hash_of(token)
        found = self._store.find(tables.SCREEN_TOKEN_BY_HASH, digest)
        same = found is not None and hmac.compare_digest(found.token_hash, digest)
        return found if same else None
