"""From an administrator's settings to notifications."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from pexschedd.ews.auth import Authenticator
from pexschedd.ews.client import EwsClient, Observer
from pexschedd.ews.connection import Limits
from pexschedd.ews.faults import Site
from pexschedd.ews.opening import choose_authenticator
from pexschedd.ews.patience import Shared
from pexschedd.ews.stream import MINUTES, EwsStream
from pexschedd.ews.stream_channel import Channel
from pexschedd.ews.stream_pull import EwsPull
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
    limits: Limits | None = None,
    pull_every: Callable[[], float] | None = None,
    minutes: int = MINUTES,
    observer: Observer | None = None,
    patience: Shared | None = None,
) -> EwsStream | EwsPull:
    """Over a connection of its own; see `mailbox.ews_mailbox` for the settings.

    With `pull_every`, the seconds between two questions, by pulling. Opens nothing
    yet. Raises `MailboxRefused` when one of the settings cannot be used.
    """
    clock = clock or network.reactor
    channel = Channel(
        url,
        choose_authenticator(authenticator, username, password),
        network=network,
        clock=clock,
        limits=limits or Limits(),
    )
    site = Site(url=url, username=username, mailbox=mailbox, method=method)
    aside = patience.for_long_calls() if patience else None
    client = EwsClient(channel, site, aside, observer)
    if pull_every is not None:
        return EwsPull(client, channel, site, interval=pull_every, clock=clock)
    return EwsStream(client, channel, site, minutes=minutes)
