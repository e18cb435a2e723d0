"""Recurrences and lists of occurrences as XML, and back."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError, SchemaError
from pexschedd.sandbox.items import occurrence_dates
from pexschedd.sandbox.items.records import ChangedOccurrence, Meeting
from pexschedd.sandbox.items.recurrence import Pattern, SeriesRecurrence
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.properties.value_types import ValueType

_PATTERNS: dict[Pattern, tuple[tuple[str, str], ...]] = {
    Pattern.DAILY: (("Interval", "interval"),),
    Pattern.WEEKLY: (
        *(("Interval", "interval"), ("DaysOfWeek", "days")),
        ("FirstDayOfWeek", "first_day"),
    ),
    Pattern.MONTHLY: (("Interval", "interval"), ("DayOfMonth", "day")),
    Pattern.MONTHLY_ON: (
        *(("Interval", "interval"), ("DaysOfWeek", "days")),
        ("DayOfWeekIndex", "index"),
    ),
    Pattern.YEARLY: (("DayOfMonth", "day"), ("Month", "month")),
    Pattern.YEARLY_ON: (
        *(("DaysOfWeek", "days"), ("DayOfWeekIndex", "index")),
        ("Month", "month"),
    ),
}
"""Each pattern's elements in order, and the fields that they are."""
_RANGES = {
    "NoEndRecurrence": ("StartDate",),
    "EndDateRecurrence": ("StartDate", "EndDate"),
    "NumberedRecurrence": ("StartDate", "NumberOfOccurrences"),
}
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?", re.ASCII)


class OccurrenceReference(NamedTuple):
    """An occurrence as its series lists it, with its id and change key."""

    id: str
    change_key: str
    occurrence: ChangedOccurrence


def read(element: Element) -> SeriesRecurrence:
    """Return the recurrence of a Recurrence element. Raises `EwsError`."""
    if len(element) != 2:
        raise markup.missing(element, "WeeklyRecurrence")
    pattern_element, range_element = element
    name, range_name = markup.name_of(pattern_element), markup.name_of(range_element)
    if name not in set(Pattern) or range_name not in _RANGES:
        raise markup.unexpected(pattern_element)
    pattern = Pattern(name)
    children = _PATTERNS[pattern]
    markup.in_order(pattern_element, tuple(child for child, _ in children))
    markup.in_order(range_element, _RANGES[range_name])
    fields: dict[str, Any] = {"pattern": pattern}
    for child, field in children:
        found = markup.find_t(pattern_element, child)
        if found is None:
            if child != "FirstDayOfWeek":
                raise markup.missing(pattern_element, child)
            continue
        text = found.text or ""
        if field in ("interval", "day"):
            fields[field] = markup.integer(found, text, -(2**31), 2**31 - 1)
        else:
            fields[field] = tuple(text.split()) if field == "days" else text
    for child in _RANGES[range_name]:
        found = markup.find_t(range_element, child)
        if found is None:
            raise markup.missing(range_element, child)
        if child == "NumberOfOccurrences":
            fields["count"] = markup.integer(found, found.text or "", 1, 2**31 - 1)
        else:
            fields["start" if child == "StartDate" else "until"] = _read_date(found)
    try:
        return SeriesRecurrence(**fields)
    except ValueError as error:
        raise EwsError("ErrorCalendarInvalidRecurrence", str(error)) from None


def _read_date(element: Element) -> date:
    """Return a date as it is written: its offset says where the writer was, and changes
    nothing."""
    match = _DATE.fullmatch((element.text or "").strip())
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise SchemaError(
            f"'{element.text}' is no date.", markup.line(element)
        ) from None


def _write(parent: Element, name: str, meeting: Meeting) -> None:
    recurrence = meeting.recurrence
    if recurrence is None or recurrence.start is None:
        return
    element = markup.t(parent, name)
    pattern = markup.t(element, recurrence.pattern.value)
    for child, field in _PATTERNS[recurrence.pattern]:
        value = getattr(recurrence, field)
        text = " ".join(value) if isinstance(value, tuple) else str(value)
        markup.t(pattern, child, text)
    if recurrence.count is not None:
        limits = markup.t(element, "NumberedRecurrence")
    elif recurrence.until is not None:
        limits = markup.t(element, "EndDateRecurrence")
    else:
        limits = markup.t(element, "NoEndRecurrence")
    markup.t(limits, "StartDate", _date_text(recurrence.start, meeting))
    if recurrence.count is not None:
        markup.t(limits, "NumberOfOccurrences", str(recurrence.count))
    elif recurrence.until is not None:
        markup.t(limits, "EndDate", _date_text(recurrence.until, meeting))


def _date_text(day: date, meeting: Meeting) -> str:
    """Return a date with the offset of the series' zone on that day, as Exchange writes
    it."""
    midnight = datetime.combine(
        day, datetime.min.time(), occurrence_dates.zone(meeting)
    )
    offset = midnight.utcoffset()
    minutes = int(offset.total_seconds()) // 60 if offset is not None else 0
    if not minutes:
        return f"{day}Z"
    hours, rest = divmod(abs(minutes), 60)
    return f"{day}{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _occurrence(parent: Element, name: str, listed: OccurrenceReference) -> None:
    element = markup.t(parent, name)
    markup.t(element, "ItemId", Id=listed.id, ChangeKey=listed.change_key)
    markup.t(element, "Start", markup.stamp(listed.occurrence.start))
    markup.t(element, "End", markup.stamp(listed.occurrence.end))
    markup.t(element, "OriginalStart", markup.stamp(listed.occurrence.original_start))


def _occurrences(
    parent: Element, name: str, value: Sequence[OccurrenceReference]
) -> None:
    element = markup.t(parent, name)
    for listed in value:
        _occurrence(element, "Occurrence", listed)


def _deleted(parent: Element, name: str, value: Sequence[datetime]) -> None:
    element = markup.t(parent, name)
    for start in value:
        each = markup.t(element, "DeletedOccurrence")
        markup.t(each, "Start", markup.stamp(start))


RECURRENCE = ValueType(_write)
OCCURRENCE = ValueType(_occurrence)
OCCURRENCES = ValueType(_occurrences)
DELETED = ValueType(_deleted)
