"""Messages that lack something, contradict themselves, or lie where nobody looks."""

from typing import Any

import pytest
import pytest_twisted

from pexschedd.sandbox import SeriesRecurrence
from tests.stories.story_support import (
    ALICE,
    AT_TEN,
    DAY,
    EDITED_OCCURRENCE,
    EDITED_SINGLE,
    EQUIPMENT,
    GENERAL_ERROR,
    GONE,
    HOUR,
    MINUTE,
    NEW_SERIES,
    NEW_SINGLE,
    World,
    opens,
    window,
)

story = pytest_twisted.ensureDeferred

READABLE = [
    *("by-dn", "by-dn-alone", "without-organizer"),
    *("without-sequence", "without-recurrence-id"),
    *("contradicting-zones", "lying-zone"),
    "with-attachment",
]
UNREADABLE = ["without-start", "without-end", "without-uid"]


def mangle(world: World, how: str) -> None:
    """From now on, of what is sent to the equipment mailbox."""
    altered = {"how": how, "mailbox": EQUIPMENT}
    world.sandbox.behaviour.configure({"altered": [altered]})


@pytest.mark.parametrize("how", READABLE)
@story
async def test_single(world: World, how: str) -> None:
    """What it leaves out or gets wrong is not needed, from the invitation to the
    cancellation."""
    mangle(world, how)
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]

    await alice.move(item, AT_TEN + DAY)
    await world.settle()
    assert await alice.reads() == [EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN + DAY)]
    assert await world.door(room, at=AT_TEN + DAY) == "open"

    await alice.cancel(item)
    await world.settle()
    assert await world.door(room, at=AT_TEN + DAY) == GONE
    assert world.exchange.mailbox(EQUIPMENT).calendar() == []
    assert world.inbox() == []
    assert await world.alarms() == []


def invite_to_series(world: World, room: Any, **more: Any) -> Any:
    return world.exchange.schedule(
        ALICE,
        subject="Weekly",
        start=AT_TEN,
        end=AT_TEN + HOUR,
        body=room.instructions,
        zone="W. Europe Standard Time",
        resources=[EQUIPMENT],
        **{"recurrence": SeriesRecurrence.daily(count=4), **more},
    )


@pytest.mark.parametrize("how", READABLE)
@story
async def test_series(world: World, how: str) -> None:
    """A series, an occurrence that is moved, and one that is cancelled."""
    mangle(world, how)
    alice, room = world.organizer(), await world.book()
    series = invite_to_series(world, room)
    await world.settle()
    world.now.advance(MINUTE)
    later = AT_TEN + DAY + 3 * HOUR
    world.exchange.update(
        series, occurrence=AT_TEN + DAY, start=later, end=later + HOUR
    )
    await world.settle()
    world.now.advance(MINUTE)
    world.exchange.cancel(series, occurrence=AT_TEN + 2 * DAY)
    await world.settle()

    assert await alice.reads() == [NEW_SERIES, EDITED_OCCURRENCE]
    assert await world.door(room, at=AT_TEN) == "open"
    assert await world.door(room, at=AT_TEN + DAY) == opens(later)
    assert await world.door(room, at=later) == "open"
    assert await world.door(room, at=AT_TEN + 2 * DAY) == opens(AT_TEN + 3 * DAY)
    assert await world.door(room, at=AT_TEN + 3 * DAY) == "open"
    assert world.inbox() == []
    assert await world.alarms() == []


@pytest.mark.parametrize("how", UNREADABLE)
@story
async def test_unreadable(world: World, how: str) -> None:
    """Without what it is about or when it is, nothing can be scheduled: the organizer
    is told, once for each message, and the next meeting is as ever."""
    mangle(world, how)
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [GENERAL_ERROR]
    assert await world.rooms() == []
    await alice.cancel(item)
    await world.settle()
    assert world.inbox() == []
    assert await world.alarms() == []

    world.sandbox.behaviour.configure({})
    room = await world.book()
    await alice.invite("Other plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]


@story
async def test_junk(world: World) -> None:
    """What lies in Junk Email is nobody's request; moved to the inbox, it is one. Over
    Graph Exchange has not made an event of it: after five minutes a mail of our own
    says that it was accepted."""
    alice, room, other = world.organizer(), await world.book(), await world.book()
    await alice.invite("Other plans", AT_TEN + DAY, body=other.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    mangle(world, "junk")
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == []
    assert len(await world.rooms()) == 1

    mailbox = world.exchange.mailbox(EQUIPMENT)
    (message,) = mailbox.items("junkemail")
    mailbox.move(message, "inbox")
    await world.settle()
    assert await world.door(room, at=AT_TEN) == "open"
    if world.graph:
        assert await alice.reads() == []
        world.now.advance(5 * MINUTE)
        await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert world.inbox() == []
