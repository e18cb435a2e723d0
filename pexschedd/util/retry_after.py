"""Retry-After (RFC 9110 section 10.2.3), as seconds or as a date. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(value: str, date: str, received: datetime | None = None) -> float | None:
    """Return the seconds that a server asks for; None if it names none.

    `value` is the header's; `date` is that of the answer's Date header, because a date
    is meant by the server's clock. For a server that sends none, the time by our own
    clock when the answer was `received` stands for it (RFC 9110 section 6.6.1), in
    whole seconds as both dates are. A date in the past is 0 seconds.
    """
    if received is not None:
        received = received.replace(microsecond=0)
    value = value.strip()
    if value.isdecimal():
        return float(value) if len(value) <= 6 else None
    try:
        pause = _utc(value) - (_utc(date) if date or received is None else received)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, pause.total_seconds())


def _utc(date: str) -> datetime:
    """Treat a date without a zone, HTTP's oldest form, as UTC."""
    found = parsedate_to_datetime(date)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
