"""What may be many is found by an index."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pexschedd.model import tables
from pexschedd.model.table import Table
from pexschedd.model.uniqueness import UNIQUE


@pytest.mark.parametrize(
    "table", [t for t in tables.TABLES if not t.document], ids=lambda t: str(t.name)
)
def test_uniqueness_in_large_tables_has_an_index(table: Table) -> None:  # type: ignore[type-arg]  # of any record
    """Whether a key is taken is not found out by looking at a million records."""
    assert all(unique.index in table.indexes for unique in UNIQUE.get(table.name, ()))


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2020, 1, 1, tzinfo=UTC), 0),
        (datetime(2020, 1, 1, 23, 59, 59, tzinfo=UTC), 0),
        (datetime(2020, 1, 2, tzinfo=UTC), 1),
        (datetime(2020, 1, 2, 1, tzinfo=timezone(timedelta(hours=2))), 0),
        (datetime(2026, 11, 21, tzinfo=UTC), 2516),
        (datetime(1, 1, 1, tzinfo=UTC), 0),
    ],
)
def test_days_are_counted_from_2020(moment: datetime, day: int) -> None:
    """In UTC, and none is negative: who goes through all days up to one misses none."""
    assert tables.day_of(moment) == day
