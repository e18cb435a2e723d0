"""Rooms with Cisco endpoints."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted

from tests.onetouch.cisco.rooms import Rooms


@pytest_twisted.async_yield_fixture()
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """Three rooms, of which the first has two meetings."""
    rooms = Rooms(tmp_path, 3)
    await rooms.configure()
    await rooms.meetings(1, "Plan", "Review")
    yield rooms
    await rooms.close()
