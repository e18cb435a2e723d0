"""Occurrences keep their local time when the clocks change."""

from datetime import timedelta

import msgspec
import pytest

from pexschedd.model.recurrence import (
    CustomZone,
    Daily,
    DayOfWeek,
    Era,
    Recurrence,
    Weekly,
)
from pexschedd.scheduling.recurrence.series_dates import occurrences
from tests.scheduling.recurrence.recurrence_support import first, series, starts, utc


@pytest.mark.parametrize(
    ("zone", "start", "at", "expected"),
    [
        # Forward in spring, back in autumn: the north.
        ("Europe/Berlin", "2026-03-28", "09:00", "03-28T08:00 03-29T07:00 03-30T07:00"),
        ("Europe/Berlin", "2026-10-24", "09:00", "10-24T07:00 10-25T08:00 10-26T08:00"),
        (
            *("America/New_York", "2026-03-07", "09:00"),
            "03-07T14:00 03-08T13:00 03-09T13:00",
        ),
        (
            *("America/New_York", "2026-10-31", "21:00"),
            "11-01T01:00 11-02T02:00 11-03T02:00",
        ),
        # The south: back in autumn, forward in spring.
        (
            *("Australia/Sydney", "2026-04-04", "09:00"),
            "04-03T22:00 04-04T23:00 04-05T23:00",
        ),
        (
            *("Australia/Sydney", "2026-10-03", "09:00"),
            "10-02T23:00 10-03T22:00 10-04T22:00",
        ),
        # Half an hour.
        (
            *("Australia/Lord_Howe", "2026-10-03", "09:00"),
            "10-02T22:30 10-03T22:00 10-04T22:00",
        ),
        # Leapt over: as much later (03:30 by the new clock), for this day only.
        ("Europe/Berlin", "2026-03-28", "02:30", "03-28T01:30 03-29T01:30 03-30T00:30"),
        (
            *("Australia/Lord_Howe", "2026-10-03", "02:15"),
            "10-02T15:45 10-03T15:45 10-04T15:15",
        ),
        # At midnight, where there is no midnight: one o'clock.
        ("Asia/Beirut", "2026-03-28", "00:00", "03-27T22:00 03-28T22:00 03-29T21:00"),
        # Twice: the first.
        ("Europe/Berlin", "2026-10-24", "02:30", "10-24T00:30 10-25T00:30 10-26T01:30"),
        (
            *("Australia/Sydney", "2026-04-04", "02:30"),
            "04-03T15:30 04-04T15:30 04-05T16:30",
        ),
        # No change at all.
        ("Asia/Kolkata", "2026-03-28", "09:00", "03-28T03:30 03-29T03:30 03-30T03:30"),
    ],
)
def test_wall_clock(zone: str, start: str, at: str, expected: str) -> None:
    """Across a change of the clocks, the local time stays."""
    found = starts(series(Daily(), start, zone=zone, at=at), 3)
    assert [each[5:] for each in found] == expected.split()


def test_years_later() -> None:
    """A series follows the rules of its zone far beyond the tables."""
    weekly = series(Weekly((DayOfWeek.MONDAY,)), "2026-01-05", zone="Europe/Berlin")
    by_month = {f"{o.start:%Y-%m}": o.start.hour for o in first(weekly, 52 * 70)}
    assert by_month["2090-01"] == by_month["2026-01"] == 8
    assert by_month["2090-07"] == by_month["2026-07"] == 7


@pytest.mark.parametrize(
    ("start", "at", "minutes", "length"),
    [
        ("2026-03-29", "01:00", 180, 120),  # until four: one hour is missing
        ("2026-03-29", "02:30", 30, 30),  # begins in the leap: 03:30 until 04:00
        ("2026-03-29", "01:30", 60, 60),  # ends in the leap: 03:30
        ("2026-10-25", "01:00", 180, 240),  # until four: one hour is doubled
        ("2026-10-25", "02:15", 30, 30),  # in the first of the two hours
        ("2026-03-29", "02:30", 0, 0),
    ],
)
def test_lengths_by_the_wall_clock(
    start: str, at: str, minutes: int, length: int
) -> None:
    """An occurrence ends at its local time, as Exchange keeps both as local times."""
    recurrence = series(Daily(), start, zone="Europe/Berlin", at=at, minutes=minutes)
    (only,) = first(recurrence, 1)
    assert only.end - only.start == timedelta(minutes=length)


@pytest.mark.parametrize(
    ("zone", "start", "hours"),
    [
        ("Europe/Berlin", "2026-03-28", [24, 23, 24]),
        ("Europe/Berlin", "2026-10-24", [24, 25, 24]),
        ("Pacific/Auckland", "2026-04-04", [24, 25, 24]),
        ("Asia/Beirut", "2026-03-28", [24, 23, 24]),
    ],
)
def test_whole_days(zone: str, start: str, hours: list[int]) -> None:
    """A whole day is from midnight to midnight, however long that takes, and the next
    one begins where it ends."""
    recurrence: Recurrence = msgspec.structs.replace(
        series(Daily(), start, zone=zone, at="00:00", minutes=24 * 60), all_day=True
    )
    days = first(recurrence, 3)
    assert [(o.end - o.start) / timedelta(hours=1) for o in days] == hours
    assert [o.end for o in days[:2]] == [o.start for o in days[1:]]


def test_a_day_that_never_was() -> None:
    """Where a zone left out a whole date, its occurrence is a day later, with the
    next one."""
    recurrence = series(Daily(), "2011-12-29", zone="Pacific/Apia")
    assert starts(recurrence, 3) == [
        *("2011-12-29T19:00", "2011-12-30T19:00", "2011-12-30T19:00")
    ]


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York", "UTC"]
)
@pytest.mark.parametrize("at", ["00:00", "12:00", "23:59"])
@pytest.mark.parametrize("minutes", [1, 120, 24 * 60])
def test_seen_through_a_crack(zone: str, at: str, minutes: int) -> None:
    """An occurrence is seen at its first and in its last moment, whatever the date is
    elsewhere."""
    recurrence = series(
        Weekly((DayOfWeek.MONDAY,)), "2026-11-02", zone=zone, at=at, minutes=minutes
    )
    moment = timedelta(microseconds=1)
    for occurrence in first(recurrence, 3):
        for seen in (occurrence.start, occurrence.end - moment):
            assert list(occurrences(recurrence, seen, seen + moment)) == [occurrence]


def test_rules_made_to_confuse() -> None:
    """Whatever rules a meeting brings, it does not end before it begins."""
    zone = CustomZone(
        (
            Era(bias=0),
            Era(bias=-360, begins=utc("2026-03-10T00:00")),
            Era(bias=0, begins=utc("2026-03-10T01:30")),
            Era(bias=-240, begins=utc("2026-03-10T02:00")),
        )
    )
    recurrence = series(Daily(), "2026-03-10", zone=zone, at="03:00", minutes=10)
    (only,) = first(recurrence, 1)
    # 03:00 is leapt over twice; 07:00, which it becomes, is shown twice.
    assert only.start == only.end == utc("2026-03-10T03:00")
