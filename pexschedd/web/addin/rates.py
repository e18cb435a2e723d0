"""Limits on how often one user, or one address, may book a room.

An integration has a limited range of aliases: a single user with a script would empty a
five-digit range within minutes, and everybody else would get none.
"""

from collections.abc import Callable

from pexschedd.errors import TooManyRequests
from pexschedd.util.token_bucket import Rate, TokenBuckets

NO_BOUND = Rate(0, 0)


class BookingRates:
    """Counts bookings, and refuses those beyond the rates.

    `seconds` is a steady clock; `refused` is told "user" or "address" of each refusal.
    """

    def __init__(
        self,
        per_user: Rate,
        per_address: Rate,
        seconds: Callable[[], float],
        refused: Callable[[str], object] = lambda bound: None,
    ) -> None:
        self._seconds = seconds
        self._refused = refused
        self._bounds = [
            (name, TokenBuckets(rate.at_once, rate.per_minute))
            for name, rate in (("address", per_address), ("user", per_user))
            if rate.per_minute
        ]

    def count(self, *, user: str, address: str) -> None:
        """Count one booking; raises `TooManyRequests` beyond a rate."""
        keys = {"user": user, "address": address}
        for name, buckets in self._bounds:
            wait = buckets.take(keys[name], self._seconds()) if keys[name] else 0.0
            if wait:
                self._refused(name)
                raise TooManyRequests(
                    "Too many meeting rooms were requested in a short time. Wait a "
                    "minute, then try again.",
                    retry_after=wait,
                )


UNLIMITED = BookingRates(NO_BOUND, NO_BOUND, lambda: 0.0)
"""Refuses nothing, and remembers nothing."""
