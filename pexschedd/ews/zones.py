"""Which IANA zone an Exchange time-zone definition means.

Exchange names zones as Windows does, but also by IANA names, by the names of other
languages, or not at all, with the rules written out. In this order: a Windows name,
an IANA name, the IANA zone that follows the written rules, UTC.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from pexschedd.ews.windows_zones import IANA_OF_WINDOWS

_DAY = timedelta(days=1)


class Change(msgspec.Struct, frozen=True):
    """When the clocks change every year, and to what."""

    offset: timedelta
    """East of Greenwich is positive."""
    month: int
    day: int = 0
    """Of the month; 0 when the weekday counts."""
    weekday: int = 0
    """Monday is 0."""
    week: int = 1
    """1 to 4, or -1 for the last of the month."""


class Rules(msgspec.Struct, frozen=True):
    """The written-out rules that are in force when the meeting begins."""

    standard: timedelta
    changes: tuple[Change, ...] = ()


def iana_zone(name: str, rules: Rules | None, year: int) -> str:
    """The zone called `name`, or the one that follows `rules` in `year`, or UTC."""
    if name in IANA_OF_WINDOWS:
        return IANA_OF_WINDOWS[name]
    if name in _known():
        return name
    if rules is not None:
        return _zone_following(rules, min(max(year, 1970), 2100)) or "UTC"
    return "UTC"


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=256)
def _zone_following(rules: Rules, year: int) -> str | None:
    """Compares day by day at noon, leaving out the days around a change."""
    if not rules.changes:
        hours, rest = divmod(rules.standard, timedelta(hours=1))
        if not rest and -12 <= hours <= 14:
            # POSIX counts westwards.
            return f"Etc/GMT{-hours:+d}" if hours else "UTC"
    days = _offsets(rules, year)
    for name in dict.fromkeys(IANA_OF_WINDOWS.values()):
        zone = ZoneInfo(name)
        if all(
            datetime.combine(day, time(12), UTC).astimezone(zone).utcoffset() == offset
            for day, offset in days
        ):
            return name
    return None


def _offsets(rules: Rules, year: int) -> list[tuple[date, timedelta]]:
    changes = sorted(
        (day, change.offset)
        for each in (year - 1, year)
        for change in rules.changes
        if (day := _day_of(change, each)) is not None
    )
    at = date(year, 1, 1)
    days = []
    while at.year == year:
        if all(abs(at - day) > _DAY for day, _ in changes):
            days.append((at, _offset_on(at, changes, rules.standard)))
        at += _DAY
    return days


def _offset_on(
    at: date, changes: Sequence[tuple[date, timedelta]], standard: timedelta
) -> timedelta:
    past = [offset for day, offset in changes if day <= at]
    return past[-1] if past else standard


def _day_of(change: Change, year: int) -> date | None:
    try:
        if change.day:
            return date(year, change.month, change.day)
        first = date(year, change.month, 1)
        after = date(year + change.month // 12, change.month % 12 + 1, 1)
    except ValueError:
        return None
    day = first + ((change.weekday - first.weekday()) % 7) * _DAY
    if change.week > 0:
        return day + (change.week - 1) * 7 * _DAY
    while day + 7 * _DAY < after:
        day += 7 * _DAY
    return day
