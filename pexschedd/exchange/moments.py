"""Moments as Exchange writes them, over EWS and over Graph. Pure."""

import re
from datetime import UTC, datetime

_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII
)


def read_time(value: str) -> datetime | None:
    """An xs:dateTime or Edm.DateTimeOffset as aware UTC; without an offset it is UTC
    already. Fractions of a second are dropped."""
    match = _DATE_TIME.match(value.strip())
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1] + (match[2] or "Z"))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # 25 o'clock; the year 1 east of Greenwich
        return None


def read_wall_clock(value: str) -> datetime | None:
    """A time without an offset, as a naive one; None for anything else."""
    match = _DATE_TIME.match(value.strip())
    if match is None or match[2]:
        return None
    try:
        return datetime.fromisoformat(match[1])
    except ValueError:
        return None
