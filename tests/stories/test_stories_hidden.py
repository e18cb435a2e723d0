"""What only Exchange Online does: updates that it hides, events that come late, and
people who move messages. All of it over Microsoft Graph alone: over EWS the equipment
mailbox has no attendant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import exchangelib as ex
import pytest
import pytest_twisted

from pexschedd.sandbox.graph.settings import GraphSettings
from tests.stories.story_support import (
    AT_TEN,
    DAY,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    INVALID_ALIAS,
    MINUTE,
    NEW_SINGLE,
    NOT_SCHEDULED,
    Booked,
    World,
    window,
)

story = pytest_twisted.ensureDeferred

HIDDEN, SHOWN = "Location,AllProperties:15", "Location,Subject,Body,AllProperties:15"
"""VisibleMeetingUpdateProperties of the organization: as it is, and as advised."""

pytestmark = pytest.mark.parametrize("empty_world", ["graph"], indirect=True)
both_settings = pytest.mark.parametrize("visible", [HIDDEN, SHOWN], ids=["as-is", "ok"])


def organization(world: World, visible: str) -> None:
    world.sandbox.graph.settings = GraphSettings(visible_updates=visible)


def lying(world: World, folder: str) -> list[str]:
    """The subjects of the messages in a folder of the equipment mailbox."""
    items = world.exchange.mailbox(EQUIPMENT).items(folder)
    return [each.subject for each in items if each.item_class != "IPM.Appointment"]


async def rewritten(world: World, item: Any, body: str, visible: str) -> None:
    """Alice changes nothing but the text, which goes where the organization says."""
    await world.organizer().change(item, body=ex.HTMLBody(body))
    deleted, inbox = lying(world, "deleteditems"), lying(world, "inbox")
    where = (["Plans"], []) if visible == HIDDEN else ([], ["Plans"])
    assert (deleted, inbox) == where
    await world.settle()
    assert lying(world, "inbox") == []


async def with_room(world: World) -> tuple[Any, Booked]:
    """A meeting with a room, ten o'clock, accepted."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    return item, room


@both_settings
@story
async def test_tag_added(world: World, visible: str) -> None:
    """A room for a meeting that was declined without one. The event is gone since then,
    so the update is always shown."""
    organization(world, visible)
    alice = world.organizer()
    item = await alice.invite("Plans", AT_TEN, body="<p>Agenda</p>")
    await world.settle()
    assert await alice.reads() == [INVALID_ALIAS]

    room = await world.book()
    await rewritten(world, item, room.instructions, SHOWN)
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"


@both_settings
@story
async def test_tag_added_by_hand(world: World, visible: str) -> None:
    """A person has accepted the meeting in the equipment mailbox's own calendar and has
    filed the request; the tag that is added later counts, hidden or not."""
    organization(world, visible)
    alice = world.organizer()
    item = await alice.invite("Plans", AT_TEN, body="<p>Agenda</p>")
    mailbox = world.exchange.mailbox(EQUIPMENT)
    (request,), (entry,) = world.inbox(), mailbox.calendar()
    mailbox.move(request, "drafts")
    entry.my_response = type(entry.my_response)("Accept")
    mailbox.changed(entry)
    await world.settle()
    assert await alice.reads() == []

    room = await world.book()
    await rewritten(world, item, room.instructions, visible)
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.door(room, at=AT_TEN) == "open"
    assert lying(world, "deleteditems") == []


@both_settings
@story
async def test_tag_removed(world: World, visible: str) -> None:
    """An update without the tag is declined, and the room stays, wherever it lies."""
    organization(world, visible)
    item, room = await with_room(world)

    await rewritten(world, item, "<p>Agenda</p>", visible)
    assert await world.organizer().reads() == [INVALID_ALIAS]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"
    assert lying(world, "deleteditems") == []


@both_settings
@story
async def test_tag_replaced(world: World, visible: str) -> None:
    """The meeting moves into the new room, once, wherever its update lies."""
    organization(world, visible)
    item, old = await with_room(world)
    new = await world.book()

    await rewritten(world, item, new.instructions, visible)
    assert await world.organizer().reads() == [EDITED_SINGLE]
    assert await world.door(new, at=AT_TEN) == "open"
    assert await world.door(old, at=AT_TEN) == GONE
    assert len(await world.rooms()) == 1
    assert lying(world, "deleteditems") == []


@both_settings
@story
async def test_tag_removed_and_put_back(world: World, visible: str) -> None:
    """Both in one look: the event is that of the second update by then, so the decline
    of the first one goes by mail, and leaves the event to be accepted."""
    organization(world, visible)
    alice = world.organizer()
    item, room = await with_room(world)
    await alice.change(item, body=ex.HTMLBody("<p>Agenda</p>"))
    await alice.change(item, body=ex.HTMLBody(room.instructions))
    await world.settle()
    assert await alice.reads() == [INVALID_ALIAS, EDITED_SINGLE]
    assert await world.door(room, at=AT_TEN) == "open"
    assert await world.schedule() == [window(AT_TEN)]
    assert lying(world, "inbox") == lying(world, "deleteditems") == []
    assert await world.alarms() == []


@contextmanager
def late_attendant(world: World) -> Iterator[None]:
    """The calendar attendant comes to no message before the end."""
    exchange = world.exchange
    attendant, waiting = exchange.attendant, list[Any]()
    assert attendant is not None

    def take(mailbox: Any, message: Any) -> bool:
        if mailbox.address != EQUIPMENT:
            return bool(attendant(mailbox, message))
        waiting.append((mailbox, message))
        return True

    exchange.attendant = take
    yield
    exchange.attendant = attendant
    for mailbox, message in waiting:
        attendant(mailbox, message)


@story
async def test_late_event(world: World) -> None:
    """The room opens at once; the organizer is told when there is an event to answer.
    Nothing is wrong meanwhile."""
    alice, room = world.organizer(), await world.book()
    with late_attendant(world):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
        await world.settle()
        world.now.advance(MINUTE)
        await world.settle()
        assert await alice.reads() == []
        assert await world.door(room, at=AT_TEN) == "open"
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert lying(world, "inbox") == []
    assert await world.alarms() == []


@story
async def test_late_update(world: World) -> None:
    """An update before its attendant: the event is still that of the request, and its
    answer is that of the update."""
    item, room = await with_room(world)
    alice = world.organizer()
    with late_attendant(world):
        await alice.move(item, AT_TEN + DAY)
        await world.settle()
        assert await world.schedule() == [window(AT_TEN + DAY)]
        assert await world.door(room, at=AT_TEN + DAY) == "open"
    await world.settle()
    assert await alice.reads() == [EDITED_SINGLE]
    assert lying(world, "inbox") == []


@story
async def test_no_event_at_all(world: World) -> None:
    """While the mailbox's attendant does nothing, an alarm says what has to be set; the
    room is there all the same, and the organizer is told as soon as it is set."""
    alice, room = world.organizer(), await world.book()
    with late_attendant(world):
        await alice.invite("Plans", AT_TEN, body=room.instructions)
        for _ in range(4):
            world.now.advance(6 * MINUTE)
            world.skip(3600)
            await world.settle()
        assert await alice.reads() == []
        assert await world.door(room, at=AT_TEN) == "open"
        (alarm,) = await world.alarms()
        assert "-AutomateProcessing AutoUpdate" in alarm
        assert lying(world, "inbox") == ["Plans"]
    world.skip(3600)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert lying(world, "inbox") == []
    assert await world.alarms() == []


@story
async def test_filed_by_a_person(world: World) -> None:
    """A request that a person has moved to another folder is theirs; moved back to the
    inbox, it is ours again."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    mailbox = world.exchange.mailbox(EQUIPMENT)
    (request,) = world.inbox()
    mailbox.move(request, "drafts")
    await world.settle()
    assert await alice.reads() == []
    assert await world.door(room, at=AT_TEN) == NOT_SCHEDULED

    (request,) = mailbox.items("drafts")
    mailbox.move(request, "inbox")
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.door(room, at=AT_TEN) == "open"
    assert lying(world, "inbox") == []


@story
async def test_deleted_by_a_person(world: World) -> None:
    """What a person deletes before it is read lies where Exchange hides updates: with a
    tag it counts all the same, without one nobody is told anything."""
    alice, room = world.organizer(), await world.book()
    await world.settle()
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await alice.invite("Lunch", AT_TEN, body="<p>Soup</p>")
    mailbox = world.exchange.mailbox(EQUIPMENT)
    for request in world.inbox():
        mailbox.move(request, "deleteditems")
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.door(room, at=AT_TEN) == "open"
    assert lying(world, "deleteditems") == ["Lunch"]


@story
async def test_filed_before_the_answer(world: World) -> None:
    """A request that a person files when its room is there already: the room stays, and
    the organizer gets no answer, as it is the person's business now."""
    alice, room = world.organizer(), await world.book()
    world.accepting_fails("ErrorServerBusy")
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    mailbox = world.exchange.mailbox(EQUIPMENT)
    (request,) = world.inbox()
    mailbox.move(request, "drafts")
    world.sandbox.behaviour.configure({})
    world.skip(3600)
    await world.settle()
    assert await alice.reads() == []
    assert await world.door(room, at=AT_TEN) == "open"
    assert lying(world, "drafts") == ["Plans"]


@story
async def test_mailbox_moved(world: World) -> None:
    """Exchange moves the mailbox, whose folders have other ids afterwards: the answers
    that wait, and those that come later, are given."""
    item, _ = await with_room(world)
    alice = world.organizer()
    world.accepting_fails("ErrorServerBusy")
    await alice.move(item, AT_TEN + DAY)
    await world.settle()
    assert await alice.reads() == []

    mailbox = world.exchange.mailbox(EQUIPMENT)
    for name in ("inbox", "deleteditems"):
        mailbox.folders[name].id = mailbox.folders[name].id[::-1]
    world.sandbox.behaviour.configure({})
    world.skip(3600)
    await world.settle()
    assert await alice.reads() == [EDITED_SINGLE]
    await alice.move(item, AT_TEN)
    await world.settle()
    assert await alice.reads() == [EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]
    assert lying(world, "inbox") == []
