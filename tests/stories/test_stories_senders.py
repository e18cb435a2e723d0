"""Odd senders: delegates, colleagues, organizers outside, and those renamed or gone."""

from collections.abc import Callable
from typing import Any

import exchangelib as ex
import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.sandbox import MailboxUser
from tests.stories.single_support import accepted, nothing_scheduled
from tests.stories.story_support import (
    ALICE,
    AT_TEN,
    BOB,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    HOUR,
    NEW_SINGLE,
    World,
    attendees,
    window,
)

story = pytest_twisted.ensureDeferred


def organized_by(person: MailboxUser) -> Callable[[Any], None]:
    """On the way, a message becomes this person's."""

    def change(message: Any) -> None:
        message.meeting = replace(message.meeting, organizer=person)
        message.author = message.sender = person

    return change


async def nothing_left(world: World, room: Any) -> None:
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN) == GONE


@story
async def test_delegate(world: World) -> None:
    """What Bob sends for Alice is Alice's meeting, and the answer is hers."""
    alice, bob, room = world.organizer(), world.organizer(BOB), await world.book()
    world.exchange.schedule(
        ALICE,
        subject="Plans",
        start=AT_TEN,
        end=AT_TEN + HOUR,
        resources=[EQUIPMENT],
        body=room.instructions,
        by=BOB,
    )
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await bob.reads() == []
    await accepted(world, room)
    (row,) = await world.objects("conference")
    assert row["primary_owner_email_address"] == ALICE


@story
async def test_forwarded(world: World) -> None:
    """An invitation that an attendee passes on to the room is its organizer's."""
    alice, room = world.organizer(), await world.book()
    await alice.invite(
        "Plans",
        AT_TEN,
        body=room.instructions,
        resources=(),
        required_attendees=attendees(BOB),
    )
    (request,) = world.inbox(BOB)
    world.exchange.forward(request, BOB, to=[EQUIPMENT])
    await world.settle()

    notice, answer = sorted(await alice.reads(), key=lambda letter: letter.kind)[::-1]
    assert {notice.kind, answer.kind} == {
        "accept",
        "IPM.Schedule.Meeting.Notification.Forward",
    }
    assert NEW_SINGLE in (notice, answer)
    (row,) = await world.objects("conference")
    assert row["primary_owner_email_address"] == ALICE
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_forwarded_to_where_it_is_already(world: World) -> None:
    """A copy that an attendee passes on changes nothing."""
    alice, room = world.organizer(), await world.book()
    await alice.invite(
        "Plans", AT_TEN, body=room.instructions, required_attendees=attendees(BOB)
    )
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]

    (request,) = world.inbox(BOB)
    world.now.advance()
    world.exchange.forward(request, BOB, to=[EQUIPMENT])
    await world.settle()

    answers = [a for a in await alice.reads() if a.kind in ("accept", "decline")]
    assert answers == [NEW_SINGLE]
    await accepted(world, room)


@story
async def test_organizer_outside(world: World) -> None:
    """Whoever has a valid tag gets a room, and an answer that nobody here reads."""
    alice, room = world.organizer(), await world.book()
    with world.exchange.on_the_way(
        organized_by(MailboxUser("Eve", "eve@outside.test"))
    ):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == []
    await accepted(world, room, "Plans (Eve)")
    assert list(world.store.all(tables.OUTBOX)) == []


@pytest.mark.parametrize("at_once", [False, True])
@story
async def test_organizer_renamed_goes_on(world: World, at_once: bool) -> None:
    """Whose address has changed since may take up the tag of their cancelled meeting,
    however late the cancellation is read. Graph does not say whose an address is: there
    it is a stranger's, for whom the tag is spent."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    mailbox = world.exchange.mailbox(ALICE)
    mailbox.account = replace(mailbox.account, aliases=("alice.baker@example.test",))
    married = MailboxUser("Alice Baker", "alice.baker@example.test")

    await alice.cancel(item)
    if not at_once:
        await world.settle()
    with world.exchange.on_the_way(organized_by(married)):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    # The second answer goes to an address that this sandbox has no letter box for.
    assert await alice.reads() == [NEW_SINGLE]
    if world.graph:
        await nothing_left(world, room)
    else:
        await accepted(world, room, "Plans (Alice Baker)")


@story
async def test_organizer_renamed(world: World) -> None:
    """A new name and address of the organizer are no new meeting: the directory has
    the old address for the same mailbox. Graph does not say so: there it is a
    colleague's message, and changes nothing."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    mailbox = world.exchange.mailbox(ALICE)
    mailbox.account = replace(mailbox.account, aliases=("alice.baker@example.test",))
    married = MailboxUser("Alice Baker", "alice.baker@example.test")
    with world.exchange.on_the_way(organized_by(married)):
        await alice.move(item, AT_TEN)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    name = "Plans (Alice Archer)" if world.graph else "Plans (Alice Baker)"
    await accepted(world, room, name)


@story
async def test_organizer_gone(world: World) -> None:
    """A cancellation in the name of somebody else changes nothing."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]

    with world.exchange.on_the_way(organized_by(MailboxUser("", "gone@example.test"))):
        await alice.cancel(item)
    await world.settle()

    await accepted(world, room)


@story
async def test_a_colleague(world: World) -> None:
    """Bob knows the UID and the text of Alice's meeting: what he sends with both is
    answered and changes nothing, and her own next change counts."""
    alice, bob, room = world.organizer(), world.organizer(BOB), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    (entry,) = world.exchange.mailbox(EQUIPMENT).calendar()
    assert entry.meeting is not None
    goid = entry.meeting.goid

    def of_alices_meeting(message: Any) -> None:
        if message.meeting is not None:
            message.meeting = replace(message.meeting, goid=goid, sequence=9)

    with world.exchange.on_the_way(of_alices_meeting):
        mine = await bob.invite("Mine", AT_TEN + HOUR, body=room.instructions)
        await world.settle()
        await accepted(world, room)
        await bob.cancel(mine)
        await world.settle()
    await accepted(world, room)
    replies = [letter.text for letter in await bob.reads()]
    assert len(replies) == 2
    assert all("somebody else has organized" in text for text in replies)

    await alice.move(item, AT_TEN + HOUR)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN + HOUR)]


@story
async def test_a_colleague_was_first(world: World) -> None:
    """Bob knows the id of Alice's meeting before it has a room, and books one for it:
    that keeps her from nothing when she adds hers."""
    alice, bob = world.organizer(), world.organizer(BOB)
    room, own = await world.book(), await world.book(BOB)
    item = await alice.invite(
        "Plans", AT_TEN, resources=(), required_attendees=attendees(BOB)
    )
    (entry,) = world.exchange.mailbox(ALICE).calendar()
    assert entry.meeting is not None
    goid = entry.meeting.goid

    def of_alices_meeting(message: Any) -> None:
        if message.meeting is not None:
            message.meeting = replace(message.meeting, goid=goid)

    with world.exchange.on_the_way(of_alices_meeting):
        await bob.invite("Mine", AT_TEN + HOUR, body=own.instructions)
    await world.settle()
    await alice.change(
        item, body=ex.HTMLBody(room.instructions), resources=attendees(EQUIPMENT)
    )
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert sorted(await world.schedule()) == [window(AT_TEN), window(AT_TEN + HOUR)]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_equipment_mailbox_as_organizer(world: World) -> None:
    """A meeting in the equipment mailbox's own name keeps nobody waiting."""
    item = world.exchange.schedule(
        EQUIPMENT,
        subject="Own",
        start=AT_TEN,
        end=AT_TEN + HOUR,
        required=[BOB],
        body="<p>Agenda</p>",
    )
    world.exchange.forward(item, EQUIPMENT, to=[EQUIPMENT])
    assert len(world.inbox()) == 2
    await world.settle()

    await nothing_scheduled(world)
    assert [message.item_class for message in world.inbox()] == [
        "IPM.Schedule.Meeting.Notification.Forward"
    ]
    assert await world.alarms() == []
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.rooms() == ["Plans (Alice Archer)"]
