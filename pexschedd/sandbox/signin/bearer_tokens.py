"""Bearer tokens: opaque strings that have been registered, or any others that a
function verifies."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pexschedd.sandbox.mailboxes.accounts import Account
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

TokenVerifier = Callable[[str], SandboxMailbox | None]
CHALLENGE = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", '
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*", '
    'token_types="app_asserted_user_v1 service_asserted_app_v1"'
)


class InvalidBearerToken(Exception):
    """A token that is refused; the message is the reason in x-ms-diagnostics."""


@dataclass(frozen=True)
class _Known:
    mailbox: SandboxMailbox
    expires: datetime | None


class ApplicationCaller(SandboxMailbox):
    """The caller with an application's token, which has no mailbox of its own."""

    def __init__(self, exchange: Exchange, impersonates: tuple[str, ...]) -> None:
        account = Account("application@sandbox.example", impersonates=impersonates)
        super().__init__(account, "0" * 36, lambda: exchange.version)


class BearerTokens:
    """The registered tokens. `verify` returns the mailbox of any other, or None."""

    def __init__(self, exchange: Exchange, verify: TokenVerifier | None = None) -> None:
        self._exchange = exchange
        self._verify = verify
        self._known: dict[str, _Known] = {}

    def register(
        self,
        token: str,
        *,
        mailbox: str | None = None,
        impersonates: tuple[str, ...] = ("*",),
        expires_in: float | None = None,
    ) -> None:
        """Register a user's token, or without a mailbox an application's, which may act
        as the addresses in `impersonates`.

        `expires_in` is in seconds. Raises KeyError for an unknown address.
        """
        expires = None
        if expires_in is not None:
            expires = self._exchange.now() + timedelta(seconds=expires_in)
        caller = (
            ApplicationCaller(self._exchange, impersonates)
            if mailbox is None
            else self._exchange.mailbox(mailbox)
        )
        self._known[token] = _Known(caller, expires)

    def forget(self, token: str) -> None:
        """Take back a token."""
        self._known.pop(token, None)

    def owner(self, token: str) -> SandboxMailbox:
        """Return the mailbox of a token's user. Raises `InvalidBearerToken`."""
        known = self._known.get(token)
        if known is not None:
            if known.expires is not None and known.expires <= self._exchange.now():
                raise InvalidBearerToken("The token has expired.")
            return known.mailbox
        found = None if self._verify is None else self._verify(token)
        if found is None:
            raise InvalidBearerToken("The token has an invalid signature.")
        return found
