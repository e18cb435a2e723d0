"""Moving an integration from EWS to Microsoft Graph and back, while meetings go on.

One sandbox has both doors over the same mailboxes, so whatever the daemon does over one
of them is there over the other.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted

from pexschedd.model import tables
from tests.stories.story_support import (
    AT_TEN,
    EDITED_SINGLE,
    GONE,
    HOUR,
    NEW_SINGLE,
    World,
)

story = pytest_twisted.ensureDeferred

COMMAND = "command/v1/ms_exchange_connector/1/migrate/"
STATUS = "status/v1/exchange_scheduler_migration/1/"


@pytest_twisted.async_yield_fixture()
async def both(tmp_path: Path) -> AsyncIterator[World]:
    """An integration that uses EWS and has the settings for Graph already."""
    world = World(tmp_path, graph=True)
    await world.start()
    await world.create_integration(mailbox_protocol="EWS")
    yield world
    await world.stop()


async def migrate(world: World, to: str = "GRAPH", **settings: Any) -> dict[str, Any]:
    """Begin a migration, wait for its end, and return what has become of it."""
    status, said = await world.ask("POST", COMMAND, {"to": to, **settings})
    assert status == 202, said
    for _ in range(3000):
        _, run = await world.ask("GET", STATUS)
        if not run["running"]:
            return dict(run)
    raise AssertionError(run)


async def migrated(world: World, to: str = "GRAPH") -> dict[str, Any]:
    """Migrate, and see that it went well."""
    run = await migrate(world, to)
    assert (run["failures"], run["reasons"], run["error"]) == (0, [], "")
    assert protocol(world) == to
    return run


def protocol(world: World) -> str:
    (connector,) = world.store.all(tables.CONNECTOR)
    return connector.mailbox_protocol


@story
async def test_there_and_back(both: World) -> None:
    """A meeting that was accepted over EWS is changed over Graph and cancelled over
    EWS again; its organizer gets one answer to each message."""
    alice, room = both.organizer(), await both.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    assert await alice.reads() == [NEW_SINGLE]

    await migrated(both)
    await both.settle()
    assert await alice.reads() == []
    await alice.move(item, AT_TEN + HOUR)
    await both.settle()
    assert await alice.reads() == [EDITED_SINGLE]
    assert await both.door(room, at=AT_TEN + HOUR) == "open"

    await migrated(both, "EWS")
    await both.settle()
    assert await alice.reads() == []
    await alice.cancel(item)
    await both.settle()
    assert await alice.reads() == []
    assert await both.door(room, at=AT_TEN + HOUR) == GONE
    assert await both.alarms() == []
