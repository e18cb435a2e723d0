"""The life of a single meeting."""

from datetime import UTC, datetime

import exchangelib as ex
import pytest_twisted
from exchangelib.items import SEND_TO_CHANGED_AND_SAVE_COPY
from msgspec.structs import replace

from pexschedd.sandbox import Send
from tests.stories.story_support import (
    ALIAS_DELETED,
    AT_TEN,
    BOB,
    DAY,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    HOUR,
    MINUTE,
    NEW_SINGLE,
    NOT_SCHEDULED,
    OVER,
    World,
    attendees,
    opens,
    window,
)

story = pytest_twisted.ensureDeferred

TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)


@story
async def test_new(world: World) -> None:
    """A booked meeting is accepted, and its room opens and closes with it."""
    alice, room = world.organizer(), await world.book()
    assert await world.door(room, at=AT_TEN) == NOT_SCHEDULED

    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    (letter,) = await alice.reads()
    assert letter == NEW_SINGLE
    assert f"the aliases: {room.alias} and {room.numeric}." in letter.text
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.rooms() == ["Plans (Alice Archer)"]
    assert await world.door(room) == opens(AT_TEN)
    assert await world.door(room, at=AT_TEN - 30 * MINUTE) == "open"
    assert await world.door(room, at=AT_TEN + 119 * MINUTE) == "open"
    assert await world.door(room, at=AT_TEN + 2 * HOUR) == OVER


@story
async def test_moved(world: World) -> None:
    """The room follows a meeting to another day, and is closed on the old one."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]

    await alice.move(item, AT_TEN + DAY)
    await world.settle()

    (letter,) = await alice.reads()
    assert letter == EDITED_SINGLE
    assert f"the aliases: {room.alias} and {room.numeric}." in letter.text
    assert await world.schedule() == [window(AT_TEN + DAY)]
    assert await world.door(room, at=AT_TEN) == opens(AT_TEN + DAY)
    assert await world.door(room, at=AT_TEN + DAY) == "open"


@story
async def test_shortened(world: World) -> None:
    """A meeting that ends earlier has a room that closes earlier."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    end = AT_TEN + 15 * MINUTE

    await alice.move(item, AT_TEN, end)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN, end)]
    assert await world.door(room, at=end + 59 * MINUTE) == "open"
    assert await world.door(room, at=end + 60 * MINUTE) == OVER


@story
async def test_renamed(world: World) -> None:
    """The room's name follows the subject while nobody can be in it."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    await alice.change(item, subject="Better plans")
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.rooms() == ["Better plans (Alice Archer)"]
    assert await world.schedule() == [window(AT_TEN)]

    world.now.time = AT_TEN
    await alice.change(item, subject="Best plans")
    await world.settle()

    assert await alice.reads() == [EDITED_SINGLE]
    assert await world.rooms() == ["Better plans (Alice Archer)"]
    (row,) = await world.objects("scheduled_conference")
    assert row["subject"] == "Best plans"
    assert await world.door(room) == "open"


@story
async def test_renamed_by_an_administrator(world: World) -> None:
    """What an administrator has changed of the room stays; the rest follows."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    (row,) = await world.objects("conference")
    assert row["vmr_origin"].startswith("VMR Scheduling for Exchange: ")
    for made in ("ivr_theme", "identity_provider_group"):
        status, said = await world.ask(
            "POST", f"configuration/v1/{made}/", {"name": made}
        )
        assert status == 201, said
    for changed in (
        {"pin": "1234"},
        {"name": "The board"},
        {"ivr_theme": 1},
        {"host_identity_provider_group": 1},
    ):
        path = f"configuration/v1/conference/{row['id']}/"
        status, said = await world.ask("PATCH", path, changed)
        assert status == 202, said

    await alice.change(item, subject="Better plans")
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.rooms() == ["The board"]

    (row,) = await world.objects("conference")
    assert "has_own_name" not in row
    await world.ask("PATCH", path, {"description": "Ask Bob for the key"})
    await alice.move(item, AT_TEN + DAY)
    await world.settle()
    (row,) = await world.objects("conference")
    assert (row["name"], row["pin"]) == ("The board", "1234")
    assert row["description"] == "Ask Bob for the key"
    assert row["ivr_theme"]["name"] == "ivr_theme"
    assert row["host_identity_provider_group"].endswith("/1/")
    assert await world.schedule() == [window(AT_TEN + DAY)]


@story
async def test_times_are_the_organizers(world: World) -> None:
    """An administrator opens no room by changing times: they can only be read."""
    alice, room = world.organizer(), await world.book()
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    (row,) = await world.objects("scheduled_conference")
    path = f"configuration/v1/scheduled_conference/{row['id']}/"
    for field in ("start_time", "end_time"):
        status, said = await world.ask("PATCH", path, {field: "2026-11-23T08:00:01"})
        assert status == 400
        assert field in str(said)
    same = {"start_time": row["start_time"], "subject": "Hidden"}
    assert (await world.ask("PATCH", path, same))[0] == 202

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.door(room) == opens(AT_TEN)


@story
async def test_body_changed(world: World) -> None:
    """Another agenda around the same joining instructions changes nothing else."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    await alice.change(item, body=ex.HTMLBody(f"<p>Agenda</p>{room.instructions}"))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_attendee_added_and_all_told(world: World) -> None:
    """One more attendee makes no difference to the room."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    await alice.change(item, required_attendees=attendees(BOB))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    assert await world.schedule() == [window(AT_TEN)]
    assert len(world.inbox(BOB)) == 1


@story
async def test_attendee_added_and_only_they_told(world: World) -> None:
    """When only the new attendee is told, the room is not asked, and stays."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    def add() -> None:
        item.refresh()
        item.required_attendees = attendees(BOB)
        item.save(
            update_fields=["required_attendees"],
            send_meeting_invitations=SEND_TO_CHANGED_AND_SAVE_COPY,
        )

    await alice.do(add)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert len(world.inbox(BOB)) == 1
    assert await world.door(room, at=AT_TEN) == "open"


@story
async def test_room_removed_from_the_attendees(world: World) -> None:
    """A meeting that goes on without its room ends the room."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite(
        "Plans",
        AT_TEN,
        body=room.instructions,
        required_attendees=attendees(BOB),
    )
    await world.settle()

    await alice.change(item, resources=[])
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == []
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN) == GONE


@story
async def test_cancelled(world: World) -> None:
    """A cancelled meeting has no room any more, and nobody gets a mail about it."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()

    await alice.cancel(item)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == []
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN) == GONE
    assert world.scheduled_alias(room).conference_deletion_time == world.now()
    assert world.inbox() == []
    assert world.exchange.mailbox("pexipmeeting@example.test").calendar() == []


@story
async def test_cancelled_and_sent_again(world: World) -> None:
    """A meeting taken out of the deleted items has lost its alias for good."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    mailbox = world.exchange.mailbox(alice.address)
    (kept,) = [replace(each) for each in mailbox.calendar()]
    await alice.cancel(item)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]

    assert kept.meeting is not None
    kept.meeting = replace(kept.meeting, sequence=2)
    kept.told = None
    world.now.advance()
    world.exchange.organize(mailbox, kept, Send.ALL)
    await world.settle()

    assert await alice.reads() == [ALIAS_DELETED]
    assert await world.rooms() == []
    assert await world.door(room, at=AT_TEN) == GONE


@story
async def test_cancelled_and_booked_again(world: World) -> None:
    """A new meeting at the same time, with a new alias, has a room of its own."""
    alice = world.organizer()
    first, second = await world.book(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=first.instructions)
    await world.settle()

    await alice.cancel(item)
    await alice.invite("Plans", AT_TEN, body=second.instructions)
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, NEW_SINGLE]
    assert await world.door(first, at=AT_TEN) == GONE
    assert await world.door(second, at=AT_TEN) == "open"
    assert await world.schedule() == [window(AT_TEN)]


@story
async def test_all_day(world: World) -> None:
    """A meeting of a whole day has its room from midnight to midnight."""
    alice, room = world.organizer(), await world.book()
    await alice.invite(
        "Plans",
        TUESDAY,
        TUESDAY + DAY,
        body=room.instructions,
        is_all_day=True,
    )
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.schedule() == [window(TUESDAY, TUESDAY + DAY)]
    assert await world.door(room, at=TUESDAY) == "open"


@story
async def test_as_an_ordinary_attendee(world: World) -> None:
    """The equipment mailbox may be invited as anything, beside others."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite(
        "Plans",
        AT_TEN,
        body=room.instructions,
        resources=(),
        required_attendees=attendees(BOB),
        optional_attendees=attendees(EQUIPMENT),
    )
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert await world.door(room, at=AT_TEN) == "open"
    (entry,) = world.exchange.mailbox(alice.address).calendar()
    assert entry.subject == item.subject
    answered = entry.meeting.attendee(EQUIPMENT) if entry.meeting else None
    assert answered is not None
    assert answered.response == "Accept"


@story
async def test_other_buffers_since(world: World) -> None:
    """New times before and after a meeting count from its next update on."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    await world.change_integration(meeting_buffer_before=5, meeting_buffer_after=10)
    assert await world.schedule() == [window(AT_TEN)]

    await alice.change(item, body=ex.HTMLBody(f"<p>Agenda</p>{room.instructions}"))
    await world.settle()

    assert await alice.reads() == [NEW_SINGLE, EDITED_SINGLE]
    opened, closed = AT_TEN - 5 * MINUTE, AT_TEN + 70 * MINUTE
    assert await world.schedule() == [(opened, closed)]
    assert await world.door(room, at=opened) == "open"
    assert await world.door(room, at=closed) == OVER
