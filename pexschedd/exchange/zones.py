"""The IANA zone that an Exchange time-zone definition means.

Exchange names zones as Windows does, but also by IANA names, by the names of other
languages, or not at all, with the rules written out. In this order: a Windows name,
an IANA name, the IANA zone that follows the written rules, UTC.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from pexschedd.exchange.windows_zones import IANA_OF_WINDOWS
from pexschedd.model.recurrence import ClockChange, Era

_DAY = timedelta(days=1)


def named_zone(name: str) -> str | None:
    """The zone that is called so by Windows or by IANA."""
    return IANA_OF_WINDOWS.get(name) or (name if name in _known() else None)


def iana_zone(name: str, rules: Era | None, year: int) -> str:
    """The zone called `name`, or the one that follows `rules` in `year`, or UTC."""
    named = named_zone(name)
    if named is None and rules is not None:
        named = _zone_following(rules, min(max(year, 1970), 2100))
    return named or "UTC"


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=256)
def _zone_following(rules: Era, year: int) -> str | None:
    """The IANA zone whose clocks follow these rules in a year; None if there is none.

    They are compared day by day at noon, except for the days around a change.
    """
    if not rules.changes:
        hours, rest = divmod(rules.bias, 60)
        if not rest and -14 <= hours <= 12:
            # POSIX counts westwards, too.
            return f"Etc/GMT{hours:+d}" if hours else "UTC"
    days = _offsets(rules, year)
    for name in dict.fromkeys(IANA_OF_WINDOWS.values()):
        zone = ZoneInfo(name)
        if all(
            datetime.combine(day, time(12), UTC).astimezone(zone).utcoffset() == offset
            for day, offset in days
        ):
            return name
    return None


def _offsets(rules: Era, year: int) -> list[tuple[date, timedelta]]:
    changes = sorted(
        (day, change.bias)
        for each in (year - 1, year)
        for change in rules.changes
        if (day := _day_of(change, each)) is not None
    )
    at = date(year, 1, 1)
    days = []
    while at.year == year:
        if all(abs(at - day) > _DAY for day, _ in changes):
            bias = _bias_on(at, changes, rules.bias)
            days.append((at, -timedelta(minutes=bias)))
        at += _DAY
    return days


def _bias_on(at: date, changes: Sequence[tuple[date, int]], standard: int) -> int:
    past = [bias for day, bias in changes if day <= at]
    return past[-1] if past else standard


def _day_of(change: ClockChange, year: int) -> date | None:
    try:
        if change.day is not None:
            return date(year, change.month, change.day)
        first = date(year, change.month, 1)
        after = date(year + change.month // 12, change.month % 12 + 1, 1)
    except ValueError:
        return None
    (weekday,) = change.weekday.weekdays
    day = first + ((weekday - first.weekday()) % 7) * _DAY
    week = change.week if change.week > 0 else 5
    day += (week - 1) * 7 * _DAY
    return day if day < after else day - 7 * _DAY
