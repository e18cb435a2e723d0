"""Token buckets, one for each key: how often something may be done. Pure.

A bucket holds `burst` tokens and gains `per_minute` of them each minute; each use takes
one. Time is given in seconds of any steady clock.
"""

from collections import OrderedDict
from collections.abc import Hashable

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """A bound: so many at once, and then so many a minute; 0 a minute is no bound."""

    at_once: int
    per_minute: int


class TokenBuckets:
    """Buckets of many keys, of which at most `most_keys` are remembered.

    The key that was used longest ago is forgotten first; a forgotten bucket is full
    again, so `most_keys` has to be larger than what a client can make up in the time
    that an empty bucket takes to fill.
    """

    def __init__(
        self, burst: float, per_minute: float, most_keys: int = 100_000
    ) -> None:
        self._burst = burst
        self._per_second = per_minute / 60
        self._most_keys = most_keys
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, now: float) -> float:
        """Take a token; return 0, or the seconds until there is one to take."""
        tokens, since = self._buckets.get(key, (self._burst, now))
        # A clock that goes backwards gives nothing, and takes nothing away.
        tokens = min(self._burst, tokens + max(0.0, now - since) * self._per_second)
        missing = 1 - tokens
        if missing <= 0:
            tokens -= 1
        self._buckets[key] = tokens, now
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most_keys:
            self._buckets.popitem(last=False)
        if missing <= 0:
            return 0.0
        return missing / self._per_second if self._per_second else float("inf")
