"""Reading how a series repeats: a t:Recurrence, and what belongs to it in the item.

A series that is understood in part would open rooms at wrong times, so it is
understood wholly or not at all.
"""

import re
from datetime import date, datetime
from typing import TypeVar

import msgspec

from pexschedd.ews.envelope import Element, child, children, local_name, text
from pexschedd.ews.operations.item_parts import ItemReader
from pexschedd.ews.operations.parts import DAYS_OF_WEEK
from pexschedd.ews.operations.time_zone import read_clock
from pexschedd.exchange.moments import read_time
from pexschedd.exchange.series import MAX_CHANGED, SeriesOutline
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
    exceptions, deleted = _exceptions(item.element), _deleted(item.element)
    if len(exceptions) + len(deleted) > MAX_CHANGED:
        raise ValueError("too many changed occurrences")
    outline = SeriesOutline(
        _pattern(parts[0]), _range(parts[1]), start, end, item.true("IsAllDayEvent")
    )
    for clock in (zone, _zone_of_range(parts[1])):
        found = outline.by_clock(clock) if clock is not None else None
        if found is not None and outline.begins_with(found):
            return msgspec.structs.replace(
                found, exceptions=exceptions, deleted=deleted
            )
    raise ValueError("the pattern does not begin where the meeting does")


def _zone_of_range(element: Element) -> Zone | None:
    """The clock of the pattern itself: its dates may carry an offset."""
    offset = re.search(r"([+-])(\d\d):(\d\d)$", text(element, "StartDate").strip())
    if offset is None:
        return None
    east = int(offset[2]) * 60 + int(offset[3])
    bias = -east if offset[1] == "+" else east
    return CustomZone((Era(bias=bias),))


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
