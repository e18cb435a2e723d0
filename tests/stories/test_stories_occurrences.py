"""Single occurrences of a known series: moved, changed, and cancelled."""

import pytest
import pytest_twisted
from exchangelib import HTMLBody
from exchangelib.errors import ErrorOccurrenceCrossingBoundary
from msgspec.structs import replace

from pexschedd.sandbox import Item
from tests.stories.series_support import (
    WEEK,
    Weekly,
    answered,
    cancel_one,
    change_one,
    closed_at,
    linked,
    look_on,
    monday,
    move_one,
    opens_at,
    position,
    rows,
    weekly,
)
from tests.stories.story_support import (
    AT_TEN,
    DAY,
    EDITED_OCCURRENCE,
    EQUIPMENT,
    GENERAL_ERROR,
    HOUR,
    INVALID_ALIAS,
    MINUTE,
    NEW_SERIES,
    OVER,
    SINGLE_PAST,
    World,
    window,
)

story = pytest_twisted.ensureDeferred


@story
async def test_moved(mondays: Weekly) -> None:
    """Only that one takes place at another time, and back again."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    there = monday(2) + DAY + 3 * HOUR
    await move_one(alice, mondays.series, 2, there)
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE]
    opens_at(world, room, [monday(1), there, monday(3), monday(5)])
    closed_at(world, room, monday(2))

    await look_on(world, monday(2))
    assert await rows(world) == [there]
    assert await linked(world)
    assert await position(world) == (1, False)
    await look_on(world, there + 2 * HOUR)
    assert await position(world) == (2, False)

    world.now.time = monday(1)
    await move_one(alice, mondays.series, 2, monday(2))
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE]
    opens_at(world, room, [monday(2)])
    closed_at(world, room, there)
    assert answered(world)


@story
async def test_moved_across_its_neighbour(mondays: Weekly) -> None:
    """Exchange forbids it, other organizers may do it: then it takes place there."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    there = monday(3) + 2 * DAY
    with pytest.raises(ErrorOccurrenceCrossingBoundary):
        await move_one(alice, mondays.series, 2, there)
    await world.settle()
    assert await alice.reads() == []
    opens_at(world, room, [monday(2)])

    def elsewhere(message: Item) -> None:
        if message.meeting is not None and message.meeting.recurrence_id is not None:
            message.meeting = replace(message.meeting, start=there, end=there + HOUR)

    with world.exchange.on_the_way(elsewhere):
        await move_one(alice, mondays.series, 2, monday(2) + HOUR)
        await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE]
    opens_at(world, room, [monday(1), monday(3), there, monday(4)])
    closed_at(world, room, monday(2))
    await look_on(world, monday(3) + DAY)
    assert await rows(world) == [monday(3), there]
    assert await position(world) == (1, False)


@story
async def test_moved_twice(mondays: Weekly) -> None:
    """The last change counts, also when both come at once or in the wrong order."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    world.exchange.hold(EQUIPMENT)
    await move_one(alice, mondays.series, 2, monday(2) + DAY)
    await move_one(alice, mondays.series, 2, monday(2) + 2 * DAY)
    world.exchange.release(EQUIPMENT, (1, 0))
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE]
    opens_at(world, room, [monday(2) + 2 * DAY])
    closed_at(world, room, monday(2), monday(2) + DAY)
    assert answered(world)


@story
async def test_delivered_twice(mondays: Weekly) -> None:
    """The same message again gets the same answer."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    world.exchange.hold(EQUIPMENT)
    await move_one(alice, mondays.series, 2, monday(2) + DAY)
    world.exchange.release(EQUIPMENT, (0, 0))
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE, EDITED_OCCURRENCE]
    opens_at(world, room, [monday(2) + DAY])


@story
async def test_only_the_body(mondays: Weekly) -> None:
    """Another agenda for one date is an edit that moves nothing."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    body = HTMLBody(f"<p>Bring your reports.</p>{room.instructions}")
    await change_one(alice, mondays.series, 3, body=body)
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE]
    opens_at(world, room, [monday(number) for number in range(1, 6)])


@story
async def test_body_without_tag(mondays: Weekly) -> None:
    """Without the joining instructions an occurrence is declined; the rest stays."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await change_one(alice, mondays.series, 3, body=HTMLBody("<p>Elsewhere</p>"))
    await world.settle()
    assert await alice.reads() == [INVALID_ALIAS]
    opens_at(world, room, [monday(2), monday(4)])


@story
async def test_another_booking(mondays: Weekly) -> None:
    """One occurrence cannot have a room of its own: the organizer is told."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    other = await world.book()
    await change_one(alice, mondays.series, 3, body=HTMLBody(other.instructions))
    await world.settle()
    (letter,) = await alice.reads()
    assert letter == GENERAL_ERROR
    opens_at(world, room, [monday(3)])
    assert await world.door(other, at=monday(3)) != "open"


@story
async def test_cancelled(mondays: Weekly) -> None:
    """One date goes without a word; the others stay, and keep their numbers."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await cancel_one(alice, mondays.series, 1)
    await cancel_one(alice, mondays.series, 3)
    await world.settle()
    assert await alice.reads() == []
    closed_at(world, room, monday(1), monday(3))
    opens_at(world, room, [monday(2), monday(4), monday(5)])
    assert await position(world) == (1, False)
    assert await rows(world) == []
    await look_on(world, monday(3))
    assert await position(world) == (3, False)
    assert answered(world)


@story
async def test_cancelled_while_open(mondays: Weekly) -> None:
    """Nobody gets in any more from that moment on."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await look_on(world, monday(2) + 10 * MINUTE)
    assert await world.door(room) == "open"
    await cancel_one(alice, mondays.series, 2)
    await world.settle()
    assert await world.door(room) != "open"
    assert await rows(world) == []


@story
async def test_all_cancelled(mondays: Weekly) -> None:
    """A series without any date left lets nobody in."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    for number in range(1, 6):
        await cancel_one(alice, mondays.series, number)
    await world.settle()
    for number in range(1, 6):
        assert await world.door(room, at=monday(number)) == OVER
    assert (await position(world))[1]


@story
async def test_moved_then_cancelled(mondays: Weekly) -> None:
    """An occurrence takes place neither where it was nor where it was moved to."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await move_one(alice, mondays.series, 2, monday(2) + DAY)
    await world.settle()
    await cancel_one(alice, mondays.series, 2)
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE]
    closed_at(world, room, monday(2), monday(2) + DAY)
    opens_at(world, room, [monday(1), monday(3)])


@story
async def test_cancelled_before_its_move_arrives(mondays: Weekly) -> None:
    """The cancellation is newer: the move that comes after it changes nothing."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    world.exchange.hold(EQUIPMENT)
    await move_one(alice, mondays.series, 2, monday(2) + DAY)
    await cancel_one(alice, mondays.series, 2)
    world.exchange.release(EQUIPMENT, (1, 0))
    await world.settle()
    assert await alice.reads() == []
    closed_at(world, room, monday(2), monday(2) + DAY)
    assert answered(world)


@story
async def test_moved_into_the_past(mondays: Weekly) -> None:
    """It is declined, and takes place no more where it was."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await look_on(world, monday(2) - DAY)
    await move_one(alice, mondays.series, 2, monday(1) + DAY)
    await world.settle()
    assert await alice.reads() == [SINGLE_PAST]
    closed_at(world, room, monday(2))
    opens_at(world, room, [monday(3)])


@story
async def test_last_one_put_off(mondays: Weekly) -> None:
    """A series lasts as long as its last occurrence, wherever that was moved."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await look_on(world, monday(5) + 3 * HOUR)
    assert await position(world) == (4, True)
    await move_one(alice, mondays.series, 5, monday(5) + 3 * DAY)
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE]
    assert await position(world) == (4, False)
    opens_at(world, room, [monday(5) + 3 * DAY])


@story
async def test_whole_day_moved(world: World) -> None:
    """A whole day of a series can be another one."""
    alice, room = world.organizer(), await world.book()
    first = AT_TEN.replace(hour=0) + DAY
    series = await alice.invite(
        "Fair",
        first,
        first + DAY,
        body=room.instructions,
        is_all_day=True,
        recurrence=weekly(first, 3),
    )
    await world.settle()

    there = first + WEEK + 2 * DAY

    def on_the_day(message: Item) -> None:
        if message.meeting is not None and message.meeting.recurrence_id is not None:
            message.meeting = replace(message.meeting, start=there, end=there + DAY)

    with world.exchange.on_the_way(on_the_day):
        await change_one(alice, series, 2, subject="Another day")
        await world.settle()
    assert await alice.reads() == [NEW_SERIES, EDITED_OCCURRENCE]
    opening, closing = window(there, there + DAY)
    assert await world.door(room, at=opening) == "open"
    assert await world.door(room, at=closing - MINUTE) == "open"
    closed_at(world, room, first + WEEK + 2 * HOUR, closing)


@story
async def test_taken_out_of_one(mondays: Weekly) -> None:
    """The equipment mailbox is taken out of one date: there is no room then."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await change_one(alice, mondays.series, 2, resources=[])
    await world.settle()
    assert await alice.reads() == []
    closed_at(world, room, monday(2))
    opens_at(world, room, [monday(1), monday(3)])
