"""One keeper of tokens for each integration that needs one."""

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
from pexschedd.model.integration import Connector
from pexschedd.store.store import Store

IDLE = timedelta(days=7)
"""A sign-in that is not used ends after 90 days with Entra ID, sooner elsewhere."""

LOOK_EVERY = 6 * 3600.0
"""Seconds between two looks at which sign-ins are idle."""


class TokenCaches(Service):
    """To be stopped before the store: a renewal under way ends first."""

    name = "tokens"
    _log = Logger()

    def __init__(
        self, store: Store, endpoint: TokenEndpoint, clock: IReactorTime, now: Now
    ) -> None:
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._now = now
        self._keepers: dict[int, TokenCache] = {}
        store.subscribe(tables.CONNECTOR, self._changed)

    def of(self, connector: Connector) -> TokenCache:
        keeper = self._keepers.get(connector.id)
        if keeper is None:
            keeper = self._keepers[connector.id] = TokenCache(
                connector.id, self._store, self._endpoint, self._clock, self._now
            )
        return keeper

    async def use_idle(self) -> None:
        """Renews every sign-in that was not used for a week, so that it does not end.

        Also those of integrations that are switched off.
        """
        for connector in self._store.all(tables.CONNECTOR):
            found = signed_in(connector)
            if (
                connector.authentication_method == "OAUTH"
                and found is not None
                and not needed_because(connector)
                and self._now() - found.refreshed >= IDLE
            ):
                with suppress(MailboxError):  # the keeper has said so
                    await self.of(connector).renewed()

    def stopService(self) -> Deferred[list[None]]:
        super().stopService()
        return gatherResults([k.close() for k in self._keepers.values()])

    def _changed(self, old: Connector | None, new: Connector | None) -> None:
        if new is None and old is not None:
            self._keepers.pop(old.id, None)
