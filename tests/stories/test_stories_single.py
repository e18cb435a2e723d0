"""The life of a single meeting."""

import pytest_twisted

from tests.stories.story_support import (
    AT_TEN,
    EDITED_SINGLE,
    GONE,
    HOUR,
    MINUTE,
    NEW_SINGLE,
    NOT_SCHEDULED,
    OVER,
    World,
    opens,
    window,
)

story = pytest_twisted.ensureDeferred


@story
async def test_new(world: World) -> None:
    """A booked meeting is accepted, and its room opens and closes with it."""
    alice, room = world.organizer(), await world.book()
    assert await world.door(room, at=AT_TEN) == NOT_SCHEDULED

    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    (letter,) = await alice.reads()
    assert letter == NEW_SINGLE
    assert f"the aliases: {room.alias} and {room.numeric}." in letter.text
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.rooms() == ["Plans (Alice Archer)"]
    assert await world.door(room) == opens(AT_TEN)
    assert await world.door(room, at=AT_TEN - 30 * MINUTE) == "open"
    assert await world.door(room, at=AT_TEN + 119 * MINUTE) == "open"
    assert await world.door(room, at=AT_TEN + 2 * HOUR) == OVER
