"""The wall clock of a series: an IANA zone, or rules that came with the meeting. Pure.

Both are a `datetime.tzinfo` with the semantics of PEP 495: by default a local time that
occurs twice is the first of the two, and one that the clocks skip is taken as if they
had not changed yet.
"""

import calendar
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from pexschedd.model.recurrence import ClockChange, CustomZone, Era, Zone


class UnknownZone(ValueError):
    """This system has no such IANA zone."""


@lru_cache(maxsize=1024)
def tzinfo_of(zone: Zone) -> tzinfo:
    """The clock of a zone; raises `UnknownZone`."""
    if isinstance(zone, CustomZone):
        return RuleTimezone(zone)
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise UnknownZone(f"zone: there is no time zone {zone!r}") from None


class RuleTimezone(tzinfo):
    """A clock by the rules of a custom zone.

    All times inside are naive; those named `utc` are UTC, the others local. A bias is
    the number of minutes to add to the local time to get UTC.
    """

    def __init__(self, zone: CustomZone) -> None:
        biases = {era.bias for era in zone.eras}
        biases |= {change.bias for era in zone.eras for change in era.changes}
        self._biases = sorted(biases)
        self._eras = [(datetime.min, zone.eras[0])]  # noqa: DTZ901 (UTC, see above)
        for era in zone.eras[1:]:
            self._eras.append((self._beginning(era), era))

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """The offset at a local time, east of UTC positive; None for None."""
        if dt is None:
            return None
        local = dt.replace(tzinfo=None)
        return -timedelta(minutes=self._bias_on_the_wall(local, dt.fold))

    def fromutc(self, dt: datetime) -> datetime:
        """The local time; `fold` is 1 the second time that the clocks show it."""
        utc = dt.replace(tzinfo=None)
        bias = self._bias(utc)
        local = utc - timedelta(minutes=bias)
        again = self._bias_on_the_wall(local, 0) != bias
        return local.replace(tzinfo=self, fold=int(again))

    def dst(self, dt: datetime | None) -> timedelta | None:
        """None: the rules do not say which of their times is summer time."""
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        """None: the rules have no names."""
        return None

    def _beginning(self, era: Era) -> datetime:
        begins = era.begins
        assert begins is not None  # noqa: S101 (the model saw to it)
        offset = begins.utcoffset()
        if offset is None:
            offset = -timedelta(minutes=self._bias_on_the_wall(begins, 0))
        return begins.replace(tzinfo=None) - offset

    def _bias(self, utc: datetime) -> int:
        era = next(era for begins, era in reversed(self._eras) if begins <= utc)
        if not era.changes:
            return era.bias
        # The year is the local one, which may differ from that of UTC.
        for year in (utc.year + 1, utc.year, utc.year - 1):
            for when, bias in reversed(_changes_in(era, year)):
                if when <= utc:
                    return bias
        return era.bias

    def _bias_on_the_wall(self, local: datetime, fold: int) -> int:
        """The bias at a local time: one that is in force when it makes the clocks show
        that time."""
        right = [
            bias
            for bias in self._biases
            if self._bias(local + timedelta(minutes=bias)) == bias
        ]
        if right:
            # The smaller the bias, the earlier it is.
            return right[-1 if fold else 0]
        # Skipped. The smallest bias leads to before the change, the greatest to after.
        farthest = self._biases[-1 if fold else 0]
        return self._bias(local + timedelta(minutes=farthest))


@lru_cache(maxsize=4096)
def _changes_in(era: Era, year: int) -> list[tuple[datetime, int]]:
    """The changes of the clocks in a year: their times in UTC, in order, and the new
    biases."""
    walls = sorted((_wall(change, year), change.bias) for change in era.changes)
    before = walls[-1][1]  # as the year before ended
    changes = []
    for wall, bias in walls:
        changes.append((wall + timedelta(minutes=before), bias))
        before = bias
    return changes


def _wall(change: ClockChange, year: int) -> datetime:
    weekday, length = calendar.monthrange(year, change.month)
    if change.day is not None:
        day = min(change.day, length)
    else:
        (wanted,) = change.weekday.weekdays
        first = 1 + (wanted - weekday) % 7
        week = change.week if change.week > 0 else 5
        day = first + (week - 1) * 7
        if day > length:
            day -= 7
    return datetime(year, change.month, day) + timedelta(minutes=change.at)  # noqa: DTZ001 (local)
