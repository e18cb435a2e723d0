"""Guides a person through signing in to the service account.

A sign-in that was begun is sealed in the integration's record until the browser comes
back, with the state that it has to bring (RFC 6749, section 10.12) and the verifier of
the code (RFC 7636). It may be anybody's browser, and it is not asked for a password:
the state alone proves that the sign-in was begun here. It is valid for one use, within
ten minutes.
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
from pexschedd.history.recorder import record_changes, settle
from pexschedd.identity.oauth.account import is_account, names_in
from pexschedd.identity.oauth.endpoint import TokenEndpoint, context_of
from pexschedd.identity.oauth.remedies import meaning
from pexschedd.identity.oauth.settings import settings_of
from pexschedd.identity.oauth.signed_in import new_sign_in
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.identity.oauth.token_requests import authorization_url, code_form
from pexschedd.identity.oauth.token_responses import TokenSet
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.store.store import Store

VALID_FOR = timedelta(minutes=10)

MAX_CODE = 16 * 1024
"""Characters of an authorization code."""

_STATE = re.compile(r"([1-9][0-9]{0,9})\.[A-Za-z0-9_-]{43}")
_STALE = (
    "This sign-in link is not valid any more: it can be used once, within ten minutes, "
    "and a newer one replaces it. Make a new link and sign in with that."
)


class SignInFailed(PexscheddError):
    """The sign-in to the service account is impossible, or has failed."""

    code = "sign_in_failed"


class SignInLink(msgspec.Struct, frozen=True):
    """The URL at which the person signs in, and the time when it expires."""

    url: str
    expires: datetime


class SignInOutcome(msgspec.Struct, frozen=True):
    """The result of a sign-in; `problem` is empty if it succeeded."""

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
        return "<_Pending>"  # no verifier gets into a log by accident


class SignIns:
    """Begins and finishes sign-ins.

    `random(n)` returns n random bytes as text in URL-safe base64.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        endpoint: TokenEndpoint,
        caches: TokenCaches,
        *,
        now: Now,
        random: Callable[[int], str],
    ) -> None:
        self._store = store
        self._endpoint = endpoint
        self._caches = caches
        self._now = now
        self._random = random

    async def begin(self, connector_id: int) -> SignInLink:
        """Make a new link, durably; it replaces the last one.

        Raises `NotFound`, and `SignInFailed` if the integration is not configured for
        signing in.
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
            self._now() + VALID_FOR,
        )
        text = msgspec.json.encode(pending).decode()
        sealed = self._store.vault.seal(text, context_of(connector, "oauth_state"))
        await self._save(replace(connector, oauth_state=sealed))
        return SignInLink(pending.url, pending.expires)

    def link(self, connector_id: int) -> SignInLink | None:
        """Return the link that is still valid, if there is one."""
        pending = self._pending(self.connector(connector_id))
        return None if pending is None else SignInLink(pending.url, pending.expires)

    def connector(self, connector_id: int) -> Connector:
        """Return an integration in which people sign in.

        Raises `NotFound`, and `SignInFailed` if it has another authentication method.
        """
        connector = self._store.get(tables.CONNECTOR, connector_id)
        if connector is None:
            raise NotFound(f"There is no integration {connector_id}.")
        if connector.authentication_method != "OAUTH":
            raise SignInFailed(
                "This integration's service account needs no sign-in: its "
                f"authentication_method is {connector.authentication_method}, not "
                "OAUTH."
            )
        return connector

    async def finish(self, answer: Mapping[str, str]) -> SignInOutcome:
        """Finish a sign-in with the query that the browser came back with.

        Raises only `StoreError`: any other problem is in the outcome.
        """
        connector, pending = self._answered(answer.get("state", ""))
        if connector is None or pending is None:
            return SignInOutcome(None, problem=_STALE)
        # First of all: the state can be used only once.
        await self._save(replace(connector, oauth_state=""))
        try:
            account = await self._exchange(connector, pending, answer)
        except StoreError:
            raise
        except PexscheddError as error:
            self._log.warn(
                "service account sign-in failed integration={integration} "
                "name={name} reason={reason}",
                integration=connector.id,
                name=connector.name,
                reason=error.message,
            )
            return SignInOutcome(connector, problem=error.message)
        self._log.info(
            "service account signed in integration={integration} name={name} "
            "account={account}",
            integration=connector.id,
            name=connector.name,
            account=account,
        )
        return SignInOutcome(connector, account)

    async def _exchange(
        self, connector: Connector, pending: _Pending, answer: Mapping[str, str]
    ) -> str:
        """Exchange the code for tokens and keep them; return the account's name."""
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

        await self._caches.of(connector).take(save, tokens)
        await settle(self._store, tables.CONNECTOR.document)
        return account or connector.username

    def _account(self, connector: Connector, tokens: TokenSet) -> str:
        """The account that signed in, empty if unknown.

        Raises `SignInFailed` if it is another one than the service account.
        """
        names = names_in(tokens.id, tokens.access)
        if not names:
            self._log.warn(
                "identity provider named no account, assuming the configured one "
                "integration={integration} name={name} account={username}",
                integration=connector.id,
                name=connector.name,
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
        """The integration and its pending sign-in, if the state belongs to one."""
        match = _STATE.fullmatch(state)
        connector = match and self._store.get(tables.CONNECTOR, int(match[1]))
        if not connector:
            return None, None
        pending = self._pending(connector)
        if pending is None or not compare_digest(pending.state, state):
            return None, None
        return connector, pending

    def _pending(self, connector: Connector) -> _Pending | None:
        """The sign-in that was begun, if it is valid with the current settings."""
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
        with self._store.transaction(essential=True) as transaction:
            transaction.put(tables.CONNECTOR, connector)
            record_changes(self._store, transaction, self._now())
            return transaction.commit()
