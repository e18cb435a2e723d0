"""Bookings of the last minutes, so that one that is repeated gives the same room.

The answer to a press of the button may be lost on the way; a second press, or a pane
that was opened again, then asks with the same key. In memory only: after a restart the
worst is one more alias that expires unused.
"""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

import msgspec
from twisted.internet.defer import CancelledError

from pexschedd.util.single_flight import SingleFlight

T = TypeVar("T")

KEPT = 300.0
"""Seconds for which a booking may be repeated."""
MOST = 20_000
"""Bookings that are remembered, of all users together; the oldest goes first."""

BookingKey = tuple[int, str, str]
"""The integration's id, the user, and the key that the user's pane has chosen."""


class _Recent(msgspec.Struct, Generic[T]):
    since: float
    flight: SingleFlight[T]
    room: T | None = None


class RecentBookings(Generic[T]):
    """Remembers bookings by their keys.

    `seconds` is a steady clock; `is_free` returns whether a room is still free: one
    that a meeting has since is not given again.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        is_free: Callable[[T], bool],
        most: int = MOST,
    ) -> None:
        self._seconds = seconds
        self._is_free = is_free
        self._most = most
        self._recent: OrderedDict[BookingKey, _Recent[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._recent)

    async def book(
        self, key: BookingKey, book: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        """Return the room that was booked with this key, or else book one.

        A booking that is under way is waited for. One that fails is forgotten.
        """
        self._forget_old()
        recent = self._recent.get(key)
        if recent is not None and recent.room is not None:
            if self._is_free(recent.room):
                return recent.room
            recent = None
        if recent is None:
            recent = _Recent(self._seconds(), SingleFlight())
            self._recent[key] = recent
            self._recent.move_to_end(key)
            if len(self._recent) > self._most:
                self._recent.popitem(last=False)
        try:
            recent.room = await recent.flight.run(book)
        except CancelledError:
            raise  # the booking itself goes on
        except Exception:
            if self._recent.get(key) is recent:
                del self._recent[key]
            raise
        return recent.room

    def _forget_old(self) -> None:
        while self._recent:
            key, oldest = next(iter(self._recent.items()))
            if oldest.since + KEPT > self._seconds():
                return
            del self._recent[key]
