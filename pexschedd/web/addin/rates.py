"""Limits on how often one user, or one address, may ask for something.

An integration has a limited range of aliases: a single user with a script would empty a
five-digit range within minutes, and everybody else would get none. Questions about tags
may each lead to one to Exchange.
"""

from collections.abc import Callable

from pexschedd.errors import TooManyRequests
from pexschedd.util.token_bucket import Rate, TokenBuckets

NO_BOUND = Rate(0, 0)


TAGS_PER_USER = Rate(60, 30)
TAGS_PER_ADDRESS = Rate(1200, 600)
"""Questions about tags: the pane asks each time it is opened, and again afterwards."""


class RequestRates:
    """Counts requests, and refuses those beyond the rates.

    `seconds` is a steady clock; `refused` is told "user" or "address" of each refusal.
    `what` begins the sentence that a refused user reads.
    """

    def __init__(
        self,
        per_user: Rate,
        per_address: Rate,
        seconds: Callable[[], float],
        refused: Callable[[str], object] = lambda bound: None,
        *,
        what: str = "Too many meeting rooms were requested",
    ) -> None:
        self._what = what
        self._seconds = seconds
        self._refused = refused
        self._bounds = [
            (name, TokenBuckets(rate.at_once, rate.per_minute))
            for name, rate in (("address", per_address), ("user", per_user))
            if rate.per_minute
        ]

    def count(self, *, user: str, address: str) -> None:
        """Count one request; raises `TooManyRequests` beyond a rate."""
        keys = {"user": user, "address": address}
        for name, buckets in self._bounds:
            wait = buckets.take(keys[name], self._seconds()) if keys[name] else 0.0
            if wait:
                self._refused(name)
                raise TooManyRequests(
                    f"{self._what} in a short time. Wait a minute, then try again.",
                    retry_after=wait,
                )


UNLIMITED = RequestRates(NO_BOUND, NO_BOUND, lambda: 0.0)
"""Refuses nothing, and remembers nothing."""
