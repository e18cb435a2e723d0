"""Reading how a series repeats: a t:Recurrence, and what belongs to it in the item.

A series that is understood in part would open rooms at wrong times, so it is
understood wholly or not at all.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeVar

import msgspec

from pexschedd.ews.envelope import Element, child, children, local_name, text
from pexschedd.ews.operations.item_parts import ItemReader
from pexschedd.ews.operations.parts import DAYS_OF_WEEK, read_time
from pexschedd.ews.operations.time_zone import read_clock
from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    CustomZone,
    Daily,
    DayOfWeek,
    Era,
    Moved,
    Pattern,
    Range,
    Recurrence,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
    Zone,
)
from pexschedd.scheduling.recurrence.series_dates import first_start
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of

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
"""The properties of an item that `read_recurrence` needs."""

MAX_CHANGED = 1_000
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
    parts = list(children(child(item.element, "Recurrence")))
    if start is None or end is None or len(parts) != 2:
        raise ValueError("incomplete")
    zone = read_clock(child(item.element, "StartTimeZone"))
    if zone is None:
        raise ValueError("an unknown clock")
    found = _by_clock(item, parts, start, end, zone)
    if _begins_at(found, start):
        return found
    zone = _zone_of_range(parts[1])
    if zone is not None:
        found = _by_clock(item, parts, start, end, zone)
        if _begins_at(found, start):
            return found
    raise ValueError("the pattern does not begin where the meeting does")


def _by_clock(
    item: ItemReader, parts: list[Element], start: datetime, end: datetime, zone: Zone
) -> Recurrence:
    clock = tzinfo_of(zone)
    days = _whole_days(start, end, clock) if item.true("IsAllDayEvent") else None
    first, last = days or (
        start.astimezone(clock).replace(tzinfo=None, fold=0),
        end.astimezone(clock).replace(tzinfo=None, fold=0),
    )
    exceptions, deleted = _exceptions(item.element), _deleted(item.element)
    if len(exceptions) + len(deleted) > MAX_CHANGED:
        raise ValueError("too many changed occurrences")
    return Recurrence(
        pattern=_pattern(parts[0]),
        range=_range(parts[1]),
        zone=zone,
        at=first.time(),
        duration=last - first,
        all_day=days is not None,
        exceptions=exceptions,
        deleted=deleted,
    )


def _begins_at(recurrence: Recurrence, start: datetime) -> bool:
    """Return whether the pattern's first date is that of the meeting's own start.

    Where it is not, the zone that came with the meeting is not the one that the
    pattern goes by: each room would open a day early or late.
    """
    pattern = msgspec.structs.replace(recurrence, exceptions=(), deleted=())
    first = first_start(pattern)
    return first is None or abs(first - start) < timedelta(hours=12)


def _zone_of_range(element: Element) -> Zone | None:
    """The clock of the pattern itself: its dates may carry an offset."""
    offset = re.search(r"([+-])(\d\d):(\d\d)$", text(element, "StartDate").strip())
    if offset is None:
        return None
    east = int(offset[2]) * 60 + int(offset[3])
    bias = -east if offset[1] == "+" else east
    return CustomZone((Era(bias=bias),))


def _whole_days(
    start: datetime, end: datetime, clock: tzinfo
) -> tuple[datetime, datetime] | None:
    """The midnights that a meeting of whole days begins and ends at by that clock.

    None if they are none: the days are those of another zone, and the series is an
    ordinary one of that length.
    """
    first, last = _midnight(start, clock), _midnight(end, clock)
    return (first, last) if first and last else None


def _midnight(instant: datetime, clock: tzinfo) -> datetime | None:
    """A clock that leaps over a midnight shows one o'clock then."""
    midnight = datetime.combine(instant.astimezone(clock).date(), time(0))
    same = midnight.replace(tzinfo=clock).astimezone(UTC) == instant
    return midnight if same else None


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
