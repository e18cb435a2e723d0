"""Guides an administrator through signing a profile in at Webex.

A sign-in that was begun is kept in memory, with the state that the browser has to bring
back (RFC 6749, section 10.12) and the verifier of the code (RFC 7636). It belongs to
the profile and to the administrator who began it, is valid for one use, within ten
minutes, and for the settings that it was begun with.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hmac import compare_digest

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import NotFound, PexscheddError, StoreError
from pexschedd.history.recorder import record_changes, settle
from pexschedd.model import tables
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.webex.access import BaseOf, WebexClient, client_of
from pexschedd.onetouch.webex.answers import shown
from pexschedd.onetouch.webex.token_answers import authorization_url, code_form
from pexschedd.onetouch.webex.tokens import WebexTokens, put_refresh_token
from pexschedd.store.store import Store

VALID_FOR = timedelta(minutes=10)
MAX_CODE = 4096
"""Characters of an authorization code."""

_STATE = re.compile(r"([1-9][0-9]{0,17})\.[A-Za-z0-9_-]{43}")
_STALE = (
    "This sign-in is not valid any more: it can be finished once, within ten minutes, "
    "by the administrator who began it, and a newer one replaces it. Begin again."
)


class WebexSignInFailed(PexscheddError):
    """The sign-in at Webex is impossible, or has failed."""

    code = "sign_in_failed"


class WebexSignInLink(msgspec.Struct, frozen=True):
    """The URL at which the administrator signs in, and the time when it expires."""

    url: str
    expires: datetime


class WebexSignInOutcome(msgspec.Struct, frozen=True):
    """The result of a sign-in; `problem` is empty if it succeeded."""

    profile: JoinProfile | None
    problem: str = ""


class _Pending(msgspec.Struct, frozen=True):
    state: str
    verifier: str
    client: WebexClient
    administrator: int
    link: WebexSignInLink

    def __repr__(self) -> str:
        return "<_Pending>"  # no verifier gets into a log by accident


class WebexSignIns:
    """Begins and finishes sign-ins.

    `random(n)` returns n random bytes as text in URL-safe base64. Administrators are
    named by the ids of their accounts; 0 is a client without one.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        tokens: WebexTokens,
        base_of: BaseOf,
        *,
        now: Now,
        random: Callable[[int], str],
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._base_of = base_of
        self._now = now
        self._random = random
        self._begun: dict[int, _Pending] = {}

    def begin(self, profile_id: int, administrator: int) -> WebexSignInLink:
        """Make a new link; it replaces the profile's last one.

        Raises `NotFound`, and `WebexSignInFailed` if the profile does not use Webex.
        """
        profile = self.profile(profile_id)
        client = client_of(profile, self._base_of)
        state = f"{profile.id}.{self._random(32)}"
        verifier = self._random(48)
        url = authorization_url(client, state=state, verifier=verifier)
        link = WebexSignInLink(url, self._now() + VALID_FOR)
        self._begun[profile.id] = _Pending(state, verifier, client, administrator, link)
        return link

    def link(self, profile_id: int, administrator: int) -> WebexSignInLink | None:
        """Return the link that an administrator has made, if it is still valid."""
        pending = self._pending(self.profile(profile_id))
        if pending is None or pending.administrator != administrator:
            return None
        return pending.link

    def profile(self, profile_id: int) -> JoinProfile:
        """Return a profile that uses Webex; raises as `begin` does."""
        profile = self._store.get(tables.MJX_INTEGRATION, profile_id)
        if profile is None:
            raise NotFound(f"There is no mjx_integration {profile_id}.")
        if not profile.use_webex:
            raise WebexSignInFailed(
                f'The profile "{profile.name}" does not use Webex: set its use_webex, '
                "with webex_client_id, webex_client_secret and webex_redirect_uri."
            )
        problems = dict(profile.contradictions())
        missing = [name for name in problems if name.startswith("webex_")]
        if missing:
            raise WebexSignInFailed(
                f"The profile's {missing[0]} is not right: {problems[missing[0]]}"
            )
        return profile

    async def finish(
        self, answer: Mapping[str, str], administrator: int
    ) -> WebexSignInOutcome:
        """Finish a sign-in with the query that the browser came back with.

        Raises only `StoreError`: any other problem is in the outcome.
        """
        profile, pending = self._answered(answer.get("state", ""), administrator)
        if profile is None or pending is None:
            return WebexSignInOutcome(None, _STALE)
        # First of all: the state can be used only once.
        del self._begun[profile.id]
        try:
            await self._exchange(profile, pending, answer)
        except StoreError:
            raise
        except PexscheddError as error:
            problem = _sentence(error)
            self._log.warn(
                "webex sign-in failed integration={integration} reason={reason}",
                integration=profile.name,
                reason=problem,
            )
            return WebexSignInOutcome(profile, problem)
        self._log.info(
            "webex sign-in succeeded integration={integration}",
            integration=profile.name,
        )
        return WebexSignInOutcome(profile)

    async def _exchange(
        self, profile: JoinProfile, pending: _Pending, answer: Mapping[str, str]
    ) -> None:
        """Exchange the code for tokens, and keep them."""
        if "error" in answer:
            said = shown(answer["error"])[:60] or "without a reason"
            raise WebexSignInFailed(
                f"Webex did not give the permission ({said}). Sign in with an account "
                "that may control the devices and accept what is asked for; the "
                "integration at Webex needs the scopes spark:xapi_commands and "
                "spark:xapi_statuses."
            )
        code = answer.get("code", "")
        if not (0 < len(code) <= MAX_CODE and code.isascii() and code.isprintable()):
            raise WebexSignInFailed(
                "Webex sent the browser back without a code. Sign in again."
            )
        client, tokens = pending.client, self._tokens.of(profile.id)
        found = await tokens.ask(
            client,
            lambda client, secret: code_form(
                client, secret, code=code, verifier=pending.verifier
            ),
            "Webex does not accept the code of this sign-in. Begin again.",
        )
        if not found.refresh:
            raise WebexSignInFailed(
                "Webex gave no refresh token, without which the sign-in would end by "
                "itself. Sign in again."
            )

        def save() -> Deferred[None]:
            current = self._store.get(tables.MJX_INTEGRATION, profile.id)
            if current is None or client_of(current, self._base_of) != client:
                raise WebexSignInFailed(
                    "The profile was changed during the sign-in. Sign in again."
                )
            with self._store.transaction(essential=True) as transaction:
                put_refresh_token(self._store, transaction, current, found.refresh)
                record_changes(self._store, transaction, self._now())
                return transaction.commit()

        await tokens.take(save, client, found)
        await settle(self._store, tables.MJX_INTEGRATION.document)

    def _answered(
        self, state: str, administrator: int
    ) -> tuple[JoinProfile | None, _Pending | None]:
        """The profile and its sign-in, if the state belongs to one that this
        administrator has begun."""
        match = _STATE.fullmatch(state)
        profile = match and self._store.get(tables.MJX_INTEGRATION, int(match[1]))
        if not profile:
            return None, None
        pending = self._pending(profile)
        if (
            pending is None
            or not compare_digest(pending.state, state)
            or pending.administrator not in (0, administrator)
        ):
            return None, None
        return profile, pending

    def _pending(self, profile: JoinProfile) -> _Pending | None:
        """The sign-in that was begun, if it is valid with the present settings."""
        pending = self._begun.get(profile.id)
        if pending is None or self._now() >= pending.link.expires:
            return None
        is_same = profile.use_webex and pending.client == client_of(
            profile, self._base_of
        )
        return pending if is_same else None


def _sentence(error: PexscheddError) -> str:
    """The problem as a sentence: those of endpoints are clauses."""
    return error.message[:1].upper() + error.message[1:]
