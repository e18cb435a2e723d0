"""Series as they are stored."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    ClockChange,
    CustomZone,
    Daily,
    DayOfWeek,
    Era,
    Moved,
    Pattern,
    Range,
    Recurrence,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
)
from tests.scheduling.recurrence.recurrence_support import series

WEEKLY = series(
    Weekly((DayOfWeek.MONDAY,)),
    "2026-11-23",
    count=10,
    zone="Europe/Berlin",
    minutes=30,
)
AT = datetime(2026, 11, 30, 8, tzinfo=UTC)
ROUND = CustomZone(
    (
        Era(bias=-60),
        Era(
            bias=-60,
            changes=(
                ClockChange(bias=-120, month=3, at=120),
                ClockChange(bias=-60, month=10, day=5),
            ),
            begins=datetime(2007, 1, 1),  # noqa: DTZ001 (by the clocks before)
        ),
    )
)


def test_small() -> None:
    """A weekly series is some 150 bytes, and reads like what it is."""
    stored = msgspec.json.encode(WEEKLY)
    assert stored == (
        b'{"pattern":{"type":"weekly","days":["monday"]},'
        b'"range":{"start":"2026-11-23","count":10},'
        b'"zone":"Europe/Berlin","at":"09:00:00","duration":"PT1800S"}'
    )


@pytest.mark.parametrize(
    "pattern",
    [
        Daily(interval=3),
        Weekly((DayOfWeek.MONDAY, DayOfWeek.SUNDAY), first_day=DayOfWeek.MONDAY),
        AbsoluteMonthly(31, interval=2),
        RelativeMonthly(Which.LAST, DayOfWeek.WEEKEND_DAY),
        AbsoluteYearly(month=2, day=29),
        RelativeYearly(month=11, which=Which.FOURTH, day=DayOfWeek.THURSDAY),
    ],
)
def test_round_trip(pattern: Pattern) -> None:
    """What was stored is what is read, of every kind."""
    recurrence = Recurrence(
        pattern=pattern,
        range=Range(date(2026, 11, 23), until=date(2027, 11, 23)),
        zone=ROUND,
        at=time(23, 30),
        duration=timedelta(days=2),
        all_day=True,
        exceptions=(Moved(AT, AT, AT + timedelta(hours=1)),),
        deleted=(AT + timedelta(days=7),),
    )
    stored = msgspec.json.encode(recurrence)
    again = msgspec.json.decode(stored, type=Recurrence)
    assert again == recurrence
    assert hash(again) == hash(recurrence)


def test_a_later_version() -> None:
    """Fields that a later version adds are passed over."""
    stored = msgspec.json.encode(WEEKLY)[:-1] + b',"colour":{"name":"red"}}'
    assert msgspec.json.decode(stored, type=Recurrence) == WEEKLY


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pattern": {"type": "daily_regeneration"}}, "pattern"),
        ({"pattern": {"type": "daily", "interval": 0}}, "interval"),
        ({"pattern": {"type": "daily", "interval": 10_000}}, "interval"),
        ({"pattern": {"type": "weekly", "days": []}}, "days"),
        ({"pattern": {"type": "weekly", "days": ["someday"]}}, "days"),
        (
            {"pattern": {"type": "weekly", "days": ["day"], "first_day": "weekday"}},
            "first_day",
        ),
        ({"pattern": {"type": "absolute_monthly", "day": 32}}, "day"),
        ({"pattern": {"type": "absolute_yearly", "day": 0, "month": 1}}, "day"),
        ({"pattern": {"type": "absolute_yearly", "day": 1, "month": 13}}, "month"),
        (
            {
                "pattern": {
                    "type": "relative_yearly",
                    "month": 0,
                    "which": "last",
                    "day": "day",
                }
            },
            "month",
        ),
        (
            {
                "pattern": {
                    "type": "relative_monthly",
                    "which": "fifth",
                    "day": "day",
                }
            },
            "which",
        ),
        ({"range": {"start": "0001-01-01"}}, "start"),
        ({"range": {"start": "2026-01-01", "count": 0}}, "count"),
        (
            {"range": {"start": "2026-01-01", "count": 1, "until": "2026-01-02"}},
            "until",
        ),
        ({"at": "09:00:00+01:00"}, "at"),
        ({"duration": "-PT1S"}, "duration"),
        ({"duration": "P4000D"}, "duration"),
        ({"deleted": ["2026-01-01T00:00:00"]}, "deleted"),
        ({"deleted": ["9999-12-31T00:00:00Z"]}, "deleted"),
        (
            {
                "exceptions": [
                    {
                        "original": "2026-01-01T00:00:00Z",
                        "start": "2026-01-01T01:00:00Z",
                        "end": "2026-01-01T00:00:00Z",
                    }
                ]
            },
            "end",
        ),
        ({"zone": {"eras": []}}, "eras"),
        ({"zone": {"eras": [{"bias": 0}, {"bias": 0}]}}, "eras"),
        ({"zone": {"eras": [{"bias": 0, "begins": "2026-01-01T00:00:00"}]}}, "eras"),
        ({"zone": {"eras": [{"bias": 1440}]}}, "bias"),
        (
            {
                "zone": {
                    "eras": [
                        {"bias": 800},
                        {"bias": -800, "begins": "2026-01-01T00:00:00"},
                    ]
                }
            },
            "eras",
        ),
        (
            {"zone": {"eras": [{"bias": 0, "changes": [{"bias": 0, "month": 13}]}]}},
            "month",
        ),
        (
            {
                "zone": {
                    "eras": [
                        {"bias": 0, "changes": [{"bias": 0, "month": 1, "week": 0}]}
                    ]
                }
            },
            "week",
        ),
    ],
)
def test_refused(change: dict[str, Any], field: str) -> None:
    """What makes no sense is refused as it is read, by the name of the field."""
    plain = msgspec.json.decode(msgspec.json.encode(WEEKLY))
    with pytest.raises(msgspec.ValidationError, match=field):
        msgspec.convert({**plain, **change}, Recurrence)
