"""The mailboxes of a call: the caller's by HTTP Basic authentication, and the one that
it acts as."""

import base64
import binascii
import hmac

from pexschedd.sandbox.errors import RequestFault
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.signin.bearer_tokens import ApplicationCaller


class SignInForbidden(Exception):
    """EWS is switched off for the caller or for the mailbox: status 403."""


def sign_in(exchange: Exchange, authorization: str) -> SandboxMailbox | None:
    """Return the caller's mailbox for an Authorization header; None if it is missing or
    wrong.

    The user name is the address, `DOMAIN\\user`, or the local part alone.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, colon, password = pair.partition(":")
    mailbox = find_user(exchange, user) if colon else None
    if mailbox is None or mailbox.account.password is None:
        return None
    if not mailbox.account.can_sign_in:
        return None
    right = mailbox.account.password.encode()
    return mailbox if hmac.compare_digest(password.encode(), right) else None


def find_user(exchange: Exchange, user: str) -> SandboxMailbox | None:
    """Return the mailbox of the account with this user name, in any of its forms."""
    found = exchange.find(user)
    if found is not None:
        return found
    local = user.rpartition("\\")[2].casefold()
    for mailbox in exchange.mailboxes():
        if mailbox.account.local.casefold() == local:
            return mailbox
    return None


def acting_as(
    exchange: Exchange, caller: SandboxMailbox, wanted: tuple[str, str] | None
) -> SandboxMailbox:
    """Return the mailbox that ExchangeImpersonation names, or the caller's own.

    Raises `RequestFault` and `SignInForbidden`.
    """
    if wanted is None:
        if isinstance(caller, ApplicationCaller):
            raise RequestFault(
                "ErrorInvalidExchangeImpersonationHeaderData",
                "ExchangeImpersonation SOAP header must be present for this type of "
                "OAuth token.",
            )
        return _open(caller, caller)
    kind, name = wanted
    found = exchange.find(name) if kind != "SID" else None
    if found is None or found.account.mailbox_type != "Mailbox":
        raise RequestFault("ErrorNonExistentMailbox")
    if found is not caller and not caller.account.may_impersonate(found.address):
        raise RequestFault("ErrorImpersonateUserDenied")
    primary = found.address
    if kind == "PrimarySmtpAddress" and name.casefold() != primary.casefold():
        raise RequestFault(
            "ErrorNonPrimarySmtpAddress",
            f"The primary SMTP address must be specified: {primary}.",
            {"Primary": primary},
        )
    return _open(caller, found)


def _open(caller: SandboxMailbox, mailbox: SandboxMailbox) -> SandboxMailbox:
    if not (caller.account.ews_enabled and mailbox.account.ews_enabled):
        raise SignInForbidden
    return mailbox
