"""What many records have in common is kept once."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import pytest

from pexschedd.model.fields import Field, Record
from pexschedd.model.table import Table
from pexschedd.model.tables import TABLES
from pexschedd.store.collection import Collection
from pexschedd.store.sharing import SAMPLE, Sharing

START = datetime(2026, 3, 1, tzinfo=UTC)


class Visit(Record, frozen=True, kw_only=True):
    code: Annotated[str, Field(unique=True)]
    owner: str = ""
    note: str | None = None
    begins: datetime = START


def visit(number: int) -> Visit:
    """As it is read from the disk: nothing in it is shared."""
    made = Visit(
        id=number,
        code=f"c{number}",
        owner=f"owner {number % 3}",
        note=f"note {number}",
        begins=START + timedelta(hours=number % 5),
    )
    return msgspec.json.decode(msgspec.json.encode(made), type=Visit)


def test_equal_values_become_one_and_records_stay_what_they_are() -> None:
    """Before and after the fields without anything in common have been given up."""
    sharing = Sharing(Visit)
    records = [visit(number) for number in range(3 * SAMPLE)]
    for record in records:
        sharing.share(record)
    assert records == [visit(number) for number in range(3 * SAMPLE)]
    assert len({id(record.owner) for record in records}) == 3
    assert len({id(record.begins) for record in records}) == 5
    assert len({id(record.note) for record in records}) == len(records)


def test_a_store_shares_what_it_reads() -> None:
    """Records that are replayed share their values; those that are put stay alone."""
    collection = Collection(Table("visit", Visit))
    for number in range(1, 100):
        collection.replay(number, visit(number))
    collection.loaded()
    collection.put(visit(100))
    assert len({id(record.owner) for record in collection.all()}) == 4
    assert [record.id for record in collection.all()] == list(range(1, 101))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_garbage_collector_need_not_know_records(table: Table[Record]) -> None:
    """None of a million records makes a collection longer."""
    assert not table.record.__struct_config__.gc
