"""When the room of a series may be joined."""

from datetime import timedelta
from time import thread_time

import msgspec
import pytest

from pexschedd.model.recurrence import (
    ClockChange,
    CustomZone,
    Daily,
    DayOfWeek,
    Era,
    Moved,
    Recurrence,
    Weekly,
    Zone,
)
from pexschedd.scheduling.recurrence.series_dates import open_windows
from tests.scheduling.recurrence.recurrence_support import HOUR, MINUTE, series, utc

MONDAYS = series(Weekly((DayOfWeek.MONDAY,)), "2026-11-23", count=3)
BEFORE = 15 * MINUTE
AFTER = 30 * MINUTE


def ask(recurrence: Recurrence, around: str) -> tuple[int | None, str | None]:
    """Which occurrence is open, and when the next opens."""
    windows = open_windows(recurrence, BEFORE, AFTER, utc(around))
    return (
        windows.current.occurrence.index if windows.current else None,
        f"{windows.upcoming.opens:%m-%dT%H:%M}" if windows.upcoming else None,
    )


@pytest.mark.parametrize(
    ("around", "current", "upcoming"),
    [
        ("2026-11-01T00:00", None, "11-23T08:45"),
        ("2026-11-23T08:44:59", None, "11-23T08:45"),
        ("2026-11-23T08:45", 0, "11-30T08:45"),
        ("2026-11-23T10:29:59", 0, "11-30T08:45"),
        ("2026-11-23T10:30", None, "11-30T08:45"),
        ("2026-12-07T09:00", 2, None),
        ("2026-12-07T10:30", None, None),
    ],
)
def test_windows(around: str, current: int | None, upcoming: str | None) -> None:
    """A window is open from its first moment on, and closed at its last."""
    assert ask(MONDAYS, around) == (current, upcoming)


def test_windows_follow_what_is_moved() -> None:
    """The window of a moved occurrence is where it takes place; a deleted has none."""
    start = utc("2026-11-30T12:00")
    recurrence = msgspec.structs.replace(
        MONDAYS,
        exceptions=(Moved(utc("2026-11-30T09:00"), start, start + 2 * HOUR),),
        deleted=(utc("2026-12-07T09:00"),),
    )
    assert ask(recurrence, "2026-11-30T09:00") == (None, "11-30T11:45")
    assert ask(recurrence, "2026-11-30T14:29") == (1, None)
    assert ask(recurrence, "2026-12-07T09:00") == (None, None)


def test_windows_that_overlap() -> None:
    """Of two open windows, the current one is that of the earlier occurrence, and the
    next to open is the one behind them."""
    recurrence = series(Daily(), "2026-11-23", minutes=24 * 60)
    assert ask(recurrence, "2026-11-24T08:59") == (0, "11-25T08:45")
    assert ask(recurrence, "2026-11-24T09:30") == (1, "11-25T08:45")


def test_nothing_but_a_window() -> None:
    """A meeting of no length can be joined, if the buffers let it."""
    recurrence = series(Daily(), "2026-11-23", minutes=0)
    assert ask(recurrence, "2026-11-23T09:00") == (0, "11-24T08:45")
    none = timedelta(0)
    windows = open_windows(recurrence, none, none, utc("2026-11-23T09:00"))
    assert windows.current is None


def test_windows_have_all() -> None:
    """A window carries its occurrence, and both of its ends."""
    windows = open_windows(MONDAYS, BEFORE, AFTER, utc("2026-11-30T09:30"))
    assert windows.current is not None
    assert windows.current.opens == utc("2026-11-30T08:45")
    assert windows.current.closes == utc("2026-11-30T10:30")
    assert windows.current.occurrence.start == utc("2026-11-30T09:00")
    assert windows.current.occurrence.end == utc("2026-11-30T10:00")


CENTRAL = CustomZone(
    (
        Era(
            bias=-60,
            changes=(
                ClockChange(bias=-120, month=3, at=120),
                ClockChange(bias=-60, month=10, at=180),
            ),
        ),
    )
)


@pytest.mark.parametrize(
    ("zone", "limit"),
    [("Europe/Berlin", 50e-6), (CENTRAL, 200e-6)],
    ids=["name", "rules"],
)
def test_asked_in_no_time(zone: Zone, limit: float) -> None:
    """Admission asks once per call: a new series answers within 500 us, a known one
    within 50 (measured: 8 and 5; with rules of its own 36 and 28)."""
    at = utc("2046-11-26T08:10")

    def asked(recurrence: Recurrence) -> float:
        began = thread_time()
        windows = open_windows(recurrence, BEFORE, AFTER, at)
        took = thread_time() - began
        assert windows.current is not None
        return took

    new = [
        series(Weekly((DayOfWeek.MONDAY,)), "2026-11-23", zone=zone, minutes=30 + extra)
        for extra in range(200)
    ]
    # The least: what it costs, without what else this machine has to do.
    assert min(map(asked, new)) < 500e-6
    assert min(map(asked, new)) < limit
