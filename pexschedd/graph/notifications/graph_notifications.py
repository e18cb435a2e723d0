"""Notifications by webhook: Graph posts to us when something arrives.

Implements `scheduling.ports.notifications.Notifications` with a subscription for each
folder that is watched. They are renewed at half of the life that Graph gave them.
Changes may be told late, several times or not at all: the mailbox is looked into all
the same, now and then.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import MailboxError, MailboxRefused
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import SharedThrottle
from pexschedd.graph.account import GraphAccount
from pexschedd.graph.client import GraphClient, ignore_body
from pexschedd.graph.notifications.session import SubscriptionSession
from pexschedd.graph.notifications.subscription import (
    ASKED,
    FOLDERS,
    FolderSubscription,
    build_list,
    build_renew,
    build_subscribe,
    build_unsubscribe,
    parse_own,
    parse_subscription,
)
from pexschedd.graph.notifications.webhooks import (
    GraphWebhook,
    GraphWebhooks,
    WebhookAddress,
)
from pexschedd.graph.problems import GraphProblem

GRACE = 2.5
"""Seconds for telling Graph that nobody listens any more."""
STATE_SIZE = 32
"""Random bytes of a client state; Graph keeps 128 characters."""


class GraphNotifications:
    """One integration's subscriptions, and its webhook while they last.

    `random` returns so many random bytes as text; `now` is the wall clock, by which
    Graph counts the lives of subscriptions.
    """

    _log = Logger()

    def __init__(
        self,
        client: GraphClient,
        webhooks: GraphWebhooks,
        address: WebhookAddress,
        *,
        clock: IReactorTime,
        now: Now,
        random: Callable[[int], str],
    ) -> None:
        self._client = client
        self._target = client.target
        self._webhooks = webhooks
        self._address = address
        self._clock = clock
        self._now = now
        self._random = random
        self._session: SubscriptionSession | None = None
        self._closed = False

    async def listen(
        self, arrived: Callable[[], None], alive: Callable[[], None]
    ) -> None:
        """Subscriptions that were left behind, as after a crash, are ended first."""
        if self._closed:
            return
        state = self._random(STATE_SIZE)
        self._session = session = SubscriptionSession(
            state, arrived, alive, self._clock
        )
        webhook = self._webhooks.open(self._address, session.take)
        try:
            await self._end_old_ones()
            made = []
            for folder in FOLDERS:
                if self._closed:
                    return
                made.append(await self._subscribe(folder, state, webhook))
                session.add(made[-1])
            session.begin(made, self._now())
            while await session.until_renewal():
                if not await self._renew(session):
                    return
        finally:
            self._webhooks.close(webhook)

    async def _end_old_ones(self) -> None:
        """End the subscriptions that post to our address, as far as Graph lets us."""
        request = build_list()
        try:
            found = await self._client.read(
                request, partial(parse_own, url=self._address.url)
            )
        except MailboxRefused:
            return  # the new one tells what is wrong
        if not isinstance(found, GraphProblem):
            await self._unsubscribe(found)

    async def _subscribe(
        self, folder: str, state: str, webhook: GraphWebhook
    ) -> FolderSubscription:
        request = build_subscribe(
            self._target.mailbox,
            folder,
            url=self._address.url,
            state=state,
            expires=self._now() + ASKED,
        )
        webhook.is_validating, webhook.was_validated = True, False
        try:
            made = await self._client.write(request, parse_subscription)
        except MailboxError as error:
            said = self._without_secrets(error.message, state)
            raise type(error)(said, retry_after=error.retry_after) from None
        finally:
            webhook.is_validating = False
        if isinstance(made, GraphProblem):
            said = self._without_secrets(made.words, state)
            raise MailboxRefused(self._refusal(said, webhook))
        return made

    def _without_secrets(self, said: str, state: str) -> str:
        """Return what a server says about a subscription as the log may have it."""
        return said.replace(self._address.key, "…").replace(state, "…")

    def _refusal(self, said: str, webhook: GraphWebhook) -> str:
        base = self._address.url.removesuffix(self._address.key)
        came = (
            "Its question for validation came and was answered."
            if webhook.was_validated
            else "No question for validation came here: the add-in's address must be "
            "reachable from the internet by HTTPS, with a certificate that everybody "
            "trusts, and a proxy in front of it must let this path through."
        )
        return (
            f"{self._target.host} does not tell {base}… what arrives in "
            f"{self._target.mailbox}: {said}. {came} The integration can do without "
            "(graph_notification_method POLL)."
        )

    async def _renew(self, session: SubscriptionSession) -> bool:
        """Return False when a subscription is not there any more: new ones are made,
        and whatever is wrong shows then."""
        renewed = []
        try:
            for id in session.ids:
                request = build_renew(id, self._now() + ASKED)
                found = await self._client.write(request, parse_subscription)
                if isinstance(found, GraphProblem):
                    self._log_lost(found.words)
                    return False
                renewed.append(found)
        except MailboxRefused as error:
            self._log_lost(error.message)
            return False
        except MailboxError as error:
            if session.is_over:
                raise
            session.renew_again(error.retry_after or 0.0)
            return True
        session.begin(renewed, self._now())
        return True

    def _log_lost(self, why: str) -> None:
        self._log.info(
            "webhook subscribes again mailbox={mailbox} integration={integration}: "
            "{why}",
            mailbox=self._target.mailbox,
            integration=self._target.integration,
            why=why,
        )

    async def close(self) -> None:
        """Tell Graph that nobody listens any more, if it can be told."""
        if self._closed:
            return
        self._closed = True
        ids: Sequence[str] = ()
        if self._session is not None:
            ids = self._session.ids
            self._session.end()
        ending = Deferred.fromCoroutine(self._unsubscribe(ids))
        try:
            await ending.addTimeout(GRACE, self._clock)
        except (MailboxError, DeferredTimeout):
            pass  # they end by themselves
        finally:
            await self._client.close()

    async def _unsubscribe(self, ids: Sequence[str]) -> None:
        for id in ids:
            with suppress(MailboxRefused):  # it is not there any more
                await self._client.write(build_unsubscribe(id), ignore_body)


def graph_notifications(
    account: GraphAccount,
    mailbox: str,
    webhooks: GraphWebhooks,
    address: WebhookAddress,
    *,
    now: Now,
    random: Callable[[int], str],
    throttle: SharedThrottle | None = None,
    observer: Observer | None = None,
) -> GraphNotifications:
    """Return the notifications of a mailbox, over a connection of their own.

    `webhooks` are those of the public site; see `GraphNotifications` for the rest.
    Opens nothing yet. To make a subscription takes as long as Graph takes to reach us,
    so that does not keep the mailbox from other requests.
    """
    aside = throttle.for_long_calls() if throttle else None
    return GraphNotifications(
        account.client(mailbox, throttle=aside, observer=observer),
        webhooks,
        address,
        clock=account.timers,
        now=now,
        random=random,
    )
