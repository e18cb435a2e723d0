"""Times and zones of Graph's documents.

A dateTimeTimeZone is a wall clock of seven decimals without an offset, beside the name
of its zone: Windows' or IANA's, or one that only Outlook knows.
"""

import re
from datetime import UTC, date, datetime

import msgspec

from pexschedd.exchange.moments import read_time, read_wall_clock
from pexschedd.exchange.zones import named_zone
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of

_UTC_NAMES = frozenset({"tzone://Microsoft/Utc", "UTC"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class DateTimeTimeZone(msgspec.Struct, frozen=True, rename="camel"):
    """A time as Graph writes it."""

    date_time: str | None = None
    time_zone: str | None = None


def zone_called(name: str | None) -> str | None:
    """The IANA zone of a name; None for one that names no rules, such as "",
    "Customized Time Zone" or `tzone://Microsoft/Custom`."""
    name = (name or "").strip()
    return "UTC" if name in _UTC_NAMES else named_zone(name)


def read_zoned(value: DateTimeTimeZone | None) -> datetime | None:
    """A dateTimeTimeZone as aware UTC; None if there is none, or its zone is unknown.

    Without the name of a zone it is UTC, which is what is asked for.
    """
    if value is None or value.date_time is None:
        return None
    local = read_wall_clock(value.date_time)
    if local is None:
        return read_time(value.date_time)
    zone = zone_called(value.time_zone) if value.time_zone else "UTC"
    if zone is None:
        return None
    try:
        return local.replace(tzinfo=tzinfo_of(zone)).astimezone(UTC)
    except (ValueError, OverflowError):  # the year 1 east of Greenwich
        return None


def read_day(value: DateTimeTimeZone | None) -> date | None:
    """The day that a meeting of whole days begins or ends with: the date as it is
    written, whatever the zone."""
    text = value.date_time if value is not None else None
    return read_date(text)


def read_date(text: str | None) -> date | None:
    """An Edm.Date, also with more behind it; None if it is none."""
    match = _DATE.match((text or "").strip())
    try:
        return date.fromisoformat(match[0]) if match else None
    except ValueError:
        return None
