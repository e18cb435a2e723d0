"""The life of a series: begun late, moved, renamed, cut, extended and cancelled."""

import pytest_twisted
from exchangelib import recurrence as rec

from pexschedd.scheduling.inbox.quarantine import PAUSES
from tests.stories.series_support import (
    WEEK,
    answered,
    closed_at,
    daily,
    linked,
    look_on,
    opens_at,
    position,
    repeats,
    rows,
    weekly,
)
from tests.stories.story_support import (
    AT_TEN,
    DAY,
    EDITED_SERIES,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    HOUR,
    NEW_SERIES,
    NEW_SINGLE,
    OVER,
    SERIES_PAST,
    START,
    Booked,
    Organizer,
    World,
)

story = pytest_twisted.ensureDeferred


@story
async def test_in_the_past(world: World) -> None:
    """A series that is over is declined; of one that is not, the rest takes place."""
    alice, room = world.organizer(), await world.book()
    long_ago = START - 10 * WEEK + 2 * HOUR
    await alice.invite(
        "Over", long_ago, body=room.instructions, recurrence=weekly(long_ago, 10)
    )
    await world.settle()
    assert await alice.reads() == [SERIES_PAST]
    assert await world.objects("recurring_conference") == []
    assert await world.rooms() == []

    other = await world.book()
    await alice.invite(
        "Not over", long_ago, body=other.instructions, recurrence=weekly(long_ago, 12)
    )
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    assert await position(world) == (10, False)
    assert await rows(world) == [AT_TEN]
    opens_at(world, other, [AT_TEN, AT_TEN + WEEK])
    assert await world.door(other, at=AT_TEN + 2 * WEEK) == OVER


@story
async def test_moved_as_a_whole(world: World) -> None:
    """Every occurrence follows, and the organizer reads that the series was edited."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN, 4)
    )
    await world.settle()
    await alice.move(series, AT_TEN + 5 * HOUR)
    await world.settle()
    assert await alice.reads() == [NEW_SERIES, EDITED_SERIES]
    later = [AT_TEN + 5 * HOUR + number * WEEK for number in range(4)]
    opens_at(world, room, later)
    closed_at(world, room, AT_TEN, AT_TEN + WEEK)
    assert await rows(world) == [AT_TEN + 5 * HOUR]
    assert await world.rooms() == ["Weekly (Alice Archer)"]


@story
async def test_renamed(world: World) -> None:
    """Another subject is an edit, with the room's name following; nothing moves."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN, 4)
    )
    await world.settle()
    await alice.change(series, subject="Every week")
    await world.settle()
    assert await alice.reads() == [NEW_SERIES, EDITED_SERIES]
    assert await world.rooms() == ["Every week (Alice Archer)"]
    opens_at(world, room, [AT_TEN, AT_TEN + 3 * WEEK])


@story
async def test_truncated_and_extended(world: World) -> None:
    """The end of a series can come earlier and later."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN, 4)
    )
    await world.settle()
    await alice.change(series, recurrence=weekly(AT_TEN, 2))
    await world.settle()
    assert await alice.reads() == [NEW_SERIES, EDITED_SERIES]
    opens_at(world, room, [AT_TEN, AT_TEN + WEEK])
    assert await world.door(room, at=AT_TEN + 2 * WEEK) == OVER

    await alice.change(series, recurrence=weekly(AT_TEN))
    await world.settle()
    assert await alice.reads() == [EDITED_SERIES]
    opens_at(world, room, [AT_TEN + 2 * WEEK, AT_TEN + 600 * WEEK])


@story
async def test_depleted_and_extended(world: World) -> None:
    """A series that was over goes on when it is extended."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN, 2)
    )
    await world.settle()
    await look_on(world, AT_TEN + 10 * DAY)
    assert await position(world) == (1, True)
    await alice.change(series, recurrence=weekly(AT_TEN, 4))
    await world.settle()
    assert await alice.reads() == [NEW_SERIES, EDITED_SERIES]
    assert await position(world) == (2, False)
    opens_at(world, room, [AT_TEN + 2 * WEEK, AT_TEN + 3 * WEEK])


@story
async def test_truncated_into_the_past(world: World) -> None:
    """What is left of a series may all be over; nobody gets in any more."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN)
    )
    await world.settle()
    await look_on(world, AT_TEN + 10 * DAY)
    await alice.change(series, recurrence=weekly(AT_TEN, 2))
    await world.settle()
    assert await alice.reads() == [NEW_SERIES, SERIES_PAST]
    assert await position(world) == (1, True)
    assert await world.door(room, at=AT_TEN + 2 * WEEK) == OVER


@story
async def test_another_pattern(world: World) -> None:
    """A weekly series becomes a monthly one."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Series", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN)
    )
    await world.settle()
    monthly = rec.RelativeMonthlyPattern(
        interval=1, weekday="Monday", week_number="Fourth"
    )
    await alice.change(series, recurrence=repeats(monthly, AT_TEN))
    await world.settle()
    assert await alice.reads() == [NEW_SERIES, EDITED_SERIES]
    opens_at(world, room, [AT_TEN, AT_TEN + 5 * WEEK])
    closed_at(world, room, AT_TEN + WEEK, AT_TEN + 4 * WEEK)


@story
async def test_single_becomes_series_and_back(world: World) -> None:
    """The room stays the same; the texts say what it has become."""
    alice, room = world.organizer(), await world.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    (before,) = await world.objects("conference")
    await alice.change(item, recurrence=weekly(AT_TEN, 3))
    await world.settle()
    opens_at(world, room, [AT_TEN, AT_TEN + WEEK, AT_TEN + 2 * WEEK])
    assert await rows(world) == [AT_TEN]
    assert await linked(world)

    await alice.change(item, recurrence=None)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE, EDITED_SERIES, EDITED_SINGLE]
    assert await world.objects("recurring_conference") == []
    assert await rows(world) == [AT_TEN]
    opens_at(world, room, [AT_TEN])
    assert await world.door(room, at=AT_TEN + WEEK) == OVER
    (after,) = await world.objects("conference")
    assert after["id"] == before["id"]


@story
async def test_cancelled(world: World) -> None:
    """The room goes with the series, and all records with the room."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN)
    )
    await world.settle()
    await alice.cancel(series)
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    for kind in ("recurring_conference", "scheduled_conference", "conference"):
        assert await world.objects(kind) == [], kind
    assert await world.objects("conference_alias") == []
    assert await world.door(room, at=AT_TEN) == GONE
    assert await world.door(room, at=AT_TEN + WEEK) == GONE
    assert answered(world)
    assert world.exchange.mailbox(EQUIPMENT).calendar() == []


@story
async def test_kept_while_the_daemon_is_away(world: World) -> None:
    """What happened in one go is answered in order."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN)
    )
    await alice.move(series, AT_TEN + HOUR)
    await alice.change(series, recurrence=daily(AT_TEN + HOUR, 3))
    await world.settle()
    assert await alice.reads() == [NEW_SERIES, EDITED_SERIES, EDITED_SERIES]
    moved = AT_TEN + HOUR
    opens_at(world, room, [moved, moved + DAY, moved + 2 * DAY])
    assert await world.door(room, at=moved + 3 * DAY) == OVER
    assert answered(world)


@story
async def test_this_and_following(world: World) -> None:
    """A series that is cut, and another one from then on, share the room."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN)
    )
    await world.settle()
    await alice.change(series, recurrence=weekly(AT_TEN, 2))
    await world.settle()
    await the_rest(alice, room)
    await world.settle()

    assert await alice.reads() == [NEW_SERIES, EDITED_SERIES, NEW_SERIES]
    opens_at(world, room, [AT_TEN, AT_TEN + WEEK, *AFTERWARDS])
    closed_at(world, room, AT_TEN + 2 * WEEK)
    assert await world.rooms() == ["Weekly (Alice Archer)"]

    await alice.cancel(series)
    await world.settle()
    opens_at(world, room, AFTERWARDS)
    closed_at(world, room, AT_TEN, AT_TEN + WEEK)


@story
async def test_this_and_following_new_one_first(world: World) -> None:
    """The series that goes on may be sent before the first one is cut."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN)
    )
    await world.settle()
    await the_rest(alice, room)
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    await alice.change(series, recurrence=weekly(AT_TEN, 2))
    await world.settle()
    world.skip(PAUSES[0])
    await world.settle()

    assert await alice.reads() == [EDITED_SERIES, NEW_SERIES]
    opens_at(world, room, [AT_TEN, AT_TEN + WEEK, *AFTERWARDS])
    closed_at(world, room, AT_TEN + 2 * WEEK)


async def the_rest(organizer: Organizer, room: Booked) -> None:
    """Sends a series that begins when two of another one have taken place."""
    first = AFTERWARDS[0]
    recurrence = weekly(first)
    await organizer.invite(
        "Weekly", first, body=room.instructions, recurrence=recurrence
    )


AFTERWARDS = [AT_TEN + (7 * weeks + 1) * DAY for weeks in (2, 3, 40)]
"""Occurrences of a series a day after the first one's."""
