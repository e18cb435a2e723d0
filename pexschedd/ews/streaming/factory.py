"""From an account to notifications."""

from collections.abc import Callable

from pexschedd.ews.client import EwsClient
from pexschedd.ews.streaming.channel import SubscriptionChannel
from pexschedd.ews.streaming.hearing import MINUTES
from pexschedd.ews.streaming.pull import EwsPull
from pexschedd.ews.streaming.stream import EwsStream
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.factory import choose_authenticator, target_of
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import SharedThrottle


def ews_notifications(
    account: EwsAccount,
    mailbox: str,
    *,
    pull_every: Callable[[], float] | None = None,
    minutes: int = MINUTES,
    throttle: SharedThrottle | None = None,
    observer: Observer | None = None,
) -> EwsStream | EwsPull:
    """Notifications of a mailbox, over a connection of their own.

    See `mailbox.ews_mailbox` for the settings. With `pull_every`, the seconds between
    two questions, they are pulled; otherwise they are streamed, `minutes` at a time.
    Opens nothing yet. Raises `MailboxRefused` when one of the settings cannot be used.
    """
    clock = account.clock or account.network.reactor
    channel = SubscriptionChannel(
        account.url,
        choose_authenticator(account),
        network=account.network,
        clock=clock,
        limits=account.limits,
    )
    target = target_of(account, mailbox)
    aside = throttle.for_long_calls() if throttle else None
    client = EwsClient(channel, target, aside, observer, account.heavy_work)
    if pull_every is not None:
        return EwsPull(client, channel, target, interval=pull_every, clock=clock)
    return EwsStream(client, channel, target, minutes=minutes)
