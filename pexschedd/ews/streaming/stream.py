"""Streaming notifications: the server tells at once when something arrives.

Implements `scheduling.ports.notifications.Notifications` with a subscription of the
inbox and an answer that does not end (GetStreamingEvents). The subscription outlives
the connection: a stream that is over is taken up again with the same one, as long as
the server knows it.
"""

from collections.abc import Callable

from twisted.logger import Logger

from pexschedd.errors import MailboxError
from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem
from pexschedd.ews.error_messages import EwsTarget, said
from pexschedd.ews.operations.events import Arrivals
from pexschedd.ews.operations.get_streaming_events import (
    StreamNotice,
    build_get_streaming_events,
)
from pexschedd.ews.operations.subscribe import (
    build_subscribe_streaming,
    build_unsubscribe,
    parse_subscribe,
    parse_unsubscribe,
)
from pexschedd.ews.streaming.channel import SubscriptionChannel
from pexschedd.ews.streaming.hearing import (
    MINUTES,
    REPLACED,
    Hearing,
    hear,
    problem_error,
)
from pexschedd.exchange.response_codes import Category, category

GRACE = 2.5
"""Seconds for telling the server that nobody listens any more."""


class EwsStream:
    """One subscription, and at most one connection that listens to it."""

    _log = Logger()

    def __init__(
        self,
        client: EwsClient,
        channel: SubscriptionChannel,
        target: EwsTarget,
        *,
        minutes: int = MINUTES,
    ) -> None:
        self._client = client
        self._channel = channel
        self._target = target
        self._minutes = minutes
        self._subscription = ""
        self._arrivals = Arrivals()
        self._closed = False

    async def listen(
        self, arrived: Callable[[], None], alive: Callable[[], None]
    ) -> None:
        """A subscription that the server has forgotten is made anew once."""
        made_now = not self._subscription
        while not self._closed:
            if not self._subscription:
                await self._subscribe()
            problem = await self._hear(arrived, alive)
            if problem is None:
                return
            self._subscription = ""
            forgotten = category(problem.code) is Category.SUBSCRIPTION
            if made_now or not forgotten or problem.code == REPLACED:
                raise problem_error(problem, self._target)
            self._log.info(
                "stream subscribes again mailbox={mailbox} integration={integration}: "
                "{why}",
                mailbox=self._target.mailbox,
                integration=self._target.integration,
                why=said(problem),
            )
            made_now = True

    async def _subscribe(self) -> None:
        request = build_subscribe_streaming(self._target.mailbox)
        found = await self._client.read(request, parse_subscribe)
        self._subscription = found.id

    async def _hear(
        self, arrived: Callable[[], None], alive: Callable[[], None]
    ) -> ItemProblem | None:
        """Until the server ends the stream; gives what it says is wrong, if it does."""

        def take(notice: StreamNotice) -> None:
            alive()
            if notice.problem is not None or self._arrivals.among(notice.events):
                arrived()

        request = build_get_streaming_events(
            self._target.mailbox, (self._subscription,), self._minutes
        )
        return await hear(
            self._client,
            self._channel,
            request,
            Hearing(take),
            self._target,
            self._minutes,
        )

    async def close(self) -> None:
        """Tell the server that nobody listens any more, if it can be told."""
        if self._closed:
            return
        self._closed = True
        await unsubscribe(self._client, self._channel, self._target, self._subscription)


async def unsubscribe(
    client: EwsClient,
    channel: SubscriptionChannel,
    target: EwsTarget,
    subscription: str,
) -> None:
    """End what is under way, and the subscription as far as the server lets us."""
    channel.cut()
    try:
        if subscription:
            channel.hurry(GRACE)
            request = build_unsubscribe(target.mailbox, subscription)
            await client.write(request, parse_unsubscribe)
    except MailboxError:
        pass  # the server forgets it by itself
    finally:
        await channel.close()
