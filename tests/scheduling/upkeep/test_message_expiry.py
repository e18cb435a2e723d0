"""Processed messages are forgotten after a month, or when they are too many."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.outbox import ProcessedMessage
from pexschedd.scheduling.upkeep.janitor import Janitor
from pexschedd.scheduling.upkeep.message_expiry import KEPT, MessageExpiry
from pexschedd.store.change_in_slices import change_in_slices
from pexschedd.store.transaction import Transaction
from tests.scheduling.upkeep.upkeep_support import NOW, Upkeep

SECOND = timedelta(seconds=1)


@pytest_twisted.async_yield_fixture
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    made = Upkeep(tmp_path)
    yield made
    await made.store.close()


def processed(id: int, age: timedelta = timedelta()) -> ProcessedMessage:
    return ProcessedMessage(
        id=id,
        exchange_connector=1,
        time=NOW - age,
        correlation_id=f"{id:036}",
        action="accept",
    )


def left(upkeep: Upkeep) -> list[int]:
    return sorted(each.id for each in upkeep.every(tables.PROCESSED_MESSAGE))


@pytest_twisted.ensureDeferred
async def test_old(upkeep: Upkeep) -> None:
    """The janitor forgets a message when its time is over, not before."""
    records = [processed(1, KEPT + SECOND), processed(2, KEPT), processed(3)]
    await upkeep.put(tables.PROCESSED_MESSAGE, *records)
    await Janitor(upkeep.store, clock=upkeep.clock, now=upkeep.time).sweep()
    assert left(upkeep) == [2, 3]


@pytest_twisted.ensureDeferred
async def test_too_many(upkeep: Upkeep) -> None:
    """Of those beyond the bound the oldest go first; old ones count for it."""
    records = [processed(id, KEPT * 2 if id == 2 else SECOND) for id in range(1, 7)]
    await upkeep.put(tables.PROCESSED_MESSAGE, *records)

    def remove(
        ids: Iterable[int], one: Callable[[Transaction, int], bool]
    ) -> Awaitable[int]:
        return change_in_slices(upkeep.store, ids, one, upkeep.clock)

    expiry = MessageExpiry(upkeep.store, upkeep.clock, upkeep.time)
    await expiry.forget(remove, lambda: True, 100, most=3)
    assert left(upkeep) == [4, 5, 6]
