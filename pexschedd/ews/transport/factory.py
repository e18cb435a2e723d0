"""From an administrator's settings to a transport."""

from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import MailboxRefused
from pexschedd.ews.auth import Authenticator
from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.transport import Transport
from pexschedd.net.network import Network


def open_transport(
    *,
    url: str,
    username: str,
    network: Network,
    password: str,
    authenticator: Authenticator | None,
    clock: IReactorTime | None,
    limits: ConnectionLimits,
) -> Transport:
    """Without an authenticator, Basic. Connects nowhere yet.

    Raises `MailboxRefused` when one of the settings cannot be used.
    """
    return Transport(
        url,
        choose_authenticator(authenticator, username, password),
        clock=clock or network.reactor,
        network=network,
        limits=limits,
    )


def choose_authenticator(
    authenticator: Authenticator | None, username: str, password: str
) -> Authenticator:
    """The given one; without it, Basic. Raises `MailboxRefused` for a name that Basic
    cannot express."""
    if authenticator is not None:
        return authenticator
    try:
        return BasicAuthenticator(username, password)
    except ValueError as error:
        raise MailboxRefused(f"{username}: {error}") from error


def is_address(text: str) -> bool:
    """Whether it may be an email address at all."""
    return "@" in text.strip("@")
