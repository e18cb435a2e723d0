"""Odd senders, odd bodies, and mail that is about no meeting at all."""

import re
from collections.abc import Callable
from typing import Any

import exchangelib as ex
import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.sandbox import MailboxUser
from pexschedd.sandbox.mailboxes import alterations
from tests.stories.story_support import (
    ALICE,
    AT_TEN,
    BOB,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    HOUR,
    INVALID_ALIAS,
    NEW_SINGLE,
    Letter,
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


async def accepted(world: World, room: Any, name: str = "Plans (Alice Archer)") -> None:
    assert await world.rooms() == [name]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"
    assert world.inbox() == []


async def nothing_left(world: World, room: Any) -> None:
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN) == GONE


async def nothing_scheduled(world: World) -> None:
    assert await world.rooms() == []
    assert await world.schedule() == []
    assert list(world.store.all(tables.OUTBOX)) == []


# Who sends it


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


# What it says


@story
async def test_without_a_body(world: World) -> None:
    """Nothing in the body, no room."""
    alice = world.organizer()
    with world.exchange.on_the_way(alterations.without_body):
        await alice.invite("Plans", AT_TEN)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    await nothing_scheduled(world)


@story
async def test_without_a_subject(world: World) -> None:
    """A meeting need not have a subject for its room to have a name."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room, (await world.rooms())[0])
    assert "Alice Archer" in (await world.rooms())[0]


@story
async def test_subject_like_a_program(world: World) -> None:
    """What a subject says is never run, neither as a template nor as markup."""
    alice, room = world.organizer(), await world.book()
    subject = "{{ 7 * 7 }} {% for x in y %} <script>alert(1)</script>"
    await alice.invite(subject, AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room, f"{subject} (Alice Archer)")


@story
async def test_subject_of_great_length(world: World) -> None:
    """A room's name is as long as a name may be, and no longer."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Planning" * 31, AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    (name,) = await world.rooms()
    assert len(name) == 250
    await accepted(world, room, name)


@story
async def test_same_subject_twice(world: World) -> None:
    """Two rooms of the same name get different ones."""
    alice = world.organizer()
    rooms = [await world.book(), await world.book()]
    for room in rooms:
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, NEW_SINGLE]
    first, second = await world.rooms()
    assert first == "Plans (Alice Archer)"
    assert re.fullmatch(r"Plans \(Alice Archer\) \d{6}", second)
    for room in rooms:
        assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_plain_text(world: World) -> None:
    """The tag counts in plain text, too."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN, body=ex.Body(f"Agenda\n\n{room.tag}\n"))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@story
async def test_formatting_lost_on_the_way(world: World) -> None:
    """A gateway that leaves nothing but text does no harm."""
    alice, room = world.organizer(), await world.book()
    with world.exchange.on_the_way(alterations.plain_text):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@story
async def test_megabyte(world: World) -> None:
    """The tag is found at the end of a million characters."""
    alice, room = world.organizer(), await world.book()
    work = ("All work and no play makes Jack a dull boy. " * 12)[:493]
    agenda = f"<p>{work}</p>" * 2_000
    assert len(agenda) == 1_000_000
    await alice.invite("Plans", AT_TEN, body=agenda + room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("<p>Hi</p>" + "<div><b>a</b><br></div>" * 10_000, id="many"),
        pytest.param("<blockquote>On Monday Bob wrote:<div>" * 150, id="quoted"),
        pytest.param("<div>" * 4_000, id="deep"),
        pytest.param("<div>" * 200_000, id="very deep"),
        pytest.param("<table><tr><td>" * 1_000 + "<p " * 5_000, id="broken"),
    ],
)
@story
async def test_many_elements(world: World, before: str) -> None:
    """The tag is found behind thousands of elements, and within them."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN, body=before + room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@story
async def test_signed(world: World) -> None:
    """A signature in the clear hides nothing."""
    alice, room = world.organizer(), await world.book()
    with world.exchange.on_the_way(alterations.signed):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    await accepted(world, room)


@pytest.mark.parametrize("sealed", [alterations.encrypted, alterations.rights_managed])
@story
async def test_sealed(world: World, sealed: Callable[[Any], None]) -> None:
    """What nobody but its readers can read, the room cannot either."""
    alice, room = world.organizer(), await world.book()
    with world.exchange.on_the_way(sealed):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    assert await alice.reads() == [INVALID_ALIAS]
    await nothing_scheduled(world)
    assert not world.scheduled_alias(room).is_used


# What is about no meeting


@pytest.mark.parametrize(
    "item_class",
    [
        "IPM.Note",
        "IPM.Note.Rules.OofTemplate.Microsoft",
        "REPORT.IPM.Note.NDR",
        "IPM.Note.StorageQuotaWarning",
    ],
)
@story
async def test_mail(world: World, item_class: str) -> None:
    """Mail, replies of the absent and reports get no answer, and stay where they are,
    whatever they quote."""
    alice, room = world.organizer(), await world.book()
    world.exchange.send_message(
        ALICE,
        to=[EQUIPMENT],
        subject="You have won",
        body=room.instructions,
        item_class=item_class,
    )
    await world.settle()

    assert await alice.reads() == []
    await nothing_scheduled(world)
    assert [message.subject for message in world.inbox()] == ["You have won"]
    assert not world.scheduled_alias(room).is_used


@story
async def test_mail_between_meetings(world: World) -> None:
    """A flood of spam keeps no meeting waiting for long, and none is lost."""
    alice, room = world.organizer(), await world.book()
    for number in range(120):
        world.exchange.send_message(ALICE, to=[EQUIPMENT], subject=f"Buy {number}")
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    for number in range(120):
        world.exchange.send_message(ALICE, to=[EQUIPMENT], subject=f"Sell {number}")
    await alice.change(item, subject="Better plans")
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.rooms() == ["Better plans (Alice Archer)"]
    assert len(world.inbox()) == 240


@story
async def test_answer_in_the_inbox(world: World) -> None:
    """An answer that comes to the equipment mailbox is not answered."""
    bob, room = world.organizer(BOB), await world.book()
    world.exchange.schedule(
        EQUIPMENT,
        subject="Plans",
        start=AT_TEN,
        end=AT_TEN + HOUR,
        required=[BOB],
        body=room.instructions,
    )
    (request,) = world.inbox(BOB)
    await bob.do(lambda: bob.account.inbox.get(subject="Plans").accept(body="Gladly"))
    await world.settle()

    assert request.meeting is not None
    assert [letter for letter in await bob.reads() if letter.kind == "accept"] == []
    await nothing_scheduled(world)
    assert [Letter(m.item_class, "") for m in world.inbox()] == [
        Letter("IPM.Schedule.Meeting.Resp.Pos", "")
    ]
