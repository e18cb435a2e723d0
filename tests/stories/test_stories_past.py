"""Meetings in the past, and meetings whose times make no sense."""

import re
from typing import Any

import pytest_twisted
from msgspec.structs import replace

from tests.stories.story_support import (
    AT_TEN,
    DAY,
    EDITED_SINGLE,
    GENERAL_ERROR,
    HOUR,
    MINUTE,
    NEW_SINGLE,
    NOT_SCHEDULED,
    OVER,
    SINGLE_PAST,
    START,
    World,
    window,
)

story = pytest_twisted.ensureDeferred


@story
async def test_in_the_past(world: World) -> None:
    """What took place yesterday gets no room."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN - DAY, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [SINGLE_PAST]
    assert await world.rooms() == []
    assert await world.door(room) == NOT_SCHEDULED
    assert not world.scheduled_alias(room).is_used


@story
async def test_started_already(world: World) -> None:
    """A meeting that was called together while it began has its room at once."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", START - 10 * MINUTE, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == [window(START - 10 * MINUTE)]
    assert await world.door(room) == "open"


@story
async def test_ended_already(world: World) -> None:
    """What ended a minute ago is over, though its room would still be open."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", START - HOUR, START, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [SINGLE_PAST]
    assert await world.rooms() == []
    assert await world.door(room) == NOT_SCHEDULED


@story
async def test_moved_into_the_past(world: World) -> None:
    """The organizer is told, and nobody gets in at the old time any more."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]

    await alice.move(item, AT_TEN - DAY)
    await world.settle()

    assert await alice.reads() == [SINGLE_PAST]
    assert await world.schedule() == [window(AT_TEN - DAY)]
    assert await world.door(room, at=AT_TEN) == OVER


@story
async def test_moved_after_it_was_over(world: World) -> None:
    """An organizer who moves a meeting on from the past has its room again."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    world.now.time = AT_TEN + DAY
    assert await world.door(room) == OVER

    await alice.move(item, AT_TEN + 2 * DAY)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.door(room, at=AT_TEN + 2 * DAY) == "open"


@story
async def test_end_before_start(world: World) -> None:
    """Times that cannot be are declined, with an id that the log has too."""

    def turned_round(message: Any) -> None:
        message.meeting = replace(message.meeting, end=message.meeting.start - HOUR)

    alice, room = world.organizer(), await world.book()
    with world.exchange.on_the_way(turned_round):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    (letter,) = await alice.reads()
    assert letter == GENERAL_ERROR
    assert re.search(r'CorrelationID="[0-9a-f-]{36}"', letter.text)
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN) == NOT_SCHEDULED


@story
async def test_zero_length(world: World) -> None:
    """A meeting without any length has the time before and after it."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN, AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == [window(AT_TEN, AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"
