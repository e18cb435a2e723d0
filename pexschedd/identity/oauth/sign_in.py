"""Leads a person through signing in to the service account.

A sign-in that was begun is sealed in the integration's record until the browser comes
back: which state it will bring (RFC 6749, section 10.12), and the verifier of the code
(RFC 7636). The browser may be anybody's and is not asked for a password: the state
alone shows that it was sent from here. It is good for one use within ten minutes.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hmac import compare_digest

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import NotFound, PexscheddError, StoreError
from pexschedd.identity.oauth.account import is_account, names_in
from pexschedd.identity.oauth.endpoint import TokenEndpoint, context_of
from pexschedd.identity.oauth.remedies import meaning
from pexschedd.identity.oauth.settings import settings_of
from pexschedd.identity.oauth.signed_in import new_sign_in
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.identity.oauth.token_requests import authorization_url, code_form
from pexschedd.identity.oauth.token_responses import TokenSet
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.store.store import Store

GOOD_FOR = timedelta(minutes=10)

MAX_CODE = 16 * 1024
"""Characters of an authorization code."""

_STATE = re.compile(r"([1-9][0-9]{0,9})\.[A-Za-z0-9_-]{43}")
_STALE = (
    "This sign-in link is not valid any more: it is good for ten minutes and for one "
    "sign-in, and a newer one replaces it. Make a new link and sign in with that."
)


class SignInFailed(PexscheddError):
    """Signing in to the service account is not possible this way."""

    code = "sign_in_failed"


class SignInLink(msgspec.Struct, frozen=True):
    """Where the person signs in, and until when."""

    url: str
    expires: datetime


class SignInOutcome(msgspec.Struct, frozen=True):
    """What came of a sign-in; `problem` is empty if all went well."""

    connector: Connector | None
    account: str = ""
    problem: str = ""


class _Pending(msgspec.Struct, frozen=True):
    state: str
    verifier: str
    url: str
    token_endpoint: str
    expires: datetime

    def __repr__(self) -> str:
        return "<_Pending>"  # nobody logs a verifier by accident


class SignIns:
    """`random(n)` gives a text of n random bytes in URL-safe base64."""

    _log = Logger()

    def __init__(
        self,
        store: Store,
        endpoint: TokenEndpoint,
        keepers: TokenCaches,
        *,
        now: Now,
        random: Callable[[int], str],
    ) -> None:
        self._store = store
        self._endpoint = endpoint
        self._keepers = keepers
        self._now = now
        self._random = random

    async def begin(self, connector_id: int) -> SignInLink:
        """A new link; the one before does not work any more.

        Raises `NotFound`, and `SignInFailed` if nobody has to sign in there.
        """
        connector = self.connector(connector_id)
        missing = [
            name
            for name in (
                "url",
                "username",
                "oauth_client_id",
                "oauth_redirect_uri",
                "oauth_auth_endpoint",
                "oauth_token_endpoint",
            )
            if not getattr(connector, name)
        ]
        if missing:
            raise SignInFailed(
                f"The integration's configuration lacks {', '.join(missing)}."
            )
        state = f"{connector.id}.{self._random(32)}"
        verifier = self._random(48)
        pending = _Pending(
            state,
            verifier,
            authorization_url(settings_of(connector), state=state, verifier=verifier),
            connector.oauth_token_endpoint,
            self._now() + GOOD_FOR,
        )
        text = msgspec.json.encode(pending).decode()
        sealed = self._store.vault.seal(text, context_of(connector, "oauth_state"))
        await self._save(replace(connector, oauth_state=sealed))
        return SignInLink(pending.url, pending.expires)

    def link(self, connector_id: int) -> SignInLink | None:
        """The link that waits for somebody to sign in, if there is one."""
        pending = self._pending(self.connector(connector_id))
        return None if pending is None else SignInLink(pending.url, pending.expires)

    def connector(self, connector_id: int) -> Connector:
        """Raises what `begin` raises."""
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        if connector.authentication_method != "OAUTH":
            raise SignInFailed(
                "Nobody signs in to this integration's service account: its "
                f"authentication_method is {connector.authentication_method}, not "
                "OAUTH."
            )
        return connector

    async def finish(self, answer: Mapping[str, str]) -> SignInOutcome:
        """Ends a sign-in with the query that the browser came back with.

        Raises only `StoreError`: any other problem is an outcome.
        """
        connector, pending = self._answered(answer.get("state", ""))
        if connector is None or pending is None:
            return SignInOutcome(None, problem=_STALE)
        # Whatever comes of it: this state has been used.
        await self._save(replace(connector, oauth_state=""))
        try:
            account = await self._exchange(connector, pending, answer)
        except StoreError:
            raise
        except PexscheddError as error:
            self._log.warn(
                "integration {name}: sign-in to the service account failed: {reason}",
                name=connector.name,
                integration=connector.id,
                reason=error.message,
            )
            return SignInOutcome(connector, problem=error.message)
        self._log.info(
            "integration {name}: signed in to the service account as {account}",
            name=connector.name,
            integration=connector.id,
            account=account,
        )
        return SignInOutcome(connector, account)

    async def _exchange(
        self, connector: Connector, pending: _Pending, answer: Mapping[str, str]
    ) -> str:
        """The code for tokens, which are kept; returns the account's name."""
        if "error" in answer:
            raise meaning(answer["error"], answer.get("error_description", ""))
        code = answer.get("code", "")
        if not 0 < len(code) <= MAX_CODE:
            raise SignInFailed(
                "The identity provider sent the browser back without a code. Sign in "
                "again."
            )
        settings = settings_of(connector)
        form = code_form(settings, code=code, verifier=pending.verifier)
        tokens = await self._endpoint.ask(connector, form)
        account = self._account(connector, tokens)
        if not tokens.refresh:
            raise SignInFailed(
                "The identity provider gave no refresh token, without which the "
                "sign-in would end within the hour. Allow the application offline "
                "access (the refresh token grant)."
            )

        def save() -> tuple[Connector, Deferred[None]]:
            current = self._store.get(tables.CONNECTOR, connector.id)
            if current is None or settings_of(current) != settings:
                raise SignInFailed(
                    "The integration was changed during the sign-in. Sign in again."
                )
            context = context_of(current, "oauth_refresh_token")
            current = replace(
                current,
                oauth_refresh_token=self._store.vault.seal(tokens.refresh, context),
                oauth_signed_in_for=new_sign_in(
                    current, account, self._now()
                ).as_text(),
            )
            return current, self._save(current)

        await self._keepers.of(connector).take(save, tokens)
        return account or connector.username

    def _account(self, connector: Connector, tokens: TokenSet) -> str:
        """Who signed in; raises `SignInFailed` if that is somebody else."""
        names = names_in(tokens.id, tokens.access)
        if not names:
            self._log.warn(
                "integration {name}: the identity provider does not say which account "
                "signed in; it is taken to be {username}",
                name=connector.name,
                integration=connector.id,
                username=connector.username,
            )
            return ""
        if not is_account(names, connector.username):
            raise SignInFailed(
                f"{names[0]} signed in, but the service account is "
                f"{connector.username}. Sign out of all accounts at the identity "
                f"provider (a private window does), then sign in as "
                f"{connector.username}; or correct the service account username."
            )
        return next(n for n in names if is_account([n], connector.username))

    def _answered(self, state: str) -> tuple[Connector | None, _Pending | None]:
        """The integration and its pending sign-in, if the state is the right one."""
        match = _STATE.fullmatch(state)
        connector = match and self._store.get(tables.CONNECTOR, int(match[1]))
        if not connector:
            return None, None
        pending = self._pending(connector)
        if pending is None or not compare_digest(pending.state, state):
            return None, None
        return connector, pending

    def _pending(self, connector: Connector) -> _Pending | None:
        """What was begun and is still good, for the settings as they are."""
        if not connector.oauth_state or connector.authentication_method != "OAUTH":
            return None
        context = context_of(connector, "oauth_state")
        try:
            text = self._store.vault.unseal(connector.oauth_state, context)
            pending = msgspec.json.decode(text, type=_Pending)
        except (StoreError, msgspec.DecodeError):
            return None
        url = authorization_url(
            settings_of(connector), state=pending.state, verifier=pending.verifier
        )
        same = url == pending.url
        same = same and connector.oauth_token_endpoint == pending.token_endpoint
        return pending if same and self._now() < pending.expires else None

    def _save(self, connector: Connector) -> Deferred[None]:
        with self._store.transaction(essential=True) as change:
            change.put(tables.CONNECTOR, connector)
            return change.commit()
