"""The access token of one service account, kept ready for use.

The access token is in memory. With OAUTH, the refresh token that new ones are made from
is sealed in the record of the integration or deployment. An identity provider may issue
a new refresh token with each access token and never accept the old one again, so the
new one is made durable before the access token is used.

A token is renewed ahead of time, while the old one can still be used, and by one
request at a time. As long as the old one is valid, failures of the token endpoint have
no effect; after a refusal the endpoint is not asked again for a while, unless the
record changes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic

from msgspec import Struct
from msgspec.structs import replace
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

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
    StoreReadOnly,
)
from pexschedd.identity.oauth.endpoint import TokenEndpoint, context_of
from pexschedd.identity.oauth.service_accounts import A, AccountKind
from pexschedd.identity.oauth.settings import ProviderSettings, settings_of
from pexschedd.identity.oauth.signed_in import needed_because, signed_in
from pexschedd.identity.oauth.token_requests import app_form, refresh_form
from pexschedd.identity.oauth.token_responses import TokenSet
from pexschedd.store.store import Store
from pexschedd.util.single_flight import SingleFlight

AHEAD = 300.0
"""Seconds before its end at which a token is renewed; half its lifetime, if less."""

MIN_AGE_WHEN_REJECTED = 60.0
"""Seconds. A newer token is kept even if Exchange rejects it: then the token is
not the reason."""

RETRY_UNREACHABLE = 5.0
RETRY_BUSY = 30.0
RETRY_REFUSED = 300.0
RETRY_SIGN_IN = 3600.0
"""Seconds until a failed request is repeated. A change of the record is tried at
once."""


Save = Callable[[], tuple[A, Deferred[None]]]
"""Commits a record; returns it and a Deferred for its durability."""


class _Held(Struct, frozen=True):
    access: str
    settings: ProviderSettings
    obtained: float
    renew: float
    ends: float

    def __repr__(self) -> str:
        return "<_Held>"  # no token gets into a log by accident


class _Failure(Struct, frozen=True):
    error: MailboxError
    settings: ProviderSettings
    refresh_token: str
    until: float

    def again(self) -> MailboxError:
        """The error as a new exception."""
        error, wait = self.error, self.error.retry_after
        return type(error)(error.message, retry_after=wait)


class TokenCache(Generic[A]):
    """A `TokenSource` for the Bearer authentication of one record's account."""

    _log = Logger()

    def __init__(
        self,
        kind: AccountKind[A],
        record_id: int,
        store: Store,
        endpoint: TokenEndpoint,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._kind: AccountKind[A] = kind
        self._id = record_id
        self._store = store
        self._endpoint = endpoint
        self._clock = clock
        self._now = now
        self._held: _Held | None = None
        self._failure: _Failure | None = None
        self._renewals: SingleFlight[None] = SingleFlight()
        self._closed = False

    async def token(self) -> str:
        """Return a token that is valid now.

        Raises `MailboxError`, which is `SignInNeeded` if a person has to sign in, or
        `StoreError`.
        """
        record = self._record()
        held = self._holding(record)
        if held is None:
            return await self._fresh()
        if self._clock.seconds() >= held.renew and not self._failing(record):
            self._renew_ahead()
        return held.access

    async def _fresh(self) -> str:
        for _ in range(3):
            record = self._record()
            held = self._holding(record)
            if held is not None:
                return held.access
            failure = self._failing(record)
            if failure is not None:
                raise failure.again()
            await self.renewed()
            # If the record was changed meanwhile, the token is not valid for it.
        raise SignInRefused(f"The {self._kind.noun} keeps being changed.")

    def rejected(self, token: str) -> None:
        """Report that Exchange refused the token, which is then not used again.

        Unless it is new: see `MIN_AGE_WHEN_REJECTED`.
        """
        held, now = self._held, self._clock.seconds()
        if held is None or held.access != token:
            return
        if now - held.obtained >= MIN_AGE_WHEN_REJECTED:
            self._held = None

    def ask_anew(self) -> None:
        """Have the next token asked for at once, although one was refused lately: what
        the endpoint refused may be mended, outside of this server's records. Where a
        person has to sign in, only that mends it."""
        failure = self._failure
        if failure is None or isinstance(failure.error, SignInNeeded):
            return
        if isinstance(failure.error, MailboxRefused):
            self._failure = None

    def adopt(self, record: A, tokens: TokenSet) -> None:
        """Use tokens that were obtained for the record.

        Their refresh token must be durable already.
        """
        now, life = self._clock.seconds(), tokens.lifetime
        self._held = _Held(
            tokens.access,
            settings_of(record),
            now,
            now + life - min(AHEAD, life / 2),
            now + life,
        )
        self._failure = None

    def expires_in(self) -> float | None:
        """Return the seconds until the current token ends; None if there is none."""
        record = self._store.get(self._kind.table, self._id)
        held = None if record is None else self._holding(record)
        return None if held is None else held.ends - self._clock.seconds()

    def needed_because(self) -> str:
        """Return the known reason why a person has to sign in; empty if there is none.

        The token endpoint is not asked.
        """
        record = self._record()
        problem = needed_because(record)
        failure = self._failing(record)
        if failure is not None and isinstance(failure.error, SignInNeeded):
            return problem or failure.error.message
        return problem

    def renewed(self) -> Deferred[None]:
        """Begin a renewal, unless one is under way; fires when it has succeeded.

        Fails as the renewal does. Cancelling the result does not stop the renewal.
        """
        if self._closed and not self._renewals.is_under_way:
            return fail(MailboxUnreachable("The daemon is stopping."))
        return self._renewals.run(self._renew)

    async def take(self, save: Save[A], tokens: TokenSet) -> None:
        """Serve the tokens of a new sign-in as soon as that is durable.

        `save` commits it, when no renewal is under way. Callers of `token` wait for
        the new token from then on.
        """
        while self._renewals.is_under_way:
            await self.settled()

        async def work() -> None:
            with self._logged():
                record, durable = save()
                await durable
            self.adopt(record, tokens)

        await self._renewals.run(work)

    def close(self) -> Deferred[None]:
        """Begin no other renewal; fires when none is under way."""
        self._closed = True
        return self.settled()

    def settled(self) -> Deferred[None]:
        """Return a Deferred that fires when no renewal is under way."""
        return self._renewals.settled()

    def _renew_ahead(self) -> None:
        if not self._closed:
            # Failures are logged, and remembered for the next caller of `token`.
            self._renewals.run(self._renew).addErrback(lambda _: None)

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """Log unexpected errors."""
        try:
            yield
        except PexscheddError:
            raise
        except Exception:
            self._log.failure(
                "token renewal failed {of}", **self._kind.log_keys(self._id)
            )
            raise

    async def _renew(self) -> None:
        with self._logged():
            record = self._record()
            try:
                tokens = await self._obtain(record)
            except MailboxError as error:
                self._remember(record, error)
                raise
            self.adopt(record, tokens)

    async def _obtain(self, record: A) -> TokenSet:
        """New tokens, whose refresh token is durable."""
        settings = settings_of(record)
        if settings.app_only:
            return await self._endpoint.ask(record, app_form(settings))
        problem = needed_because(record)
        if problem:
            page = self._kind.page_of(record.id)
            raise SignInNeeded(f"{problem} Sign in to the service account at {page}")
        context = context_of(record, "oauth_refresh_token")
        try:
            old = self._store.vault.unseal(record.oauth_refresh_token, context)
        except StoreError as error:
            raise SignInNeeded(f"{error.message} Sign in again.") from None
        form = refresh_form(settings, refresh_token=old)
        tokens = await self._endpoint.ask(record, form)
        await self._keep(record, tokens.refresh or old)
        return tokens

    async def _keep(self, asked_for: A, refresh_token: str) -> None:
        """Make the refresh token durable as soon as the disk takes writes, unless the
        sign-in has changed meanwhile."""
        current = self._record()
        found = signed_in(current)
        if (
            found is None
            or current.oauth_refresh_token != asked_for.oauth_refresh_token
            or needed_because(current)
        ):
            raise SignInRefused("The sign-in was replaced or became invalid meanwhile.")
        context = context_of(current, "oauth_refresh_token")
        with self._store.transaction(deferrable=True) as transaction:
            transaction.put(
                self._kind.table,
                replace(
                    current,
                    oauth_refresh_token=self._store.vault.seal(refresh_token, context),
                    oauth_signed_in_for=replace(found, refreshed=self._now()).as_text(),
                ),
            )
            durable = transaction.commit()
        # Without it the daemon could not be told of new mail, nor restart with the
        # token. On a disk that takes no writes it becomes durable later.
        with suppress(StoreReadOnly):
            await durable

    def _remember(self, record: A, error: MailboxError) -> None:
        if isinstance(error, SignInNeeded):
            wait = RETRY_SIGN_IN
        elif isinstance(error, MailboxRefused):
            wait = RETRY_REFUSED
        elif isinstance(error, MailboxBusy):
            wait = RETRY_BUSY
        else:
            wait = RETRY_UNREACHABLE
        self._failure = _Failure(
            error,
            settings_of(record),
            record.oauth_refresh_token,
            self._clock.seconds() + max(wait, error.retry_after or 0),
        )
        self._log.warn(
            "token renewal failed {of} name={name} reason={reason}",
            **self._kind.log_keys(record.id),
            name=record.name,
            reason=error.message,
        )

    def _record(self) -> A:
        record = self._store.get(self._kind.table, self._id)
        if record is None:
            raise SignInRefused(f"The {self._kind.noun} has been deleted.")
        return record

    def _holding(self, record: A) -> _Held | None:
        held = self._held
        if held is None or held.settings != settings_of(record):
            return None
        return held if self._clock.seconds() < held.ends else None

    def _failing(self, record: A) -> _Failure | None:
        """The last failure, as long as it need not be tried again."""
        failure = self._failure
        if (
            failure is None
            or self._clock.seconds() >= failure.until
            or failure.settings != settings_of(record)
            or failure.refresh_token != record.oauth_refresh_token
        ):
            return None
        return failure
