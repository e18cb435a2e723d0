"""The occurrences of a series, and when they may be joined. Pure.

Occurrences keep their local time while clocks change. Every function computes around
the time that it is asked about and never counts from the beginning, so that a series
without end costs the same in any year.

All functions raise `UnknownZone` for a time zone that this system does not know.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from heapq import merge
from itertools import accumulate

import msgspec

from pexschedd.model.recurrence import FIRST_YEAR, LAST_YEAR, Moved, Recurrence
from pexschedd.scheduling.recurrence.pattern_dates import dates_of
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of

_DAY = timedelta(days=1)
_NOTHING_FROM = date(LAST_YEAR + 1, 1, 1)
_EARLIEST = datetime(FIRST_YEAR - 1, 1, 1, tzinfo=UTC)
_LATEST = datetime(LAST_YEAR + 10, 1, 1, tzinfo=UTC)
_SLACK = 3 * _DAY
"""The largest difference between local and universal time over an occurrence: a day
for the offset at each end, and one because the clocks may change in between."""


class Occurrence(msgspec.Struct, frozen=True):
    """One meeting of a series. Times are aware UTC."""

    index: int
    """Its position in the pattern, from 0 on; deleted ones are counted as well."""
    original: datetime
    """Its start according to the pattern."""
    start: datetime
    end: datetime


class Window(msgspec.Struct, frozen=True):
    """The time in which an occurrence may be joined; `closes` is outside of it."""

    opens: datetime
    closes: datetime
    occurrence: Occurrence


class Windows(msgspec.Struct, frozen=True):
    """The windows of a series at one instant."""

    current: Window | None
    """Open now; if several are, the one whose occurrence begins first."""
    upcoming: Window | None
    """The next to open."""


def occurrences(
    recurrence: Recurrence, after: datetime, before: datetime
) -> Iterator[Occurrence]:
    """The occurrences from `after` until `before`, in the order of their start.

    Included are those that take place only in part in that time. Lazy; times are aware.
    """
    return _series(recurrence).between(after, before)


def next_after(recurrence: Recurrence, instant: datetime) -> Occurrence | None:
    """The first occurrence that begins later than `instant`."""
    return _series(recurrence).next_after(instant)


def first_start(recurrence: Recurrence) -> datetime | None:
    """The start of the first occurrence; None if there is no occurrence at all."""
    first = next_after(recurrence, _EARLIEST)
    return first.start if first else None


def last_end(recurrence: Recurrence) -> datetime | None:
    """The end of the last occurrence; None if the series never ends.

    Without any occurrence it is the start of the range.
    """
    return _series(recurrence).last_end


def last(recurrence: Recurrence) -> Occurrence | None:
    """The occurrence that ends last; None if the series never ends, or has none."""
    return _series(recurrence).last


def is_over(recurrence: Recurrence, now: datetime) -> bool:
    """Return whether no occurrence takes place at `now` or later."""
    series = _series(recurrence)
    return series.empty or (series.last_end is not None and series.last_end <= now)


def index_of(recurrence: Recurrence, original: datetime) -> int | None:
    """The position of the occurrence that the pattern has at this instant.

    Otherwise that of the occurrence on this local date, because Exchange's own ids name
    a date only. A deleted occurrence has a position too.
    """
    return _series(recurrence).index_of(original)


def original_on(recurrence: Recurrence, day: date) -> datetime | None:
    """The instant at which the pattern has an occurrence on this local date, if any."""
    clock = tzinfo_of(recurrence.zone)
    at = datetime.combine(day, recurrence.at, clock).astimezone(UTC)
    index = _series(recurrence).index_of(at)
    return None if index is None else at


def find(recurrence: Recurrence, original: datetime) -> Occurrence | None:
    """The occurrence that the pattern has there (see `index_of`), moved or not.

    None if it is deleted or there is none.
    """
    series = _series(recurrence)
    index = series.index_of(original)
    return None if index is None else series.occurrence(index)


def open_windows(
    recurrence: Recurrence, before: timedelta, after: timedelta, around: datetime
) -> Windows:
    """The window that is open at the instant `around`, and the one that opens next.

    An occurrence may be joined from `before` its start until `after` its end.
    """
    current = None
    for occurrence in _series(recurrence).since(around - after):
        window = Window(occurrence.start - before, occurrence.end + after, occurrence)
        if window.opens > around:
            return Windows(current, window)
        if current is None and around < window.closes:
            current = window
    return Windows(current, None)


class _Series:
    """A recurrence, prepared for many questions."""

    def __init__(self, recurrence: Recurrence) -> None:
        span = recurrence.range
        self._clock = tzinfo_of(recurrence.zone)
        self._at = recurrence.at
        self._duration = recurrence.duration
        self._all_day = recurrence.all_day
        self._begins = span.start
        self._dates = dates_of(recurrence.pattern, span.start)
        self._endless = span.count is None and span.until is None
        self._size = self._dates.position_from(_NOTHING_FROM)
        """The number of positions."""
        if span.count is not None:
            self._size = min(self._size, span.count)
        if span.until is not None and span.until < _NOTHING_FROM:
            self._size = self._dates.position_from(span.until + _DAY)
        self._changed = self._changes(recurrence)
        self._moved = sorted(filter(None, self._changed.values()), key=_order)
        self._over = list(accumulate((each.end for each in self._moved), max))
        """The time at which a moved occurrence and all before it have ended."""

    def since(self, moment: datetime) -> Iterator[Occurrence]:
        """All that have not ended at `moment`, and some more, in the order of start."""
        moment = _bounded(moment)
        moved = self._moved[bisect_left(self._over, moment) :]
        return merge(self._regular(moment), moved, key=_order)

    def between(self, after: datetime, before: datetime) -> Iterator[Occurrence]:
        for occurrence in self.since(after):
            if occurrence.start >= before:
                return
            if occurrence.end > after or occurrence.start >= after:
                yield occurrence

    def next_after(self, instant: datetime) -> Occurrence | None:
        return next((o for o in self.since(instant) if o.start > instant), None)

    @cached_property
    def empty(self) -> bool:
        return self.next_after(_EARLIEST) is None

    @cached_property
    def last(self) -> Occurrence | None:
        if self._endless:
            return None
        candidates = [*self._moved]
        for index in range(self._size - 1, -1, -1):
            if index not in self._changed:
                candidates.append(self._planned(index))
                break
        return max(candidates, key=lambda each: (each.end, each.index), default=None)

    @property
    def last_end(self) -> datetime | None:
        if self._endless:
            return None
        return self.last.end if self.last else self._instant(self._begins)

    def index_of(self, original: datetime) -> int | None:
        if not FIRST_YEAR <= original.year <= LAST_YEAR:
            return None
        day = original.astimezone(self._clock).date()
        # A change of the clocks may have carried it over midnight.
        for near in (day, day - _DAY, day + _DAY):
            index = self._on(near)
            if index is not None and self._instant(near) == original:
                return index
        universal = original.astimezone(UTC)
        if self._all_day and universal.time() == datetime.min.time():
            # A date, written as a time.
            index = self._on(universal.date())
            if index is not None:
                return index
        return self._on(day)

    def occurrence(self, index: int) -> Occurrence | None:
        if index in self._changed:
            return self._changed[index]
        return self._planned(index)

    def _regular(self, moment: datetime) -> Iterator[Occurrence]:
        """The occurrences that were neither moved nor deleted.

        Clocks never change by more than a day, so the order of the dates is that of the
        starts.
        """
        first = (moment - self._duration - _SLACK).date()
        for index in range(self._dates.position_from(first), self._size):
            if index not in self._changed:
                yield self._planned(index)

    def _planned(self, index: int) -> Occurrence:
        planned = datetime.combine(self._dates.at(index), self._at, self._clock)
        start = planned.astimezone(UTC)
        # If the clocks skip the start, the end is shifted as well; but a whole day ends
        # at midnight. Within one zone Python's arithmetic is that of the wall clock.
        begins = planned if self._all_day else start.astimezone(self._clock)
        end = (begins + self._duration).astimezone(UTC)
        return Occurrence(index, start, start, max(start, end))

    def _instant(self, day: date) -> datetime:
        return datetime.combine(day, self._at, self._clock).astimezone(UTC)

    def _on(self, day: date) -> int | None:
        index = self._dates.position_from(day)
        return index if index < self._size and self._dates.at(index) == day else None

    def _changes(self, recurrence: Recurrence) -> dict[int, Occurrence | None]:
        """Moved occurrences by their position; None for a deleted one.

        Exceptions that name no occurrence are left out: they belong to another version
        of the series.
        """
        changes: dict[int, Occurrence | None] = {}
        for moved in recurrence.exceptions:
            index = self.index_of(moved.original)
            if index is not None:
                changes[index] = self._taking_place(index, moved)
        for original in recurrence.deleted:
            index = self.index_of(original)
            if index is not None:
                changes[index] = None
        return changes

    def _taking_place(self, index: int, moved: Moved) -> Occurrence:
        return Occurrence(
            index,
            self._instant(self._dates.at(index)),
            moved.start.astimezone(UTC),
            moved.end.astimezone(UTC),
        )


@lru_cache(maxsize=4096)
def _series(recurrence: Recurrence) -> _Series:
    return _Series(recurrence)


def _order(occurrence: Occurrence) -> tuple[datetime, int]:
    return occurrence.start, occurrence.index


def _bounded(moment: datetime) -> datetime:
    """The moment within limits beyond which there are no occurrences.

    Differences then stay within the years that `datetime` has.
    """
    return max(_EARLIEST, min(moment, _LATEST)).astimezone(UTC)
