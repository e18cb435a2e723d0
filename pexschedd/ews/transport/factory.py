"""From an account to a transport."""

from pexschedd.errors import MailboxRefused
from pexschedd.ews.auth import Authenticator
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.error_messages import EwsTarget
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.transport import Transport


def open_transport(account: EwsAccount) -> Transport:
    """A transport that acts as the account. It connects with the first request.

    Raises `MailboxRefused` when one of the settings cannot be used.
    """
    return Transport(
        account.url,
        choose_authenticator(account),
        clock=account.clock or account.network.reactor,
        network=account.network,
        limits=account.limits,
    )


def target_of(account: EwsAccount, mailbox: str) -> EwsTarget:
    """Return what messages say of calls that an account makes for a mailbox."""
    return EwsTarget(
        account.url, account.username, mailbox, account.method, account.integration
    )


def choose_authenticator(account: EwsAccount) -> Authenticator:
    """The account's authenticator, or Basic if it has none.

    Raises `MailboxRefused` for a user name that Basic cannot express.
    """
    if account.authenticator is not None:
        return account.authenticator
    try:
        return BasicAuthenticator(account.username, account.password)
    except ValueError as error:
        raise MailboxRefused(f"{account.username}: {error}") from error


def is_mail_address(text: str) -> bool:
    """Return whether a text may be an email address at all."""
    return "@" in text.strip("@")
