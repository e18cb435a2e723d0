"""Meetings and series are over, or not, even where that cannot be computed."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from pexschedd.model.meeting import CalendarMeeting, MessageRef
from pexschedd.model.recurrence import Daily
from pexschedd.scheduling.recurrence.meeting_times import (
    has_finished,
    series_has_finished,
    starts_after,
)
from tests.scheduling.recurrence.recurrence_support import HOUR, series, utc

START = utc("2026-11-23T09:00")
SINGLE = CalendarMeeting(
    ref=MessageRef("item"), uid="uid", start=START, end=START + HOUR
)
THREE_DAYS = replace(
    SINGLE, is_series=True, recurrence=series(Daily(), "2026-11-23", count=3)
)
LAST = START + timedelta(days=2)
MOMENT = timedelta(seconds=1)
UNREADABLE = replace(THREE_DAYS, recurrence=None)
NO_ZONE = replace(
    THREE_DAYS,
    recurrence=series(Daily(), "2026-11-23", count=3, zone="Atlantis/Capital"),
)


@pytest.mark.parametrize(("meeting", "last"), [(SINGLE, START), (THREE_DAYS, LAST)])
def test_a_meeting_starts_and_ends(meeting: CalendarMeeting, last: datetime) -> None:
    """A series with its last occurrence; to the very moment."""
    assert starts_after(meeting, last - MOMENT)
    assert not starts_after(meeting, last)
    assert not has_finished(meeting, last + HOUR - MOMENT)
    assert has_finished(meeting, last + HOUR)


@pytest.mark.parametrize("meeting", [UNREADABLE, NO_ZONE])
def test_what_cannot_be_computed_goes_on(meeting: CalendarMeeting) -> None:
    """Nothing is removed that may still be needed."""
    assert starts_after(meeting, utc("2090-01-01"))
    assert not has_finished(meeting, utc("2090-01-01"))


def test_a_series_in_an_unknown_zone_goes_on() -> None:
    """As a record has it, too."""
    assert NO_ZONE.recurrence is not None
    assert not series_has_finished(NO_ZONE.recurrence, utc("2090-01-01"))
    assert THREE_DAYS.recurrence is not None
    assert not series_has_finished(THREE_DAYS.recurrence, LAST + HOUR - MOMENT)
    assert series_has_finished(THREE_DAYS.recurrence, LAST + HOUR)
