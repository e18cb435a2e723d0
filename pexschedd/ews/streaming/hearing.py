"""One answer of GetStreamingEvents, from its first byte to its last."""

from collections.abc import Callable

from pexschedd.errors import MailboxBusy, MailboxError, MailboxUnreachable
from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem, NotSoap, ServerError, SoapError
from pexschedd.ews.error_messages import EwsTarget, said, server_error, soap_error
from pexschedd.ews.operations.get_streaming_events import StreamNotice, parse_notice
from pexschedd.ews.streaming.channel import SubscriptionChannel
from pexschedd.ews.streaming.envelope_splitter import (
    MAX_ENVELOPE,
    EnvelopeSplitter,
    EnvelopeTooLarge,
)
from pexschedd.exchange.response_codes import Category, category

MINUTES = 29
"""Minutes that a stream is asked for; the server's limit is 30."""

MARGIN = 60.0
"""Seconds of silence beyond the agreed end that say that the stream is lost."""

QUIET = 180.0
"""Seconds of silence that say so once a heartbeat was heard. Exchange sends one every
45 seconds or so; in front of it there may be something that swallows them."""

AFTER_THE_END = 10.0
"""Seconds for the end of an answer whose last word was said."""

MISSED = "ErrorMissedNotificationEvents"
REPLACED = "ErrorNewEventStreamConnectionOpened"


class Hearing:
    """All that was heard of one stream. `take` gets each notice that is no problem, and
    those of missed events; an envelope of more than `largest` bytes is not read."""

    def __init__(
        self, take: Callable[[StreamNotice], None], largest: int = MAX_ENVELOPE
    ) -> None:
        self._splitter = EnvelopeSplitter(largest)
        self._take = take
        self.begun = False
        self.heartbeats = False
        """True if the server speaks although it has nothing to say."""
        self.closed = False
        """The server has ended the stream as agreed."""
        self.over = False
        """Something is wrong, and the rest does not matter."""
        self.problem: ItemProblem | None = None
        self.faulty: tuple[str, ...] = ()
        """The ids of the subscriptions that the problem is about, if it says so."""
        self.error: SoapError | None = None
        """The reason why the stream is not understood; None if it is."""

    def hear(self, piece: bytes) -> None:
        """Take the next piece of the stream."""
        if self.over:
            return
        try:
            for envelope in self._splitter.feed(piece):
                self._notice(parse_notice(envelope))
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

    def _notice(self, notice: StreamNotice) -> None:
        problem = notice.problem
        if problem is not None and problem.code != MISSED:
            self.faulty = notice.faulty
            self._end(problem)
            return
        if self.begun and not notice.events and problem is None:
            self.heartbeats = True
        self.begun = True
        self._take(notice)
        self.closed = notice.closed

    def _end(self, problem: ItemProblem) -> None:
        self.problem = problem
        self.over = True


async def hear(
    client: EwsClient,
    channel: SubscriptionChannel,
    request: bytes,
    hearing: Hearing,
    target: EwsTarget,
    minutes: int,
) -> ItemProblem | None:
    """Hear a stream until the server ends it; return what it says is wrong, if it
    does. Raises `MailboxError` if it breaks off."""
    channel.patience = 60.0 * minutes + MARGIN

    def consume(piece: bytes) -> None:
        hearing.hear(piece)
        if hearing.closed:
            channel.patience = AFTER_THE_END
        elif hearing.heartbeats:
            channel.patience = QUIET
        if hearing.over:
            channel.cut()

    channel.stream_to(consume)
    try:
        whole = await client.read(request, _not_streamed)
    except MailboxError as error:
        if hearing.error is not None:
            raise soap_error(hearing.error, target) from error
        if hearing.over or hearing.closed:
            return hearing.problem
        if channel.was_late and hearing.begun:
            raise MailboxUnreachable(
                f"{target.host} was to tell what arrives and has said nothing for "
                f"{channel.patience:.0f} seconds."
            ) from error
        raise
    finally:
        channel.stream_to(None)
    if hearing.problem is None and whole is not None:
        hearing.faulty = whole.faulty
        return whole.problem
    return hearing.problem


def _not_streamed(body: bytes) -> StreamNotice | None:
    """The notice in an answer that came as a whole."""
    if not body:
        return None
    try:
        return parse_notice(body)
    except ServerError as error:
        return StreamNotice(problem=error.problem)


def problem_error(problem: ItemProblem, target: EwsTarget) -> MailboxError:
    """An end of the subscription is nothing that anybody has to mend."""
    if category(problem.code) is Category.SUBSCRIPTION:
        return MailboxBusy(f"{target.host} has ended the subscription: {said(problem)}")
    return server_error(problem, target)
