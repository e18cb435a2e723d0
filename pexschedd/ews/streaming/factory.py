"""From an administrator's settings to notifications."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from pexschedd.ews.auth import Authenticator
from pexschedd.ews.client import EwsClient, Observer
from pexschedd.ews.error_messages import ExchangeSite
from pexschedd.ews.streaming.channel import SubscriptionChannel
from pexschedd.ews.streaming.pull import EwsPull
from pexschedd.ews.streaming.stream import MINUTES, EwsStream
from pexschedd.ews.throttle import SharedThrottle
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.factory import choose_authenticator
from pexschedd.net.network import Network


def ews_notifications(
    *,
    url: str,
    username: str,
    mailbox: str,
    network: Network,
    password: str = "",
    authenticator: Authenticator | None = None,
    method: str = "BASIC",
    clock: IReactorTime | None = None,
    limits: ConnectionLimits | None = None,
    pull_every: Callable[[], float] | None = None,
    minutes: int = MINUTES,
    observer: Observer | None = None,
    patience: SharedThrottle | None = None,
) -> EwsStream | EwsPull:
    """Over a connection of its own; see `mailbox.ews_mailbox` for the settings.

    With `pull_every`, the seconds between two questions, by pulling. Opens nothing
    yet. Raises `MailboxRefused` when one of the settings cannot be used.
    """
    clock = clock or network.reactor
    channel = SubscriptionChannel(
        url,
        choose_authenticator(authenticator, username, password),
        network=network,
        clock=clock,
        limits=limits or ConnectionLimits(),
    )
    site = ExchangeSite(url=url, username=username, mailbox=mailbox, method=method)
    aside = patience.for_long_calls() if patience else None
    client = EwsClient(channel, site, aside, observer)
    if pull_every is not None:
        return EwsPull(client, channel, site, interval=pull_every, clock=clock)
    return EwsStream(client, channel, site, minutes=minutes)
