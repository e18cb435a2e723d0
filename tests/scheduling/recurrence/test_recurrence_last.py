"""The occurrence that ends last."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from pexschedd.model.recurrence import Daily, Moved, Recurrence
from pexschedd.scheduling.recurrence.series_dates import last, last_end
from tests.scheduling.recurrence.recurrence_support import DAY, HOUR, series, utc

THREE = series(Daily(), "2026-11-23", count=3)
FIRST = utc("2026-11-23T09:00")


def moved(number: int, by: timedelta) -> Recurrence:
    original = FIRST + number * DAY
    start = original + by
    return replace(THREE, exceptions=(Moved(original, start, start + HOUR),))


@pytest.mark.parametrize(
    ("recurrence", "index", "end"),
    [
        (THREE, 2, "2026-11-25T10:00"),
        (replace(THREE, deleted=(FIRST + 2 * DAY,)), 1, "2026-11-24T10:00"),
        (moved(2, 9 * DAY), 2, "2026-12-04T10:00"),
        (moved(0, 9 * DAY), 0, "2026-12-02T10:00"),
        (moved(2, -36 * HOUR), 1, "2026-11-24T10:00"),
        (series(Daily(), "2026-11-23", until="2026-11-24"), 1, "2026-11-24T10:00"),
    ],
)
def test_last(recurrence: Recurrence, index: int, end: str) -> None:
    """It need not be the last one of the pattern."""
    found = last(recurrence)
    assert found is not None
    assert (found.index, found.end) == (index, utc(end))
    assert last_end(recurrence) == found.end


@pytest.mark.parametrize(
    "recurrence",
    [
        series(Daily(), "2026-11-23"),
        replace(THREE, deleted=tuple(FIRST + number * DAY for number in range(3))),
    ],
)
def test_none(recurrence: Recurrence) -> None:
    """There is none of a series without end, or of which everything is deleted."""
    assert last(recurrence) is None
