"""Pull notifications: the server is asked every few seconds whether something arrived.

For networks in which nothing may stay open for long. Cheaper for the server than
looking into the mailbox, and slower than streaming.
"""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem, ServerError
from pexschedd.ews.error_messages import EwsTarget
from pexschedd.ews.operations.events import Arrivals
from pexschedd.ews.operations.get_events import (
    PulledEvents,
    build_get_events,
    parse_events,
)
from pexschedd.ews.operations.subscribe import build_subscribe_pull, parse_subscribe
from pexschedd.ews.streaming.channel import SubscriptionChannel
from pexschedd.ews.streaming.hearing import problem_error
from pexschedd.ews.streaming.stream import unsubscribe

MAX_MINUTES = 1440
SPARE_MINUTES = 10
"""For how long a subscription may not be asked about before the server forgets it:
the limit, and what we ask for beyond four intervals."""


class EwsPull:
    """One subscription; `interval` gives the seconds between two questions."""

    def __init__(
        self,
        client: EwsClient,
        channel: SubscriptionChannel,
        target: EwsTarget,
        *,
        interval: Callable[[], float],
        clock: IReactorTime,
    ) -> None:
        self._client = client
        self._channel = channel
        self._target = target
        self._interval = interval
        self._clock = clock
        self._subscription = ""
        self._watermark = ""
        self._arrivals = Arrivals()
        self._wait: Deferred[None] | None = None
        self._closed = False

    async def listen(
        self, arrived: Callable[[], None], alive: Callable[[], None]
    ) -> None:
        """A subscription is kept as long as the server knows it."""
        if not self._subscription:
            await self._subscribe()
        mailbox = self._target.mailbox
        more = True
        while not self._closed:
            if not more:
                await self._pause()
            if self._closed:
                return
            answer = await self._client.read(
                build_get_events(mailbox, self._subscription, self._watermark),
                _parsed,
            )
            if isinstance(answer, ItemProblem):
                # Whether some events were missed or all is over: begin anew.
                self._subscription = ""
                raise problem_error(answer, self._target)
            alive()
            self._watermark, more = answer.watermark, answer.more
            if self._arrivals.among(answer.events):
                arrived()

    async def _subscribe(self) -> None:
        minutes = min(MAX_MINUTES, SPARE_MINUTES + round(self._interval() / 15))
        request = build_subscribe_pull(self._target.mailbox, minutes)
        found = await self._client.read(request, parse_subscribe)
        self._subscription, self._watermark = found.id, found.watermark

    async def _pause(self) -> None:
        wait: Deferred[None] = Deferred()
        self._wait = wait
        timer: IDelayedCall = self._clock.callLater(
            self._interval(), wait.callback, None
        )
        await wait
        if timer.active():
            timer.cancel()

    async def close(self) -> None:
        """End the waiting and unsubscribe."""
        if self._closed:
            return
        self._closed = True
        if self._wait is not None and not self._wait.called:
            self._wait.callback(None)
        await unsubscribe(self._client, self._channel, self._target, self._subscription)


def _parsed(data: bytes) -> PulledEvents | ItemProblem:
    try:
        return parse_events(data)
    except ServerError as error:
        return error.problem
