"""What may be many is found by an index."""

import pytest

from pexschedd.model import tables
from pexschedd.model.consistency import UNIQUE
from pexschedd.model.table import Table


@pytest.mark.parametrize(
    "table", [t for t in tables.TABLES if not t.document], ids=lambda t: str(t.name)
)
def test_uniqueness_in_large_tables_has_an_index(table: Table) -> None:  # type: ignore[type-arg]  # of any record
    """Whether a key is taken is not found out by looking at a million records."""
    assert all(unique.index in table.indexes for unique in UNIQUE.get(table.name, ()))
