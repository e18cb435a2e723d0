"""A user's sign-in for personal rooms, from the pane's button to its session.

    begin      the pane's attempt, and the address for a window
    start      the window opens: on to the identity provider
    finish     the browser comes back: code, tokens, user, record
    progress   the pane asks how it goes, and gets a session

The window and the pane share nothing but the server: an identity provider may cut a
window off from whoever opened it. Everything that is secret stays here or goes to the
pane in the body of an answer.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.clock import Now
from pexschedd.errors import (
    EmailUnusable,
    PexscheddError,
    UnknownUser,
    UserElsewhere,
)
from pexschedd.identity.openid.provider_documents import ProviderDocuments
from pexschedd.identity.openid.token import key_of_token
from pexschedd.identity.personal.answers import UserTokens, code_in
from pexschedd.identity.personal.attempts import (
    Attempt,
    AttemptFailure,
    Attempts,
    NewAttempt,
    Phase,
    SignedInUser,
)
from pexschedd.identity.personal.faults import (
    AnotherProvider,
    ProviderRefuses,
    SignInNotSetUp,
    SignInOver,
    UserSignInFailed,
    as_sign_in_fault,
)
from pexschedd.identity.personal.provider_kinds import (
    SettingsWrong,
    UserProvider,
    provider_of,
)
from pexschedd.identity.personal.requests import authorization_url
from pexschedd.identity.personal.sessions import Sessions
from pexschedd.identity.personal.token_client import UserTokenClient
from pexschedd.identity.personal.user_token import (
    UserProfile,
    profile_in,
    require_email,
    verified_claims,
)
from pexschedd.model.integration.connector import Connector

SIGNING_IN_TEXT = "addin_pane_personal_vmr_error_signing_in_message"
GETTING_TEXT = "addin_pane_personal_vmr_error_getting_message"
"""The fields with what users see: the second if they are not known here."""


class UserRecords(Protocol):
    """The records of users, see `personal.users`."""

    async def signed_in(
        self,
        connector: Connector,
        profile: UserProfile,
        exchange_user: str,
        correlation_id: str,
    ) -> SignedInUser:
        """Return who has signed in, durably known; raises `UnknownUser`."""

    async def signed_out(self, user: int | None, exchange_user: str) -> None:
        """Forget the Exchange user of a record, found by either of the two."""


SecretListener = Callable[[Connector, str], None]
"""Is told after each answer to a client secret: what is wrong with it, or nothing."""


class WindowOutcome(msgspec.Struct, frozen=True):
    """The end of a sign-in as its window shows it: a user or a failure."""

    connector: Connector | None
    user: SignedInUser | None = None
    failure: AttemptFailure | None = None
    language: str = ""
    """That of the pane, such as de-DE; empty if it is not known."""


class UserSignIns:
    """Guides users of all integrations through signing in.

    `connectors` gives an integration by its id.
    """

    _log = Logger()

    def __init__(
        self,
        connectors: Callable[[int], Connector | None],
        attempts: Attempts[UserProvider],
        sessions: Sessions,
        documents: ProviderDocuments,
        client: UserTokenClient,
        records: UserRecords,
        *,
        now: Now,
        secret_answered: SecretListener,
    ) -> None:
        self._connectors = connectors
        self._attempts = attempts
        self._sessions = sessions
        self._documents = documents
        self._client = client
        self._records = records
        self._now = now
        self._secret_answered = secret_answered

    def begin(
        self,
        connector: Connector,
        *,
        exchange_user: str,
        address: str,
        language: str = "",
    ) -> NewAttempt:
        """Begin an attempt of a pane at `address`.

        `exchange_user` is the verified user of its token, empty without one, and
        `language` Outlook's. Raises `TooManyRequests`, and `SignInNotSetUp` if the
        settings cannot work.
        """
        try:
            provider = provider_of(connector)
        except SettingsWrong as error:
            self._log.error(
                "user sign-in is not set up integration={integration} reason={reason}",
                integration=connector.id,
                reason=error.message,
            )
            raise SignInNotSetUp from None
        return self._attempts.begin(
            connector.id,
            provider,
            exchange_user=exchange_user,
            address=address,
            language=language,
        )

    def is_waiting(self, connector: Connector, start: str) -> bool:
        """Return True if a start code can still be used."""
        return self._attempts.waiting_to_start(connector.id, start) is not None

    def new_browser(self) -> str:
        """Return a secret for a browser that has none, by which it is known again."""
        return self._attempts.new_secret()

    def start(self, connector: Connector, start: str, browser: str = "") -> str:
        """Use up a start code and return the URL at which the user signs in.

        `browser` is the secret of the window's browser. Raises `SignInOver`.
        """
        started = self._attempts.start(connector.id, start, browser)
        if started is None:
            raise SignInOver
        attempt, state = started
        return authorization_url(
            attempt.provider,
            state=state,
            nonce=attempt.nonce,
            verifier=attempt.verifier,
        )

    def begun_elsewhere(
        self, answer: Mapping[str, str], browser: str
    ) -> Connector | None:
        """Return the integration of an answer that would sign in a person whose browser
        has not begun the attempt; else None.

        The provider's address may have been sent to that person.
        """
        attempt = self._attempts.at_provider(answer.get("state", ""))
        if attempt is None or "error" in answer or attempt.is_of_browser(browser):
            return None
        return self._connectors(attempt.integration)

    async def finish(
        self, answer: Mapping[str, str], correlation_id: str
    ) -> WindowOutcome:
        """Finish the attempt of the query that the browser came back with.

        Any problem is in the outcome, and the pane is told of it, too.
        """
        attempt = self._attempts.returned(answer.get("state", ""))
        if attempt is None:
            return WindowOutcome(None, failure=_window_failure(correlation_id))
        connector = self._connectors(attempt.integration)
        if connector is None:
            self._attempts.failed(attempt, _window_failure(correlation_id))
            return WindowOutcome(None, failure=attempt.failure)
        try:
            user = await self._user(connector, attempt, answer, correlation_id)
        except Exception as error:  # noqa: BLE001 - the pane has to be told of each
            fault = as_sign_in_fault(error)
            failure = self._failure(connector, fault, correlation_id)
            self._attempts.failed(attempt, failure)
            return WindowOutcome(connector, failure=failure, language=attempt.language)
        self._attempts.done(attempt, user)
        return WindowOutcome(connector, user=user, language=attempt.language)

    def progress(self, connector: Connector, secret: str) -> Attempt[UserProvider]:
        """Return the attempt of a pane, with its session once it is done.

        Raises `SignInOver`.
        """
        attempt = self._attempts.of_pane(connector.id, secret)
        if attempt is None:
            raise SignInOver
        if attempt.phase is Phase.DONE and attempt.user and not attempt.session:
            attempt.session = self._sessions.open(connector.id, attempt.user.id)
        return attempt

    def cancel(self, connector: Connector, secret: str) -> None:
        """Forget the attempt of a pane, if there is one."""
        self._attempts.cancel(connector.id, secret)

    async def sign_out(
        self, connector: Connector, *, session: str, exchange_user: str
    ) -> None:
        """End a session, and forget the Exchange user on the user's record, durably."""
        user = self._sessions.user_of(connector.id, session)
        self._sessions.close(connector.id, session)
        if user is not None or exchange_user:
            await self._records.signed_out(user, exchange_user)

    async def _user(
        self,
        connector: Connector,
        attempt: Attempt[UserProvider],
        answer: Mapping[str, str],
        correlation_id: str,
    ) -> SignedInUser:
        """The user who has signed in, durably known."""
        provider = attempt.provider
        self._require_same_settings(connector, provider)
        published = await self._documents.of(provider)
        said = answer.get("iss", "")
        if (said or published.says_issuer) and said != published.answers_as:
            raise AnotherProvider(
                f"The answer names the provider {said[:200]!r} instead of "
                f"{published.answers_as} (iss, RFC 9207)."
            )
        code = code_in(answer, provider)
        tokens = await self._tokens(connector, attempt, code)
        profile = await self._profile(attempt, tokens)
        # Meanwhile the pane may have been told to cancel, or the settings be others.
        if not self._attempts.is_under_way(attempt):
            raise SignInOver
        current = self._connectors(connector.id)
        if current is None:
            raise SignInOver
        self._require_same_settings(current, provider)
        return await self._records.signed_in(
            current, profile, attempt.exchange_user, correlation_id
        )

    def _require_same_settings(
        self, connector: Connector, provider: UserProvider
    ) -> None:
        """Raise `SignInOver` if the attempt was begun with other settings."""
        try:
            same = connector.enable_personal_vmrs and provider_of(connector) == provider
        except SettingsWrong:
            same = False
        if not same:
            raise SignInOver

    async def _tokens(
        self, connector: Connector, attempt: Attempt[UserProvider], code: str
    ) -> UserTokens:
        provider = attempt.provider
        try:
            tokens = await self._client.tokens(
                connector, provider, code=code, verifier=attempt.verifier
            )
        except ProviderRefuses as error:
            if error.about_secret:
                self._secret_answered(connector, error.message)
            raise
        if provider.client_secret:
            self._secret_answered(connector, "")
        return tokens

    async def _profile(
        self, attempt: Attempt[UserProvider], tokens: UserTokens
    ) -> UserProfile:
        provider = attempt.provider
        key = await self._documents.key(provider, key_of_token(tokens.proof))
        published = await self._documents.of(provider)
        claims = verified_claims(
            tokens.proof,
            key,
            provider,
            issuers=published.issuers,
            nonce=attempt.nonce,
            now=self._now(),
        )
        profile = profile_in(claims, provider)
        has_all = profile.email and profile.display_name
        if provider.graph and tokens.access and not has_all:
            entry = await self._client.directory_entry(provider, tokens.access)
            profile = completed(profile, entry)
        require_email(profile, provider)
        return profile

    def _failure(
        self, connector: Connector, error: Exception, correlation_id: str
    ) -> AttemptFailure:
        """Log why an attempt failed, and return what is shown of it."""
        keys: dict[str, Any] = {
            "integration": connector.id,
            "correlation_id": correlation_id,
        }
        if not isinstance(error, PexscheddError):
            self._log.failure(
                "user sign-in failed unexpectedly", Failure(error), **keys
            )
        else:
            self._log.warn(
                "user sign-in failed integration={integration} code={code} "
                "reason={reason}",
                code=error.code,
                reason=error.message,
                **keys,
            )
        return _shown(error, correlation_id)


def _shown(error: Exception, correlation_id: str) -> AttemptFailure:
    """The failure as its user sees it: without what is for administrators."""
    text = SIGNING_IN_TEXT
    code, message, can_retry = UserSignInFailed.code, UserSignInFailed.reason, True
    if isinstance(error, UnknownUser):
        # Another account may be known, but none of these of the same user.
        can_retry = not isinstance(error, EmailUnusable | UserElsewhere)
        text = GETTING_TEXT
        code, message = error.code, error.public or error.message
    elif isinstance(error, UserSignInFailed):
        code, message, can_retry = error.code, error.reason, error.can_retry
    elif isinstance(error, PexscheddError) and error.public:
        code, message = error.code, error.public
    return AttemptFailure(code, text, message, correlation_id, can_retry=can_retry)


def completed(profile: UserProfile, entry: Mapping[str, str]) -> UserProfile:
    """Return a profile, completed from the user's entry in the directory."""
    return UserProfile(
        email=profile.email or entry.get("mail", ""),
        first_name=profile.first_name or entry.get("givenName", ""),
        last_name=profile.last_name or entry.get("surname", ""),
        display_name=profile.display_name or entry.get("displayName", ""),
        oid=profile.oid,
        is_guest=profile.is_guest,
    )


def _window_failure(correlation_id: str) -> AttemptFailure:
    """The failure of a window whose attempt, and so its integration, is not known."""
    over = SignInOver()
    return AttemptFailure(over.code, SIGNING_IN_TEXT, over.message, correlation_id)
