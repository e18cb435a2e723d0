"""What some servers refuse, or do in their own way."""

from typing import Any

import pytest
import pytest_twisted

from tests.stories.story_support import (
    AT_TEN,
    EQUIPMENT,
    GONE,
    NEW_SINGLE,
    Booked,
    World,
)

story = pytest_twisted.ensureDeferred


async def cancelled(world: World, **behaviour: Any) -> Booked:
    """A meeting that was accepted and then called off, at a server that behaves so from
    then on."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    world.sandbox.behaviour.configure(behaviour)
    await alice.cancel(item)
    await world.settle()
    return room


@pytest.mark.parametrize("empty_world", ["ews"], indirect=True)
@story
async def test_removal_refused(world: World) -> None:
    """A server without RemoveItem loses the cancelled meeting all the same, and no
    administrator has to do anything. Over EWS alone: Graph has only the deletion of
    events."""
    room = await cancelled(world, refused=[{"what": "RemoveItem"}])

    assert await world.organizer().reads() == [NEW_SINGLE]
    assert await world.door(room, at=AT_TEN) == GONE
    assert world.exchange.mailbox(EQUIPMENT).calendar() == []
    assert world.inbox() == []
    assert await world.alarms() == []


@story
async def test_removal_and_deletion_refused(world: World) -> None:
    """What cannot be taken out of the calendar in any way is all that is left: the
    alarm says so, and neither the room nor the message waits for it."""
    if world.graph:
        code = "graph-ErrorInvalidRequest"
        fault = {"kind": code, "operation": "GraphDeleteEvent", "times": None}
        room = await cancelled(world, faults=[fault])
    else:
        deletion = {"what": "DeleteItem", "mailbox": EQUIPMENT}
        room = await cancelled(world, refused=[{"what": "RemoveItem"}, deletion])

    assert await world.organizer().reads() == [NEW_SINGLE]
    assert await world.door(room, at=AT_TEN) == GONE
    assert world.inbox() == []
    assert len(world.exchange.mailbox(EQUIPMENT).calendar()) == 1
    (alarm,) = await world.alarms()
    assert "its room is closed" in alarm
    assert "did not take it out of the equipment mailbox's calendar" in alarm
    assert f"mailbox {EQUIPMENT}" in alarm
    assert "nothing else is left to do" in alarm
    assert "organizer" not in alarm
