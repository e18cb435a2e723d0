"""The memory of verified tokens: the same token is not verified again. Pure.

A pane asks several times with one token, and a signature takes most of the time of an
answer. Tokens are remembered by their digest, never themselves, until they expire, and
forgotten when anything changes that decided about them: the integration, its metadata
domains, or the keys.
"""

from collections import OrderedDict
from datetime import datetime
from hashlib import sha256

from pexschedd.identity.verified_user import VerifiedToken, VerifiedUser

MOST_TOKENS = 2_000
"""Tokens that are remembered for one integration, the latest used."""

MOST_INTEGRATIONS = 200


class VerifiedTokens:
    """Remembers verified tokens for each integration, by its id.

    `settings`, which are compared, stand for everything besides keys and time that the
    verification of the integration's tokens depends on.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[int, _OfIntegration] = OrderedDict()

    def find(
        self, integration: int, settings: object, token: str, now: datetime
    ) -> VerifiedUser | None:
        """Return the user of a token that was verified before and is good now."""
        known = self._known.get(integration)
        if known is None or known.settings != settings:
            return None
        digest = _digest(token)
        found = known.tokens.get(digest)
        if found is None:
            return None
        if now >= found.expires or not found.is_current():
            del known.tokens[digest]
            return None
        known.tokens.move_to_end(digest)
        return found.user

    def add(
        self, integration: int, settings: object, token: str, verified: VerifiedToken
    ) -> None:
        """Remember a token that was verified with these settings."""
        known = self._known.get(integration)
        if known is None or known.settings != settings:
            known = self._known[integration] = _OfIntegration(settings)
            if len(self._known) > MOST_INTEGRATIONS:
                self._known.popitem(last=False)
        known.tokens[_digest(token)] = verified
        if len(known.tokens) > MOST_TOKENS:
            known.tokens.popitem(last=False)

    def count(self, integration: int) -> int:
        """Return the number of tokens that are remembered for an integration."""
        known = self._known.get(integration)
        return len(known.tokens) if known is not None else 0


class _OfIntegration:
    def __init__(self, settings: object) -> None:
        self.settings = settings
        self.tokens: OrderedDict[bytes, VerifiedToken] = OrderedDict()


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
