"""Access tokens of an application that needs no person's sign-in, kept in memory."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import (
    MailboxError,
    MailboxRefused,
    SignInNeeded,
    SignInRefused,
)
from pexschedd.identity.oauth.endpoint import TokenEndpoint
from pexschedd.identity.oauth.settings import ProviderSettings
from pexschedd.identity.oauth.token_cache import (
    AHEAD,
    MIN_AGE_WHEN_REJECTED,
    RETRY_REFUSED,
    RETRY_UNREACHABLE,
)
from pexschedd.identity.oauth.token_requests import app_form, by_client
from pexschedd.util.single_flight import SingleFlight


class ApplicationTokens:
    """A `TokenSource` of the Bearer authentication, for an application's secret.

    `secret` unseals it. Tokens are renewed by one request at a time, a while before
    their end; after a failure the endpoint is left alone for some seconds, after a
    refusal for five minutes.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        secret: Callable[[], str],
        endpoint: TokenEndpoint,
        clock: IReactorTime,
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._endpoint = endpoint
        self._clock = clock
        self._renewals: SingleFlight[None] = SingleFlight()
        self._access = ""
        self._obtained = 0.0
        self._until = 0.0
        self._error: MailboxError | None = None
        self._again = 0.0

    async def token(self) -> str:
        """Return a token that is valid now. Raises `MailboxError`."""
        now = self._clock.seconds()
        if self._access and now < self._until:
            return self._access
        if self._error is not None and now < self._again:
            wait = self._error.retry_after
            raise type(self._error)(self._error.message, retry_after=wait)
        await self._renewals.run(self._renew)
        return self._access

    def rejected(self, token: str) -> None:
        """Forget a token that Exchange refused, unless it is new: then the token is
        not the reason."""
        age = self._clock.seconds() - self._obtained
        if token == self._access and age >= MIN_AGE_WHEN_REJECTED:
            self._access = ""

    async def _renew(self) -> None:
        settings = self._settings
        try:
            tokens = await self._endpoint.post(
                settings,
                lambda: by_client(settings, app_form(settings), secret=self._secret()),
            )
        except SignInNeeded as error:  # applications do not sign in
            self._failed(SignInRefused(error.message))
            raise SignInRefused(error.message) from None
        except MailboxError as error:
            self._failed(error)
            raise
        now, life = self._clock.seconds(), tokens.lifetime
        self._access, self._obtained = tokens.access, now
        self._until = now + life - min(AHEAD, life / 2)
        self._error = None

    def _failed(self, error: MailboxError) -> None:
        refused = isinstance(error, MailboxRefused)
        wait = RETRY_REFUSED if refused else RETRY_UNREACHABLE
        self._error = error
        self._again = self._clock.seconds() + max(wait, error.retry_after or 0.0)
