"""What ties an invitation to a room: one, none, a wrong one, somebody else's."""

import exchangelib as ex
import pytest_twisted

from pexschedd.scheduling.inbox.quarantine import PAUSES
from pexschedd.scheduling.upkeep.janitor import Janitor
from tests.stories.story_support import (
    ALIAS_CONFLICT,
    ALIAS_DELETED,
    AT_TEN,
    BOB,
    DAY,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    INVALID_ALIAS,
    NEW_SINGLE,
    NOT_SCHEDULED,
    START,
    STUDIO,
    Booked,
    Letter,
    Organizer,
    World,
    attendees,
    opens,
    reactor,
    window,
)

story = pytest_twisted.ensureDeferred


@story
async def test_no_tag(world: World) -> None:
    """The equipment mailbox as a mere attendee gets the organizer a clear answer."""
    alice = world.organizer()
    await alice.invite("Plans", AT_TEN, body="<p>Agenda</p>")
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    assert await world.rooms() == []
    assert await world.schedule() == []


@story
async def test_pasted_into_another_meeting(world: World) -> None:
    """A tag belongs to the meeting that it came with: a copy of it is declined, some
    minutes later, as the first meeting might still make room for it."""
    alice, bob, room = world.organizer(), world.organizer(BOB), await world.book()
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    await bob.invite("Copied", AT_TEN + DAY, body=room.instructions)
    await world.settle()
    assert await bob.reads() == []
    await wait_in_vain(world)

    assert await alice.reads() == [NEW_SINGLE]
    assert await bob.reads() == [INVALID_ALIAS]
    assert await world.rooms() == ["Plans (Alice Archer)"]
    assert await world.schedule() == [window(AT_TEN)]


@story
async def test_edited_by_hand(world: World) -> None:
    """A tag with one digit changed is nobody's."""
    alice, room = world.organizer(), await world.book()
    other = "0" if room.tag[-2] != "0" else "1"
    edited = room.instructions.replace(room.tag, f"{room.tag[:-2]}{other}#")
    await alice.invite("Plans", AT_TEN, body=edited)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    assert await world.door(room, at=AT_TEN) == NOT_SCHEDULED


@story
async def test_taken_out_of_the_body(world: World) -> None:
    """An update that has lost its tag is declined; what is scheduled stays."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    await alice.change(item, body=ex.HTMLBody("<p>Agenda</p>"))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, INVALID_ALIAS]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_pasted_after_the_cancellation(world: World) -> None:
    """The tag of a cancelled meeting is spent for others; its organizer may use it for
    another meeting. The first one was cancelled before it was read, so over Graph its
    organizer hears nothing of it."""
    alice, bob, room = world.organizer(), world.organizer(BOB), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await alice.cancel(item)
    await world.settle()
    assert await alice.reads() == ([] if world.graph else [NEW_SINGLE])

    await bob.invite("Copied", AT_TEN + DAY, body=room.instructions)
    await world.settle()
    assert await bob.reads() == [ALIAS_DELETED]
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN + DAY) == GONE

    await alice.invite("Again", AT_TEN + DAY, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.rooms() == ["Again (Alice Archer)"]
    assert await world.door(room, at=AT_TEN + DAY) == "open"


@story
async def test_two_equipment_mailboxes(world: World) -> None:
    """Of two integrations' mailboxes in one meeting, the tag's own gives it a room."""
    await world.create_integration(
        name="Branch",
        room_mailbox_name="Studio",
        room_mailbox_email_address=STUDIO,
        scheduled_alias_prefix="666",
    )
    alice, room = world.organizer(), await world.book()
    await alice.invite(
        "Plans", AT_TEN, body=room.instructions, resources=(EQUIPMENT, STUDIO)
    )
    await world.settle()

    letters = sorted(await alice.reads(), key=lambda letter: letter.kind)
    assert letters == [NEW_SINGLE, INVALID_ALIAS]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_from_another_integration(world: World) -> None:
    """A tag is good at the equipment mailbox of its own integration only."""
    await world.create_integration(
        name="Branch",
        room_mailbox_name="Studio",
        room_mailbox_email_address=STUDIO,
        scheduled_alias_prefix="666",
    )
    alice, room = world.organizer(), await world.book(connector=2)
    await alice.invite("Wrong", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [INVALID_ALIAS]
    assert await world.rooms() == []

    await alice.invite("Right", AT_TEN, body=room.instructions, resources=(STUDIO,))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.rooms() == ["Right (Alice Archer)"]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_two_tags_the_first_counts(world: World) -> None:
    """Of a new invitation above a quoted one, the new one counts."""
    alice = world.organizer()
    newer, older = await world.book(), await world.book()
    body = f"{newer.instructions}<blockquote>{older.instructions}</blockquote>"
    await alice.invite("Plans", AT_TEN, body=body)
    await world.settle()

    (letter,) = await alice.reads()
    assert letter == NEW_SINGLE
    assert newer.alias in letter.text
    assert await world.door(newer, at=AT_TEN) == "open"
    assert await world.door(older, at=AT_TEN) == NOT_SCHEDULED


@story
async def test_two_tags_its_own_counts(world: World) -> None:
    """A meeting keeps its room, though somebody pressed the button once more."""
    alice, room, other = world.organizer(), await world.book(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    both = ex.HTMLBody(other.instructions + room.instructions)
    await alice.change(item, body=both)
    await world.settle()

    first_letter, letter = await alice.reads()
    assert (first_letter, letter) == (NEW_SINGLE, EDITED_SINGLE)
    assert room.alias in letter.text
    assert await world.door(room, at=AT_TEN) == "open"
    assert await world.door(other, at=AT_TEN) == NOT_SCHEDULED


@story
async def test_another_tag(world: World) -> None:
    """A meeting whose instructions were replaced moves into the new room."""
    alice, first, second = world.organizer(), await world.book(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=first.instructions)
    await world.settle()

    await alice.change(item, body=ex.HTMLBody(second.instructions))
    await world.settle()

    first_letter, letter = await alice.reads()
    assert (first_letter, letter) == (NEW_SINGLE, EDITED_SINGLE)
    assert second.alias in letter.text
    assert await world.door(first, at=AT_TEN) == GONE
    assert await world.door(second, at=AT_TEN) == "open"
    assert await world.schedule() == [window(AT_TEN)]
    assert len(await world.rooms()) == 1


@story
async def test_room_deleted_by_an_administrator(world: World) -> None:
    """An update of a meeting whose room was deleted says so."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    (row,) = await world.objects("conference")
    status, _ = await world.ask("DELETE", f"configuration/v1/conference/{row['id']}/")
    assert status == 204
    assert await world.door(room, at=AT_TEN) == GONE

    await alice.move(item, AT_TEN + DAY)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, ALIAS_DELETED]
    assert await world.rooms() == []
    assert await world.schedule() == []


@story
async def test_alias_deleted(world: World) -> None:
    """A tag whose alias is not there any more at all is nobody's."""
    alice, room = world.organizer(), await world.book()
    path = f"configuration/v1/scheduled_alias/{room.id}/"
    assert (await world.ask("DELETE", path))[0] == 204

    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    assert await world.door(room, at=AT_TEN) == "not ours"


@story
async def test_room_over_for_long(world: World) -> None:
    """Who moves a meeting whose room the janitor has taken has to make a new one."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    world.now.time = AT_TEN + 10 * DAY
    assert (await _janitor(world).sweep()).conferences == 1
    assert await world.door(room) == GONE

    await alice.move(item, AT_TEN + 20 * DAY)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, ALIAS_DELETED]
    assert await world.rooms() == []


@story
async def test_older_than_its_time_to_live(world: World) -> None:
    """An invitation that was written long before it is sent has lost its alias."""
    alice, room = world.organizer(), await world.book()
    kept = (await world.objects("ms_exchange_connector"))[0]["keep_unused_aliases"]
    world.now.time = START + kept * DAY
    assert (await _janitor(world).sweep()).aliases == 1

    start = world.now() + DAY
    await alice.invite("Plans", start, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    assert await world.door(room, at=start) == "not ours"


@story
async def test_prefix_has_changed_since(world: World) -> None:
    """An alias stays what was promised; only new ones get the new prefix."""
    alice, room = world.organizer(), await world.book()
    await world.change_integration(scheduled_alias_prefix="777")
    later = await world.book()
    assert (room.numeric[:3], later.numeric[:3]) == ("555", "777")

    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    (letter,) = await alice.reads()
    assert letter == NEW_SINGLE
    assert room.alias in letter.text
    assert await world.door(room) == opens(AT_TEN)


@story
async def test_alias_in_use(world: World) -> None:
    """An alias that an administrator has given to another room meanwhile."""
    alice, room = world.organizer(), await world.book()
    status, said = await world.ask(
        "POST",
        "configuration/v1/conference/",
        {"name": "Reception", "aliases": [{"alias": room.alias}]},
    )
    assert status == 201, said

    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    (letter,) = await alice.reads()
    assert letter == ALIAS_CONFLICT
    assert f"the alias: {room.alias} is already in use" in letter.text
    assert await world.rooms() == ["Reception"]
    assert await world.schedule() == []


def _janitor(world: World) -> Janitor:
    return Janitor(world.store, clock=reactor, now=world.now)


async def wait_in_vain(world: World) -> None:
    """Lets the time go by for which a message waits for another one."""
    for pause in PAUSES:
        world.skip(pause)
        await world.settle()


async def handed_to_bob(world: World, room: Booked) -> None:
    """Bob sends Alice's meeting again, in his own name."""
    await world.organizer(BOB).invite("Plans", AT_TEN, body=room.instructions)


@story
async def test_handed_over(world: World) -> None:
    """An attendee goes on with a meeting that its organizer has cancelled."""
    alice, bob, room = world.organizer(), world.organizer(BOB), await world.book()
    item = await alice.invite(
        "Plans", AT_TEN, body=room.instructions, required_attendees=attendees(BOB)
    )
    await world.settle()
    await alice.cancel(item)
    await handed_to_bob(world, room)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await of_scheduling(bob) == [NEW_SINGLE]
    assert await world.rooms() == ["Plans (Bob Baker)"]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_handed_over_before_the_cancellation(world: World) -> None:
    """The new organizer's request waits for the first one's cancellation."""
    alice, bob, room = world.organizer(), world.organizer(BOB), await world.book()
    item = await alice.invite(
        "Plans", AT_TEN, body=room.instructions, required_attendees=attendees(BOB)
    )
    await world.settle()
    await handed_to_bob(world, room)
    await world.settle()
    assert await world.rooms() == ["Plans (Alice Archer)"]
    assert await of_scheduling(bob) == []

    await alice.cancel(item)
    await world.settle()
    world.skip(PAUSES[0])
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await of_scheduling(bob) == [NEW_SINGLE]
    assert await world.rooms() == ["Plans (Bob Baker)"]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_handed_over_then_withdrawn(world: World) -> None:
    """A request that waits, and its cancellation, are decided about in that order."""
    alice, bob, room = world.organizer(), world.organizer(BOB), await world.book()
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    item = await bob.invite("Plans", AT_TEN + DAY, body=room.instructions)
    await world.settle()
    await bob.cancel(item)
    await world.settle()
    await wait_in_vain(world)

    assert await alice.reads() == [NEW_SINGLE]
    assert await bob.reads() == [INVALID_ALIAS]
    assert await world.rooms() == ["Plans (Alice Archer)"]
    assert await world.schedule() == [window(AT_TEN)]
    assert world.inbox() == []


async def of_scheduling(person: Organizer) -> list[Letter]:
    """The answers to a person who also gets invitations and cancellations."""
    return [each for each in await person.reads() if each.kind in ("accept", "decline")]
