"""Rules that came with a meeting, against the zones that they were made from."""

from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import msgspec
import pytest

from pexschedd.model.recurrence import (
    ClockChange,
    CustomZone,
    Daily,
    DayOfWeek,
    Era,
    Moved,
    Weekly,
)
from pexschedd.scheduling.recurrence import timezone_rules
from pexschedd.scheduling.recurrence.series_dates import is_over, occurrences
from pexschedd.scheduling.recurrence.timezone_rules import (
    UnknownZone,
    tzinfo_of,
)
from tests.scheduling.recurrence.recurrence_support import (
    DAY,
    HOUR,
    MINUTE,
    series,
    utc,
)


def offset_at(instant: datetime, name: str) -> timedelta:
    offset = instant.astimezone(ZoneInfo(name)).utcoffset()
    assert offset is not None
    return offset


@cache
def changes_of(name: str, year: int) -> tuple[datetime, ...]:
    """When the clocks of a zone change, to the minute: never twice within a day."""
    changes = []
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        before = offset_at(at, name)
        if before != offset_at(at + DAY, name):
            later = range(DAY // MINUTE)
            first = bisect(
                later, 0, key=lambda n: offset_at(at + n * MINUTE, name) != before
            )
            changes.append(at + first * MINUTE)
        at += DAY
    return tuple(changes)


def written_out(name: str, year: int) -> Era:
    """The rules of one year, as Exchange writes them: the weekday, and the last of the
    month rather than the fourth."""
    changes = []
    for instant in changes_of(name, year):
        before = offset_at(instant - MINUTE, name)
        wall = (instant + before).replace(tzinfo=None)
        changes.append(
            ClockChange(
                bias=-(offset_at(instant, name) // MINUTE),
                month=wall.month,
                weekday=list(DayOfWeek)[wall.weekday()],
                week=-1 if (wall + 7 * DAY).month != wall.month else 1 + wall.day // 7,
                at=wall.hour * 60 + wall.minute,
            )
        )
    winter = -(offset_at(datetime(year, 1, 1, tzinfo=UTC), name) // MINUTE)
    return Era(bias=winter, changes=tuple(changes))


def instants(first: int, last: int, name: str) -> Iterator[datetime]:
    """All over the years, at all times of day, and closely around each change."""
    at = datetime(first, 1, 1, tzinfo=UTC)
    while at.year <= last:
        yield at
        at += 61 * HOUR
    for year in range(first, last + 1):
        for change in changes_of(name, year):
            yield change - timedelta(microseconds=1)
            for minutes in range(-180, 181, 15):
                yield change + minutes * MINUTE


ZONES = [
    *("Europe/Berlin", "Europe/London", "Atlantic/Azores", "Europe/Dublin"),
    *("America/New_York", "America/Los_Angeles", "America/St_Johns"),
    *("Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe"),
    *("Pacific/Auckland", "Pacific/Chatham"),
    *("Asia/Kolkata", "Asia/Tokyo", "America/Phoenix", "Pacific/Marquesas", "UTC"),
]


@pytest.mark.parametrize("name", ZONES)
def test_rules_agree_with_the_zone(name: str) -> None:
    """Rules written out for one year show the same times as the zone, both ways, over
    the years for which the zone kept them."""
    named = ZoneInfo(name)
    written = tzinfo_of(CustomZone((written_out(name, 2026),)))
    for instant in instants(2022, 2029, name):
        expected = instant.astimezone(named)
        shown = instant.astimezone(written)
        assert shown.replace(tzinfo=None) == expected.replace(tzinfo=None), instant
        assert shown.fold == expected.fold, instant
        assert shown.astimezone(UTC) == instant
        # Times that do not exist, too.
        for fold in (0, 1):
            wall = instant.replace(tzinfo=None, fold=fold)
            assert wall.replace(tzinfo=written).astimezone(UTC) == wall.replace(
                tzinfo=named
            ).astimezone(UTC), wall


@pytest.mark.parametrize(
    ("name", "old", "new", "begins", "years"),
    [
        ("America/New_York", 2006, 2007, "2007-01-01T00:00", (2004, 2010)),
        # In the middle of a summer.
        ("Australia/Sydney", 2007, 2009, "2008-01-01T00:00", (2007, 2010)),
        ("Europe/Istanbul", 2013, 2017, "2016-06-01T00:00", (2012, 2013)),
        ("Europe/Istanbul", 2013, 2017, "2016-06-01T00:00", (2017, 2019)),
    ],
)
def test_rules_that_changed(
    name: str, old: int, new: int, begins: str, years: tuple[int, int]
) -> None:
    """Only the rules that are in force at a time count."""
    later = msgspec.structs.replace(
        written_out(name, new), begins=datetime.fromisoformat(begins)
    )
    written = tzinfo_of(CustomZone((written_out(name, old), later)))
    for instant in instants(*years, name):
        expected = instant.astimezone(ZoneInfo(name))
        shown = instant.astimezone(written)
        assert shown.replace(tzinfo=None) == expected.replace(tzinfo=None), instant


@pytest.mark.parametrize("begins", ["2026-06-01T02:00", "2026-06-01T00:00+00:00"])
def test_an_era_begins(begins: str) -> None:
    """An era begins at a time by the clocks before it, or at an instant."""
    zone = CustomZone(
        (Era(bias=-120), Era(bias=300, begins=datetime.fromisoformat(begins)))
    )
    clock = tzinfo_of(zone)
    begins_at = utc("2026-06-01T00:00")
    assert (begins_at - MINUTE).astimezone(clock).utcoffset() == 2 * HOUR
    assert begins_at.astimezone(clock).utcoffset() == -5 * HOUR


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (ClockChange(bias=-60, month=2, day=30, at=60), "2027-02-28T01:00"),
        (ClockChange(bias=-60, month=3, day=7, at=60), "2027-03-07T01:00"),
        (ClockChange(bias=-60, month=2, week=5), "2027-02-28T00:00"),
        (ClockChange(bias=-60, month=5, week=5), "2027-05-30T00:00"),
        (ClockChange(bias=-60, month=4, week=4), "2027-04-25T00:00"),
        (ClockChange(bias=-60, month=2, week=1), "2027-02-07T00:00"),
        # Midnight at the end of the last Thursday, as in Cairo.
        (
            ClockChange(bias=-60, month=4, weekday=DayOfWeek.THURSDAY, at=24 * 60),
            "2027-04-30T00:00",
        ),
    ],
)
def test_when_the_clocks_change(change: ClockChange, expected: str) -> None:
    """Changes on a date, in a week that a month may lack, and after midnight."""
    back = ClockChange(bias=0, month=12)
    clock = tzinfo_of(CustomZone((Era(bias=0, changes=(back, change)),)))
    at = utc(expected)
    assert (at - timedelta(microseconds=1)).astimezone(clock).utcoffset() == 0 * HOUR
    assert at.astimezone(clock).utcoffset() == HOUR


def test_at_new_year() -> None:
    """A change at the local New Year may belong to another year in UTC."""
    east = Era(
        bias=-600,
        changes=(
            ClockChange(bias=-660, month=1, day=1),
            ClockChange(bias=-600, month=7, day=1),
        ),
    )
    west = Era(
        bias=600,
        changes=(
            ClockChange(bias=600, month=12, day=31, at=23 * 60),
            ClockChange(bias=540, month=7, day=1),
        ),
    )
    for era, at, before, after in (
        (east, "2026-12-31T14:00", 10, 11),
        (west, "2027-01-01T08:00", -9, -10),
    ):
        clock = tzinfo_of(CustomZone((era,)))
        moment = timedelta(microseconds=1)
        assert (utc(at) - moment).astimezone(clock).utcoffset() == before * HOUR
        assert utc(at).astimezone(clock).utcoffset() == after * HOUR


def test_a_single_change_changes_nothing() -> None:
    """Rules with one change a year are always at its bias."""
    clock = tzinfo_of(
        CustomZone((Era(bias=0, changes=(ClockChange(bias=-60, month=3),)),))
    )
    for month in (1, 6, 12):
        at = datetime(2026, month, 1, tzinfo=UTC)
        assert at.astimezone(clock).utcoffset() == HOUR


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Sydney"])
def test_a_series_by_rules(name: str) -> None:
    """A series is at the same times by a zone's name and by its rules."""
    by_name = series(Weekly((DayOfWeek.SUNDAY,)), "2024-01-01", zone=name, at="02:30")
    by_rules = msgspec.structs.replace(
        by_name, zone=CustomZone((written_out(name, 2026),))
    )
    window = (utc("2024-01-01"), utc("2036-01-01"))
    assert list(occurrences(by_rules, *window)) == list(occurrences(by_name, *window))


@pytest.mark.parametrize(
    "name", ["Europe/Nowhere", "Europe", "", "../etc/passwd", "x" * 300, "a\0b"]
)
def test_no_such_zone(name: str) -> None:
    """A name that means nothing here is refused by one error."""
    with pytest.raises(UnknownZone, match="no time zone"):
        tzinfo_of(name)


def test_the_rules_of_a_year_are_worked_out_once() -> None:
    """However many exceptions a series has, and however many biases its zone, the rules
    of a year are read a few times only."""
    changes = tuple(
        ClockChange(bias=-30 * place, month=1 + place % 12, day=1 + place)
        for place in range(24)
    )
    begins = [
        None,
        *(utc(f"{2026 + place // 12}-{1 + place % 12:02}-01") for place in range(24)),
    ]
    zone = CustomZone(
        tuple(Era(bias=0, changes=changes, begins=each) for each in begins)
    )
    moved = series(Daily(), "2026-01-01", zone=zone, count=1000)
    regular = list(occurrences(moved, utc("2025-12-01"), utc("2030-01-01")))
    moved = msgspec.structs.replace(
        moved,
        at=moved.at.replace(minute=1),
        exceptions=tuple(
            Moved(each.start + MINUTE, each.end, each.end + HOUR) for each in regular
        ),
    )
    before = timezone_rules._changes_in.cache_info()
    assert not is_over(moved, utc("2028-01-01"))
    after = timezone_rules._changes_in.cache_info()
    assert after.hits + after.misses - before.hits - before.misses < 500


def test_eras_in_the_wrong_order() -> None:
    """Of eras in the wrong order the one that is written later counts."""
    zone = CustomZone(
        (
            Era(bias=0),
            Era(bias=-60, begins=utc("2026-06-01")),
            Era(bias=-120, begins=utc("2026-03-01")),
            Era(bias=-180, begins=utc("2026-09-01")),
        )
    )
    clock = tzinfo_of(zone)
    offsets = [
        utc(f"2026-{month:02}-15").astimezone(clock).utcoffset()
        for month in range(1, 13)
    ]
    hours = [0, 0, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3]
    assert offsets == [hour * HOUR for hour in hours]
