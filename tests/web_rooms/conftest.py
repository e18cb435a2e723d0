"""Fixtures of the tests of what screens ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted

from tests.web_rooms.rooms_support import RoomWorld, room_world


@pytest_twisted.async_yield_fixture()
async def world(tmp_path: Path) -> AsyncIterator[RoomWorld]:
    """Two rooms with meetings, served on loopback."""
    async with room_world(tmp_path) as world:
        yield world
