"""Points in time as the management API writes them: UTC without saying so. Pure."""

from datetime import UTC, datetime


def format_time(moment: datetime) -> str:
    """Return a time in the API's form, `2026-11-21T09:30:00.000000`, in UTC."""
    return (
        moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    )


def parse_time(text: str) -> datetime:
    """Return an aware UTC datetime from ISO 8601; a text without an offset is UTC.

    Raises ValueError.
    """
    moment = datetime.fromisoformat(text)
    if "T" not in text.upper() and " " not in text:
        raise ValueError("a date without a time")
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None
