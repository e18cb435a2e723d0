"""Guides a person through signing in to the service account.

A sign-in that was begun is sealed in the record until the browser comes back, with the
state that it has to bring (RFC 6749, section 10.12) and the verifier of the code (RFC
7636). It may be anybody's browser, and it is not asked for a password: the state alone
proves that the sign-in was begun here. It is valid for one use, within ten minutes.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Generic

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
from pexschedd.identity.oauth.service_accounts import (
    A,
    AccountKind,
    ServiceAccount,
)
from pexschedd.identity.oauth.settings import settings_of
from pexschedd.identity.oauth.signed_in import new_sign_in
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.identity.oauth.token_requests import authorization_url, code_form
from pexschedd.identity.oauth.token_responses import TokenSet
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

    record: ServiceAccount | None
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


class SignIns(Generic[A]):
    """Begins and finishes sign-ins to the accounts of one kind of record.

    `random(n)` returns n random bytes as text in URL-safe base64.
    """

    _log = Logger()

    def __init__(
        self,
        kind: AccountKind[A],
        store: Store,
        endpoint: TokenEndpoint,
        caches: TokenCaches[A],
        *,
        now: Now,
        random: Callable[[int], str],
    ) -> None:
        self._kind: AccountKind[A] = kind
        self._store = store
        self._endpoint = endpoint
        self._caches: TokenCaches[A] = caches
        self._now = now
        self._random = random

    async def begin(self, record_id: int) -> SignInLink:
        """Make a new link, durably; it replaces the last one.

        Raises `NotFound`, and `SignInFailed` if the record is not configured for
        signing in.
        """
        record = self.record(record_id)
        missing = [n for n in self._kind.needed if not getattr(record, n)]
        if missing:
            raise SignInFailed(
                f"The {self._kind.noun}'s configuration lacks {', '.join(missing)}."
            )
        state = f"{record.id}.{self._random(32)}"
        verifier = self._random(48)
        pending = _Pending(
            state,
            verifier,
            authorization_url(settings_of(record), state=state, verifier=verifier),
            record.oauth_token_endpoint,
            self._now() + VALID_FOR,
        )
        text = msgspec.json.encode(pending).decode()
        context = context_of(record, self._kind.pending)
        await self._save(self._begun(record, self._store.vault.seal(text, context)))
        return SignInLink(pending.url, pending.expires)

    def link(self, record_id: int) -> SignInLink | None:
        """Return the link that is still valid, if there is one."""
        pending = self._pending(self.record(record_id))
        return None if pending is None else SignInLink(pending.url, pending.expires)

    def record(self, record_id: int) -> A:
        """Return a record to whose account people sign in.

        Raises `NotFound`, and `SignInFailed` if it has another authentication method.
        """
        record = self._store.get(self._kind.table, record_id)
        if record is None:
            raise NotFound(f"There is no {self._kind.noun} {record_id}.")
        if record.authentication_method != "OAUTH":
            raise SignInFailed(
                f"This {self._kind.noun}'s service account needs no sign-in: its "
                f"authentication_method is {record.authentication_method}, not "
                "OAUTH."
            )
        return record

    async def finish(self, answer: Mapping[str, str]) -> SignInOutcome:
        """Finish a sign-in with the query that the browser came back with.

        Raises only `StoreError`: any other problem is in the outcome.
        """
        record, pending = self._answered(answer.get("state", ""))
        if record is None or pending is None:
            return SignInOutcome(None, problem=_STALE)
        # First of all: the state can be used only once.
        await self._save(self._begun(record, ""))
        try:
            account = await self._exchange(record, pending, answer)
        except StoreError:
            raise
        except PexscheddError as error:
            self._log.warn(
                "service account sign-in failed {of} name={name} reason={reason}",
                **self._kind.log_keys(record.id),
                name=record.name,
                reason=error.message,
            )
            return SignInOutcome(record, problem=error.message)
        self._log.info(
            "service account signed in {of} name={name} account={account}",
            **self._kind.log_keys(record.id),
            name=record.name,
            account=account,
        )
        return SignInOutcome(record, account)

    async def _exchange(
        self, record: A, pending: _Pending, answer: Mapping[str, str]
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
        settings, noun = settings_of(record), self._kind.noun
        form = code_form(settings, code=code, verifier=pending.verifier)
        tokens = await self._endpoint.ask(record, form)
        account = self._account(record, tokens)
        if not tokens.refresh:
            raise SignInFailed(
                "The identity provider gave no refresh token, without which the "
                "sign-in would end within the hour. Allow the application offline "
                "access (the refresh token grant)."
            )

        def save() -> tuple[A, Deferred[None]]:
            current = self._store.get(self._kind.table, record.id)
            if current is None or settings_of(current) != settings:
                raise SignInFailed(
                    f"The {noun} was changed during the sign-in. Sign in again."
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

        await self._caches.of(record).take(save, tokens)
        await settle(self._store, self._kind.table.document)
        return account or settings.username

    def _account(self, record: A, tokens: TokenSet) -> str:
        """The account that signed in, empty if unknown.

        Raises `SignInFailed` if it is another one than the service account.
        """
        expected = settings_of(record).username
        names = names_in(tokens.id, tokens.access)
        if not names:
            self._log.warn(
                "identity provider named no account, assuming the configured one "
                "{of} name={name} account={username}",
                **self._kind.log_keys(record.id),
                name=record.name,
                username=expected,
            )
            return ""
        if not is_account(names, expected):
            raise SignInFailed(
                f"{names[0]} signed in, but the service account is {expected}. Sign "
                "out of all accounts at the identity provider (a private window does), "
                f"then sign in as {expected}; or correct the service account username."
            )
        return next(n for n in names if is_account([n], expected))

    def _answered(self, state: str) -> tuple[A | None, _Pending | None]:
        """The record and its pending sign-in, if the state belongs to one."""
        match = _STATE.fullmatch(state)
        record = match and self._store.get(self._kind.table, int(match[1]))
        if not record:
            return None, None
        pending = self._pending(record)
        if pending is None or not compare_digest(pending.state, state):
            return None, None
        return record, pending

    def _pending(self, record: A) -> _Pending | None:
        """The sign-in that was begun, if it is valid with the current settings."""
        sealed: str = getattr(record, self._kind.pending)
        if not sealed or record.authentication_method != "OAUTH":
            return None
        context = context_of(record, self._kind.pending)
        try:
            text = self._store.vault.unseal(sealed, context)
            pending = msgspec.json.decode(text, type=_Pending)
        except (StoreError, msgspec.DecodeError):
            return None
        url = authorization_url(
            settings_of(record), state=pending.state, verifier=pending.verifier
        )
        same = url == pending.url
        same = same and record.oauth_token_endpoint == pending.token_endpoint
        return pending if same and self._now() < pending.expires else None

    def _begun(self, record: A, sealed: str) -> A:
        """The record with the sign-in that was begun, or with none for ""."""
        return replace(record, **{self._kind.pending: sealed})

    def _save(self, record: A) -> Deferred[None]:
        with self._store.transaction(essential=True) as transaction:
            transaction.put(self._kind.table, record)
            record_changes(self._store, transaction, self._now())
            return transaction.commit()
