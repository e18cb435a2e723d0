"""Streaming notifications: the server tells at once when something arrives.

Implements `scheduling.ports.notifications.Notifications` with a subscription of the
inbox and an answer that does not end (GetStreamingEvents). The subscription outlives
the connection: a stream that is over is taken up again with the same one, as long as
the server knows it.
"""

from collections.abc import Callable

from twisted.logger import Logger

from pexschedd.errors import MailboxBusy, MailboxError, MailboxUnreachable
from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem, NotSoap, ServerError, SoapError
from pexschedd.ews.error_messages import EwsTarget, said, server_error, soap_error
from pexschedd.ews.operations.events import Arrivals
from pexschedd.ews.operations.get_streaming_events import (
    StreamNotice,
    build_get_streaming_events,
    parse_notice,
)
from pexschedd.ews.operations.subscribe import (
    build_subscribe_streaming,
    build_unsubscribe,
    parse_subscribe,
    parse_unsubscribe,
)
from pexschedd.ews.response_codes import Category, category
from pexschedd.ews.streaming.channel import SubscriptionChannel
from pexschedd.ews.streaming.envelope_splitter import EnvelopeSplitter, EnvelopeTooLarge

MINUTES = 29
"""Minutes that a stream is asked for; the server's limit is 30."""

MARGIN = 60.0
"""Seconds of silence beyond the agreed end that say that the stream is lost."""

QUIET = 180.0
"""Seconds of silence that say so once a heartbeat was heard. Exchange sends one every
45 seconds or so; in front of it there may be something that swallows them."""

AFTER_THE_END = 10.0
"""Seconds for the end of an answer whose last word was said."""

GRACE = 2.5
"""Seconds for telling the server that nobody listens any more."""

MISSED = "ErrorMissedNotificationEvents"
REPLACED = "ErrorNewEventStreamConnectionOpened"


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
            problem = await self._hear(_Hearing(self._arrivals, arrived, alive))
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

    async def _hear(self, hearing: "_Hearing") -> ItemProblem | None:
        """Until the server ends the stream; gives what it says is wrong, if it does."""
        channel = self._channel
        channel.patience = 60.0 * self._minutes + MARGIN

        def consume(piece: bytes) -> None:
            hearing.hear(piece)
            if hearing.closed:
                channel.patience = AFTER_THE_END
            elif hearing.heartbeats:
                channel.patience = QUIET
            if hearing.over:
                channel.cut()

        request = build_get_streaming_events(
            self._target.mailbox, self._subscription, self._minutes
        )
        channel.stream_to(consume)
        try:
            problem = await self._client.read(request, _not_streamed)
        except MailboxError as error:
            if hearing.error is not None:
                raise soap_error(hearing.error, self._target) from error
            if hearing.over or hearing.closed:
                return hearing.problem
            if channel.was_late and hearing.begun:
                raise MailboxUnreachable(
                    f"{self._target.host} was to tell what arrives and has said "
                    f"nothing for {channel.patience:.0f} seconds."
                ) from error
            raise
        finally:
            channel.stream_to(None)
        return hearing.problem or problem

    async def close(self) -> None:
        """Tell the server that nobody listens any more, if it can be told."""
        if self._closed:
            return
        self._closed = True
        await unsubscribe(self._client, self._channel, self._target, self._subscription)


def _not_streamed(body: bytes) -> ItemProblem | None:
    """The problem in an answer that came as a whole."""
    if not body:
        return None
    try:
        return parse_notice(body).problem
    except ServerError as error:
        return error.problem


class _Hearing:
    """One stream, from its first byte to its last."""

    def __init__(
        self,
        arrivals: Arrivals,
        arrived: Callable[[], None],
        alive: Callable[[], None],
    ) -> None:
        self._splitter = EnvelopeSplitter()
        self._arrivals = arrivals
        self._arrived = arrived
        self._alive = alive
        self.begun = False
        self.heartbeats = False
        """True if the server speaks although it has nothing to say."""
        self.closed = False
        """The server has ended the stream as agreed."""
        self.over = False
        """Something is wrong, and the rest does not matter."""
        self.problem: ItemProblem | None = None
        self.error: SoapError | None = None
        """The reason why the stream is not understood; None if it is."""

    def hear(self, piece: bytes) -> None:
        if self.over:
            return
        try:
            for envelope in self._splitter.feed(piece):
                self._take(parse_notice(envelope))
                if self.over:
                    return
        except ServerError as error:
            self._end(error.problem)
        except SoapError as error:
            self.error = error
            self.over = True
        except EnvelopeTooLarge:
            self.error = NotSoap("the notifications are no series of envelopes")
            self.over = True

    def _take(self, notice: StreamNotice) -> None:
        problem = notice.problem
        if problem is not None and problem.code != MISSED:
            self._end(problem)
            return
        if self.begun and not notice.events and problem is None:
            self.heartbeats = True
        self.begun = True
        self._alive()
        if problem is not None or self._arrivals.among(notice.events):
            self._arrived()
        self.closed = notice.closed

    def _end(self, problem: ItemProblem) -> None:
        self.problem = problem
        self.over = True


def problem_error(problem: ItemProblem, target: EwsTarget) -> MailboxError:
    """An end of the subscription is nothing that anybody has to mend."""
    if category(problem.code) is Category.SUBSCRIPTION:
        return MailboxBusy(f"{target.host} has ended the subscription: {said(problem)}")
    return server_error(problem, target)


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
