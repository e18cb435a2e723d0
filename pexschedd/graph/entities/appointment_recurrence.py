"""AppointmentRecur: the binary pattern of a series, with its changed occurrences.

MS-OXOCAL 2.2.1.44 (PidLidAppointmentRecur), little endian. Times are minutes since
1601-01-01 on the series' own wall clock. Only what says when occurrences take place is
read: of an exception the first 14 bytes, and as much more as is needed to skip it.

Subjects and places in it are text from anywhere. Whatever is counted is bounded, and
nothing is read beyond the data's end.
"""

import struct
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from pexschedd.exchange.series import MAX_CHANGED
from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    Daily,
    DayOfWeek,
    Pattern,
    Range,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
)

_EPOCH = datetime(1601, 1, 1)  # noqa: DTZ001 - a wall clock
_DAY = 24 * 60
_VERSION, _VERSION_2 = 0x3004, 0x3006
_YEARLY = 0x200D
_END_DATE, _END_COUNT, _NO_END = 0x2021, 0x2022, (0x2023, 0xFFFFFFFF)
_GREGORIAN = frozenset({0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12})
"""Calendars with Gregorian months and days, whatever their years are called."""
_TEXTS = (0x0001, 0x0010)
"""Flags of an exception with another subject, and with another place."""
_LONGS = (0x0002, 0x0004, 0x0008), (0x0020, 0x0040, 0x0080, 0x0100)
"""Flags of fields of four bytes: those after the subject, those after the place."""
_DAYS = (DayOfWeek.SUNDAY, *tuple(DayOfWeek)[:6])
"""By the bits of a mask, the lowest first."""
_GROUPS = {0x7F: DayOfWeek.DAY, 0x3E: DayOfWeek.WEEKDAY, 0x41: DayOfWeek.WEEKEND_DAY}
_HEAD = struct.Struct("<5H3I")


class ChangedInstance(NamedTuple):
    """An occurrence that is moved, or changed in another way: naive local times."""

    original: datetime
    start: datetime
    end: datetime


class AppointmentRecurrence(msgspec.Struct, frozen=True):
    """A series by its own wall clock."""

    pattern: Pattern
    range: Range
    starts_after: timedelta
    """The time after midnight at which an occurrence begins."""
    ends_after: timedelta
    """The time after that midnight at which it ends."""
    deleted: tuple[date, ...] = ()
    """The dates of the pattern on which nothing takes place."""
    changed: tuple[ChangedInstance, ...] = ()
    """By their original start."""


def read_appointment_recurrence(data: bytes) -> AppointmentRecurrence:
    """Read the property's value. Raises ValueError for anything that is no series, or
    is cut off."""
    try:
        return _read(_Reader(data))
    except (struct.error, OverflowError) as error:
        raise ValueError(f"AppointmentRecur: {error}") from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        found = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return found

    def short(self) -> int:
        return self.unpack(_SHORT)[0]

    def long(self) -> int:
        return self.unpack(_LONG)[0]

    def moments(self, what: str) -> list[datetime]:
        count = self.long()
        if count > MAX_CHANGED:
            raise ValueError(f"AppointmentRecur: too many {what} occurrences")
        return [_moment(self.long()) for _ in range(count)]

    def skip(self, size: int) -> None:
        self._at += size
        if self._at > len(self._data):
            raise ValueError("AppointmentRecur: cut off")


_SHORT, _LONG = struct.Struct("<H"), struct.Struct("<I")


def _read(reader: _Reader) -> AppointmentRecurrence:
    version, _, frequency, kind, calendar, _, period, sliding = reader.unpack(_HEAD)
    if version != _VERSION or calendar not in _GREGORIAN or sliding:
        raise ValueError("AppointmentRecur: not a series of a Gregorian calendar")
    specific = [reader.long() for _ in range(_SPECIFIC.get(kind, 0))]
    ending, count, first_day = (reader.long() for _ in range(3))
    gone, modified = reader.moments("deleted"), reader.moments("modified")
    begin, end = _moment(reader.long()).date(), reader.long()
    if reader.long() != _VERSION_2:
        raise ValueError("AppointmentRecur: not of this version")
    reader.long()
    starts_after, ends_after = (timedelta(minutes=reader.long()) for _ in range(2))
    if reader.short() != len(modified):
        raise ValueError("AppointmentRecur: exceptions are missing")
    changed = sorted(_exceptions(reader, len(modified)))
    days = {each.original.date() for each in changed}
    yearly = begin.month if frequency == _YEARLY else 0
    return AppointmentRecurrence(
        pattern=_pattern(kind, period, specific, first_day, yearly),
        range=_range(begin, ending, count, end),
        starts_after=starts_after,
        ends_after=ends_after,
        deleted=tuple(sorted({each.date() for each in gone} - days)),
        changed=tuple(changed),
    )


def _exceptions(reader: _Reader, count: int) -> Iterator[ChangedInstance]:
    for _ in range(count):
        start, end, original = (_moment(reader.long()) for _ in range(3))
        flags = reader.short()
        for text, longs in zip(_TEXTS, _LONGS, strict=True):
            if flags & text:
                reader.short()
                reader.skip(reader.short())
            reader.skip(4 * sum(bool(flags & each) for each in longs))
        yield ChangedInstance(original, start, end)


_DAILY, _WEEKLY, _MONTH, _MONTH_NTH, _MONTH_END = range(5)
_SPECIFIC = {_WEEKLY: 1, _MONTH: 1, _MONTH_NTH: 2, _MONTH_END: 1}
"""The numbers that each pattern has of its own."""


def _pattern(
    kind: int, period: int, specific: list[int], first_day: int, yearly: int
) -> Pattern:
    """`yearly` is the month of a series of years, 0 for others."""
    if kind == _DAILY:
        return Daily(interval=_whole(period, _DAY))
    if kind == _WEEKLY:
        days = [day for bit, day in enumerate(_DAYS) if specific[0] & 1 << bit]
        return Weekly(
            interval=period,
            days=tuple(sorted(days, key=list(DayOfWeek).index)),
            first_day=_DAYS[first_day] if first_day < len(_DAYS) else _DAYS[0],
        )
    interval = _whole(period, 12) if yearly else period
    if kind == _MONTH_NTH:
        mask, number = specific
        single = {1 << bit: day for bit, day in enumerate(_DAYS)}
        day = (single | _GROUPS).get(mask & 0x7F)
        if day is None or not 1 <= number <= len(Which):
            raise ValueError("AppointmentRecur: a day that calendars do not have")
        which = list(Which)[number - 1]
        if yearly:
            return RelativeYearly(interval=interval, month=yearly, which=which, day=day)
        return RelativeMonthly(interval=interval, which=which, day=day)
    if kind not in (_MONTH, _MONTH_END):
        raise ValueError("AppointmentRecur: a pattern that calendars do not have")
    number = specific[0] if kind == _MONTH else 31
    if yearly:
        return AbsoluteYearly(interval=interval, month=yearly, day=number)
    return AbsoluteMonthly(interval=interval, day=number)


def _range(begin: date, ending: int, count: int, end: int) -> Range:
    if ending == _END_DATE:
        return Range(begin, until=_moment(end).date())
    if ending == _END_COUNT:
        return Range(begin, count=count)
    if ending not in _NO_END:
        raise ValueError("AppointmentRecur: an end that calendars do not have")
    return Range(begin)


def _whole(period: int, unit: int) -> int:
    interval, rest = divmod(period, unit)
    if rest:
        raise ValueError("AppointmentRecur: a period that is not whole")
    return interval


def _moment(minutes: int) -> datetime:
    return _EPOCH + timedelta(minutes=minutes)
