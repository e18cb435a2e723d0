"""Mail that is about no meeting at all: left where it is."""

import pytest
import pytest_twisted

from tests.stories.single_support import nothing_scheduled
from tests.stories.story_support import (
    ALICE,
    AT_TEN,
    BOB,
    EDITED_SINGLE,
    EQUIPMENT,
    HOUR,
    NEW_SINGLE,
    Letter,
    World,
)

story = pytest_twisted.ensureDeferred


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
