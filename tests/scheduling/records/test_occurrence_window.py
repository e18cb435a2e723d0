"""Administrators see a series' occurrences from 24 hours back until 48 hours ahead."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.model.recurrence import Daily, Moved, Range, Recurrence
from pexschedd.model.schedule import RecurringConference, ScheduledConference
from pexschedd.scheduling.records import occurrence_window
from pexschedd.scheduling.records.occurrence_window import position, visible
from tests.scheduling.upkeep.upkeep_support import DAY, HOUR, NOW, Upkeep

FIRST = NOW.replace(hour=9)
"""Three hours ago."""


def series(
    count: int | None = 10, first: datetime = FIRST, id: int = 1, **changes: Any
) -> RecurringConference:
    """Every day at nine for an hour; may be joined a quarter of an hour earlier."""
    recurrence = Recurrence(
        pattern=Daily(),
        range=Range(first.date(), count),
        at=time(first.hour, first.minute),
        duration=HOUR,
    )
    return RecurringConference(
        id=id,
        conference=id,
        exchange_connector=1,
        ews_item_uid=f"uid {id}",
        ews_item_id=f"item {id}",
        scheduled_alias=7,
        subject="Plans",
        join_before=15,
        join_after=30,
        recurrence=replace(recurrence, **changes),
    )


async def refresh(
    upkeep: Upkeep, record: RecurringConference, now: datetime = NOW
) -> RecurringConference:
    """Returns the series as it is stored then."""
    change = upkeep.store.transaction()
    change.put(tables.RECURRING_CONFERENCE, record)
    occurrence_window.refresh(change, upkeep.store, record, now)
    await change.commit()
    stored = upkeep.store.get(tables.RECURRING_CONFERENCE, record.id)
    assert stored is not None
    return stored


def rows(upkeep: Upkeep) -> list[ScheduledConference]:
    found = upkeep.every(tables.SCHEDULED_CONFERENCE)
    return sorted(found, key=lambda row: row.start_time)


def shown(upkeep: Upkeep) -> list[datetime | None]:
    return [row.recurrence_id for row in rows(upkeep)]


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        (FIRST + HOUR + DAY - timedelta(seconds=1), 0, 3),
        (FIRST + HOUR + DAY, 1, 3),
        (FIRST + DAY, 0, 2),
        (FIRST + DAY + timedelta(seconds=1), 0, 3),
    ],
    ids=["ended just now a day ago", "a day over", "in 48 hours", "before that"],
)
def test_the_edges_of_the_window(now: datetime, first: int, last: int) -> None:
    """From those that ended less than 24 hours ago to those that begin within 48."""
    numbers = [occurrence.index for occurrence in visible(series(), now)]
    assert numbers == list(range(first, last + 1))


@pytest_twisted.ensureDeferred
async def test_an_occurrence_is_shown_with_its_join_window(upkeep: Upkeep) -> None:
    """It has the series' room, alias and subject, and names the series."""
    await refresh(upkeep, series(count=1))
    (row,) = rows(upkeep)
    assert row == ScheduledConference(
        id=row.id,
        conference=1,
        start_time=FIRST - timedelta(minutes=15),
        end_time=FIRST + HOUR + timedelta(minutes=30),
        ews_item_id="item 1",
        scheduled_alias=7,
        recurring_conference=1,
        subject="Plans",
        exchange_connector=1,
        meeting_start=FIRST,
        meeting_end=FIRST + HOUR,
        recurrence_id=FIRST,
    )


@pytest_twisted.ensureDeferred
async def test_records_follow_their_series(upkeep: Upkeep) -> None:
    """A moved one keeps its record, a cancelled one loses it, the others stay."""
    await refresh(upkeep, series())
    before = {row.recurrence_id: row for row in rows(upkeep)}
    assert list(before) == [FIRST, FIRST + DAY, FIRST + 2 * DAY]
    moved = Moved(FIRST + DAY, FIRST + DAY + HOUR, FIRST + DAY + 2 * HOUR)
    await refresh(upkeep, series(exceptions=(moved,), deleted=(FIRST,)))
    after = {row.recurrence_id: row for row in rows(upkeep)}
    assert list(after) == [FIRST + DAY, FIRST + 2 * DAY]
    assert after[FIRST + 2 * DAY] == before[FIRST + 2 * DAY]
    assert after[FIRST + DAY].id == before[FIRST + DAY].id
    assert after[FIRST + DAY].meeting_start == FIRST + DAY + HOUR


@pytest_twisted.ensureDeferred
async def test_nothing_is_written_twice(upkeep: Upkeep) -> None:
    """What is as it should be costs no write."""
    stored = await refresh(upkeep, series())
    change = upkeep.store.transaction()
    occurrence_window.refresh(change, upkeep.store, stored, NOW)
    assert not change.operations
    await change.commit()


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (FIRST - DAY, (0, False)),
        (FIRST + HOUR + timedelta(minutes=29), (0, False)),
        (FIRST + HOUR + timedelta(minutes=30), (1, False)),
        (FIRST + 9 * DAY + HOUR, (9, False)),
        (FIRST + 99 * DAY, (9, True)),
    ],
    ids=["before", "still open", "closed", "the last one", "over"],
)
def test_the_position_in_the_series(now: datetime, expected: tuple[int, bool]) -> None:
    """The index of the window that is open, or opens next; in the end of the last."""
    assert position(series(), now) == expected


def test_a_series_without_occurrences_is_depleted() -> None:
    """Its index stays as it was."""
    record = replace(series(count=1, deleted=(FIRST,)), current_index=4)
    assert position(record, NOW) == (4, True)


@pytest_twisted.ensureDeferred
async def test_the_position_is_stored(upkeep: Upkeep) -> None:
    """Index and depletion follow the time."""
    stored = await refresh(upkeep, series(), FIRST + 2 * DAY)
    assert (stored.current_index, stored.is_depleted) == (2, False)
    stored = await refresh(upkeep, stored, FIRST + 99 * DAY)
    assert (stored.current_index, stored.is_depleted) == (9, True)
    assert not rows(upkeep)


@pytest_twisted.ensureDeferred
async def test_a_forgotten_series_leaves_its_room(upkeep: Upkeep) -> None:
    """Its own records go, those of another series stay."""
    await upkeep.put(tables.CONFERENCE, Conference(id=1, name="Room"))
    gone = await refresh(upkeep, series())
    kept = await refresh(upkeep, series(id=2))
    change = upkeep.store.transaction()
    occurrence_window.delete_series(change, upkeep.store, gone)
    await change.commit()
    assert upkeep.every(tables.RECURRING_CONFERENCE) == [kept]
    assert {row.recurring_conference for row in rows(upkeep)} == {2}
    assert upkeep.store.count(tables.CONFERENCE) == 1


@pytest_twisted.ensureDeferred
async def test_a_sweep_follows_the_time(upkeep: Upkeep) -> None:
    """Every series is looked at, and only those that have been overtaken change."""
    await refresh(upkeep, series())
    still = await refresh(upkeep, series(first=FIRST + 30 * DAY, id=2))
    later = FIRST + DAY + 2 * HOUR

    async def sweep(running: bool) -> None:
        await occurrence_window.sweep(
            upkeep.store, upkeep.clock, lambda: later, lambda: running
        )

    await sweep(running=False)
    assert shown(upkeep)[0] == FIRST
    await sweep(running=True)
    assert shown(upkeep) == [FIRST + n * DAY for n in (1, 2, 3)]
    swept = upkeep.store.get(tables.RECURRING_CONFERENCE, 1)
    assert swept is not None
    assert swept.current_index == 2
    assert upkeep.store.get(tables.RECURRING_CONFERENCE, 2) is still
    before = upkeep.store.get(tables.RECURRING_CONFERENCE, 1)
    await sweep(running=True)
    assert upkeep.store.get(tables.RECURRING_CONFERENCE, 1) is before


@pytest_twisted.ensureDeferred
async def test_a_sweep_notices_a_new_occurrence_alone(upkeep: Upkeep) -> None:
    """Even if the position in the series is still the same."""
    await refresh(upkeep, series(), FIRST + 2 * HOUR)
    assert len(rows(upkeep)) == 3
    await occurrence_window.sweep(
        upkeep.store, upkeep.clock, lambda: FIRST + DAY + HOUR, lambda: True
    )
    assert shown(upkeep) == [FIRST + n * DAY for n in (1, 2, 3)]


@pytest_twisted.ensureDeferred
async def test_a_series_in_an_unknown_zone_does_not_stop_the_sweep(
    upkeep: Upkeep,
) -> None:
    """It keeps what is shown of it, and the series after it follow the time."""
    lost = series(id=1, zone="No/Where")
    await upkeep.put(tables.RECURRING_CONFERENCE, lost)
    await refresh(upkeep, series(id=2))
    await occurrence_window.sweep(
        upkeep.store, upkeep.clock, lambda: FIRST + DAY + 2 * HOUR, lambda: True
    )
    assert upkeep.store.get(tables.RECURRING_CONFERENCE, 1) == lost
    assert shown(upkeep) == [FIRST + n * DAY for n in (1, 2, 3)]
