"""Series as their messages describe them: a pattern, and when the first one is. Pure.

A series that is understood in part would open rooms at wrong times, so it is
understood wholly or not at all.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from pexschedd.model.recurrence import Pattern, Range, Recurrence, Zone
from pexschedd.scheduling.recurrence.series_dates import first_start
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of

MAX_CHANGED = 1_000
"""Moved and deleted occurrences together: more are no calendar that anybody keeps."""


class SeriesOutline(msgspec.Struct, frozen=True):
    """A series without its changed occurrences, and without its clock."""

    pattern: Pattern
    range: Range
    start: datetime
    """Of the meeting itself: when its first occurrence begins. Aware UTC."""
    end: datetime
    all_day: bool = False

    def by_clock(self, zone: Zone) -> Recurrence:
        """The recurrence by the clock of a zone. Raises ValueError for what is no
        series, OverflowError at the ends of time."""
        clock = tzinfo_of(zone)
        days = _whole_days(self.start, self.end, clock) if self.all_day else None
        first, last = days or (
            self.start.astimezone(clock).replace(tzinfo=None, fold=0),
            self.end.astimezone(clock).replace(tzinfo=None, fold=0),
        )
        return Recurrence(
            pattern=self.pattern,
            range=self.range,
            zone=zone,
            at=first.time(),
            duration=last - first,
            all_day=days is not None,
        )

    def begins_with(self, recurrence: Recurrence) -> bool:
        """Return whether the pattern's first date is that of the meeting's own start.

        Where it is not, the zone that came with the meeting is not the one that the
        pattern goes by: each room would open a day early or late.
        """
        first = first_start(recurrence)
        return first is None or abs(first - self.start) < timedelta(hours=12)


def same_time_on(day: date, start: datetime | None, zone: Zone) -> datetime | None:
    """The start on another day: an id of an occurrence knows only its day, and most
    occurrences keep their time."""
    if start is None:
        return None
    clock = tzinfo_of(zone)
    try:
        local = start.astimezone(clock)
        return datetime.combine(day, local.time(), clock).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


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
