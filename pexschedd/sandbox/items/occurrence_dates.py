"""The times of the occurrences of a series.

A series repeats by the clock of its own time zone. `dateutil` counts the days there;
the time of day and the duration, by that clock, are those of the first occurrence. A
time that the clock skips is taken as if the clock had not been changed; of a time that
comes twice the first one counts (RFC 5545).
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal, NamedTuple

from dateutil import rrule
from msgspec.structs import replace

from pexschedd.sandbox.items import timezones
from pexschedd.sandbox.items.records import Meeting
from pexschedd.sandbox.items.recurrence import (
    DAYS,
    INDEXES,
    MONTHS,
    Pattern,
    SeriesRecurrence,
)

_DAY = timedelta(days=1)
_MARGIN = timedelta(days=2)
_WEEKDAYS = {
    **{name: (number,) for number, name in enumerate(DAYS[:7])},
    "Day": tuple(range(7)),
    "Weekday": tuple(range(5)),
    "WeekendDay": (5, 6),
}
_FREQUENCIES: dict[Pattern, Literal[0, 1, 2, 3]] = {
    Pattern.DAILY: rrule.DAILY,
    Pattern.WEEKLY: rrule.WEEKLY,
    Pattern.MONTHLY: rrule.MONTHLY,
    Pattern.MONTHLY_ON: rrule.MONTHLY,
    Pattern.YEARLY: rrule.YEARLY,
    Pattern.YEARLY_ON: rrule.YEARLY,
}


class OccurrenceSpan(NamedTuple):
    """The time of an occurrence by the pattern, as if it had never been moved."""

    start: datetime
    end: datetime


def zone(meeting: Meeting) -> tzinfo:
    """Return the zone by whose clock a meeting repeats."""
    return timezones.zone_of(meeting.zone, meeting.zone_rules)


def local_date(meeting: Meeting, moment: datetime) -> date:
    """Return the date of a moment by the clock of a meeting's zone."""
    return moment.astimezone(zone(meeting)).date()


def begun(meeting: Meeting) -> Meeting | None:
    """Return a series with the start and end of its first occurrence, and with a range
    that says when it begins.

    Returns None if it has no occurrence.
    """
    recurrence = meeting.recurrence
    if recurrence is None:
        return meeting
    if recurrence.start is None:
        first_date = local_date(meeting, meeting.start)
        recurrence = replace(recurrence, start=first_date)
        meeting = replace(meeting, recurrence=recurrence)
    first = next(spans(meeting), None)
    if first is None:
        return None
    return replace(meeting, start=first.start, end=first.end)


def spans(meeting: Meeting) -> Iterator[OccurrenceSpan]:
    """Return all occurrences of the pattern in order, deleted and moved ones
    included."""
    length = _length(meeting)
    for local in _rule_of(meeting):
        yield _span(meeting, local, length)


def between(meeting: Meeting, low: datetime, high: datetime) -> list[OccurrenceSpan]:
    """Return the occurrences of the pattern that overlap a span of time."""
    length = _length(meeting)
    first = low.astimezone(UTC).replace(tzinfo=None) - length - _MARGIN
    last = high.astimezone(UTC).replace(tzinfo=None) + _MARGIN
    found = (
        _span(meeting, local, length)
        for local in _rule_of(meeting).between(first, last, inc=True)
    )
    return [span for span in found if overlap(span.start, span.end, low, high)]


def overlap(start: datetime, end: datetime, low: datetime, high: datetime) -> bool:
    """Return whether two spans overlap. The first one, if it takes no time, counts
    where it begins."""
    if start == end:
        return low <= start < high
    return start < high and low < end


def at(meeting: Meeting, original: datetime) -> OccurrenceSpan | None:
    """Return the occurrence of the pattern that starts at this time, if there is
    one."""
    where, length = zone(meeting), _length(meeting)
    local = original.astimezone(where).replace(tzinfo=None)
    for each in _rule_of(meeting).between(local - _DAY, local + _DAY, inc=True):
        span = _span(meeting, each, length)
        if span.start == original:
            return span
    return None


def last(meeting: Meeting) -> OccurrenceSpan | None:
    """Return the last occurrence of the pattern; None if there is none, or no end."""
    recurrence = meeting.recurrence
    if recurrence is None or recurrence == recurrence.without_end():
        return None
    length = _length(meeting)
    newest = deque(_rule_of(meeting), maxlen=1)
    return _span(meeting, newest[0], length) if newest else None


def _length(meeting: Meeting) -> timedelta:
    """Return the duration by the local clock."""
    where = zone(meeting)
    start, end = (
        moment.astimezone(where).replace(tzinfo=None)
        for moment in (meeting.start, meeting.end)
    )
    if meeting.all_day:
        # Some clocks leave out a midnight; the day is whole all the same.
        return end.date() - start.date()
    return end - start


def _span(meeting: Meeting, local: datetime, length: timedelta) -> OccurrenceSpan:
    where = zone(meeting)
    start = _utc(local, where)
    if not meeting.all_day:
        # Not where the clock leaves it out: there it ends later as well.
        local = start.astimezone(where).replace(tzinfo=None)
    return OccurrenceSpan(start, _utc(local + length, where))


def _utc(local: datetime, where: tzinfo) -> datetime:
    return local.replace(tzinfo=where).astimezone(UTC)


def _rule_of(meeting: Meeting) -> rrule.rrule:
    local = meeting.start.astimezone(zone(meeting))
    if meeting.recurrence is None:
        raise ValueError("this meeting does not repeat")
    clock = time() if meeting.all_day else local.time()
    return _rule(meeting.recurrence, local.date(), clock)


@lru_cache(maxsize=512)
def _rule(recurrence: SeriesRecurrence, day: date, clock: time) -> rrule.rrule:
    """Naive local times. It remembers what it has found."""
    until = recurrence.until
    month = MONTHS.index(recurrence.month) + 1 if recurrence.month else None
    days: list[int] | None = [n for name in recurrence.days for n in _WEEKDAYS[name]]
    month_days = position = None
    if recurrence.day:
        # The last day of the month stands in for those it does not have.
        month_days = range(min(recurrence.day, 28), recurrence.day + 1)
        position = -1
    if recurrence.index:
        position = INDEXES.index(recurrence.index) + 1
        position = -1 if recurrence.index == "Last" else position
    return rrule.rrule(
        _FREQUENCIES[recurrence.pattern],
        dtstart=datetime.combine(recurrence.start or day, clock),
        interval=recurrence.interval,
        wkst=_WEEKDAYS[recurrence.first_day][0],
        count=recurrence.count,
        until=None if until is None else datetime.combine(until, time.max),
        bysetpos=position,
        bymonth=month,
        bymonthday=month_days,
        byweekday=days or None,
        cache=True,
    )
