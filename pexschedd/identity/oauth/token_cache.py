"""Has an access token for one integration ready at any time.

The token is in memory; with OAUTH what it is made of, the refresh token, is sealed in
the integration's record. Identity providers may give a new refresh token with each
access token and never take the old one again, so the new one is durable before the
access token is used.

A token is replaced ahead of time, while the old one still serves, and by one request
at a time. When the token endpoint fails nobody notices until the token has ended; after
a refusal it is not asked again for a while, unless the record changes.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.clock import Now
from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    PexscheddError,
    SignInNeeded,
    SignInRefused,
    StoreError,
)
from pexschedd.identity.oauth.endpoint import TokenEndpoint, context_of
from pexschedd.identity.oauth.settings import ProviderSettings, settings_of
from pexschedd.identity.oauth.signed_in import needed_because, signed_in
from pexschedd.identity.oauth.token_requests import app_form, refresh_form
from pexschedd.identity.oauth.token_responses import TokenSet
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.store.store import Store

AHEAD = 300.0
"""Seconds before its end in which a token is replaced; or half its life, if less."""

AGAIN_AFTER_REJECTION = 60.0
"""Seconds in which a token that Exchange rejects is not replaced: it is not the token
that is wrong then."""

AGAIN_AFTER_TROUBLE = 5.0
AGAIN_WHEN_BUSY = 30.0
AGAIN_AFTER_REFUSAL = 300.0
AGAIN_WHEN_NEEDED = 3600.0
"""Seconds. What an administrator mends in the record is tried at once."""


Save = Callable[[], tuple[Connector, Deferred[None]]]
"""Commits a record; returns it, and what fires when it is durable."""


class _Held(Struct, frozen=True):
    access: str
    settings: ProviderSettings
    obtained: float
    renew: float
    ends: float

    def __repr__(self) -> str:
        return "<_Held>"  # nobody logs a token by accident


class _Failure(Struct, frozen=True):
    error: MailboxError
    settings: ProviderSettings
    refresh_token: str
    until: float

    def again(self) -> MailboxError:
        """A new exception with the same meaning."""
        error, wait = self.error, self.error.retry_after
        return type(error)(error.message, retry_after=wait)


class TokenCache:
    """A source of tokens for the Bearer authentication of one integration."""

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        store: Store,
        endpoint: TokenEndpoint,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._id = connector_id
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._now = now
        self._held: _Held | None = None
        self._failure: _Failure | None = None
        self._waiting: list[Deferred[None]] | None = None
        self._closed = False

    async def token(self) -> str:
        """One that is valid now. Raises `MailboxError`, or `StoreError`.

        `SignInNeeded`: a person has to sign in.
        """
        connector = self._connector()
        held = self._holding(connector)
        if held is None:
            return await self._fresh()
        if self._clock.seconds() >= held.renew and not self._failing(connector):
            self._begin()
        return held.access

    async def _fresh(self) -> str:
        for _ in range(3):
            connector = self._connector()
            held = self._holding(connector)
            if held is not None:
                return held.access
            failure = self._failing(connector)
            if failure is not None:
                raise failure.again()
            await self.renewed()
            # If the integration was changed meanwhile, the token is not for it.
        raise SignInRefused("The integration is being changed all the time.")

    def rejected(self, token: str) -> None:
        """Exchange refused the token: it is not used again, unless it is brand new."""
        held, now = self._held, self._clock.seconds()
        if held is None or held.access != token:
            return
        if now - held.obtained >= AGAIN_AFTER_REJECTION:
            self._held = None

    def adopt(self, connector: Connector, tokens: TokenSet) -> None:
        """Takes tokens that were obtained for the integration as it is in `connector`;
        what has to be kept of them is durable."""
        now, life = self._clock.seconds(), tokens.lifetime
        self._held = _Held(
            tokens.access,
            settings_of(connector),
            now,
            now + life - min(AHEAD, life / 2),
            now + life,
        )
        self._failure = None

    def expires_in(self) -> float | None:
        """Seconds until the end of the token that is held, if one is."""
        connector = self._store.get(tables.CONNECTOR, self._id)
        held = None if connector is None else self._holding(connector)
        return None if held is None else held.ends - self._clock.seconds()

    def needed_because(self) -> str:
        """Why a person has to sign in, as far as is known without asking."""
        connector = self._connector()
        problem = needed_because(connector)
        failure = self._failing(connector)
        if failure is not None and isinstance(failure.error, SignInNeeded):
            return problem or failure.error.message
        return problem

    def renewed(self) -> Deferred[None]:
        """Fires after the renewal under way, which is begun if there is none; fails
        if that failed. Cancelling it does not stop the renewal."""
        waiter: Deferred[None] = Deferred()
        if self._waiting is None and self._closed:
            waiter.errback(MailboxUnreachable("The daemon is stopping."))
        elif self._waiting is None:
            self._run(self._renew, waiter)
        else:
            self._waiting.append(waiter)
        return waiter

    async def take(self, save: Save, tokens: TokenSet) -> None:
        """Serves the tokens of a new sign-in as soon as that is durable.

        `save` commits it, when no renewal is under way. Whoever wants a token from
        then on waits for the new one.
        """
        while self._waiting is not None:
            await self.settled()
        taken: Deferred[None] = Deferred()

        async def work() -> None:
            connector, durable = save()
            await durable
            self.adopt(connector, tokens)

        self._run(work, taken)
        await taken

    def close(self) -> Deferred[None]:
        """Begins no other renewal; fires when none is under way."""
        self._closed = True
        return self.settled()

    def settled(self) -> Deferred[None]:
        """Fires when no renewal is under way."""
        waiter: Deferred[None] = Deferred()
        if self._waiting is None:
            waiter.callback(None)
            return waiter
        self._waiting.append(waiter)
        return waiter.addErrback(lambda _: None)

    def _begin(self) -> None:
        if self._waiting is None and not self._closed:
            self._run(self._renew)

    def _run(
        self, work: Callable[[], Coroutine[Any, Any, None]], *waiting: Deferred[None]
    ) -> None:
        self._waiting = list(waiting)

        def done(result: object) -> None:
            waiting, self._waiting = self._waiting or [], None
            if isinstance(result, Failure) and not result.check(PexscheddError):
                self._log.failure("an access token could not be renewed", result)
            for waiter in waiting:
                if isinstance(result, Failure):
                    waiter.errback(result)
                else:
                    waiter.callback(None)

        Deferred.fromCoroutine(work()).addBoth(done)

    async def _renew(self) -> None:
        connector = self._connector()
        try:
            tokens = await self._obtain(connector)
        except MailboxError as error:
            self._remember(connector, error)
            raise
        self.adopt(connector, tokens)

    async def _obtain(self, connector: Connector) -> TokenSet:
        """New tokens; what has to be kept of them is durable."""
        settings = settings_of(connector)
        if settings.app_only:
            try:
                return await self._endpoint.ask(connector, app_form(settings))
            except SignInNeeded as error:  # there is nobody who could sign in
                raise SignInRefused(error.message) from None
        problem = needed_because(connector)
        if problem:
            page = f"/admin/platform/msexchangeconnector/{connector.id}/sign_in/"
            raise SignInNeeded(f"{problem} Sign in to the service account at {page}")
        context = context_of(connector, "oauth_refresh_token")
        try:
            old = self._store.vault.unseal(connector.oauth_refresh_token, context)
        except StoreError as error:
            raise SignInNeeded(f"{error.message} Sign in again.") from None
        form = refresh_form(settings, refresh_token=old)
        tokens = await self._endpoint.ask(connector, form)
        await self._keep(connector, tokens.refresh or old)
        return tokens

    async def _keep(self, asked_for: Connector, refresh_token: str) -> None:
        """Makes the refresh token durable, if it is still the one to be kept."""
        current = self._connector()
        found = signed_in(current)
        if (
            found is None
            or current.oauth_refresh_token != asked_for.oauth_refresh_token
            or needed_because(current)
        ):
            raise SignInRefused("Somebody signed in anew, or has to, just now.")
        context = context_of(current, "oauth_refresh_token")
        with self._store.transaction(essential=True) as change:
            change.put(
                tables.CONNECTOR,
                replace(
                    current,
                    oauth_refresh_token=self._store.vault.seal(refresh_token, context),
                    oauth_signed_in_for=replace(found, refreshed=self._now()).as_text(),
                ),
            )
            durable = change.commit()
        await durable

    def _remember(self, connector: Connector, error: MailboxError) -> None:
        if isinstance(error, SignInNeeded):
            wait = AGAIN_WHEN_NEEDED
        elif isinstance(error, MailboxRefused):
            wait = AGAIN_AFTER_REFUSAL
        elif isinstance(error, MailboxBusy):
            wait = AGAIN_WHEN_BUSY
        else:
            wait = AGAIN_AFTER_TROUBLE
        self._failure = _Failure(
            error,
            settings_of(connector),
            connector.oauth_refresh_token,
            self._clock.seconds() + max(wait, error.retry_after or 0),
        )
        self._log.warn(
            "integration {name}: no new access token for Exchange: {reason}",
            name=connector.name,
            integration=connector.id,
            reason=error.message,
        )

    def _connector(self) -> Connector:
        connector = self._store.get(tables.CONNECTOR, self._id)
        if connector is None:
            raise SignInRefused("The integration has been deleted.")
        return connector

    def _holding(self, connector: Connector) -> _Held | None:
        held = self._held
        if held is None or held.settings != settings_of(connector):
            return None
        return held if self._clock.seconds() < held.ends else None

    def _failing(self, connector: Connector) -> _Failure | None:
        """The failure that still stands for what asking would bring."""
        failure = self._failure
        if (
            failure is None
            or self._clock.seconds() >= failure.until
            or failure.settings != settings_of(connector)
            or failure.refresh_token != connector.oauth_refresh_token
        ):
            return None
        return failure
