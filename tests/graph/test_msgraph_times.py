"""Graph's times, the names of zones, and zone definitions."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.exchange.custom_zones import MAX_ERAS
from pexschedd.graph.entities.times import (
    DateTimeTimeZone,
    read_date,
    read_zoned,
    zone_called,
)
from pexschedd.graph.entities.zone_definitions import _HEADER, read_zone_definition
from pexschedd.model.recurrence import ClockChange, CustomZone, DayOfWeek, Era
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of
from tests.graph.msgraph_documents import PACIFIC


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-12-01T09:00:00.0000000", "UTC", "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00", None, "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00", "", "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00Z", "Tokyo Standard Time", "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00+01:00", "UTC", "2026-12-01T08:00:00"),
        ("2026-12-01T09:00:00.1", "Tokyo Standard Time", "2026-12-01T00:00:00"),
        ("2026-07-01T09:00:00", "Europe/Berlin", "2026-07-01T07:00:00"),
        ("2026-12-01T09:00:00", "tzone://Microsoft/Utc", "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00", "tzone://Microsoft/Custom", None),
        ("2026-12-01T09:00:00", "Customized Time Zone", None),
        ("2026-12-01T09:00:00", "../../etc/passwd", None),
        ("2026-12-01T25:00:00", "UTC", None),
        ("2026-12-01", "UTC", None),
        ("0001-01-01T00:00:00", "Tokyo Standard Time", None),
        ("", "UTC", None),
    ],
)
def test_times_with_zones(text: str, zone: str | None, expected: str | None) -> None:
    """Wall clocks of named zones, and what has an offset already."""
    found = read_zoned(DateTimeTimeZone(text, zone))
    wanted = expected and datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert found == (wanted or None)


def test_names_of_zones() -> None:
    """Windows' names, IANA's, and those that name nothing."""
    assert zone_called("W. Europe Standard Time") == "Europe/Berlin"
    assert zone_called("Asia/Tokyo") == "Asia/Tokyo"
    assert [zone_called(name) for name in ("", None, "Customized Time Zone")] == [
        *(None, None, None)
    ]
    assert read_date("2026-12-01") == date(2026, 12, 1)
    assert read_date("2026-02-30") is None


def test_the_specifications_zone() -> None:
    """The name and both rules, of which the first holds before its year as well."""
    found = read_zone_definition(bytes.fromhex(PACIFIC))
    assert found is not None
    assert found.clock() == "America/Los_Angeles"
    sunday = DayOfWeek.SUNDAY
    (first, _), (begins, second) = found.eras
    assert first is None
    assert begins == datetime(2007, 1, 1)  # noqa: DTZ001 - a wall clock
    assert second == Era(
        bias=480,
        changes=(
            ClockChange(bias=420, month=3, week=2, weekday=sunday, at=120),
            ClockChange(bias=480, month=11, week=1, weekday=sunday, at=120),
        ),
    )


def test_the_rules_of_a_zone_without_a_name() -> None:
    """The same rules under no name are the same clock, and found to be that zone's."""
    data = bytes.fromhex(PACIFIC)
    nameless = b"\x02\x01\x06\x00\x02\x00\x00\x00" + data[8 + 42 :]
    found = read_zone_definition(nameless)
    assert found is not None
    zone = found.clock()
    assert isinstance(zone, CustomZone)
    for month in range(1, 13):
        moment = datetime(2026, month, 20, tzinfo=UTC)
        pacific = moment.astimezone(tzinfo_of("America/Los_Angeles"))
        assert moment.astimezone(tzinfo_of(zone)).utcoffset() == pacific.utcoffset()
    # Los Angeles, or another one with these rules.
    known = tzinfo_of(found.zone_at(datetime(2026, 12, 1, tzinfo=UTC)))
    assert datetime(2026, 12, 1, tzinfo=known).utcoffset() == timedelta(hours=-8)


def test_more_rules_than_any_zone_has() -> None:
    """They are not read, however many bytes there are."""
    data = bytes.fromhex(PACIFIC)
    count = _HEADER.size + 2 * _HEADER.unpack_from(data)[-1]
    many = (MAX_ERAS + 1).to_bytes(2, "little")
    rules = data[count + 2 :] * (MAX_ERAS + 1)
    assert read_zone_definition(data[:count] + many + rules) is None
    enough = MAX_ERAS.to_bytes(2, "little")
    assert read_zone_definition(data[:count] + enough + rules) is not None


@given(st.binary(max_size=150), st.integers(0, 184))
def test_any_zone_is_read(data: bytes, cut: int) -> None:
    """Definitions of any kind, also behind a good beginning, lead to a clock or
    none."""
    for blob in (data, bytes.fromhex(PACIFIC)[:cut] + data):
        found = read_zone_definition(blob)
        if found is not None:
            found.clock()
            found.zone_at(datetime(2026, 12, 1, tzinfo=UTC))
