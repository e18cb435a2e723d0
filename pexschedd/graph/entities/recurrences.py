"""Recurrences of series: a patternedRecurrence, and AppointmentRecur beside it.

Graph's own document tells the pattern and the range. Which occurrences are deleted or
moved stands only in AppointmentRecur, which has the pattern as well, and the time of
day: by that the clock is known that both go by.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TypeVar

import msgspec

from pexschedd.exchange.series import MAX_CHANGED, SeriesOutline
from pexschedd.graph.entities.appointment_recurrence import (
    AppointmentRecurrence,
    read_appointment_recurrence,
)
from pexschedd.graph.entities.extended_properties import (
    APPOINTMENT_RECUR,
    ZONE_OF_SERIES,
    ZONE_OF_START,
    ExtendedProperties,
)
from pexschedd.graph.entities.times import read_date, zone_called
from pexschedd.graph.entities.zone_definitions import read_zone_definition
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
    Zone,
)
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of

T = TypeVar("T")

_WEEKDAYS = {day.value: day for day in tuple(DayOfWeek)[:7]}
_GROUPS = {
    group.weekdays: group
    for group in (DayOfWeek.DAY, DayOfWeek.WEEKDAY, DayOfWeek.WEEKEND_DAY)
}
_WHICH = {which.value: which for which in Which}


class PatternDocument(msgspec.Struct, frozen=True, rename="camel"):
    """A recurrencePattern. Members that its type does not use are 0 or "first"."""

    type: str = ""
    interval: int = 1
    month: int = 0
    day_of_month: int = 0
    days_of_week: tuple[str, ...] | None = None
    first_day_of_week: str | None = None
    index: str | None = None


class RangeDocument(msgspec.Struct, frozen=True, rename="camel"):
    """A recurrenceRange."""

    type: str = ""
    start_date: str | None = None
    end_date: str | None = None
    recurrence_time_zone: str | None = None
    number_of_occurrences: int | None = None


class PatternedRecurrence(msgspec.Struct, frozen=True):
    """A recurrence as Graph writes it."""

    pattern: PatternDocument
    range: RangeDocument


class ListedOccurrences(msgspec.Struct, frozen=True):
    """The changed occurrences of a series, where they are listed beside it."""

    changed: tuple[tuple[datetime, datetime, datetime], ...] = ()
    """Original start, start and end, aware UTC; by the original start."""
    cancelled: tuple[date, ...] = ()
    """By the clock of the series."""


def read_recurrence(
    document: msgspec.Raw | bytes,
    properties: ExtendedProperties,
    times: tuple[datetime, datetime] | None,
    *,
    all_day: bool,
    zones: Sequence[str | None] = (),
    listed: ListedOccurrences | None = None,
) -> Recurrence | None:
    """None if it cannot be understood.

    `times` are those of the first occurrence, aware UTC; `zones` are more names that
    the entity gives to its zone; `listed` counts where there is no AppointmentRecur.
    """
    try:
        if times is None:
            raise ValueError("without times")
        found = _document(document)
        outline, stored, clocks = _parts(found, properties, times, all_day, zones)
        return _by_its_clock(outline, stored or listed, clocks)
    except (ValueError, OverflowError):  # OverflowError: at the ends of time
        return None


def zone_name_of(document: msgspec.Raw | bytes) -> str | None:
    """Return the name of the zone that a patternedRecurrence goes by, if it has one."""
    found = _document(document)
    return found.range.recurrence_time_zone if found is not None else None


def _document(document: msgspec.Raw | bytes) -> PatternedRecurrence | None:
    try:
        return msgspec.json.decode(document, type=PatternedRecurrence | None)
    except msgspec.MsgspecError:
        return None


def _parts(
    document: PatternedRecurrence | None,
    properties: ExtendedProperties,
    times: tuple[datetime, datetime],
    all_day: bool,
    zones: Sequence[str | None],
) -> tuple[SeriesOutline, AppointmentRecurrence | None, list[Zone | None]]:
    stored = None
    if blob := properties.binary(APPOINTMENT_RECUR):
        stored = read_appointment_recurrence(blob)
    elif properties.text(APPOINTMENT_RECUR):
        raise ValueError("a property that is too long, or no base64")
    if document is not None:
        pattern, span = _pattern(document.pattern), _range(document.range)
        zones = (document.range.recurrence_time_zone, *zones)
    elif stored is not None:
        pattern, span = stored.pattern, stored.range
    else:
        raise ValueError("without a pattern")
    outline = SeriesOutline(pattern, span, *times, all_day)
    return outline, stored, list(_clocks(properties, zones))


def _clocks(
    properties: ExtendedProperties, zones: Sequence[str | None]
) -> Iterator[Zone | None]:
    """The clocks that a series may go by, the likeliest first; None for one that is
    named or described, and unknown here."""
    for name in zones:
        if name:
            yield zone_called(name)
    for identifier in (ZONE_OF_SERIES, ZONE_OF_START):
        if data := properties.binary(identifier):
            definition = read_zone_definition(data)
            yield definition.clock() if definition is not None else None


def _by_its_clock(
    outline: SeriesOutline,
    changes: AppointmentRecurrence | ListedOccurrences | None,
    clocks: Sequence[Zone | None],
) -> Recurrence:
    """By the first clock that fits. Without the name of any it is UTC."""
    fallback = None
    for clock in dict.fromkeys(clocks or ["UTC"]):
        found = outline.by_clock(clock) if clock is not None else None
        if found is None or not outline.begins_with(found):
            continue
        if not isinstance(changes, AppointmentRecurrence):
            return _with_listed(found, changes or ListedOccurrences())
        if changes.starts_after == _since_midnight(found.at):
            return _with_stored(found, changes)
        if not changes.deleted and not changes.changed:
            fallback = fallback or found
    if fallback is None:
        # What is changed would be changed by another clock than it was written by.
        raise ValueError("an unknown clock, or not the pattern's own")
    return fallback


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute)


def _with_stored(found: Recurrence, stored: AppointmentRecurrence) -> Recurrence:
    clock = tzinfo_of(found.zone)
    changed = tuple(
        (_instant(original, clock), _instant(start, clock), _instant(end, clock))
        for original, start, end in stored.changed
    )
    return _with_listed(found, ListedOccurrences(changed, stored.deleted))


def _with_listed(found: Recurrence, listed: ListedOccurrences) -> Recurrence:
    if len(listed.changed) + len(listed.cancelled) > MAX_CHANGED:
        raise ValueError("too many changed occurrences")
    clock = tzinfo_of(found.zone)
    return msgspec.structs.replace(
        found,
        exceptions=tuple(Moved(*each) for each in listed.changed),
        deleted=tuple(
            _instant(datetime.combine(day, found.at), clock) for day in listed.cancelled
        ),
    )


def _instant(local: datetime, clock: tzinfo) -> datetime:
    return local.replace(tzinfo=clock).astimezone(UTC)


def _pattern(document: PatternDocument) -> Pattern:
    days = tuple(_one_of(_WEEKDAYS, each) for each in document.days_of_week or ())
    match document.type.lower():
        case "daily":
            return Daily(interval=document.interval)
        case "weekly":
            return Weekly(
                interval=document.interval,
                days=tuple(sorted(set(days), key=list(DayOfWeek).index)),
                first_day=_one_of(_WEEKDAYS, document.first_day_of_week or "sunday"),
            )
        case "absolutemonthly":
            return AbsoluteMonthly(
                interval=document.interval, day=document.day_of_month
            )
        case "relativemonthly":
            return RelativeMonthly(
                interval=document.interval,
                which=_one_of(_WHICH, document.index or "first"),
                day=_kind_of_day(days),
            )
        case "absoluteyearly":
            return AbsoluteYearly(
                interval=document.interval,
                month=document.month,
                day=document.day_of_month,
            )
        case "relativeyearly":
            return RelativeYearly(
                interval=document.interval,
                month=document.month,
                which=_one_of(_WHICH, document.index or "first"),
                day=_kind_of_day(days),
            )
    raise ValueError("a pattern that calendars do not have")


def _kind_of_day(days: Sequence[DayOfWeek]) -> DayOfWeek:
    """The first of several days counts: only groups of days can be said by one."""
    if len(set(days)) == 1:
        return days[0]
    numbers = frozenset(number for day in days for number in day.weekdays)
    group = _GROUPS.get(numbers)
    if group is None:
        raise ValueError("days that calendars do not have together")
    return group


def _range(document: RangeDocument) -> Range:
    start = _date(document.start_date)
    match document.type.lower():
        case "noend":
            return Range(start)
        case "enddate":
            return Range(start, until=_date(document.end_date))
        case "numbered":
            return Range(start, count=document.number_of_occurrences or 0)
    raise ValueError("a range that calendars do not have")


def _date(text: str | None) -> date:
    found = read_date(text)
    if found is None:
        raise ValueError("no date")
    return found


def _one_of(names: dict[str, T], name: str) -> T:
    found = names.get(name.strip().lower())
    if found is None:
        raise ValueError(f"{name[:40]!r}: unknown")
    return found
