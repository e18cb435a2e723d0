"""The subscriptions of one listening: whose notifications count, and when to renew."""

from collections.abc import Callable, Iterable
from datetime import datetime
from hmac import compare_digest

from twisted.internet.interfaces import IReactorTime

from pexschedd.graph.notifications.change_notification import (
    ChangeNotification,
    LifecycleEvent,
)
from pexschedd.graph.notifications.subscription import ASKED, FolderSubscription
from pexschedd.util.sleep import Sleep

LEAST = 60.0
"""Seconds between two renewals, whatever Graph says."""
AGAIN = 600.0
"""The most seconds until a renewal that failed is tried again."""


class SubscriptionSession:
    """Subscriptions that were made with one secret, the `state`."""

    def __init__(
        self,
        state: str,
        arrived: Callable[[], None],
        alive: Callable[[], None],
        clock: IReactorTime,
    ) -> None:
        self.state = state
        self._arrived = arrived
        self._alive = alive
        self._clock = clock
        self._ids: list[str] = []
        self._has_begun = False
        self._has_ended = False
        self._sleep: Sleep | None = None
        self._renewed = self._renewal = self._expiry = clock.seconds()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the subscriptions."""
        return tuple(self._ids)

    @property
    def is_over(self) -> bool:
        """True once the first of the subscriptions has ended by itself."""
        return self._clock.seconds() >= self._expiry

    def add(self, subscription: FolderSubscription) -> None:
        """Count the notifications of a subscription."""
        self._ids.append(subscription.id)

    def begin(self, lives: Iterable[FolderSubscription], now: datetime) -> None:
        """Note that all subscriptions live, and until when; `now` is the wall clock's.

        They are to be renewed at half of that; a longer life than was asked for is not
        believed.
        """
        seconds = min(min(each.expires - now, ASKED) for each in lives).total_seconds()
        self._has_begun = True
        self._renewed = self._clock.seconds()
        self._expiry = self._renewed + max(LEAST, seconds)
        self._renewal = self._renewed + max(LEAST, seconds / 2)
        self._alive()

    def renew_again(self, pause: float) -> None:
        """Put off a renewal that failed, for the `pause` in seconds that was asked for
        or some minutes."""
        now = self._clock.seconds()
        soon = min(AGAIN, (self._expiry - now) / 2)
        self._renewal = now + max(LEAST, pause, soon)

    async def until_renewal(self) -> bool:
        """Wait until the subscriptions have to be renewed; return False if there is
        nothing to renew any more."""
        while not self._has_ended:
            left = self._renewal - self._clock.seconds()
            if left <= 0:
                return True
            self._sleep = Sleep(self._clock, left)
            await self._sleep
        return False

    def end(self) -> None:
        """Wait for nothing any more."""
        self._has_ended = True
        self._wake()

    def take(self, notification: ChangeNotification) -> bool:
        """Do what a notification asks for; return False if it is none of ours.

        Until all subscriptions are made, not all of their ids are known.
        """
        state = (notification.client_state or "").encode(errors="replace")
        is_ours = compare_digest(state, self.state.encode())
        if self._has_begun and notification.subscription_id not in self._ids:
            is_ours = False
        if not is_ours:
            return False
        if self._has_begun:
            self._alive()
        match notification.lifecycle_event:
            case LifecycleEvent.REMOVED:
                self.end()
            case LifecycleEvent.REAUTHORIZE:
                now = self._clock.seconds()
                soon = max(now, self._renewed + LEAST)
                self._renewal = min(self._renewal, soon)
                self._wake()
            case _:
                self._arrived()
        return True

    def _wake(self) -> None:
        if self._sleep is not None:
            self._sleep.end()
