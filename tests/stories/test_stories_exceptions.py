"""Exceptions of a series, and messages about the whole of it before and after."""

from datetime import datetime, timedelta

import pytest_twisted

from tests.stories.series_support import (
    Weekly,
    answered,
    cancel_one,
    closed_at,
    daily,
    monday,
    move_one,
    opens_at,
    weekly,
)
from tests.stories.story_support import (
    AT_TEN,
    DAY,
    EDITED_OCCURRENCE,
    EDITED_SERIES,
    EQUIPMENT,
    HOUR,
    NEW_SERIES,
    NEW_SINGLE,
    OVER,
    World,
)

story = pytest_twisted.ensureDeferred


@story
async def test_series_renamed_after_exceptions(mondays: Weekly) -> None:
    """What was said about single dates stays while the pattern does."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await move_one(alice, mondays.series, 2, monday(2) + DAY)
    await cancel_one(alice, mondays.series, 3)
    await world.settle()
    await alice.change(mondays.series, subject="Every week")
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE, EDITED_SERIES]
    opens_at(world, room, [monday(1), monday(2) + DAY, monday(4)])
    closed_at(world, room, monday(2), monday(3))


@story
async def test_series_moved_after_exceptions(mondays: Weekly) -> None:
    """Another time of the series undoes what was said about single dates."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await move_one(alice, mondays.series, 2, monday(2) + DAY)
    await cancel_one(alice, mondays.series, 3)
    await world.settle()
    await alice.move(mondays.series, AT_TEN + 4 * HOUR)
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE, EDITED_SERIES]
    opens_at(world, room, [monday(n) + 4 * HOUR for n in range(1, 6)])
    closed_at(world, room, monday(2), monday(2) + DAY, monday(3))


@story
async def test_series_arrives_after_its_exception(world: World) -> None:
    """An occurrence that was moved stays moved when its message was faster."""
    alice, room = world.organizer(), await world.book()
    world.exchange.hold(EQUIPMENT)
    series = await alice.invite(
        "Weekly", AT_TEN, body=room.instructions, recurrence=weekly(AT_TEN, 5)
    )
    await move_one(alice, series, 2, monday(2) + DAY)
    world.exchange.release(EQUIPMENT, (1, 0))
    await world.settle()
    # The series was sent before its occurrence was moved, and does not know of it.
    assert await alice.reads() == [NEW_SINGLE, NEW_SERIES]
    opens_at(world, room, [monday(1), monday(2) + DAY, monday(3)])
    closed_at(world, room, monday(2))
    assert answered(world)


@story
async def test_series_overtaken_by_exceptions(mondays: Weekly) -> None:
    """An update of the series that is late does not undo what came after it."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    world.exchange.hold(EQUIPMENT)
    await alice.change(mondays.series, subject="Every week")
    await move_one(alice, mondays.series, 2, monday(2) + DAY)
    await cancel_one(alice, mondays.series, 3)
    changed, moved, cancelled = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT, ())
    for message in (moved, cancelled, changed, changed):
        world.now.advance()
        world.exchange.deliver_again(message, to=EQUIPMENT)
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE, EDITED_SERIES, EDITED_SERIES]
    assert await world.rooms() == ["Every week (Alice Archer)"]
    opens_at(world, room, [monday(1), monday(2) + DAY, monday(4)])
    closed_at(world, room, monday(2), monday(3))
    assert answered(world)


@story
async def test_first_invitation_again(mondays: Weekly) -> None:
    """A second copy of the request gets the first answer, and undoes nothing."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    world.exchange.hold(EQUIPMENT)
    other = await world.book()
    await alice.invite(
        "Another", AT_TEN, body=other.instructions, recurrence=weekly(AT_TEN, 3)
    )
    (invitation,) = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT)
    await world.settle()
    series = world.exchange.mailbox("alice@example.test").calendar()[-1]
    world.exchange.update(
        series,
        occurrence=monday(2),
        start=monday(2) + DAY,
        end=monday(2) + DAY + HOUR,
    )
    await world.settle()
    world.exchange.deliver(EQUIPMENT, invitation)
    await world.settle()
    assert await alice.reads() == [NEW_SERIES, EDITED_OCCURRENCE, NEW_SERIES]
    opens_at(world, other, [monday(1), monday(2) + DAY, monday(3)])
    closed_at(world, other, monday(2))
    opens_at(world, room, [monday(2)])


@story
async def test_truncated_before_an_exception(mondays: Weekly) -> None:
    """What lies behind the new end is no more, moved or not."""
    world, alice, room = mondays.world, mondays.alice, mondays.room
    await move_one(alice, mondays.series, 4, monday(4) + DAY)
    await world.settle()
    await alice.change(mondays.series, recurrence=weekly(AT_TEN, 2))
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE, EDITED_SERIES]
    opens_at(world, room, [monday(1), monday(2)])
    for late in (monday(3), monday(4), monday(4) + DAY):
        assert await world.door(room, at=late) == OVER


@story
async def test_many_exceptions(world: World) -> None:
    """Every second day of a month is moved, every fifth cancelled."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Daily", AT_TEN, body=room.instructions, recurrence=daily(AT_TEN, 20)
    )
    expected: list[datetime] = []
    for number in range(1, 21):
        day = AT_TEN + (number - 1) * DAY
        if number % 5 == 0:
            await cancel_one(alice, series, number)
        elif number % 2 == 0:
            expected.append(day + timedelta(hours=6))
            await move_one(alice, series, number, expected[-1])
        else:
            expected.append(day)
    await world.settle()
    letters = await alice.reads()
    assert letters == [NEW_SERIES] + [EDITED_OCCURRENCE] * 8
    opens_at(world, room, expected)
