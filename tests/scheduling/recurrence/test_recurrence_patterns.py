"""Which dates a pattern has, and where a series ends."""

from datetime import date, datetime, timedelta
from time import thread_time
from typing import Any

import pytest
from dateutil import rrule

from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    Daily,
    DayOfWeek,
    Pattern,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
)
from pexschedd.scheduling.recurrence.pattern_dates import dates_of
from pexschedd.scheduling.recurrence.series_dates import (
    first_start,
    is_over,
    last_end,
    next_after,
    occurrences,
)
from tests.scheduling.recurrence.recurrence_support import (
    dates,
    fits,
    series,
    starts,
    utc,
)

MON, TUE, WED, THU, FRI, SAT, SUN = list(DayOfWeek)[:7]

# In the week of Monday 2026-11-23.
TABLE: list[tuple[str, Pattern, str, str]] = [
    ("every day", Daily(), "2026-11-23", "2026-11-23 2026-11-24 2026-11-25"),
    ("every third day", Daily(interval=3), "2026-11-29", "2026-11-29 2026-12-02"),
    ("weekly", Weekly((MON,)), "2026-11-23", "2026-11-23 2026-11-30 2026-12-07"),
    (
        "weekly, the start does not fit",
        *(Weekly((TUE,)), "2026-11-25", "2026-12-01 2026-12-08"),
    ),
    (
        "weekly on several days, given in any order",
        *(Weekly((FRI, MON)), "2026-11-25", "2026-11-27 2026-11-30 2026-12-04"),
    ),
    (
        "weekly on weekdays",
        Weekly((DayOfWeek.WEEKDAY,)),
        "2026-11-26",
        "2026-11-26 2026-11-27 2026-11-30",
    ),
    (
        "every other week that begins on Monday",
        Weekly((MON, SUN), interval=2, first_day=MON),
        "2026-11-23",
        "2026-11-23 2026-11-29 2026-12-07 2026-12-13",
    ),
    (
        "every other week that begins on Sunday",
        Weekly((MON, SUN), interval=2, first_day=SUN),
        "2026-11-23",
        "2026-11-23 2026-12-06 2026-12-07 2026-12-20",
    ),
    (
        "every other week, the first one has passed",
        Weekly((MON,), interval=2, first_day=MON),
        "2026-11-25",
        "2026-12-07 2026-12-21",
    ),
    ("monthly", AbsoluteMonthly(23), "2026-11-23", "2026-11-23 2026-12-23 2027-01-23"),
    (
        "monthly, the start does not fit",
        *(AbsoluteMonthly(5), "2026-11-23", "2026-12-05 2027-01-05"),
    ),
    (
        "every third month, the first one has passed",
        *(AbsoluteMonthly(5, interval=3), "2026-11-23", "2027-02-05 2027-05-05"),
    ),
    (
        "the 31st, or the last day",
        AbsoluteMonthly(31),
        "2027-12-31",
        "2027-12-31 2028-01-31 2028-02-29 2028-03-31 2028-04-30",
    ),
    (
        "the 30th, and February",
        *(AbsoluteMonthly(30), "2027-01-30", "2027-01-30 2027-02-28 2027-03-30"),
    ),
    (
        "the second Tuesday",
        RelativeMonthly(Which.SECOND, TUE),
        "2026-11-01",
        "2026-11-10 2026-12-08 2027-01-12",
    ),
    (
        "the last Friday of every other month",
        RelativeMonthly(Which.LAST, FRI, interval=2),
        "2026-11-01",
        "2026-11-27 2027-01-29 2027-03-26",
    ),
    (
        "the first day",
        RelativeMonthly(Which.FIRST, DayOfWeek.DAY),
        "2026-11-23",
        "2026-12-01 2027-01-01",
    ),
    (
        "the last day",
        RelativeMonthly(Which.LAST, DayOfWeek.DAY),
        "2026-11-23",
        "2026-11-30 2026-12-31 2027-01-31 2027-02-28",
    ),
    (
        "the first weekday",
        RelativeMonthly(Which.FIRST, DayOfWeek.WEEKDAY),
        "2026-11-01",
        "2026-11-02 2026-12-01 2027-01-01",
    ),
    (
        "the last weekday",
        RelativeMonthly(Which.LAST, DayOfWeek.WEEKDAY),
        "2027-01-01",
        "2027-01-29 2027-02-26 2027-03-31",
    ),
    (
        "the fourth weekend day",
        RelativeMonthly(Which.FOURTH, DayOfWeek.WEEKEND_DAY),
        "2026-11-01",
        "2026-11-14 2026-12-13 2027-01-10",
    ),
    (
        "the last weekend day",
        RelativeMonthly(Which.LAST, DayOfWeek.WEEKEND_DAY),
        "2026-11-01",
        "2026-11-29 2026-12-27 2027-01-31",
    ),
    (
        "yearly",
        AbsoluteYearly(month=3, day=5),
        "2026-11-23",
        "2027-03-05 2028-03-05",
    ),
    (
        "29 February, or the 28th",
        AbsoluteYearly(month=2, day=29),
        "2028-02-29",
        "2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29",
    ),
    (
        "every other year, the first one has passed",
        AbsoluteYearly(month=3, day=5, interval=2),
        "2026-11-23",
        "2028-03-05 2030-03-05",
    ),
    (
        "the fourth Thursday of November",
        RelativeYearly(month=11, which=Which.FOURTH, day=THU),
        "2026-11-27",
        "2027-11-25 2028-11-23",
    ),
    (
        "the last weekday of December",
        RelativeYearly(month=12, which=Which.LAST, day=DayOfWeek.WEEKDAY),
        "2026-01-01",
        "2026-12-31 2027-12-31 2028-12-29",
    ),
]


@pytest.mark.parametrize(
    ("pattern", "start", "expected"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_patterns(pattern: Pattern, start: str, expected: str) -> None:
    """Each pattern has the dates that Outlook shows for it."""
    wanted = expected.split()
    assert dates(series(pattern, start), len(wanted)) == wanted


@pytest.mark.parametrize(
    "pattern", [row[1] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_far_away_is_as_counted(pattern: Pattern) -> None:
    """A window in 2090 shows what counting every day from 2026 on comes to."""
    start = date(2026, 11, 25)
    expected = []
    index = 0
    for day in (start + timedelta(days=n) for n in range(65 * 366)):
        if fits(pattern, day, start):
            if day.year in (2089, 2090):
                expected.append((index, day))
            index += 1
    found = occurrences(
        series(pattern, "2026-11-25"), utc("2089-01-01"), utc("2091-01-01")
    )
    assert [(o.index, o.start.date()) for o in found] == expected
    assert expected


@pytest.mark.parametrize(
    "pattern", [row[1] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_far_away_is_cheap(pattern: Pattern) -> None:
    """What is asked about the year 2090 is not counted from the beginning."""
    recurrence = series(pattern, "1990-01-01", zone="Europe/Berlin")
    list(occurrences(recurrence, utc("2026-01-01"), utc("2026-01-02")))
    least = 1.0
    for _ in range(5):
        began = thread_time()
        list(occurrences(recurrence, utc("2090-06-01"), utc("2090-06-02")))
        least = min(least, thread_time() - began)
    # Measured: 10 us; counting would take some 100 000 us.
    assert least < 0.001


RULES: list[tuple[Pattern, dict[str, Any]]] = [
    (Daily(interval=7), {"freq": rrule.DAILY, "interval": 7}),
    (
        Weekly((MON, WED, SUN), interval=3, first_day=WED),
        {
            "freq": rrule.WEEKLY,
            "interval": 3,
            "wkst": rrule.WE,
            "byweekday": (rrule.MO, rrule.WE, rrule.SU),
        },
    ),
    (
        AbsoluteMonthly(28, interval=5),
        {"freq": rrule.MONTHLY, "interval": 5, "bymonthday": 28},
    ),
    (
        RelativeMonthly(Which.THIRD, SAT, interval=2),
        {"freq": rrule.MONTHLY, "interval": 2, "byweekday": rrule.SA(3)},
    ),
    (
        RelativeMonthly(Which.LAST, DayOfWeek.WEEKDAY),
        {"freq": rrule.MONTHLY, "byweekday": range(5), "bysetpos": -1},
    ),
    (
        RelativeMonthly(Which.THIRD, DayOfWeek.WEEKEND_DAY),
        {"freq": rrule.MONTHLY, "byweekday": (5, 6), "bysetpos": 3},
    ),
    (
        AbsoluteYearly(month=2, day=28, interval=3),
        {"freq": rrule.YEARLY, "interval": 3, "bymonth": 2, "bymonthday": 28},
    ),
    (
        RelativeYearly(month=5, which=Which.LAST, day=MON),
        {"freq": rrule.YEARLY, "bymonth": 5, "byweekday": rrule.MO(-1)},
    ),
]


@pytest.mark.parametrize(("pattern", "rule"), RULES)
def test_as_dateutil(pattern: Pattern, rule: dict[str, Any]) -> None:
    """dateutil counts the same dates, where RFC 5545 means what Exchange means."""
    start = date(2026, 11, 25)
    expected = rrule.rrule(dtstart=datetime(2026, 11, 25), count=300, **rule)  # noqa: DTZ001
    pattern_dates = dates_of(pattern, start)
    assert [pattern_dates.at(n) for n in range(300)] == [d.date() for d in expected]


def test_a_number_of_occurrences() -> None:
    """A numbered series has as many positions, and ends with the last."""
    recurrence = series(Weekly((MON,)), "2026-11-23", count=3)
    assert dates(recurrence, 9) == ["2026-11-23", "2026-11-30", "2026-12-07"]
    assert last_end(recurrence) == utc("2026-12-07T10:00")


def test_an_end_date_is_included() -> None:
    """An occurrence may begin on the end date, by the local date of its start."""
    on_it = series(
        *(Daily(), "2026-11-23"),
        until="2026-11-25",
        zone="America/New_York",
        at="23:30",
    )
    assert starts(on_it, 9)[-1] == "2026-11-26T04:30"
    assert last_end(on_it) == utc("2026-11-26T05:30")
    between = series(Weekly((MON,)), "2026-11-23", until="2026-12-06")
    assert dates(between, 9) == ["2026-11-23", "2026-11-30"]


@pytest.mark.parametrize("pattern", [Daily(), Weekly((MON,)), AbsoluteMonthly(31)])
def test_without_end(pattern: Pattern) -> None:
    """A series without end is never over, until Exchange's calendar is."""
    recurrence = series(pattern, "2026-11-23", zone="Europe/Berlin")
    assert last_end(recurrence) is None
    assert not is_over(recurrence, utc("3999-01-01"))
    late = next_after(recurrence, utc("4499-06-01"))
    assert late is not None
    assert late.start.year == 4499
    assert next_after(recurrence, utc("9999-12-31")) is None
    assert not list(occurrences(recurrence, utc("4501-01-02"), utc("9999-12-31T23:59")))


@pytest.mark.parametrize(
    ("pattern", "end"),
    [
        (Weekly((MON,)), {"until": "2026-11-22"}),
        (Weekly((SUN,)), {"until": "2026-11-28"}),
        (AbsoluteYearly(month=1, day=1, interval=9999), {"count": 3}),
    ],
)
def test_nothing_at_all(pattern: Pattern, end: dict[str, Any]) -> None:
    """A series may have no occurrence: it is over, and says so without an error."""
    recurrence = series(pattern, "2026-11-23", **end)
    assert first_start(recurrence) is None
    assert is_over(recurrence, utc("2020-01-01"))
    assert last_end(recurrence) == utc("2026-11-23T09:00")
    assert next_after(recurrence, utc("2020-01-01")) is None


def test_over() -> None:
    """A series is over when its last occurrence ends, not when it begins."""
    recurrence = series(Daily(), "2026-11-23", count=2)
    assert first_start(recurrence) == utc("2026-11-23T09:00")
    assert not is_over(recurrence, utc("2026-11-24T09:59"))
    assert is_over(recurrence, utc("2026-11-24T10:00"))


def test_the_window_is_half_open() -> None:
    """What ends as the window begins, or begins as it ends, is outside; what is only
    partly inside, or takes no time at all, is in."""
    recurrence = series(Daily(), "2026-11-23")

    def seen(after: str, before: str) -> list[int]:
        found = occurrences(recurrence, utc(after), utc(before))
        return [o.index for o in found]

    assert seen("2026-11-23T10:00", "2026-11-25T09:00") == [1]
    assert seen("2026-11-23T09:59", "2026-11-25T09:01") == [0, 1, 2]
    assert seen("2026-11-23T09:20", "2026-11-23T09:30") == [0]
    at_once = series(Daily(), "2026-11-23", minutes=0)
    nine = utc("2026-11-23T09:00")
    assert [o.index for o in occurrences(at_once, nine, nine + timedelta(hours=1))] == [
        0
    ]
    assert not list(occurrences(at_once, nine - timedelta(hours=1), nine))
