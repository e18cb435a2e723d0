"""The token caches of all integrations."""

from contextlib import suppress
from datetime import timedelta

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import MailboxError
from pexschedd.identity.oauth.endpoint import TokenEndpoint
from pexschedd.identity.oauth.signed_in import needed_because, signed_in
from pexschedd.identity.oauth.token_cache import TokenCache
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.store.store import Store

IDLE = timedelta(days=7)
"""Sign-ins are used at least so often. One that is not used expires after 90 days with
Entra ID, and sooner with other providers."""

LOOK_EVERY = 6 * 3600.0
"""Seconds between two searches for idle sign-ins."""


class TokenCaches(Service):
    """Creates token caches. Stop it before the store: a renewal may be under way."""

    name = "tokens"
    _log = Logger()

    def __init__(
        self, store: Store, endpoint: TokenEndpoint, clock: IReactorTime, now: Now
    ) -> None:
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._now = now
        self._caches: dict[int, TokenCache] = {}
        store.subscribe(tables.CONNECTOR, self._changed)

    def of(self, connector: Connector) -> TokenCache:
        """Return the integration's cache."""
        cache = self._caches.get(connector.id)
        if cache is None:
            cache = self._caches[connector.id] = TokenCache(
                connector.id, self._store, self._endpoint, self._clock, self._now
            )
        return cache

    async def use_idle(self) -> None:
        """Renew the tokens of each sign-in that was not used for a week.

        Otherwise it would expire. This includes integrations that are disabled.
        """
        for connector in self._store.all(tables.CONNECTOR):
            found = signed_in(connector)
            if (
                connector.authentication_method == "OAUTH"
                and found is not None
                and not needed_because(connector)
                and self._now() - found.refreshed >= IDLE
            ):
                with suppress(MailboxError):  # the cache has logged it
                    await self.of(connector).renewed()

    def stopService(self) -> Deferred[list[None]]:
        """Begin no other renewal; fires when none is under way."""
        super().stopService()
        return gatherResults([k.close() for k in self._caches.values()])

    def _changed(self, old: Connector | None, new: Connector | None) -> None:
        if new is None and old is not None:
            self._caches.pop(old.id, None)
