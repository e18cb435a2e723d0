"""The dates of a pattern, by their position from 0 on. Pure.

Positions and dates are computed from one another in constant time, so that a series
without end can be asked about any year. dateutil's `rrule` is not used: it can only
count from the beginning, does not know positions, and leaves out a month that has no
31st, where Exchange takes the last day.
"""

import calendar
from bisect import bisect_left
from datetime import date, timedelta
from typing import Protocol

from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    Daily,
    DayOfWeek,
    Pattern,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
)

_DAY = timedelta(days=1)


class PatternDates(Protocol):
    """The dates of a pattern, ascending."""

    def at(self, position: int) -> date:
        """The date at a position from 0 on.

        Raises OverflowError or ValueError after the year 9999.
        """

    def position_from(self, day: date) -> int:
        """The position of the first date that is not before `day`."""


def dates_of(pattern: Pattern, start: date) -> PatternDates:
    """The dates from `start` on, which need not be a date of the pattern itself."""
    match pattern:
        case Daily(interval=interval):
            return _Days(start, interval)
        case Weekly():
            return _Weeks(start, pattern)
        case AbsoluteMonthly(interval=interval, day=day):
            return _Months(start, start.month, interval, _Absolute(day))
        case RelativeMonthly(interval=interval, which=which, day=days):
            return _Months(start, start.month, interval, _Relative(which, days))
        case AbsoluteYearly(interval=interval, month=month, day=day):
            return _Months(start, month, 12 * interval, _Absolute(day))
        case RelativeYearly(interval=interval, month=month, which=which, day=days):
            return _Months(start, month, 12 * interval, _Relative(which, days))


class _Days:
    def __init__(self, start: date, interval: int) -> None:
        self._start = start
        self._interval = interval

    def at(self, position: int) -> date:
        return self._start + position * self._interval * _DAY

    def position_from(self, day: date) -> int:
        return max(0, -((self._start - day).days // self._interval))


class _Weeks:
    """Weekdays in every so many weeks, counted from the week that `start` is in."""

    def __init__(self, start: date, pattern: Weekly) -> None:
        (first_day,) = pattern.first_day.weekdays
        weekdays = {number for day in pattern.days for number in day.weekdays}
        self._offsets = sorted((number - first_day) % 7 for number in weekdays)
        into_week = (start.weekday() - first_day) % 7
        # Not a date: the week of the first of January of the year 1 may lie before.
        self._first_week = start.toordinal() - into_week
        self._interval = pattern.interval
        self._left_out = bisect_left(self._offsets, into_week)

    def at(self, position: int) -> date:
        turn, nth = divmod(position + self._left_out, len(self._offsets))
        return date.fromordinal(
            self._first_week + turn * self._interval * 7 + self._offsets[nth]
        )

    def position_from(self, day: date) -> int:
        week, into_week = divmod(day.toordinal() - self._first_week, 7)
        turn, weeks_after = divmod(week, self._interval)
        if weeks_after:
            place = (turn + 1) * len(self._offsets)
        else:
            place = turn * len(self._offsets) + bisect_left(self._offsets, into_week)
        return max(0, place - self._left_out)


class _DayOfMonth(Protocol):
    def __call__(self, year: int, month: int) -> int: ...


class _Months:
    """One date in every so many months; a year is twelve of them."""

    def __init__(
        self, start: date, month: int, interval: int, day: _DayOfMonth
    ) -> None:
        self._day = day
        self._interval = interval
        self._first = start.year * 12 + month - 1
        if self.at(0) < start:
            self._first += interval

    def at(self, position: int) -> date:
        year, month = divmod(self._first + position * self._interval, 12)
        return date(year, month + 1, self._day(year, month + 1))

    def position_from(self, day: date) -> int:
        months = day.year * 12 + day.month - 1 - self._first
        if months < 0:
            return 0
        position = months // self._interval
        return position if self.at(position) >= day else position + 1


class _Absolute:
    def __init__(self, day: int) -> None:
        self._day = day

    def __call__(self, year: int, month: int) -> int:
        if self._day <= 28:
            return self._day
        return min(self._day, calendar.monthrange(year, month)[1])


class _Relative:
    """The first to fourth, or the last, of a kind of day; every month has four."""

    def __init__(self, which: Which, days: DayOfWeek) -> None:
        self._nth = -1 if which is Which.LAST else list(Which).index(which)
        self._weekdays = days.weekdays

    def __call__(self, year: int, month: int) -> int:
        first, length = calendar.monthrange(year, month)
        matching = [
            day
            for day in range(1, length + 1)
            if (first + day - 1) % 7 in self._weekdays
        ]
        return matching[self._nth]
