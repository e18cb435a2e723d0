"""The wall clock of a series: an IANA zone, or rules that came with the meeting. Pure.

Both are a `datetime.tzinfo` with the semantics of PEP 495: by default a local time that
occurs twice is the first of the two, and one that the clocks skip is taken as if they
had not changed yet.
"""

import calendar
from bisect import bisect_left, bisect_right
from datetime import MAXYEAR, MINYEAR, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

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

    The rules of a year are worked out once. Whoever sends a meeting writes them, and
    a series asks them for each of its exceptions.
    """

    def __init__(self, zone: CustomZone) -> None:
        biases = {era.bias for era in zone.eras}
        biases |= {change.bias for era in zone.eras for change in era.changes}
        self._biases = sorted(biases)
        self._eras = [(datetime.min, zone.eras[0])]  # noqa: DTZ901 (UTC, see above)
        self._years: dict[int, _Year] = {}
        for era in zone.eras[1:]:
            self._add(self._beginning(era), era)

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

    def _add(self, begins: datetime, era: Era) -> None:
        while self._eras[-1][0] >= begins:
            self._eras.pop()  # it never counts
        self._eras.append((begins, era))
        year = self._years.get(begins.year)
        self._years = {
            number: each for number, each in self._years.items() if number < begins.year
        }
        if year is not None:
            _follow(era, begins, year)
            self._years[begins.year] = year

    def _bias(self, utc: datetime) -> int:
        year = self._year(utc.year)
        return year.biases[bisect_right(year.times, utc) - 1]

    def _bias_on_the_wall(self, local: datetime, fold: int) -> int:
        """The bias at a local time: one that is in force when it makes the clocks show
        that time."""
        possible = self._possible(local)
        if len(possible) == 1:
            return possible[0]
        right = [
            bias
            for bias in sorted(possible)
            if self._bias(local + timedelta(minutes=bias)) == bias
        ]
        if right:
            # The smaller the bias, the earlier it is.
            return right[-1 if fold else 0]
        # Skipped. The smallest bias leads to before the change, the greatest to after.
        farthest = self._biases[-1 if fold else 0]
        return self._bias(local + timedelta(minutes=farthest))

    def _possible(self, local: datetime) -> list[int]:
        """The biases in force at any time that may be shown as this local one."""
        first = local + timedelta(minutes=self._biases[0])
        last = local + timedelta(minutes=self._biases[-1])
        found: list[int] = []
        for number in range(first.year, last.year + 1):
            year = self._year(number)
            begin = max(0, bisect_right(year.times, first) - 1)
            found += year.biases[begin : bisect_right(year.times, last)]
        return list({*found}) if len(found) > 1 else found

    def _year(self, number: int) -> "_Year":
        found = self._years.get(number)
        if found is None:
            found = self._years[number] = _year_of(self._eras, number)
        return found


class _Year(msgspec.Struct, frozen=True):
    """A year in UTC: times in ascending order, the first of them its beginning, and the
    bias from each of them on."""

    times: list[datetime]
    biases: list[int]


def _year_of(eras: list[tuple[datetime, Era]], number: int) -> _Year:
    """Work out a year; `eras` have their beginnings in UTC, in ascending order."""
    year = _Year([], [])
    opens = datetime(number, 1, 1)  # noqa: DTZ001 (UTC)
    begins = [begin for begin, _ in eras]
    position = bisect_right(begins, opens) - 1
    for begin, era in eras[position:]:
        if begin.year > number:
            break
        _follow(era, max(begin, opens), year)
    return year


def _follow(era: Era, start: datetime, year: _Year) -> None:
    """Let an era count in a year, from `start` on."""
    number = start.year
    # The year of a change is the local one, which may differ from that of UTC.
    years = range(max(MINYEAR, number - 1), min(MAXYEAR, number + 1) + 1)
    changes = [change for each in years for change in _changes_in(era, each)]
    order = sorted(range(len(changes)), key=lambda place: changes[place][0])
    latest, bias = -1, era.bias
    _from(year, start, bias)
    for place in order:
        when = changes[place][0]
        if when.year > number:
            break
        if place > latest:  # of two that come in the wrong order, the later rule counts
            latest, bias = place, changes[place][1]
            _from(year, max(when, start), bias)


def _from(year: _Year, when: datetime, bias: int) -> None:
    """Let a bias count in a year from a time on."""
    if year.times and year.times[-1] >= when:
        # The era before went on until the year's end.
        position = bisect_left(year.times, when)
        del year.times[position:], year.biases[position:]
    year.times.append(when)
    year.biases.append(bias)


@lru_cache(maxsize=4096)
def _changes_in(era: Era, year: int) -> list[tuple[datetime, int]]:
    """The changes of the clocks in a year: their times in UTC, in order, and the new
    biases."""
    walls = sorted((_wall(change, year), change.bias) for change in era.changes)
    if not walls:
        return []
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
