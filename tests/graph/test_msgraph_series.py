"""The recurrences of Graph's messages: its patterns, and AppointmentRecur."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from pexschedd.graph.entities.extended_properties import APPOINTMENT_RECUR, MAX_BINARY
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.recurrence import Daily, DayOfWeek, RelativeMonthly, Weekly, Which
from tests.graph.msgraph_documents import (
    PATTERN,
    RANGE,
    Document,
    extended,
    understood,
    zoned,
)
from tests.graph.test_msgraph_appointment_recurrence import DAILY_4_1_1_3


def series(
    pattern: Document | None = None, more: dict[str, str] | None = None, **span: Any
) -> MeetingMessage:
    return understood(
        type="seriesMaster",
        recurrence={"pattern": {**PATTERN, **(pattern or {})}, "range": RANGE | span},
        singleValueExtendedProperties=extended(**(more or {})),
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"interval": 4}, Daily(interval=4)),
        (
            {"type": "weekly", "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday"},
            Weekly(days=(DayOfWeek.TUESDAY,), first_day=DayOfWeek.MONDAY),
        ),
        (
            {"type": "Weekly", "daysOfWeek": ["Wednesday", "Tuesday"]},
            Weekly(days=(DayOfWeek.TUESDAY, DayOfWeek.WEDNESDAY)),
        ),
        (
            {
                "type": "relativeMonthly",
                "daysOfWeek": ["friday", "monday", "tuesday", "thursday", "wednesday"],
            },
            RelativeMonthly(which=Which.FIRST, day=DayOfWeek.WEEKDAY),
        ),
    ],
)
def test_patterns(pattern: Document, expected: Any) -> None:
    """Patterns in whatever case; several days are the group that they make."""
    found = series(pattern).recurrence
    assert found is not None
    assert found.pattern == expected


@pytest.mark.parametrize(
    ("pattern", "span"),
    [
        ({"type": "hourly"}, {}),
        ({"interval": 0}, {}),
        ({"interval": "1"}, {}),
        ({"type": None}, {}),
        ({"type": "weekly"}, {}),
        ({"type": "weekly", "daysOfWeek": ["moonday"]}, {}),
        ({"type": "weekly", "daysOfWeek": ["wednesday"], "interval": 2}, {}),
        ({"type": "relativeMonthly", "daysOfWeek": ["monday", "friday"]}, {}),
        ({"type": "absoluteYearly", "dayOfMonth": 1, "month": 13}, {}),
        ({}, {"type": "sometime"}),
        ({}, {"startDate": None}),
        ({}, {"startDate": "2026-13-01"}),
        ({}, {"startDate": "2026-11-30"}),
        ({}, {"type": "numbered"}),
        ({}, {"recurrenceTimeZone": "Mitteleuropa"}),
    ],
)
def test_series_that_are_not_understood(pattern: Document, span: Document) -> None:
    """It is still known to be a series, and nothing is known of how it repeats."""
    found = series(pattern, **span)
    assert found.is_series
    assert found.recurrence is None


@pytest.mark.parametrize("value", ["AAAA", "no base64!", "A" * (MAX_BINARY * 2)])
def test_changed_occurrences_that_are_not_understood(value: str) -> None:
    """A series of which the changes cannot be read is not understood."""
    assert series(more={APPOINTMENT_RECUR: value}).recurrence is None


def test_changes_by_another_clock() -> None:
    """Deleted occurrences of a series at another time of day are not its own."""
    blob = base64.b64encode(bytes.fromhex(DAILY_4_1_1_3)).decode()
    assert series(more={APPOINTMENT_RECUR: blob}).recurrence is None


def test_a_pattern_from_the_property_alone() -> None:
    """Where Graph has no document, AppointmentRecur has the pattern as well."""
    blob = base64.b64encode(bytes.fromhex(DAILY_4_1_1_3)).decode()
    found = understood(
        type="seriesMaster",
        startDateTime=zoned("2011-04-07T08:00:00"),
        endDateTime=zoned("2011-04-07T08:30:00"),
        singleValueExtendedProperties=extended(**{APPOINTMENT_RECUR: blob}),
    )
    assert found.recurrence is not None
    assert found.recurrence.pattern == Daily(interval=3)
    assert found.recurrence.deleted == (
        datetime(2011, 4, 19, 8, tzinfo=UTC),
        datetime(2011, 4, 22, 8, tzinfo=UTC),
    )
