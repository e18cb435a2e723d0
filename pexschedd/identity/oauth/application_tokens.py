"""Access tokens of an application that needs no person's sign-in, kept in memory."""

from collections.abc import Callable, Mapping

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.errors import MailboxError, MailboxRefused
from pexschedd.identity.oauth.endpoint import TokenEndpoint
from pexschedd.identity.oauth.settings import ProviderSettings
from pexschedd.identity.oauth.token_cache import (
    AHEAD,
    MIN_AGE_WHEN_REJECTED,
    RETRY_REFUSED,
    RETRY_UNREACHABLE,
)
from pexschedd.identity.oauth.token_requests import Form, app_form
from pexschedd.util.single_flight import SingleFlight

MAX_CLAIMS = 4096
"""Characters of the claims that a resource may demand; Graph's have a hundred."""


class ApplicationTokens:
    """A `ChallengedTokenSource` for an application's secret or certificate.

    `authenticated` adds the secret, or an assertion, to a form; `log_keys` say whose
    tokens these are. A token is renewed ahead of time, by one request at a time, while
    it can still be used: until its end, failures of the endpoint have no effect. After
    a failure the endpoint is left alone for some seconds, after a refusal for five
    minutes.
    """

    _log = Logger()

    def __init__(
        self,
        settings: ProviderSettings,
        authenticated: Callable[[Form], Form],
        endpoint: TokenEndpoint,
        clock: IReactorTime,
        log_keys: Mapping[str, object],
    ) -> None:
        self.settings = settings
        self._authenticated = authenticated
        self._endpoint = endpoint
        self._clock = clock
        self._log_keys = log_keys
        self._renewals: SingleFlight[str] = SingleFlight()
        self._access = ""
        self._obtained = 0.0
        self._renew_at = 0.0
        self._ends = 0.0
        self._claims = ""
        """Claims that the next token has to satisfy (JSON)."""
        self._answers_challenge = False
        """True if the token was asked for with claims."""
        self._error: MailboxError | None = None
        self._again = 0.0

    async def token(self) -> str:
        """Return a token that is valid now. Raises `MailboxError`."""
        now = self._clock.seconds()
        may_ask = self._error is None or now >= self._again
        if self._access and now < self._ends:
            if now >= self._renew_at and may_ask:
                # A failure is logged, and remembered for the next caller.
                self._renewals.run(self._renew).addErrback(lambda _: None)
            return self._access
        if self._error is not None and not may_ask:
            wait = self._error.retry_after
            raise type(self._error)(self._error.message, retry_after=wait)
        return await self._renewals.run(self._renew)

    def rejected(self, token: str) -> None:
        """Forget a token that the server refused, unless it is new: then the token is
        not the reason."""
        if token == self._access and not self._is_new:
            self._access = ""

    def challenged(self, token: str, claims: str) -> None:
        """Forget a token whose place one that satisfies `claims` has to take, unless it
        is a new one that was obtained so already.

        What is no JSON object of at most `MAX_CLAIMS` characters is no demand; then the
        token was just refused.
        """
        if token != self._access or not _is_object(claims):
            self.rejected(token)
        elif not (self._answers_challenge and self._is_new):
            self._access, self._claims = "", claims

    def ask_anew(self) -> None:
        """Have the next token asked for at once, although one was refused lately: what
        the endpoint refused may be mended, outside of this server's records."""
        if isinstance(self._error, MailboxRefused):
            self._error = None

    def settled(self) -> Deferred[None]:
        """Return a Deferred that fires when no renewal is under way."""
        return self._renewals.settled()

    @property
    def _is_new(self) -> bool:
        return self._clock.seconds() - self._obtained < MIN_AGE_WHEN_REJECTED

    async def _renew(self) -> str:
        settings, claims = self.settings, self._claims
        try:
            tokens = await self._endpoint.post(
                settings, lambda: self._authenticated(app_form(settings, claims))
            )
        except MailboxError as error:
            self._failed(error)
            raise
        now, life = self._clock.seconds(), tokens.lifetime
        self._access, self._obtained = tokens.access, now
        self._ends = now + life
        self._renew_at = self._ends - min(AHEAD, life / 2)
        self._answers_challenge = bool(claims)
        if self._claims == claims:
            self._claims = ""
        self._error = None
        return tokens.access

    def _failed(self, error: MailboxError) -> None:
        wait = RETRY_UNREACHABLE
        if isinstance(error, MailboxRefused):
            wait = RETRY_REFUSED
            self._claims = ""  # they may be what is refused
        self._error = error
        self._again = self._clock.seconds() + max(wait, error.retry_after or 0.0)
        self._log.warn(
            "token endpoint gave no token reason={reason}",
            reason=error.message,
            **self._log_keys,
        )


def _is_object(claims: str) -> bool:
    if len(claims) > MAX_CLAIMS:
        return False
    try:
        return isinstance(msgspec.json.decode(claims), dict)
    except (ValueError, RecursionError):
        return False
