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
from pexschedd.model.schedule import CancelledOccurrence, ScheduledConference
from pexschedd.scheduling.upkeep.audit_rules import FindingKind
from pexschedd.scheduling.upkeep.janitor import (
    CANCELLED_AT_LEAST,
    Janitor,
    SweepResult,
)
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    DAY,
    HOUR,
    NOW,
    MemoryOrganizers,
    MemoryUpkeepMailbox,
    Upkeep,
    alias,
    meeting,
)
from tests.util.cooperate_support import Turns


@pytest_twisted.async_yield_fixture()
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, CONNECTOR)
    yield upkeep
    await upkeep.store.close()


def janitor(upkeep: Upkeep) -> Janitor:
    return Janitor(upkeep.store, clock=upkeep.clock, now=upkeep.time)


CLOSES = NOW + 3 * HOUR
"""The meeting's end, and an hour's buffer."""


@pytest_twisted.ensureDeferred
async def test_a_room_goes_a_day_after_it_closed(upkeep: Upkeep) -> None:
    """Not a second earlier; its alias stays, marked, for ninety days more."""
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1))
    await upkeep.schedule(meeting(1))
    upkeep.now = CLOSES + DAY - timedelta(seconds=1)
    assert await janitor(upkeep).sweep() == SweepResult()
    upkeep.now = CLOSES + DAY
    assert await janitor(upkeep).sweep() == SweepResult(conferences=1)
    assert not upkeep.every(tables.CONFERENCE)
    assert not upkeep.every(tables.CONFERENCE_ALIAS)
    assert not upkeep.every(tables.SCHEDULED_CONFERENCE)
    (kept,) = upkeep.every(tables.SCHEDULED_ALIAS)
    assert kept.conference_deletion_time == upkeep.now
    upkeep.now += 90 * DAY - timedelta(seconds=1)
    assert await janitor(upkeep).sweep() == SweepResult()
    upkeep.now += timedelta(seconds=1)
    assert await janitor(upkeep).sweep() == SweepResult(aliases=1)
    assert upkeep.store.count(tables.SCHEDULED_ALIAS) == 0


@pytest_twisted.ensureDeferred
async def test_nothing_goes_while_the_date_is_in_doubt(upkeep: Upkeep) -> None:
    """Neither rooms nor aliases, and no round counts as made."""
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1), alias(2, creation_time=NOW))
    await upkeep.schedule(meeting(1))
    upkeep.now = NOW + 3000 * DAY
    doubting = Janitor(
        upkeep.store, clock=upkeep.clock, now=upkeep.time, doubt=lambda: "ahead"
    )
    assert await doubting.sweep() == SweepResult()
    assert upkeep.store.get(tables.SWEEP, 1) is None
    assert await janitor(upkeep).sweep() == SweepResult(conferences=1, aliases=1)
    (swept,) = upkeep.every(tables.SWEEP)
    assert swept.finished == upkeep.now


@pytest_twisted.ensureDeferred
async def test_a_room_that_a_wrong_clock_removed_is_lost_not_deleted(
    upkeep: Upkeep,
) -> None:
    """With the right date again the audit heals it, and a request is accepted; once
    its meeting is over by the right date, too, it is deleted."""
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1))
    await upkeep.schedule(meeting(1))
    upkeep.now = CLOSES + 3 * DAY
    assert await janitor(upkeep).sweep() == SweepResult(conferences=1)
    (kept,) = upkeep.every(tables.SCHEDULED_ALIAS)
    assert kept.room_end == CLOSES
    assert kept.is_deleted(upkeep.now)
    assert not kept.is_deleted(NOW)
    upkeep.now = NOW
    report = await upkeep.auditor.audit(
        CONNECTOR, MemoryUpkeepMailbox(meeting(1)), MemoryOrganizers()
    )
    assert report is not None
    assert [(f.kind, f.healed) for f in report.findings] == [(FindingKind.LOST, True)]
    (again,) = upkeep.every(tables.SCHEDULED_ALIAS)
    assert (again.conference_deletion_time, again.room_end) == (None, None)
    assert len(upkeep.every(tables.CONFERENCE)) == 1


@pytest_twisted.ensureDeferred
async def test_the_integration_says_how_long(upkeep: Upkeep) -> None:
    """Each integration's own fields count."""
    changed = replace(
        CONNECTOR,
        keep_past_conferences=1,
        keep_deleted_aliases=1,
        keep_unused_aliases=2,
    )
    await upkeep.put(tables.CONNECTOR, changed)
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1), alias(2))
    await upkeep.schedule(meeting(1))
    upkeep.now = CLOSES + HOUR
    assert await janitor(upkeep).sweep() == SweepResult(conferences=1)
    upkeep.now += DAY
    assert await janitor(upkeep).sweep() == SweepResult(aliases=1)
    upkeep.now = NOW - HOUR + 2 * DAY
    assert await janitor(upkeep).sweep() == SweepResult(aliases=1)


@pytest.mark.parametrize("days", [29, 30])
@pytest_twisted.ensureDeferred
async def test_an_alias_that_never_came_back_expires(upkeep: Upkeep, days: int) -> None:
    """Thirty days after it was handed out, unless a meeting has it."""
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1), alias(2))
    await upkeep.schedule(meeting(1, start=NOW + 99 * DAY, end=NOW + 100 * DAY))
    upkeep.now = NOW - HOUR + days * DAY
    swept = await janitor(upkeep).sweep()
    assert swept == SweepResult(aliases=1 if days == 30 else 0)
    assert upkeep.store.get(tables.SCHEDULED_ALIAS, 1) is not None


@pytest_twisted.ensureDeferred
async def test_a_series_stays_until_its_last_occurrence(upkeep: Upkeep) -> None:
    """A room of a series goes when the last one closed long enough ago; one without
    end stays for ever."""
    three = Recurrence(
        pattern=Daily(),
        range=Range(start=NOW.date(), count=3),
        at=time(13),
        duration=HOUR,
    )
    endless = replace(three, range=Range(start=date(2026, 11, 23)))
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1), alias(2))
    await upkeep.schedule(
        meeting(1, is_series=True, recurrence=three),
        meeting(2, is_series=True, recurrence=endless),
    )
    assert upkeep.store.count(tables.RECURRING_CONFERENCE) == 2
    upkeep.now = CLOSES + 3 * DAY - timedelta(seconds=1)
    assert await janitor(upkeep).sweep() == SweepResult()
    upkeep.now += timedelta(seconds=1)
    assert await janitor(upkeep).sweep() == SweepResult(conferences=1)
    upkeep.now += 3000 * DAY
    await janitor(upkeep).sweep()
    assert [r.recurrence for r in upkeep.every(tables.RECURRING_CONFERENCE)] == [
        endless
    ]


async def rest() -> None:
    waiting: Deferred[None] = deferLater(cast(Any, reactor), 0.001, lambda: None)
    await waiting


@pytest_twisted.ensureDeferred
async def test_what_an_administrator_made_stays(upkeep: Upkeep) -> None:
    """A schedule by hand does not make a permanent room go, nor a meeting's room
    earlier than that schedule ends."""
    await upkeep.put(tables.SCHEDULED_ALIAS, alias(1))
    await upkeep.schedule(meeting(1))
    (made,) = upkeep.every(tables.CONFERENCE)
    await upkeep.put(
        tables.CONFERENCE, Conference(id=77, name="Board", creation_time=NOW)
    )
    hand_made = ScheduledConference(
        id=78, conference=77, start_time=NOW - 9 * DAY, end_time=NOW - 8 * DAY
    )
    later = replace(hand_made, id=79, conference=made.id, end_time=NOW + 9 * DAY)
    await upkeep.put(tables.SCHEDULED_CONFERENCE, hand_made, later)
    upkeep.now = CLOSES + 5 * DAY
    assert await janitor(upkeep).sweep() == SweepResult()
    upkeep.now = NOW + 10 * DAY
    assert await janitor(upkeep).sweep() == SweepResult(conferences=1)
    assert upkeep.store.get(tables.CONFERENCE, 77) is not None


@pytest_twisted.ensureDeferred
async def test_what_is_to_come_is_not_looked_at(upkeep: Upkeep) -> None:
    """Hundreds of meetings of the next weeks and their aliases cost a round nothing;
    what ended in another age is found all the same."""
    await upkeep.put(tables.SCHEDULED_ALIAS, *(alias(n) for n in range(1, 301)))
    await upkeep.schedule(*(meeting(n) for n in range(1, 301)))
    old, *_ = upkeep.every(tables.SCHEDULED_CONFERENCE)
    ancient = datetime(1999, 12, 31, 23, 59, tzinfo=UTC)
    await upkeep.put(
        tables.SCHEDULED_CONFERENCE,
        replace(old, start_time=ancient - HOUR, end_time=ancient),
    )
    upkeep.now = NOW - DAY
    clock = Turns()
    sweep = Janitor(upkeep.store, clock=clock, now=upkeep.time).sweep(at_once=2)
    work = Deferred.fromCoroutine(sweep)
    turns = 0
    while not work.called:
        turns += bool(clock.getDelayedCalls())
        clock.advance(1)
        await rest()
    assert await work == SweepResult(conferences=1)
    assert turns < 5


@pytest_twisted.ensureDeferred
async def test_others_have_their_turn(upkeep: Upkeep) -> None:
    """Between pieces the reactor is free, and a meeting that is scheduled again in the
    meantime keeps its room."""
    await upkeep.put(tables.SCHEDULED_ALIAS, *(alias(n) for n in range(1, 7)))
    await upkeep.schedule(*(meeting(n) for n in range(1, 7)))
    upkeep.now = CLOSES + 2 * DAY
    clock = Turns()
    work = Deferred.fromCoroutine(
        Janitor(upkeep.store, clock=clock, now=upkeep.time).sweep(at_once=2)
    )
    clock.advance(1)
    assert upkeep.store.count(tables.CONFERENCE) == 6
    first, *_ = upkeep.every(tables.SCHEDULED_CONFERENCE)
    await upkeep.put(
        tables.SCHEDULED_CONFERENCE, replace(first, end_time=upkeep.now + DAY)
    )
    turns = 1
    while not work.called:
        turns += bool(clock.getDelayedCalls())
        clock.advance(1)
        await rest()
    assert turns >= 6
    assert await work == SweepResult(conferences=5)
    assert [c.id for c in upkeep.every(tables.CONFERENCE)] == [first.conference]


@pytest_twisted.ensureDeferred
async def test_cancellations_of_made_up_meetings_are_bounded(
    upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of too many early cancellations the oldest of that integration go, but none that
    its request may still follow."""
    monkeypatch.setattr("pexschedd.scheduling.upkeep.janitor.MOST_CANCELLED", 3)
    await upkeep.put(tables.CONNECTOR, replace(CONNECTOR, id=2, name="Other"))

    def cancelled(id: int, age: timedelta, connector: int = 1) -> CancelledOccurrence:
        return CancelledOccurrence(
            id=id,
            exchange_connector=connector,
            ews_item_uid=f"040000{id}",
            recurrence_id=NOW,
            created=NOW - age,
        )

    old, young = CANCELLED_AT_LEAST, CANCELLED_AT_LEAST - timedelta(seconds=1)
    for id, age in enumerate([young, old, old, old, young, young], 1):
        await upkeep.put(tables.CANCELLED_OCCURRENCE, cancelled(id, age))
    for id in range(7, 10):
        await upkeep.put(tables.CANCELLED_OCCURRENCE, cancelled(id, old, 2))
    await janitor(upkeep).sweep()
    left = [each.id for each in upkeep.every(tables.CANCELLED_OCCURRENCE)]
    assert left == [1, 5, 6, 7, 8, 9]
    for id in range(11, 16):
        await upkeep.put(tables.CANCELLED_OCCURRENCE, cancelled(id, young))
    await janitor(upkeep).sweep()
    assert len(upkeep.every(tables.CANCELLED_OCCURRENCE)) == 11
