"""A world for each story."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_twisted

from tests.stories.series_support import (
    Weekly,
    weekly,
)
from tests.stories.story_support import (
    AT_TEN,
    NEW_SERIES,
    World,
)


@pytest_twisted.async_yield_fixture(params=["ews", "graph"])
async def empty_world(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """A sandbox and a daemon without any integration, over each kind of mailbox."""
    world = World(tmp_path, graph=request.param == "graph")
    await world.start()
    yield world
    await world.stop()


@pytest_twisted.async_yield_fixture()
async def world(empty_world: World) -> AsyncIterator[World]:
    """With one integration, `Head office`, whose mailbox has been looked into."""
    await empty_world.create_integration()
    await empty_world.rest()
    yield empty_world


@pytest_twisted.async_yield_fixture()
async def mondays(world: World) -> AsyncIterator[Weekly]:
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN, 5)
    )
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    yield Weekly(world, alice, room, series)
