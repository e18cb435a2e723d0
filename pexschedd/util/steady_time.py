"""Durations that no change of the system's date shortens or lengthens."""

from time import monotonic
from typing import Any


def count_steadily(reactor: Any) -> None:
    """Make a reactor's timers go by the monotonic clock.

    Twisted's go by the date: set back by an hour, no timer fires for an hour. Timers
    that are running already keep the time that is left to them. `reactor.seconds` does
    not count from 1970 any more.
    """
    shift = monotonic() - reactor.seconds()
    for call in reactor.getDelayedCalls():
        call.time += shift  # all alike, so their order stays
        call.seconds = monotonic
    reactor.seconds = monotonic
