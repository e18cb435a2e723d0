"""Series as the binary PidLidAppointmentRecur of MAPI (MS-OXOCAL 2.2.1.44)."""

import struct
from datetime import date, datetime, time, timedelta

from pexschedd.sandbox.items import occurrence_dates
from pexschedd.sandbox.items.records import ChangedOccurrence, Meeting
from pexschedd.sandbox.items.recurrence import (
    DAYS,
    INDEXES,
    Pattern,
    SeriesRecurrence,
)

_EPOCH = datetime(1601, 1, 1)  # noqa: DTZ001 - local time
_NEVER = 0x5AE980DF
_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_FREQUENCIES = {
    Pattern.DAILY: 0x200A,
    Pattern.WEEKLY: 0x200B,
    Pattern.MONTHLY: 0x200C,
    Pattern.MONTHLY_ON: 0x200C,
    Pattern.YEARLY: 0x200D,
    Pattern.YEARLY_ON: 0x200D,
}
_BITS = {name: 1 << (number + 1) % 7 for number, name in enumerate(DAYS[:7])}
_BITS |= {"Day": 0x7F, "Weekday": 0x3E, "WeekendDay": 0x41}


def written(meeting: Meeting) -> bytes | None:
    """Return the property of a series; None for a single meeting."""
    recurrence = meeting.recurrence
    if recurrence is None:
        return None
    begin = recurrence.start or occurrence_dates.local_date(meeting, meeting.start)
    kind, specific, period = _pattern(recurrence)
    ending, count, end = _end(meeting, recurrence)
    changed = sorted(meeting.exceptions, key=lambda each: each.start)
    gone = [*meeting.deleted, *(each.original_start for each in changed)]
    start, finish = _local(meeting, meeting.start), _local(meeting, meeting.end)
    midnight = datetime.combine(start.date(), time())
    data = struct.pack(
        "<5H3I",
        *(0x3004, 0x3004, _FREQUENCIES[recurrence.pattern], kind, 0),
        *(_first_date_time(recurrence, begin, period), period, 0),
    )
    data += b"".join(struct.pack("<I", each) for each in specific)
    first_day = (DAYS.index(recurrence.first_day) + 1) % 7
    data += struct.pack("<3I", ending, count, first_day)
    data += _dates(meeting, gone) + _dates(meeting, [each.start for each in changed])
    data += struct.pack("<2I", _minutes(datetime.combine(begin, time())), end)
    data += struct.pack(
        "<4IH",
        *(0x3006, 0x3009, _span(start - midnight), _span(finish - midnight)),
        len(changed),
    )
    data += b"".join(_exception(meeting, each) for each in changed)
    data += struct.pack("<I", 0)
    # An ExtendedException for each: nothing highlighted, nothing reserved.
    data += struct.pack("<3I", 4, 0, 0) * len(changed)
    return data + struct.pack("<I", 0)


def _exception(meeting: Meeting, each: ChangedOccurrence) -> bytes:
    times = (each.start, each.end, each.original_start)
    local = (_minutes(_local(meeting, moment)) for moment in times)
    return struct.pack("<3IH", *local, 0)


def _pattern(recurrence: SeriesRecurrence) -> tuple[int, list[int], int]:
    """The PatternType, what is specific to it, and the Period."""
    mask = 0
    for day in recurrence.days:
        mask |= _BITS[day]
    yearly = recurrence.pattern in (Pattern.YEARLY, Pattern.YEARLY_ON)
    months = 12 * recurrence.interval if yearly else recurrence.interval
    match recurrence.pattern:
        case Pattern.DAILY:
            return 0, [], _DAY * recurrence.interval
        case Pattern.WEEKLY:
            return 1, [mask], recurrence.interval
        case Pattern.MONTHLY | Pattern.YEARLY:
            return 2, [recurrence.day], months
    return 3, [mask, INDEXES.index(recurrence.index) + 1], months


def _end(meeting: Meeting, recurrence: SeriesRecurrence) -> tuple[int, int, int]:
    """The EndType, the OccurrenceCount and the EndDate."""
    last = occurrence_dates.last(meeting)
    if last is None:
        return 0x2023, 10, _NEVER
    if recurrence.until is not None:
        count = sum(1 for _ in occurrence_dates.spans(meeting))
        return 0x2021, count, _minutes(datetime.combine(recurrence.until, time()))
    day = occurrence_dates.local_date(meeting, last.start)
    end = _minutes(datetime.combine(day, time()))
    return 0x2022, recurrence.count or 0, end


def _first_date_time(recurrence: SeriesRecurrence, begin: date, period: int) -> int:
    """The date that the numbering of periods is aligned to, in its own manner for days,
    weeks and months (2.2.1.44.1)."""
    minutes = _minutes(datetime.combine(begin, time()))
    if recurrence.pattern is Pattern.DAILY:
        return minutes % period
    if recurrence.pattern is Pattern.WEEKLY:
        behind = (begin.weekday() - DAYS.index(recurrence.first_day)) % 7
        return (minutes - behind * _DAY) % (period * _WEEK)
    months = ((begin.year - _EPOCH.year) * 12 + begin.month - 1) % period
    aligned = datetime(_EPOCH.year + months // 12, months % 12 + 1, 1)  # noqa: DTZ001
    return _minutes(aligned)


def _dates(meeting: Meeting, moments: list[datetime]) -> bytes:
    days = sorted(_local(meeting, each).date() for each in moments)
    found = [_minutes(datetime.combine(day, time())) for day in days]
    return struct.pack(f"<{len(found) + 1}I", len(found), *found)


def _local(meeting: Meeting, moment: datetime) -> datetime:
    local = moment.astimezone(occurrence_dates.zone(meeting)).replace(tzinfo=None)
    # A clock may leave out midnight; the day is whole all the same.
    return datetime.combine(local.date(), time()) if meeting.all_day else local


def _minutes(local: datetime) -> int:
    return _span(local - _EPOCH)


def _span(span: timedelta) -> int:
    return int(span.total_seconds()) // 60
