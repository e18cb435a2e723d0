"""The changes of a decision are carried out, with all that follows from them."""

from typing import Any

import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.model.table import Table
from pexschedd.scheduling.decisions.decision import (
    Delete,
    Put,
    RecordChange,
    RemoveRoom,
)
from pexschedd.scheduling.records.apply_decision import apply_decision
from tests.scheduling.records.test_occurrence_window import rows, series
from tests.scheduling.upkeep.upkeep_support import NOW, Upkeep, alias

ROOM = Conference(id=1, name="Plans")
ALIAS = ConferenceAlias(id=1, alias="5557@example.test", conference=1)


async def apply(upkeep: Upkeep, *steps: RecordChange) -> None:
    change = upkeep.store.transaction()
    apply_decision(change, upkeep.store, steps, NOW)
    await change.commit()


@pytest_twisted.ensureDeferred
async def test_a_series_brings_its_occurrences(upkeep: Upkeep) -> None:
    """And takes them along when it goes; its room is another matter."""
    await apply(
        upkeep,
        Put(tables.CONFERENCE, ROOM),
        Put(tables.CONFERENCE_ALIAS, ALIAS),
        Put(tables.RECURRING_CONFERENCE, series()),
    )
    assert len(rows(upkeep)) == 3
    await apply(
        upkeep,
        Delete(tables.RECURRING_CONFERENCE, 1),
        Delete(tables.RECURRING_CONFERENCE, 99),
        Delete(tables.CONFERENCE_ALIAS, 1),
    )
    assert not rows(upkeep)
    assert upkeep.store.count(tables.RECURRING_CONFERENCE) == 0
    assert upkeep.store.count(tables.CONFERENCE_ALIAS) == 0
    assert upkeep.store.get(tables.CONFERENCE, 1) == ROOM


@pytest_twisted.ensureDeferred
async def test_a_room_goes_with_all_that_belongs_to_it(upkeep: Upkeep) -> None:
    """Its schedule and its aliases; what was handed out for it is marked."""
    await apply(
        upkeep,
        Put(tables.SCHEDULED_ALIAS, alias(7)),
        Put(tables.CONFERENCE, ROOM),
        Put(tables.CONFERENCE_ALIAS, ALIAS),
        Put(tables.RECURRING_CONFERENCE, series()),
    )
    await apply(upkeep, RemoveRoom(1))
    emptied: tuple[Table[Any], ...] = (
        tables.CONFERENCE,
        tables.CONFERENCE_ALIAS,
        tables.RECURRING_CONFERENCE,
        tables.SCHEDULED_CONFERENCE,
    )
    assert [upkeep.store.count(table) for table in emptied] == [0, 0, 0, 0]
    assert upkeep.every(tables.SCHEDULED_ALIAS) == [
        alias(7, conference_deletion_time=NOW)
    ]
