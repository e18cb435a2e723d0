"""Booking: what the add-in gets, and when it gets nothing."""

from pathlib import Path

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.errors import NotFound
from pexschedd.model import tables
from pexschedd.scheduling.booking import Booking
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from tests.scheduling.upkeep.upkeep_support import CONNECTOR, Upkeep


@pytest_twisted.ensureDeferred
async def test_switched_off_while_the_token_was_verified(tmp_path: Path) -> None:
    """It is the error that the add-in would have got before: no passing trouble."""
    upkeep = Upkeep(tmp_path)
    await upkeep.put(tables.CONNECTOR, replace(CONNECTOR, enable_dynamic_vmrs=False))
    allocator = AliasAllocator(
        upkeep.store, now=upkeep.time, uuid4=lambda: "u", digits=lambda n: "1" * n
    )
    booking = Booking(upkeep.store, upkeep.texts, allocator, upkeep.clock.seconds)
    with pytest.raises(NotFound, match="not enabled"):
        await booking.book(1, "anna")
    assert upkeep.every(tables.SCHEDULED_ALIAS) == []
    await upkeep.store.close()


@pytest_twisted.ensureDeferred
async def test_a_press_that_is_repeated(tmp_path: Path) -> None:
    """The same key gives the same alias, until a meeting has it or it is gone."""
    upkeep = Upkeep(tmp_path)
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    names = iter("abcdefgh")
    numbers = iter(range(1, 9))
    allocator = AliasAllocator(
        upkeep.store,
        now=upkeep.time,
        uuid4=lambda: next(names),
        digits=lambda n: str(next(numbers)).zfill(n),
    )
    booking = Booking(upkeep.store, upkeep.texts, allocator, upkeep.clock.seconds)

    first = await booking.book(1, "anna", "key")
    assert await booking.book(1, "anna", "key") == first
    assert len(upkeep.every(tables.SCHEDULED_ALIAS)) == 1
    assert await booking.book(1, "anna") != await booking.book(1, "anna")

    (alias, *_) = upkeep.every(tables.SCHEDULED_ALIAS)
    assert alias.id == first.alias_id
    await upkeep.put(tables.SCHEDULED_ALIAS, replace(alias, ews_item_uid="uid"))
    second = await booking.book(1, "anna", "key")
    assert second.tag != first.tag
    change = upkeep.store.transaction()
    change.delete(tables.SCHEDULED_ALIAS, second.alias_id)
    await change.commit()
    assert (await booking.book(1, "anna", "key")).tag not in (first.tag, second.tag)
    await upkeep.store.close()
