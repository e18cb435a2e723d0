"""The janitor removes what is past, and only that."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.model.recurrence import Daily, Range, Recurrence
from pexschedd.model.schedule import ScheduledConference
from pexschedd.scheduling.upkeep.janitor import Janitor, Swept
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    DAY,
    HOUR,
    NOW,
    House,
    alias,
    meeting,
)
from tests.util.cooperate_support import Turns


@pytest_twisted.async_yield_fixture()
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path / "state")
    await house.put(tables.CONNECTOR, CONNECTOR)
    yield house
    await house.store.close()


def janitor(house: House) -> Janitor:
    return Janitor(house.store, clock=house.clock, now=house.time)


CLOSES = NOW + 3 * HOUR
"""The meeting's end, and an hour's buffer."""


@pytest_twisted.ensureDeferred
async def test_a_room_goes_a_day_after_it_closed(house: House) -> None:
    """Not a second earlier; its alias stays, marked, for ninety days more."""
    await house.put(tables.SCHEDULED_ALIAS, alias(1))
    await house.schedule(meeting(1))
    house.now = CLOSES + DAY - timedelta(seconds=1)
    assert await janitor(house).sweep() == Swept()
    house.now = CLOSES + DAY
    assert await janitor(house).sweep() == Swept(conferences=1)
    assert not house.every(tables.CONFERENCE)
    assert not house.every(tables.CONFERENCE_ALIAS)
    assert not house.every(tables.SCHEDULED_CONFERENCE)
    (kept,) = house.every(tables.SCHEDULED_ALIAS)
    assert kept.conference_deletion_time == house.now
    house.now += 90 * DAY - timedelta(seconds=1)
    assert await janitor(house).sweep() == Swept()
    house.now += timedelta(seconds=1)
    assert await janitor(house).sweep() == Swept(aliases=1)
    assert house.store.count(tables.SCHEDULED_ALIAS) == 0


@pytest_twisted.ensureDeferred
async def test_the_integration_says_how_long(house: House) -> None:
    """Each integration's own fields count."""
    changed = replace(
        CONNECTOR,
        keep_past_conferences=1,
        keep_deleted_aliases=1,
        keep_unused_aliases=2,
    )
    await house.put(tables.CONNECTOR, changed)
    await house.put(tables.SCHEDULED_ALIAS, alias(1), alias(2))
    await house.schedule(meeting(1))
    house.now = CLOSES + HOUR
    assert await janitor(house).sweep() == Swept(conferences=1)
    house.now += DAY
    assert await janitor(house).sweep() == Swept(aliases=1)
    house.now = NOW - HOUR + 2 * DAY
    assert await janitor(house).sweep() == Swept(aliases=1)


@pytest.mark.parametrize("days", [29, 30])
@pytest_twisted.ensureDeferred
async def test_an_alias_that_never_came_back_expires(house: House, days: int) -> None:
    """Thirty days after it was handed out, unless a meeting has it."""
    await house.put(tables.SCHEDULED_ALIAS, alias(1), alias(2))
    await house.schedule(meeting(1, start=NOW + 99 * DAY, end=NOW + 100 * DAY))
    house.now = NOW - HOUR + days * DAY
    swept = await janitor(house).sweep()
    assert swept == Swept(aliases=1 if days == 30 else 0)
    assert house.store.get(tables.SCHEDULED_ALIAS, 1) is not None


@pytest_twisted.ensureDeferred
async def test_a_series_stays_until_its_last_occurrence(house: House) -> None:
    """A room of a series goes when the last one closed long enough ago; one without
    end stays for ever."""
    three = Recurrence(
        pattern=Daily(),
        range=Range(start=NOW.date(), count=3),
        at=time(13),
        duration=HOUR,
    )
    endless = replace(three, range=Range(start=date(2026, 11, 23)))
    await house.put(tables.SCHEDULED_ALIAS, alias(1), alias(2))
    await house.schedule(
        meeting(1, is_series=True, recurrence=three),
        meeting(2, is_series=True, recurrence=endless),
    )
    assert house.store.count(tables.RECURRING_CONFERENCE) == 2
    house.now = CLOSES + 3 * DAY - timedelta(seconds=1)
    assert await janitor(house).sweep() == Swept()
    house.now += timedelta(seconds=1)
    assert await janitor(house).sweep() == Swept(conferences=1)
    house.now += 3000 * DAY
    await janitor(house).sweep()
    assert [r.recurrence for r in house.every(tables.RECURRING_CONFERENCE)] == [endless]


async def rest() -> None:
    waiting: Deferred[None] = deferLater(cast(Any, reactor), 0.001, lambda: None)
    await waiting


@pytest_twisted.ensureDeferred
async def test_what_an_administrator_made_stays(house: House) -> None:
    """A schedule by hand does not make a permanent room go, nor a meeting's room
    earlier than that schedule ends."""
    await house.put(tables.SCHEDULED_ALIAS, alias(1))
    await house.schedule(meeting(1))
    (made,) = house.every(tables.CONFERENCE)
    await house.put(
        tables.CONFERENCE, Conference(id=77, name="Board", creation_time=NOW)
    )
    hand_made = ScheduledConference(
        id=78, conference=77, start_time=NOW - 9 * DAY, end_time=NOW - 8 * DAY
    )
    later = replace(hand_made, id=79, conference=made.id, end_time=NOW + 9 * DAY)
    await house.put(tables.SCHEDULED_CONFERENCE, hand_made, later)
    house.now = CLOSES + 5 * DAY
    assert await janitor(house).sweep() == Swept()
    house.now = NOW + 10 * DAY
    assert await janitor(house).sweep() == Swept(conferences=1)
    assert house.store.get(tables.CONFERENCE, 77) is not None


@pytest_twisted.ensureDeferred
async def test_what_is_to_come_is_not_looked_at(house: House) -> None:
    """Hundreds of meetings of the next weeks and their aliases cost a round nothing;
    what ended in another age is found all the same."""
    await house.put(tables.SCHEDULED_ALIAS, *(alias(n) for n in range(1, 301)))
    await house.schedule(*(meeting(n) for n in range(1, 301)))
    old, *_ = house.every(tables.SCHEDULED_CONFERENCE)
    ancient = datetime(1999, 12, 31, 23, 59, tzinfo=UTC)
    await house.put(
        tables.SCHEDULED_CONFERENCE,
        replace(old, start_time=ancient - HOUR, end_time=ancient),
    )
    house.now = NOW - DAY
    clock = Turns()
    sweep = Janitor(house.store, clock=clock, now=house.time).sweep(at_once=2)
    work = Deferred.fromCoroutine(sweep)
    turns = 0
    while not work.called:
        turns += bool(clock.getDelayedCalls())
        clock.advance(1)
        await rest()
    assert await work == Swept(conferences=1)
    assert turns < 5


@pytest_twisted.ensureDeferred
async def test_others_have_their_turn(house: House) -> None:
    """Between pieces the reactor is free, and a meeting that is scheduled again in the
    meantime keeps its room."""
    await house.put(tables.SCHEDULED_ALIAS, *(alias(n) for n in range(1, 7)))
    await house.schedule(*(meeting(n) for n in range(1, 7)))
    house.now = CLOSES + 2 * DAY
    clock = Turns()
    work = Deferred.fromCoroutine(
        Janitor(house.store, clock=clock, now=house.time).sweep(at_once=2)
    )
    clock.advance(1)
    assert house.store.count(tables.CONFERENCE) == 6
    first, *_ = house.every(tables.SCHEDULED_CONFERENCE)
    await house.put(
        tables.SCHEDULED_CONFERENCE, replace(first, end_time=house.now + DAY)
    )
    turns = 1
    while not work.called:
        turns += bool(clock.getDelayedCalls())
        clock.advance(1)
        await rest()
    assert turns >= 6
    assert await work == Swept(conferences=5)
    assert [c.id for c in house.every(tables.CONFERENCE)] == [first.conference]
