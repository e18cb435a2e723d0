"""Lone occurrences: invited to, without the series or before it."""

from typing import Any

import pytest_twisted
from exchangelib import HTMLBody

from tests.stories.series_support import (
    answered,
    cancel_one,
    change_one,
    closed_at,
    monday,
    move_one,
    opens_at,
    weekly,
)
from tests.stories.story_support import (
    AT_TEN,
    DAY,
    EDITED_OCCURRENCE,
    EQUIPMENT,
    GONE,
    NEW_SERIES,
    NEW_SINGLE,
    World,
    attendees,
)

story = pytest_twisted.ensureDeferred


@story
async def test_invited_to_one_only(world: World) -> None:
    """One occurrence of a series that is not ours is a meeting of its own."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Theirs", AT_TEN, recurrence=weekly(AT_TEN, 5), resources=()
    )
    one: dict[str, Any] = {
        "resources": attendees(EQUIPMENT),
        "body": HTMLBody(room.instructions),
    }
    await change_one(alice, series, 2, **one)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    opens_at(world, room, [monday(2)])
    closed_at(world, room, monday(1), monday(3))
    assert await world.objects("recurring_conference") == []

    await move_one(alice, series, 2, monday(2) + DAY)
    await world.settle()
    assert await alice.reads() == [EDITED_OCCURRENCE]
    opens_at(world, room, [monday(2) + DAY])
    closed_at(world, room, monday(2))

    await cancel_one(alice, series, 2)
    await world.settle()
    assert await world.door(room, at=monday(2) + DAY) == GONE
    assert await world.rooms() == []
    assert answered(world)


@story
async def test_invited_to_two_only(world: World) -> None:
    """Two occurrences with the same tag share a room; one may go without the other."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Theirs", AT_TEN, recurrence=weekly(AT_TEN, 5), resources=()
    )
    for number in (2, 4):
        await change_one(
            alice,
            series,
            number,
            resources=attendees(EQUIPMENT),
            body=HTMLBody(room.instructions),
        )
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE, NEW_SINGLE]
    opens_at(world, room, [monday(2), monday(4)])
    closed_at(world, room, monday(3))
    await cancel_one(alice, series, 2)
    await world.settle()
    closed_at(world, room, monday(2))
    opens_at(world, room, [monday(4)])


@story
async def test_invited_to_one_then_to_all(world: World) -> None:
    """The series takes the occurrence in; it is one room throughout."""
    alice, room = world.organizer(), await world.book()
    series = await alice.invite(
        "Theirs", AT_TEN, recurrence=weekly(AT_TEN, 5), resources=()
    )
    await change_one(
        alice,
        series,
        2,
        resources=attendees(EQUIPMENT),
        body=HTMLBody(room.instructions),
    )
    await move_one(alice, series, 2, monday(2) + DAY)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE, EDITED_OCCURRENCE]
    await alice.change(
        series, resources=attendees(EQUIPMENT), body=HTMLBody(room.instructions)
    )
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    opens_at(world, room, [monday(1), monday(2) + DAY, monday(3), monday(5)])
    closed_at(world, room, monday(2))
    assert len(await world.objects("conference")) == 1


@story
async def test_series_after_one_that_was_cancelled(world: World) -> None:
    """One date, moved and cancelled, arrives before its series does: the series is
    accepted, and has no room on that date."""
    alice, room = world.organizer(), await world.book()
    world.exchange.hold(EQUIPMENT)
    series = await alice.invite(
        "Plans", AT_TEN, recurrence=weekly(AT_TEN, 4), body=room.instructions
    )
    await move_one(alice, series, 2, monday(2) + DAY)
    await cancel_one(alice, series, 2)
    invitation, moved, cancelled = world.exchange.held(EQUIPMENT)
    world.exchange.release(EQUIPMENT, order=())
    for message in (moved, cancelled, invitation):
        world.exchange.deliver(EQUIPMENT, message)
        await world.settle()

    assert await alice.reads() == [NEW_SINGLE, NEW_SERIES]
    opens_at(world, room, [monday(1), monday(3), monday(4)])
    closed_at(world, room, monday(2), monday(2) + DAY)
    assert await world.alarms() == []
