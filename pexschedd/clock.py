"""The clock, as a function that is passed in.

Nothing in the product reads the system's clock: it takes a `Now`. Only composition
roots (`tap.py`, the tools, the demo, the sandbox) choose one, so that tests and the
demo desk can move time.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

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
