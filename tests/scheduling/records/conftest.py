"""A store with one integration."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted

from pexschedd.model import tables
from tests.scheduling.upkeep.upkeep_support import CONNECTOR, Upkeep


@pytest_twisted.async_yield_fixture()
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    yield upkeep
    await upkeep.store.close()
