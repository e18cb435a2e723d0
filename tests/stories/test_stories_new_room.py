"""A pane that is opened again: a room for a placeholder, a new room for an old one."""

from typing import Any

import exchangelib as ex
import pytest_twisted

from tests.stories.series_support import daily
from tests.stories.story_support import (
    AT_TEN,
    BOB,
    DAY,
    EDITED_SERIES,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    HOUR,
    INVALID_ALIAS,
    NEW_SERIES,
    NEW_SINGLE,
    World,
    attendees,
    opens,
    window,
)
from tests.stories.test_stories_offline import given, offline

story = pytest_twisted.ensureDeferred


@story
async def test_a_room_in_place_of_a_placeholder(world: World) -> None:
    """A meeting whose token was refused gets a room once the pane has put one in."""
    alice = world.organizer()
    expired = world.token(lifetime=-3600)
    item = await alice.invite("Plans", AT_TEN, body=offline(world, expired))
    await world.settle()
    assert await alice.reads() == [INVALID_ALIAS]

    room = await world.book()
    await alice.change(item, body=ex.HTMLBody(room.instructions))
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_a_placeholder_replaced_before_it_was_read(world: World) -> None:
    """The update overtakes the placeholder: one room, one acceptance, no decline, and
    the organizer's text stays as the pane has made it."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=offline(world))
    await alice.change(item, body=ex.HTMLBody(room.instructions))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_a_renewed_token(world: World) -> None:
    """The pane renews the token of a meeting that was declined for the old one."""
    alice = world.organizer()
    item = await alice.invite(
        "Plans", AT_TEN, body=offline(world, world.token(lifetime=-3600))
    )
    await world.settle()
    await alice.change(item, body=ex.HTMLBody(offline(world)))
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS, NEW_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(given(world), at=AT_TEN) == "open"


@story
async def test_a_new_room_for_a_meeting(world: World) -> None:
    """The new room opens, the old one is gone, nobody is declined, and the old tag is
    spent for others."""
    alice, bob = world.organizer(), world.organizer(BOB)
    old, new = await world.book(), await world.book()
    item = await alice.invite(
        "Plans", AT_TEN, body=old.instructions, required_attendees=attendees(BOB)
    )
    await world.settle()
    await alice.change(item, body=ex.HTMLBody(new.instructions))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.rooms() == ["Plans (Alice Archer)"]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(new) == opens(AT_TEN)
    assert await world.door(new, at=AT_TEN) == "open"
    assert await world.door(old, at=AT_TEN) == GONE
    await bob.invite("Copied", AT_TEN + DAY, body=new.instructions)
    await world.settle()
    assert await world.schedule() == [window(AT_TEN)]


@story
async def test_a_new_room_while_the_old_one_is_open(world: World) -> None:
    """Callers of the old one are told that it is gone. The new one has another name:
    by that, nodes would take both for one conference."""
    alice = world.organizer()
    old, new = await world.book(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=old.instructions)
    await world.settle()
    world.now.advance(AT_TEN + HOUR / 4 - world.now())
    await alice.change(item, body=ex.HTMLBody(new.instructions))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.door(new) == "open"
    assert await world.door(old) == GONE
    (name,) = await world.rooms()
    assert name.startswith("Plans (Alice Archer) ")


@story
async def test_a_new_room_for_a_series(world: World) -> None:
    """Every date moves to the new room."""
    alice = world.organizer()
    old, new = await world.book(), await world.book()
    item = await alice.invite(
        "Standup", AT_TEN, body=old.instructions, recurrence=daily(AT_TEN, 3)
    )
    await world.settle()
    await alice.change(item, body=ex.HTMLBody(new.instructions))
    await world.settle()

    assert await alice.reads() == [NEW_SERIES, EDITED_SERIES]
    assert await world.rooms() == ["Standup (Alice Archer)"]
    for day in range(3):
        assert await world.door(new, at=AT_TEN + day * DAY) == "open"
        assert await world.door(old, at=AT_TEN + day * DAY) == GONE


@story
async def test_the_old_block_left_below(world: World) -> None:
    """A new room on top of the old one's text changes nothing: the meeting keeps its
    room, and the new tag stays free."""
    alice = world.organizer()
    old, new = await world.book(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=old.instructions)
    await world.settle()
    both = new.instructions + old.instructions
    await alice.change(item, body=ex.HTMLBody(both))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.door(old, at=AT_TEN) == "open"
    assert not world.scheduled_alias(new).is_used


@story
async def test_whose_a_tag_is(world: World) -> None:
    """What a pane is told: free, this meeting's own, another's in a copy, spent. The
    mailbox's other addresses are not known over Graph."""
    alice, bob, room = world.organizer(), world.organizer(BOB), await world.book()
    assert (await world.whose(room, saved=False))[0] == "free"
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    copy = await alice.invite("Copy", AT_TEN, body=room.instructions)
    bobs = await bob.invite("Reply", AT_TEN, body=room.instructions)

    times: dict[str, Any] = {
        "start": AT_TEN.isoformat(),
        "end": (AT_TEN + HOUR).isoformat(),
        "saved": True,
    }
    assert (await world.whose(room, item_id=item.id, **times))[0] == "this"
    rest = item.id.replace("/", "-").replace("+", "_")
    assert (await world.whose(room, item_id=rest, **times))[0] == "this"
    assert (await world.whose(room, item_id=copy.id, **times))[0] == "another"
    assert (await world.whose(room, BOB, item_id=bobs.id, **times))[0] == "another"
    assert (await world.whose(room, **times))[0] == "this?"
    assert (await world.whose(room, BOB, **times))[0] == "another?"
    state, said = await world.whose(room, saved=False)
    assert state == "another"
    if world.graph:
        assert "room_addresses" not in said
    else:
        assert EQUIPMENT in said["room_addresses"]["addresses"]

    await alice.cancel(item)
    await world.settle()
    assert (await world.whose(room, item_id=copy.id, **times))[0] == "spent"
    assert NEW_SINGLE in await alice.reads()
