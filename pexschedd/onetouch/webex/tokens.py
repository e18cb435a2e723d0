"""The access tokens of profiles, kept ready for use.

A refresh token is sealed in the profile's record, and a new one that Webex gives is
durable before the access token is used that came with it; on a disk that takes no
writes at all it becomes durable later. A token is renewed before its end, by one
request at a time; after a refusal Webex is not asked again for a while, unless the
profile changes.
"""

from collections.abc import Callable
from contextlib import suppress

import msgspec
from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import StoreError, StoreReadOnly
from pexschedd.identity.oauth.token_responses import TokenSet
from pexschedd.model import tables
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from pexschedd.onetouch.webex.access import (
    BaseOf,
    WebexClient,
    client_of,
    secret_context,
    sign_in_page,
)
from pexschedd.onetouch.webex.api_client import ApiClient
from pexschedd.onetouch.webex.token_answers import (
    Form,
    refresh_form,
    token_url,
    tokens_in,
)
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.single_flight import SingleFlight

AHEAD = 300.0
"""Seconds before its end at which a token is renewed; half its lifetime, if less."""
MIN_AGE_WHEN_REJECTED = 60.0
"""Seconds. A newer token is kept even if it is refused: then it is not the reason."""
RETRY_REFUSED = 3600.0
RETRY_OTHERWISE = 15.0
"""Seconds until Webex is asked again for a token. A change of the profile is tried at
once."""


class _Held(msgspec.Struct, frozen=True):
    access: str
    client: WebexClient
    obtained: float
    ends: float
    renew: float

    def __repr__(self) -> str:
        return "<_Held>"  # no token gets into a log by accident


class _Failure(msgspec.Struct, frozen=True):
    problem: EndpointProblem
    client: WebexClient
    refresh_token: str
    until: float


class ProfileTokens:
    """The access token of one profile. Methods raise `EndpointProblem`."""

    _log = Logger()

    def __init__(
        self,
        profile_id: int,
        store: Store,
        api: ApiClient,
        clock: IReactorTime,
        now: Now,
        base_of: BaseOf,
    ) -> None:
        self._id = profile_id
        self._store = store
        self._api = api
        self._clock = clock
        self._now = now
        self._base_of = base_of
        self._held: _Held | None = None
        self._failure: _Failure | None = None
        self._renewals: SingleFlight[None] = SingleFlight()

    async def token(self) -> str:
        """Return a token that is valid now."""
        for _ in range(3):
            held = self._holding()
            if held is not None and self._clock.seconds() < held.renew:
                return held.access
            failure = self._failing()
            if failure is not None:
                if held is not None:
                    return held.access
                raise self._again(failure)
            try:
                await self._renewals.run(self._renew)
            except EndpointProblem:
                if held is None:
                    raise
                return held.access
            # If the profile was changed meanwhile, the token is not valid for it.
        raise EndpointProblem(
            ProblemKind.SETTINGS, "the profile keeps being changed; it is tried later."
        )

    def rejected(self, token: str) -> None:
        """Report that Webex refused the token, which is then not used again: unless it
        is new, see `MIN_AGE_WHEN_REJECTED`."""
        held, now = self._held, self._clock.seconds()
        if held is None or held.access != token:
            return
        if now - held.obtained >= MIN_AGE_WHEN_REJECTED:
            self._held = None

    async def ask(
        self,
        client: WebexClient,
        form: Callable[[WebexClient, str], Form],
        not_accepted: str,
    ) -> TokenSet:
        """Return the tokens for a form, which is made of the client and its secret. See
        `tokens_in`."""
        context = secret_context(self._id, "webex_client_secret")
        try:
            secret = self._store.vault.unseal(client.sealed_secret, context)
        except StoreError as error:
            raise EndpointProblem(ProblemKind.SETTINGS, error.message) from None
        url, complete = token_url(client), form(client, secret)
        answer = await self._api.send("POST", url, form=complete)
        return tokens_in(answer, self._now(), not_accepted)

    async def take(
        self, save: Callable[[], Deferred[None]], client: WebexClient, tokens: TokenSet
    ) -> None:
        """Serve the tokens of a new sign-in as soon as that is durable.

        `save` commits it, when no renewal is under way.
        """
        while self._renewals.is_under_way:
            await self._renewals.settled()

        async def work() -> None:
            await save()
            self._adopt(client, tokens)

        await self._renewals.run(work)

    def settled(self) -> Deferred[None]:
        """Fire when no renewal is under way."""
        return self._renewals.settled()

    async def _renew(self) -> None:
        profile = self._profile()
        client = client_of(profile, self._base_of)
        try:
            old = self._refresh_token(profile)
            tokens = await self.ask(
                client,
                lambda client, secret: refresh_form(client, secret, refresh_token=old),
                "the sign-in at Webex has expired or was revoked. Sign in again at "
                f"{sign_in_page(self._id)}",
            )
            if tokens.refresh not in ("", old):
                await self._keep(profile, client, tokens.refresh)
        except EndpointProblem as problem:
            self._remember(profile, client, problem)
            raise
        self._adopt(client, tokens)

    def _refresh_token(self, profile: JoinProfile) -> str:
        page = sign_in_page(self._id)
        if not profile.webex_refresh_token:
            raise EndpointProblem(
                ProblemKind.CREDENTIALS,
                "nobody has signed in at Webex for its profile, or the profile's "
                f"settings changed since. Sign in at {page}",
            )
        context = secret_context(self._id, "webex_refresh_token")
        try:
            return self._store.vault.unseal(profile.webex_refresh_token, context)
        except StoreError as error:
            text = f"{error.message} Sign in again at {page}"
            raise EndpointProblem(ProblemKind.CREDENTIALS, text) from None

    async def _keep(
        self, asked_for: JoinProfile, client: WebexClient, refresh_token: str
    ) -> None:
        """Make a new refresh token durable as soon as the disk takes writes, unless
        the sign-in changed meanwhile."""
        current = self._profile()
        is_same = client_of(current, self._base_of) == client
        if current.webex_refresh_token != asked_for.webex_refresh_token or not is_same:
            text = "the sign-in at Webex was changed meanwhile."
            raise EndpointProblem(ProblemKind.BUSY, text, retry_after=1.0)
        with self._store.transaction(deferrable=True) as transaction:
            put_refresh_token(self._store, transaction, current, refresh_token)
            durable = transaction.commit()
        # Webex may have taken the old one back. On a disk that takes no writes the
        # new one is in memory at least, and becomes durable later.
        with suppress(StoreReadOnly):
            await durable

    def _adopt(self, client: WebexClient, tokens: TokenSet) -> None:
        now, life = self._clock.seconds(), tokens.lifetime
        renew = now + life - min(AHEAD, life / 2)
        self._held = _Held(tokens.access, client, now, now + life, renew)
        self._failure = None

    def _remember(
        self, profile: JoinProfile, client: WebexClient, problem: EndpointProblem
    ) -> None:
        lasting = (ProblemKind.CREDENTIALS, ProblemKind.REFUSED, ProblemKind.SETTINGS)
        wait = RETRY_REFUSED if problem.kind in lasting else RETRY_OTHERWISE
        until = self._clock.seconds() + (problem.retry_after or wait)
        self._failure = _Failure(problem, client, profile.webex_refresh_token, until)
        self._log.warn(
            "webex token renewal failed integration={integration} reason={reason}",
            integration=profile.name,
            reason=problem.message,
        )

    def _again(self, failure: _Failure) -> EndpointProblem:
        """The problem as a new exception, with the time that is left."""
        problem, left = failure.problem, failure.until - self._clock.seconds()
        wait = left if problem.kind is ProblemKind.BUSY else None
        return EndpointProblem(problem.kind, problem.message, retry_after=wait)

    def _profile(self) -> JoinProfile:
        profile = self._store.get(tables.MJX_INTEGRATION, self._id)
        if profile is None:
            text = "its profile has been deleted."
            raise EndpointProblem(ProblemKind.SETTINGS, text)
        return profile

    def _holding(self) -> _Held | None:
        """The token in hand, if it is still valid for the profile as it is now."""
        profile, held = self._profile(), self._held
        if held is None or held.client != client_of(profile, self._base_of):
            return None
        is_signed_in = bool(profile.webex_refresh_token)
        return held if is_signed_in and self._clock.seconds() < held.ends else None

    def _failing(self) -> _Failure | None:
        """The last failure, as long as it need not be tried again."""
        profile, failure = self._profile(), self._failure
        if (
            failure is None
            or self._clock.seconds() >= failure.until
            or failure.client != client_of(profile, self._base_of)
            or failure.refresh_token != profile.webex_refresh_token
        ):
            return None
        return failure


def put_refresh_token(
    store: Store, transaction: Transaction, profile: JoinProfile, token: str
) -> None:
    """Store a refresh token in a profile's record, sealed."""
    context = secret_context(profile.id, "webex_refresh_token")
    sealed = store.vault.seal(token, context)
    transaction.put(
        tables.MJX_INTEGRATION, replace(profile, webex_refresh_token=sealed)
    )


class WebexTokens(Service):
    """The tokens of all profiles. Stop it before the store: a renewal may be under
    way, whose refresh token is the only one that counts."""

    name = "webex-tokens"

    def __init__(
        self, store: Store, api: ApiClient, clock: IReactorTime, now: Now, base: BaseOf
    ) -> None:
        self._make = lambda id: ProfileTokens(id, store, api, clock, now, base)
        self._tokens: dict[int, ProfileTokens] = {}
        store.subscribe(tables.MJX_INTEGRATION, self._changed)

    def of(self, profile_id: int) -> ProfileTokens:
        """Return a profile's tokens."""
        found = self._tokens.get(profile_id)
        if found is None:
            found = self._tokens[profile_id] = self._make(profile_id)
        return found

    def stopService(self) -> Deferred[list[None]]:
        """Fire when no renewal is under way."""
        super().stopService()
        return gatherResults([each.settled() for each in self._tokens.values()])

    def _changed(self, old: JoinProfile | None, new: JoinProfile | None) -> None:
        if new is None and old is not None:
            self._tokens.pop(old.id, None)
