"""Recurrence patterns in the terms of EWS."""

from datetime import date
from enum import StrEnum
from typing import Self

import msgspec

DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    *("Day", "Weekday", "WeekendDay"),
)
"""The weekdays in the order of `date.weekday()`, then the names of groups of days."""
INDEXES = ("First", "Second", "Third", "Fourth", "Last")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
MOST = 999
"""Outlook's limit of numbered occurrences, and of the interval: far beyond use."""


class Pattern(StrEnum):
    """The patterns; the values are the element names of EWS."""

    DAILY = "DailyRecurrence"
    WEEKLY = "WeeklyRecurrence"
    MONTHLY = "AbsoluteMonthlyRecurrence"
    MONTHLY_ON = "RelativeMonthlyRecurrence"
    YEARLY = "AbsoluteYearlyRecurrence"
    YEARLY_ON = "RelativeYearlyRecurrence"


class SeriesRecurrence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pattern and its range, best made by one of the class methods.

    The range begins on `start` (by default when the meeting first starts) and ends
    after `count` occurrences, on the date `until`, or never. Dates are local. Raises
    ValueError for values that make no sense.
    """

    pattern: Pattern
    interval: int = 1
    days: tuple[str, ...] = ()
    first_day: str = "Sunday"
    index: str = ""
    day: int = 0
    month: str = ""
    start: date | None = None
    count: int | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.interval <= MOST:
            raise ValueError(f"interval: {self.interval} is not from 1 to {MOST}")
        if self.count is not None and not 1 <= self.count <= MOST:
            raise ValueError(f"count: {self.count} is not from 1 to {MOST}")
        if self.count is not None and self.until is not None:
            raise ValueError("a series ends by its count or on a date, not by both")
        for name, value, known in (
            *(("days", each, DAYS) for each in self.days),
            ("first_day", self.first_day, DAYS[:7]),
            ("index", self.index or "First", INDEXES),
            ("month", self.month or "January", MONTHS),
        ):
            if value not in known:
                raise ValueError(f"{name}: {value!r} is none of {', '.join(known)}")
        needs = _NEEDS[self.pattern]
        for name in needs:
            if not getattr(self, name):
                raise ValueError(f"{self.pattern} needs {name}")
        if "day" in needs and not 1 <= self.day <= 31:
            raise ValueError(f"day: {self.day} is not from 1 to 31")

    @classmethod
    def daily(
        cls,
        *,
        interval: int = 1,
        start: date | None = None,
        count: int | None = None,
        until: date | None = None,
    ) -> Self:
        """Return a recurrence every `interval` days."""
        return cls(
            pattern=Pattern.DAILY,
            interval=interval,
            start=start,
            count=count,
            until=until,
        )

    @classmethod
    def weekly(
        cls,
        *days: str,
        interval: int = 1,
        first_day: str = "Sunday",
        start: date | None = None,
        count: int | None = None,
        until: date | None = None,
    ) -> Self:
        """Return a recurrence on weekdays such as "Monday" every `interval` weeks."""
        return cls(
            pattern=Pattern.WEEKLY,
            days=days,
            interval=interval,
            first_day=first_day,
            start=start,
            count=count,
            until=until,
        )

    @classmethod
    def monthly(
        cls,
        day: int,
        *,
        interval: int = 1,
        start: date | None = None,
        count: int | None = None,
        until: date | None = None,
    ) -> Self:
        """Return a recurrence on a day of the month, or on the last day of shorter
        months."""
        return cls(
            pattern=Pattern.MONTHLY,
            day=day,
            interval=interval,
            start=start,
            count=count,
            until=until,
        )

    @classmethod
    def monthly_on(
        cls,
        index: str,
        day: str,
        *,
        interval: int = 1,
        start: date | None = None,
        count: int | None = None,
        until: date | None = None,
    ) -> Self:
        """Return a recurrence on a day such as "Second", "Tuesday" or "Last",
        "Weekday"."""
        return cls(
            pattern=Pattern.MONTHLY_ON,
            index=index,
            days=(day,),
            interval=interval,
            start=start,
            count=count,
            until=until,
        )

    @classmethod
    def yearly(
        cls,
        month: str,
        day: int,
        *,
        start: date | None = None,
        count: int | None = None,
        until: date | None = None,
    ) -> Self:
        """Return a recurrence on a date of each year."""
        return cls(
            pattern=Pattern.YEARLY,
            month=month,
            day=day,
            start=start,
            count=count,
            until=until,
        )

    @classmethod
    def yearly_on(
        cls,
        index: str,
        day: str,
        month: str,
        *,
        start: date | None = None,
        count: int | None = None,
        until: date | None = None,
    ) -> Self:
        """Return a recurrence on a day such as "Last", "Sunday", "March"."""
        return cls(
            pattern=Pattern.YEARLY_ON,
            index=index,
            days=(day,),
            month=month,
            start=start,
            count=count,
            until=until,
        )

    def without_end(self) -> Self:
        """Return the same recurrence without an end."""
        return msgspec.structs.replace(self, count=None, until=None)


_NEEDS: dict[Pattern, tuple[str, ...]] = {
    Pattern.DAILY: (),
    Pattern.WEEKLY: ("days",),
    Pattern.MONTHLY: ("day",),
    Pattern.MONTHLY_ON: ("index", "days"),
    Pattern.YEARLY: ("month", "day"),
    Pattern.YEARLY_ON: ("index", "days", "month"),
}
