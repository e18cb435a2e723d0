"""The clock, as a function that is passed in.

Nothing in the product reads the system's clock: it takes a `Now`. Only composition
roots (`tap.py`, the tools, the demo, the sandbox) choose one, so that tests and the
demo desk can move time.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any

Now = Callable[[], datetime]
"""Gives the current time as an aware UTC datetime."""


def system_now() -> datetime:
    """Read the system's clock. For composition roots only."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that reads it


def ahead(date: str, now: datetime) -> float | None:
    """Return the seconds by which a Date header is ahead of `now`.

    None if it is no date. The header has whole seconds only.
    """
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    return (theirs - now).total_seconds()


def count_steadily(reactor: Any) -> None:
    """Make a reactor's timers go by the monotonic clock, so that no change of the
    system's date shortens or lengthens a duration.

    Twisted's go by the date: set back by an hour, no timer fires for an hour. Timers
    that are running already keep the time that is left to them. `reactor.seconds` does
    not count from 1970 any more.
    """
    shift = monotonic() - reactor.seconds()
    for call in reactor.getDelayedCalls():
        call.time += shift  # all alike, so their order stays
        call.seconds = monotonic
    reactor.seconds = monotonic
