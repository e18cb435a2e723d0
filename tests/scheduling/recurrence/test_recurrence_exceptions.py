"""Occurrences that were moved or deleted, and how they are found."""

from datetime import timedelta

import msgspec
import pytest

from pexschedd.model.recurrence import (
    CustomZone,
    Daily,
    DayOfWeek,
    Era,
    Moved,
    Recurrence,
    Weekly,
)
from pexschedd.scheduling.recurrence.series_dates import (
    Occurrence,
    find,
    first_start,
    index_of,
    is_over,
    last_end,
    next_after,
    occurrences,
)
from tests.scheduling.recurrence.recurrence_support import DAY, HOUR, first, series, utc

MONDAYS = series(Weekly((DayOfWeek.MONDAY,)), "2026-11-23", count=4)
"""23 and 30 November, 7 and 14 December, at nine."""


def moved(original: str, start: str, hours: float = 1) -> Moved:
    begins = utc(start)
    return Moved(utc(original), begins, begins + timedelta(hours=hours))


def changed(
    recurrence: Recurrence, *exceptions: Moved, deleted: tuple[str, ...] = ()
) -> Recurrence:
    return msgspec.structs.replace(
        recurrence,
        exceptions=exceptions,
        deleted=tuple(utc(original) for original in deleted),
    )


def in_order(recurrence: Recurrence) -> list[tuple[int, str]]:
    return [(o.index, f"{o.start:%m-%dT%H}") for o in first(recurrence, 99)]


def test_moved() -> None:
    """A moved occurrence takes place where it was moved to, and only there."""
    recurrence = changed(MONDAYS, moved("2026-11-30T09:00", "2026-12-01T15:00", 2))
    assert in_order(recurrence) == [
        *((0, "11-23T09"), (1, "12-01T15"), (2, "12-07T09"), (3, "12-14T09"))
    ]
    assert find(recurrence, utc("2026-11-30T09:00")) == Occurrence(
        1, utc("2026-11-30T09:00"), utc("2026-12-01T15:00"), utc("2026-12-01T17:00")
    )
    assert not list(
        occurrences(recurrence, utc("2026-11-30T00:00"), utc("2026-12-01T00:00"))
    )


def test_moved_across_its_neighbours() -> None:
    """The order is that of the starts; the position stays."""
    later = changed(MONDAYS, moved("2026-11-30T09:00", "2026-12-08T09:00"))
    assert [index for index, _ in in_order(later)] == [0, 2, 1, 3]
    behind_all = changed(MONDAYS, moved("2026-11-23T09:00", "2027-06-01T09:00"))
    assert [index for index, _ in in_order(behind_all)] == [1, 2, 3, 0]
    before_all = changed(MONDAYS, moved("2026-12-14T09:00", "2026-11-02T09:00"))
    assert [index for index, _ in in_order(before_all)] == [3, 0, 1, 2]
    assert first_start(before_all) == utc("2026-11-02T09:00")
    # The same start: by position.
    together = changed(MONDAYS, moved("2026-12-14T09:00", "2026-11-30T09:00"))
    assert [index for index, _ in in_order(together)] == [0, 1, 3, 2]


def test_deleted() -> None:
    """A deleted occurrence does not take place, but keeps its position."""
    recurrence = changed(MONDAYS, deleted=("2026-11-30T09:00",))
    assert [index for index, _ in in_order(recurrence)] == [0, 2, 3]
    assert find(recurrence, utc("2026-11-30T09:00")) is None
    assert index_of(recurrence, utc("2026-11-30T09:00")) == 1
    assert index_of(recurrence, utc("2026-12-07T09:00")) == 2


def test_moved_and_deleted() -> None:
    """An occurrence that was moved and later cancelled does not take place."""
    recurrence = changed(
        MONDAYS,
        moved("2026-11-30T09:00", "2026-12-01T15:00"),
        deleted=("2026-11-30T09:00",),
    )
    assert [index for index, _ in in_order(recurrence)] == [0, 2, 3]


@pytest.mark.parametrize(
    ("recurrence", "end"),
    [
        (MONDAYS, "2026-12-14T10:00"),
        (changed(MONDAYS, deleted=("2026-12-14T09:00",)), "2026-12-07T10:00"),
        (
            changed(MONDAYS, moved("2026-12-14T09:00", "2026-11-02T09:00")),
            "2026-12-07T10:00",
        ),
        (
            changed(MONDAYS, moved("2026-11-23T09:00", "2027-06-01T09:00")),
            "2027-06-01T10:00",
        ),
        (
            # It begins before the last one and ends behind it.
            changed(MONDAYS, moved("2026-11-23T09:00", "2026-12-13T09:00", 48)),
            "2026-12-15T09:00",
        ),
    ],
)
def test_the_end_of_all(recurrence: Recurrence, end: str) -> None:
    """A series is over when nothing of it is left, in whatever order it takes place."""
    assert last_end(recurrence) == utc(end)
    assert is_over(recurrence, utc(end))
    assert not is_over(recurrence, utc(end) - timedelta(seconds=1))


def test_all_deleted() -> None:
    """A series with nothing left is over, before it would have begun."""
    recurrence = changed(
        MONDAYS,
        deleted=tuple(f"{o.original:%Y-%m-%dT%H:%M}" for o in first(MONDAYS, 9)),
    )
    assert first_start(recurrence) is None
    assert is_over(recurrence, utc("2020-01-01"))
    assert last_end(recurrence) == utc("2026-11-23T09:00")


def test_next() -> None:
    """The next one is by its actual start, strictly later."""
    recurrence = changed(
        MONDAYS,
        moved("2026-11-30T09:00", "2026-12-08T09:00"),
        deleted=("2026-12-14T09:00",),
    )

    def after(text: str) -> int | None:
        found = next_after(recurrence, utc(text))
        return found.index if found else None

    assert after("2026-11-01") == 0
    assert after("2026-11-23T08:59:59") == 0
    assert after("2026-11-23T09:00") == 2
    assert after("2026-12-07T09:00") == 1
    assert after("2026-12-08T09:00") is None


def test_long_exception_seen_from_far() -> None:
    """A moved occurrence is found by its own length, not by that of the series."""
    recurrence = changed(MONDAYS, moved("2026-11-23T09:00", "2026-11-24T09:00", 240))
    found = occurrences(recurrence, utc("2026-12-03T00:00"), utc("2026-12-03T01:00"))
    assert [o.index for o in found] == [0]


def test_long_occurrences_overlap() -> None:
    """Occurrences that last longer than their distance are all found."""
    recurrence = series(Daily(), "2026-11-01", minutes=10 * 24 * 60)
    found = occurrences(recurrence, utc("2027-11-20T10:00"), utc("2027-11-20T10:01"))
    assert [o.start.day for o in found] == list(range(11, 21))


@pytest.mark.parametrize(
    "wrong", ["2026-11-24T09:00", "2026-11-16T09:00", "2027-01-04T09:00"]
)
def test_of_another_version(wrong: str) -> None:
    """Exceptions that name no occurrence of this series change nothing."""
    recurrence = changed(MONDAYS, moved(wrong, "2026-11-25T09:00"), deleted=(wrong,))
    assert first(recurrence, 9) == first(MONDAYS, 9)
    assert find(MONDAYS, utc(wrong)) is None
    assert index_of(MONDAYS, utc(wrong)) is None


@pytest.mark.parametrize("moment", ["0001-01-01", "9999-12-31T23:59"])
def test_no_time_at_all(moment: str) -> None:
    """Times that mean "none" find nothing, and break nothing."""
    assert find(MONDAYS, utc(moment)) is None


def test_by_the_date() -> None:
    """An original start that is off by what time-zone data differ in names the one of
    that local date; Exchange's own ids name nothing but a date."""
    recurrence = series(Daily(), "2026-03-01", zone="Europe/Berlin")
    assert index_of(recurrence, utc("2026-03-10T08:00")) == 9
    assert index_of(recurrence, utc("2026-03-10T07:00")) == 9
    hour_off = changed(recurrence, deleted=("2026-03-10T09:00",))
    assert find(hour_off, utc("2026-03-10T08:00")) is None
    # Late in the evening, the date is the local one.
    evening = series(Daily(), "2026-03-01", zone="America/New_York", at="21:00")
    assert index_of(evening, utc("2026-03-11T01:00")) == 9


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Europe/Berlin", "Pacific/Auckland"]
)
def test_whole_days_by_the_date(zone: str) -> None:
    """Of whole days, the original start may be local midnight or a mere date."""
    recurrence = msgspec.structs.replace(
        series(Daily(), "2026-03-01", zone=zone, at="00:00", minutes=24 * 60),
        all_day=True,
    )
    exact = first(recurrence, 10)[9].start
    assert index_of(recurrence, exact) == 9
    assert index_of(recurrence, utc("2026-03-10T00:00")) == 9
    assert index_of(recurrence, exact + HOUR) == 9
    last_day = msgspec.structs.replace(
        recurrence, range=msgspec.structs.replace(recurrence.range, count=9)
    )
    assert index_of(last_day, exact + DAY) is None


def test_a_leap_over_midnight() -> None:
    """An exact start is found though the clocks have leapt it into another day."""
    zone = CustomZone((Era(bias=0), Era(bias=-120, begins=utc("2026-03-10T23:00"))))
    recurrence = series(Daily(), "2026-03-01", zone=zone, at="23:30")
    leapt = first(recurrence, 10)[9]
    assert leapt.start == utc("2026-03-10T23:30")  # 01:30 on the 11th
    assert index_of(recurrence, leapt.start) == 9
