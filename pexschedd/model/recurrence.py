"""The recurrence of a meeting, and the exceptions from it.

The patterns and ranges are those that Exchange Web Services know for calendars (the
regenerating ones exist for tasks only, and have no place here). Small as JSON, because
it is stored inside a record. `scheduling/recurrence/` says
what it means.

Making one of these, or reading one from JSON, raises ValueError (msgspec's, when
reading) with a text that names the field.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import msgspec

FIRST_YEAR = 1601
LAST_YEAR = 4500
"""The years that Exchange's calendar has (MS-OXOCAL): a series without end ends
here."""

MAX_INTERVAL = 9_999
MAX_DURATION = timedelta(days=5 * 366)
"""The longest meeting that Outlook makes is of five years."""

_DAY_MINUTES = 24 * 60


class DayOfWeek(StrEnum):
    """A day of the week, or a group of days, in the order of `date.weekday()`; the last
    three stand for several days."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    DAY = "day"
    WEEKDAY = "weekday"
    WEEKEND_DAY = "weekend_day"

    @property
    def weekdays(self) -> frozenset[int]:
        """The numbers of the days; Monday is 0."""
        return _WEEKDAYS[self]


_WEEKDAYS = {
    **{day: frozenset({number}) for number, day in enumerate(list(DayOfWeek)[:7])},
    DayOfWeek.DAY: frozenset(range(7)),
    DayOfWeek.WEEKDAY: frozenset(range(5)),
    DayOfWeek.WEEKEND_DAY: frozenset({5, 6}),
}


class Which(StrEnum):
    """The position among the matching days of a month."""

    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    FOURTH = "fourth"
    LAST = "last"


class _Part(msgspec.Struct, frozen=True, omit_defaults=True):
    pass


class _Pattern(_Part, frozen=True, omit_defaults=True, tag_field="type", kw_only=True):
    interval: int = 1
    """Every so many days, weeks, months or years."""

    def __post_init__(self) -> None:
        _within("interval", self.interval, 1, MAX_INTERVAL)


class Daily(_Pattern, frozen=True, tag="daily"):
    """A pattern of every `interval` days."""


class Weekly(_Pattern, frozen=True, tag="weekly"):
    """A pattern of certain weekdays, every `interval` weeks."""

    days: tuple[DayOfWeek, ...]
    first_day: DayOfWeek = DayOfWeek.SUNDAY
    """The first day of a week; matters when not every week counts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.days:
            raise ValueError("days: at least one day of the week is needed")
        _one_day("first_day", self.first_day)


class AbsoluteMonthly(_Pattern, frozen=True, tag="absolute_monthly"):
    """A pattern of one day of the month; the last day where the month has no such
    day."""

    day: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("day", self.day, 1, 31)


class RelativeMonthly(_Pattern, frozen=True, tag="relative_monthly"):
    """A pattern of one weekday of the month, such as the second Tuesday."""

    which: Which
    day: DayOfWeek


class AbsoluteYearly(_Pattern, frozen=True, tag="absolute_yearly"):
    """A pattern of one date a year; the last day of the month in years that have no
    such date."""

    month: int
    """January is 1."""
    day: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("month", self.month, 1, 12)
        _within("day", self.day, 1, 31)


class RelativeYearly(_Pattern, frozen=True, tag="relative_yearly"):
    """A pattern of one weekday in one month of the year, such as the last Friday of
    May."""

    month: int
    """January is 1."""
    which: Which
    day: DayOfWeek

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("month", self.month, 1, 12)


Pattern = (
    Daily | Weekly | AbsoluteMonthly | RelativeMonthly | AbsoluteYearly | RelativeYearly
)


class Range(_Part, frozen=True):
    """The span of a series: its first date, and its end after a number of occurrences,
    on a date, or, with neither, never. Dates are local."""

    start: date
    """Not an occurrence by itself when the pattern does not have it."""
    count: int | None = None
    """Positions of the pattern; one that was deleted counts too."""
    until: date | None = None
    """The last date on which an occurrence may begin."""

    def __post_init__(self) -> None:
        _within("start", self.start.year, FIRST_YEAR, LAST_YEAR, "a year")
        if self.count is not None and self.until is not None:
            raise ValueError("count, until: only one of them can end a series")
        if self.count is not None and self.count < 1:
            raise ValueError("count: must be at least 1")


class ClockChange(_Part, frozen=True, kw_only=True):
    """A yearly change of the clocks, and the offset that it begins.

    Either on a `day` of the month, or on a weekday: the `week`th of the month.
    """

    bias: int
    """Minutes, west of Greenwich positive, from this change on."""
    month: int
    """January is 1."""
    day: int | None = None
    weekday: DayOfWeek = DayOfWeek.SUNDAY
    week: int = -1
    """1 to 5, the fifth being the last where there are but four; or -1, the last."""
    at: int = 0
    """Minutes after midnight, on the clocks as they are before the change."""

    def __post_init__(self) -> None:
        _bias(self.bias)
        _within("month", self.month, 1, 12)
        if self.day is not None:
            _within("day", self.day, 1, 31)
        _one_day("weekday", self.weekday)
        if self.week != -1:
            _within("week", self.week, 1, 5)
        _within("at", self.at, -7 * _DAY_MINUTES, 7 * _DAY_MINUTES)


class Era(_Part, frozen=True, kw_only=True, cache_hash=True):
    """The rules that a custom zone follows from one point in time on."""

    bias: int
    """Standard time: minutes, west of Greenwich positive. Counts where there are no
    changes; these say their own."""
    changes: tuple[ClockChange, ...] = ()
    begins: datetime | None = None
    """None: since ever. Without an offset: by the clocks of the era before."""

    def __post_init__(self) -> None:
        _bias(self.bias)
        if self.begins is not None:
            _within("begins", self.begins.year, FIRST_YEAR, LAST_YEAR, "a year")


class CustomZone(_Part, frozen=True, cache_hash=True):
    """A time zone without a known name, described by its rules."""

    eras: tuple[Era, ...]
    """In order; the first has no beginning."""

    def __post_init__(self) -> None:
        if not self.eras:
            raise ValueError("eras: at least one is needed")
        if [era.begins is None for era in self.eras] != [
            position == 0 for position in range(len(self.eras))
        ]:
            raise ValueError("eras: all but the first must begin at some time")
        biases = [era.bias for era in self.eras]
        biases += [change.bias for era in self.eras for change in era.changes]
        if max(biases) - min(biases) > _DAY_MINUTES:
            # More could make tomorrow's occurrence come before today's.
            raise ValueError("eras: their clocks differ by more than a day")


Zone = str | CustomZone
"""An IANA name, or rules."""


class Moved(_Part, frozen=True):
    """An occurrence that was moved to another time, or only changed."""

    original: datetime
    """The time that the pattern gives: an aware instant, like the others."""
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        _instants("original", (self.original,))
        _instants("start", (self.start,))
        _instants("end", (self.end,))
        if self.end < self.start:
            raise ValueError("end: before the start")


class Recurrence(_Part, frozen=True, kw_only=True, cache_hash=True):
    """The recurrence of a whole series."""

    pattern: Pattern
    range: Range
    zone: Zone = "UTC"
    """The zone of the wall clock that the series follows."""
    at: time = time(0)
    """The time at which an occurrence begins, by that clock."""
    duration: timedelta
    """By that clock as well: a night in which the clocks change is shorter or longer,
    and a whole day ends at midnight."""
    all_day: bool = False
    exceptions: tuple[Moved, ...] = ()
    deleted: tuple[datetime, ...] = ()
    """The times that the pattern gives for occurrences that do not take place;
    stronger than `exceptions` where both name one."""

    def __post_init__(self) -> None:
        if self.at.tzinfo is not None:
            raise ValueError("at: must not have an offset")
        if not timedelta(0) <= self.duration <= MAX_DURATION:
            raise ValueError(
                f"duration: must be between 0 and {MAX_DURATION.days} days"
            )
        _instants("deleted", self.deleted)


def _within(
    field: str, value: int, least: int, most: int, what: str = "a number"
) -> None:
    if not least <= value <= most:
        raise ValueError(f"{field}: must be {what} between {least} and {most}")


def _bias(value: int) -> None:
    # What datetime can do.
    _within("bias", value, 1 - _DAY_MINUTES, _DAY_MINUTES - 1)


def _one_day(field: str, day: DayOfWeek) -> None:
    if len(day.weekdays) != 1:
        raise ValueError(f"{field}: must be a single day of the week")


def _instants(field: str, moments: Iterable[datetime]) -> None:
    for moment in moments:
        if moment.tzinfo is None:
            raise ValueError(f"{field}: must have an offset")
        _within(field, moment.year, FIRST_YEAR, LAST_YEAR, "a year")
