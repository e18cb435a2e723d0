"""The history is pruned by age and by number, and what documents keep is taken over."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest_twisted
from msgspec.structs import replace

from pexschedd.history.recorder import record_changes, settle
from pexschedd.model import tables
from pexschedd.model.configuration_change import ConfigurationChange
from pexschedd.scheduling.upkeep.change_expiry import KEPT, ChangeExpiry
from pexschedd.scheduling.upkeep.janitor import Janitor
from pexschedd.store.change_in_slices import change_in_slices
from pexschedd.store.transaction import Transaction
from tests.scheduling.upkeep.upkeep_support import CONNECTOR, DAY, NOW, Upkeep

UNSETTLED = tables.UNSETTLED_CHANGES[tables.CONNECTOR.document]


@pytest_twisted.async_yield_fixture
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    made = Upkeep(tmp_path)
    yield made
    await made.store.close()


def change(id: int, *, went_along: bool = False, days: int = 0) -> ConfigurationChange:
    return ConfigurationChange(
        id=id,
        time=NOW + days * DAY,
        administrator="admin",
        resource="conference",
        object_id=id,
        action="deleted",
        went_along=went_along,
    )


def left(upkeep: Upkeep) -> list[int]:
    return [each.id for each in upkeep.every(tables.CONFIGURATION_CHANGE)]


async def record_in_document(upkeep: Upkeep, name: str) -> None:
    """Change an integration, as if the daemon had ended just after the commit."""
    with upkeep.store.transaction() as transaction:
        transaction.put(tables.CONNECTOR, replace(CONNECTOR, id=7, name=name))
        record_changes(upkeep.store, transaction, NOW)
        durable = transaction.commit()
    await durable


@pytest_twisted.ensureDeferred
async def test_old_entries_go(upkeep: Upkeep) -> None:
    """The janitor removes an entry when its time is over, and not before."""
    await upkeep.put(tables.CONFIGURATION_CHANGE, change(1), change(2, days=1))
    janitor = Janitor(upkeep.store, clock=upkeep.clock, now=upkeep.time)
    upkeep.now = NOW + KEPT
    await janitor.sweep()
    assert left(upkeep) == [1, 2]
    upkeep.now += timedelta(seconds=1)
    await janitor.sweep()
    assert left(upkeep) == [2]


@pytest_twisted.ensureDeferred
async def test_too_many(upkeep: Upkeep) -> None:
    """Of too many the oldest go; what went with an integration counts by itself, so it
    does not push out the others."""
    along = [change(id, went_along=True) for id in range(3, 9)]
    others = [change(id) for id in (1, 2, 9, 10)]
    await upkeep.put(tables.CONFIGURATION_CHANGE, *along, *others)

    def remove(
        ids: Iterable[int], one: Callable[[Transaction, int], bool]
    ) -> Awaitable[int]:
        return change_in_slices(upkeep.store, ids, one, upkeep.clock)

    expiry = ChangeExpiry(upkeep.store, upkeep.clock, upkeep.time)
    await expiry.forget(remove, lambda: True, 100, most=4, most_went_along=2)
    assert left(upkeep) == [1, 2, 7, 8, 9, 10]
    await expiry.forget(remove, lambda: True, 100, most=3, most_went_along=2)
    assert left(upkeep) == [2, 7, 8, 9, 10]


@pytest_twisted.ensureDeferred
async def test_what_a_document_keeps(upkeep: Upkeep) -> None:
    """An entry that was durable only in its document is taken over once, however often
    that is tried, and then leaves the document with its next change or by itself."""
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    await record_in_document(upkeep, "One")
    assert left(upkeep) == []
    await settle(upkeep.store)
    await settle(upkeep.store)
    (entry,) = upkeep.every(tables.CONFIGURATION_CHANGE)
    assert (entry.object_name, entry.action) == ("One", "created")
    assert len(upkeep.every(UNSETTLED)) == 1
    await record_in_document(upkeep, "Two")
    (kept,) = upkeep.every(UNSETTLED)
    assert kept.object_name == "Two"
    janitor = Janitor(upkeep.store, clock=upkeep.clock, now=upkeep.time)
    await janitor.sweep()
    assert upkeep.every(UNSETTLED) == []
    names = [e.object_name for e in upkeep.every(tables.CONFIGURATION_CHANGE)]
    assert names == ["One", "Two"]
    await janitor.sweep()
    assert len(left(upkeep)) == 2
