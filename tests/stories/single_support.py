"""A single meeting that is scheduled, or is not, as stories look at it."""

from typing import Any

from pexschedd.model import tables
from tests.stories.story_support import AT_TEN, World, window


async def accepted(world: World, room: Any, name: str = "Plans (Alice Archer)") -> None:
    assert await world.rooms() == [name]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"
    assert world.inbox() == []


async def nothing_scheduled(world: World) -> None:
    assert await world.rooms() == []
    assert await world.schedule() == []
    assert list(world.store.all(tables.OUTBOX)) == []
