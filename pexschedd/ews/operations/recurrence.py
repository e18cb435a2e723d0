"""Reading how a series repeats: a t:Recurrence, and what belongs to it in the item.

A series that is understood in part would open rooms at wrong times, so it is
understood wholly or not at all.
"""

from datetime import UTC, date, datetime, time, tzinfo
from typing import TypeVar

from pexschedd.ews.envelope import Element, child, children, local_name, text
from pexschedd.ews.operations.item_parts import ItemReader
from pexschedd.ews.operations.parts import DAYS_OF_WEEK, read_time
from pexschedd.ews.operations.time_zone import read_clock
from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    Daily,
    DayOfWeek,
    Moved,
    Pattern,
    Range,
    Recurrence,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
)
from pexschedd.scheduling.recurrence.timezone_rules import clock_of

T = TypeVar("T")

RECURRENCE_FIELDS = (
    "calendar:Start",
    "calendar:End",
    "calendar:IsAllDayEvent",
    "calendar:StartTimeZone",
    "calendar:Recurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
)
"""What `read_recurrence` needs of an item."""

MAX_CHANGED = 4000
"""Moved and deleted occurrences together: more are no calendar that anybody keeps."""

_MONTHS = {
    "January": 1,
    "February": 2,
    "March": 3,
    "April": 4,
    "May": 5,
    "June": 6,
    "July": 7,
    "August": 8,
    "September": 9,
    "October": 10,
    "November": 11,
    "December": 12,
}
_WHICH = {which.title(): which for which in Which}


def read_recurrence(item: ItemReader) -> Recurrence | None:
    """None if the item has none, or one that cannot be understood."""
    try:
        return _recurrence(item)
    except (ValueError, OverflowError):  # OverflowError: at the ends of time
        return None


def _recurrence(item: ItemReader) -> Recurrence:
    start, end = item.time("Start"), item.time("End")
    zone = read_clock(child(item.element, "StartTimeZone"))
    parts = list(children(child(item.element, "Recurrence")))
    if start is None or end is None or zone is None or len(parts) != 2:
        raise ValueError("incomplete")
    clock = clock_of(zone)
    first = start.astimezone(clock).replace(tzinfo=None, fold=0)
    last = end.astimezone(clock).replace(tzinfo=None, fold=0)
    all_day = item.true("IsAllDayEvent")
    if all_day:
        first, last = _midnight(first, start, clock), _midnight(last, end, clock)
    exceptions, deleted = _exceptions(item.element), _deleted(item.element)
    if len(exceptions) + len(deleted) > MAX_CHANGED:
        raise ValueError("too many changed occurrences")
    return Recurrence(
        pattern=_pattern(parts[0]),
        range=_range(parts[1]),
        zone=zone,
        at=first.time(),
        duration=last - first,
        all_day=all_day,
        exceptions=exceptions,
        deleted=deleted,
    )


def _midnight(local: datetime, instant: datetime, clock: tzinfo) -> datetime:
    """The midnight that this instant is by that clock. A clock that leaps over a
    midnight shows one o'clock then.

    Raises ValueError if it is none: the days would not be the organizer's.
    """
    midnight = datetime.combine(local.date(), time(0))
    if midnight.replace(tzinfo=clock).astimezone(UTC) != instant:
        raise ValueError("whole days that do not begin at midnight")
    return midnight


def _pattern(element: Element) -> Pattern:
    match local_name(element):
        case "DailyRecurrence":
            return Daily(interval=_number(element, "Interval"))
        case "WeeklyRecurrence":
            first = text(element, "FirstDayOfWeek").strip() or "Sunday"
            return Weekly(
                interval=_number(element, "Interval"),
                days=tuple(map(_day, text(element, "DaysOfWeek").split())),
                first_day=_day(first),
            )
        case "AbsoluteMonthlyRecurrence":
            return AbsoluteMonthly(
                interval=_number(element, "Interval"),
                day=_number(element, "DayOfMonth"),
            )
        case "RelativeMonthlyRecurrence":
            return RelativeMonthly(
                interval=_number(element, "Interval"),
                which=_one_of(_WHICH, text(element, "DayOfWeekIndex")),
                day=_day(text(element, "DaysOfWeek")),
            )
        case "AbsoluteYearlyRecurrence":
            return AbsoluteYearly(
                month=_one_of(_MONTHS, text(element, "Month")),
                day=_number(element, "DayOfMonth"),
            )
        case "RelativeYearlyRecurrence":
            return RelativeYearly(
                month=_one_of(_MONTHS, text(element, "Month")),
                which=_one_of(_WHICH, text(element, "DayOfWeekIndex")),
                day=_day(text(element, "DaysOfWeek")),
            )
    raise ValueError("a pattern that calendars do not have")


def _range(element: Element) -> Range:
    start = _date(element, "StartDate")
    match local_name(element):
        case "NoEndRecurrence":
            return Range(start)
        case "EndDateRecurrence":
            return Range(start, until=_date(element, "EndDate"))
        case "NumberedRecurrence":
            return Range(start, count=_number(element, "NumberOfOccurrences"))
    raise ValueError("a range that calendars do not have")


def _exceptions(item: Element) -> tuple[Moved, ...]:
    return tuple(
        Moved(
            _moment(each, "OriginalStart"), _moment(each, "Start"), _moment(each, "End")
        )
        for each in children(child(item, "ModifiedOccurrences"), "Occurrence")
    )


def _deleted(item: Element) -> tuple[datetime, ...]:
    return tuple(
        _moment(each, "Start")
        for each in children(child(item, "DeletedOccurrences"), "DeletedOccurrence")
    )


def _moment(element: Element, name: str) -> datetime:
    found = read_time(text(element, name))
    if found is None:
        raise ValueError(f"{name}: no time")
    return found


def _number(element: Element, name: str) -> int:
    return int(text(element, name))


def _date(element: Element, name: str) -> date:
    # With the offset of the zone that the server has in mind: the day is what counts.
    return date.fromisoformat(text(element, name).strip()[:10])


def _day(name: str) -> DayOfWeek:
    return _one_of(DAYS_OF_WEEK, name)


def _one_of(names: dict[str, T], name: str) -> T:
    found = names.get(name.strip())
    if found is None:
        raise ValueError(f"{name}: unknown")
    return found
