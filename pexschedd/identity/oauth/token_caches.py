"""The token caches of all integrations, or of all deployments."""

from contextlib import suppress
from datetime import timedelta
from typing import Generic

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import MailboxError
from pexschedd.identity.oauth.endpoint import TokenEndpoint
from pexschedd.identity.oauth.service_accounts import A, AccountKind
from pexschedd.identity.oauth.signed_in import needed_because, signed_in
from pexschedd.identity.oauth.token_cache import TokenCache
from pexschedd.store.store import Store

IDLE = timedelta(days=7)
"""Sign-ins are used at least so often. One that is not used expires after 90 days with
Entra ID, and sooner with other providers."""

LOOK_EVERY = 6 * 3600.0
"""Seconds between two searches for idle sign-ins."""


class TokenCaches(Service, Generic[A]):
    """Creates token caches. Stop it before the store: a renewal may be under way."""

    _log = Logger()

    def __init__(
        self,
        kind: AccountKind[A],
        store: Store,
        endpoint: TokenEndpoint,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self.setName(f"tokens of {kind.noun}s")
        self._kind: AccountKind[A] = kind
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._now = now
        self._caches: dict[int, TokenCache[A]] = {}
        store.subscribe(kind.table, self._changed)

    def of(self, record: A) -> TokenCache[A]:
        """Return the cache of a record's account."""
        cache = self._caches.get(record.id)
        if cache is None:
            cache = self._caches[record.id] = TokenCache(
                self._kind,
                record.id,
                self._store,
                self._endpoint,
                self._clock,
                self._now,
            )
        return cache

    async def use_idle(self) -> None:
        """Renew the tokens of each sign-in that was not used for a week.

        Otherwise it would expire. This includes what is switched off.
        """
        for record in self._store.all(self._kind.table):
            found = signed_in(record)
            if (
                record.authentication_method == "OAUTH"
                and found is not None
                and not needed_because(record)
                and self._now() - found.refreshed >= IDLE
            ):
                with suppress(MailboxError):  # the cache has logged it
                    await self.of(record).renewed()

    def stopService(self) -> Deferred[list[None]]:
        """Begin no other renewal; fires when none is under way."""
        super().stopService()
        return gatherResults([k.close() for k in self._caches.values()])

    def _changed(self, old: A | None, new: A | None) -> None:
        if new is None and old is not None:
            self._caches.pop(old.id, None)
