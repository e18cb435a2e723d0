"""Bearer tokens: opaque strings that somebody has registered, or a judge of tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pexschedd.sandbox.accounts import Account
from pexschedd.sandbox.exchange import Exchange
from pexschedd.sandbox.mailbox import SandboxMailbox

Judge = Callable[[str], SandboxMailbox | None]
CHALLENGE = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", '
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*", '
    'token_types="app_asserted_user_v1 service_asserted_app_v1"'
)


class BadToken(Exception):
    """The message is the reason, as x-ms-diagnostics gives it."""


@dataclass(frozen=True)
class _Known:
    mailbox: SandboxMailbox
    expires: datetime | None


class Application(SandboxMailbox):
    """Who calls with an application's token: it has no mailbox of its own."""

    def __init__(self, exchange: Exchange, impersonates: tuple[str, ...]) -> None:
        account = Account("application@sandbox.example", impersonates=impersonates)
        super().__init__(account, "0" * 36, lambda: exchange.version)


class BearerTokens:
    """Those that are known. `judge` is asked about all others."""

    def __init__(self, exchange: Exchange, judge: Judge | None = None) -> None:
        self._exchange = exchange
        self._judge = judge
        self._known: dict[str, _Known] = {}

    def register(
        self,
        token: str,
        *,
        mailbox: str | None = None,
        impersonates: tuple[str, ...] = ("*",),
        expires_in: float | None = None,
    ) -> None:
        """A user's token, or without a mailbox an application's, which may act as
        those that `impersonates` lists. Raises KeyError for an unknown address."""
        expires = None
        if expires_in is not None:
            expires = self._exchange.now() + timedelta(seconds=expires_in)
        caller = (
            Application(self._exchange, impersonates)
            if mailbox is None
            else self._exchange.mailbox(mailbox)
        )
        self._known[token] = _Known(caller, expires)

    def forget(self, token: str) -> None:
        self._known.pop(token, None)

    def owner(self, token: str) -> SandboxMailbox:
        """Raises `BadToken`."""
        known = self._known.get(token)
        if known is not None:
            if known.expires is not None and known.expires <= self._exchange.now():
                raise BadToken("The token has expired.")
            return known.mailbox
        found = None if self._judge is None else self._judge(token)
        if found is None:
            raise BadToken("The token has an invalid signature.")
        return found
