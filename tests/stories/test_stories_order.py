"""Messages in another order than they were sent in, twice, or all at once."""

import pytest_twisted

from pexschedd.exchange.throttle import FIRST
from tests.stories.story_support import (
    ALIAS_DELETED,
    AT_TEN,
    DAY,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    MINUTE,
    NEW_SINGLE,
    World,
    opens,
    window,
)

story = pytest_twisted.ensureDeferred


@story
async def test_twice_at_once(world: World) -> None:
    """Two copies of one request, as over a group, get the same answer."""
    alice, room = world.organizer(), await world.book()
    world.exchange.hold(EQUIPMENT)
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    world.exchange.release(EQUIPMENT, (0, 0))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, NEW_SINGLE]
    assert await world.rooms() == ["Plans (Alice Archer)"]
    assert await world.schedule() == [window(AT_TEN)]


@story
async def test_twice_with_time_between(world: World) -> None:
    """A copy that comes much later still gets the answer of the first one."""
    alice, room = world.organizer(), await world.book()
    world.exchange.hold(EQUIPMENT)
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    (request,) = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]

    world.now.advance(30 * MINUTE)
    world.exchange.deliver_again(request, to=EQUIPMENT)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.rooms() == ["Plans (Alice Archer)"]
    assert await world.schedule() == [window(AT_TEN)]


@story
async def test_older_update_after_a_newer_one(world: World) -> None:
    """What has been overtaken is discarded without a word."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    world.exchange.hold(EQUIPMENT)
    await alice.move(item, AT_TEN + DAY)
    await alice.move(item, AT_TEN + 2 * DAY)
    older, _ = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT, (1,))
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]

    world.exchange.deliver_again(older, to=EQUIPMENT)
    await world.settle()

    assert await alice.reads() == []
    assert world.inbox() == []
    assert await world.schedule() == [window(AT_TEN + 2 * DAY)]
    assert await world.door(room, at=AT_TEN + DAY) == opens(AT_TEN + 2 * DAY)


@story
async def test_update_before_its_request(world: World) -> None:
    """An update that overtakes the invitation is the invitation."""
    alice, room = world.organizer(), await world.book()
    world.exchange.hold(EQUIPMENT)
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await alice.move(item, AT_TEN + DAY)
    request, _ = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT, (1,))
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]

    world.exchange.deliver_again(request, to=EQUIPMENT)
    await world.settle()

    assert await alice.reads() == []
    assert await world.schedule() == [window(AT_TEN + DAY)]


@story
async def test_cancellation_before_its_request(world: World) -> None:
    """Nothing is scheduled that has been called off before it arrived."""
    alice, room = world.organizer(), await world.book()
    world.exchange.hold(EQUIPMENT)
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await alice.cancel(item)
    request, _ = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT, (1,))
    await world.settle()
    assert await alice.reads() == []
    assert await world.door(room, at=AT_TEN) == GONE

    world.exchange.deliver_again(request, to=EQUIPMENT)
    await world.settle()

    assert await alice.reads() == [ALIAS_DELETED]
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN) == GONE


@story
async def test_older_update_after_the_cancellation(world: World) -> None:
    """An update that is late does not bring a cancelled meeting back."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    world.exchange.hold(EQUIPMENT)
    await alice.move(item, AT_TEN + DAY)
    await alice.cancel(item)
    update, _ = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT, (1,))
    await world.settle()
    assert await world.rooms() == []

    world.exchange.deliver_again(update, to=EQUIPMENT)
    await world.settle()

    assert await alice.reads() == [ALIAS_DELETED]
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN + DAY) == GONE


@story
async def test_two_updates_at_once(world: World) -> None:
    """Both are answered in their order, and the last one counts."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    await alice.move(item, AT_TEN + DAY)
    await alice.change(item, subject="Better plans")
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE, EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN + DAY)]
    assert await world.rooms() == ["Better plans (Alice Archer)"]


@story
async def test_update_while_the_first_waits(world: World) -> None:
    """A request and its update, seen together, are a new and an edited meeting."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await alice.move(item, AT_TEN + DAY)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN + DAY)]
    assert await world.door(room, at=AT_TEN) == opens(AT_TEN + DAY)


@story
async def test_cancelled_while_the_request_waits(world: World) -> None:
    """A request and its cancellation, seen together, leave no room. Over Graph the
    event is cancelled by then, and nobody is told that it was accepted before."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await alice.cancel(item)
    await world.settle()

    assert await alice.reads() == ([] if world.graph else [NEW_SINGLE])
    assert await world.rooms() == []
    assert await world.schedule() == []
    assert await world.door(room, at=AT_TEN) == GONE
    assert world.inbox() == []


@story
async def test_update_while_the_answer_waits(world: World) -> None:
    """An answer that Exchange is too busy to take is given later, before the next. Over
    Graph the event tells nothing of it any more: the newer request is answered."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    world.accepting_fails("ErrorServerBusy")
    await world.settle()
    assert await alice.reads() == []
    assert await world.door(room, at=AT_TEN) == "open"
    assert len(world.inbox()) == 1
    world.sandbox.behaviour.configure({})

    await alice.move(item, AT_TEN + DAY)
    world.skip(2 * FIRST)
    await world.settle()

    newer = [EDITED_SINGLE]
    assert await alice.reads() == (newer if world.graph else [NEW_SINGLE, *newer])
    assert await world.schedule() == [window(AT_TEN + DAY)]
    assert world.inbox() == []


@story
async def test_cancelled_twice(world: World) -> None:
    """A second copy of a cancellation finds nothing left to do."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    world.exchange.hold(EQUIPMENT)
    await alice.cancel(item)
    world.exchange.release(EQUIPMENT, (0, 0))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.rooms() == []
    assert world.inbox() == []
    assert await world.door(room, at=AT_TEN) == GONE


@story
async def test_older_copy_after_the_update(world: World) -> None:
    """A late copy of the invitation does not undo what has been changed since."""
    alice, room = world.organizer(), await world.book()
    world.exchange.hold(EQUIPMENT)
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    (request,) = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT)
    await alice.change(item, subject="Better plans")
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]

    world.exchange.deliver_again(request, to=EQUIPMENT)
    await world.settle()

    assert await alice.reads() == []
    assert await world.rooms() == ["Better plans (Alice Archer)"]
    assert world.inbox() == []
