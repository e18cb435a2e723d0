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
    booking = Booking(upkeep.store, upkeep.texts, allocator)
    with pytest.raises(NotFound, match="not enabled"):
        await booking.book(1, "anna")
    assert upkeep.every(tables.SCHEDULED_ALIAS) == []
    await upkeep.store.close()
