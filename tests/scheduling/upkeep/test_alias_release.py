"""Unused aliases go early where aliases run low, and only there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.outbox import TroubledMessage
from pexschedd.model.schedule import ScheduledConference
from pexschedd.scheduling.booking import Booking
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.upkeep.janitor import Janitor
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    DAY,
    HOUR,
    NOW,
    Upkeep,
    alias,
)

SMALL = replace(
    CONNECTOR, scheduled_alias_prefix="777", scheduled_alias_suffix_length=2
)
"""Of 99 aliases 20 are to be free."""


@pytest_twisted.async_yield_fixture()
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(tmp_path / "state")
    await upkeep.put(tables.CONNECTOR, SMALL)
    yield upkeep
    await upkeep.store.close()


def handed_out(number: int, user: str = "greedy", **changes: Any) -> ScheduledAlias:
    """The higher the number, the younger."""
    return alias(
        number,
        numeric_alias=f"777{number:02}",
        alias=f"777{number:02}@example.test",
        creation_time=NOW - DAY + number * HOUR / 10,
        booked_by=user,
        **changes,
    )


async def left_after_a_round(upkeep: Upkeep) -> set[int]:
    janitor = Janitor(upkeep.store, clock=upkeep.clock, now=upkeep.time)
    await janitor.sweep()
    return {each.id for each in upkeep.every(tables.SCHEDULED_ALIAS)}


@pytest_twisted.ensureDeferred
async def test_the_oldest_go_until_enough_are_free(upkeep: Upkeep) -> None:
    """Ninety of 99 are taken: eleven of the user with most go, and the few of another
    user stay."""
    few = [handed_out(n, "modest") for n in range(1, 6)]
    many = [handed_out(n) for n in range(6, 91)]
    await upkeep.put(tables.SCHEDULED_ALIAS, *few, *many)
    left = await left_after_a_round(upkeep)
    assert left == {*range(1, 6), *range(17, 91)}
    assert await left_after_a_round(upkeep) == left


@pytest_twisted.ensureDeferred
async def test_nothing_goes_while_enough_are_free(upkeep: Upkeep) -> None:
    """With a fifth free, and where other ranges are full, nothing goes early."""
    mine = [handed_out(n) for n in range(1, 80)]
    others = [alias(n, booked_by="other") for n in range(200, 250)]
    await upkeep.put(tables.SCHEDULED_ALIAS, *mine, *others)
    assert await left_after_a_round(upkeep) == {*range(1, 80), *range(200, 250)}


@pytest_twisted.ensureDeferred
async def test_what_a_meeting_uses_stays(upkeep: Upkeep) -> None:
    """However few are free, an alias with a meeting stays, and one that only a certain
    meeting may use, or that nobody is known to hold."""
    kept = [
        handed_out(1, is_used=True),
        handed_out(2, ews_item_uid="uid"),
        replace(handed_out(3), booked_by=""),
        handed_out(4),
    ]
    await upkeep.put(
        tables.SCHEDULED_ALIAS, *kept, *(handed_out(n) for n in range(5, 99))
    )
    meeting = ScheduledConference(
        id=1, conference=1, start_time=NOW, end_time=NOW + HOUR, scheduled_alias=4
    )
    await upkeep.put(tables.SCHEDULED_CONFERENCE, meeting)
    left = await left_after_a_round(upkeep)
    assert {1, 2, 3, 4} <= left
    assert 5 not in left
    assert len(left) == 79


@pytest.mark.parametrize("behind", ["alarm", "tried again"])
@pytest_twisted.ensureDeferred
async def test_nothing_goes_while_the_mailbox_is_behind(
    upkeep: Upkeep, behind: str
) -> None:
    """While meetings may wait in the mailbox, aliases stay; afterwards they go."""
    await upkeep.put(tables.SCHEDULED_ALIAS, *(handed_out(n) for n in range(1, 99)))
    alarm = Alarm(id=1, name="unreachable", instance=SMALL.name, time_raised=NOW)
    message = TroubledMessage(
        id=1, exchange_connector=1, item_id="x", first_time=NOW, last_time=NOW
    )
    if behind == "alarm":
        await upkeep.put(tables.ALARM, alarm)
    else:
        await upkeep.put(tables.TROUBLED, message)
    assert len(await left_after_a_round(upkeep)) == 98
    if behind == "alarm":
        await upkeep.put(tables.ALARM, replace(alarm, time_lowered=NOW))
    else:
        await upkeep.put(tables.TROUBLED, replace(message, set_aside_time=NOW))
    assert len(await left_after_a_round(upkeep)) == 79


@pytest_twisted.ensureDeferred
async def test_booking_notes_for_whom(upkeep: Upkeep) -> None:
    """An alias that the add-in gets is counted for its user, under no name."""
    numbers = iter("123456789")
    allocator = AliasAllocator(
        upkeep.store,
        now=upkeep.time,
        uuid4=lambda: next(numbers),
        digits=lambda n: next(numbers) * n,
    )
    booking = Booking(upkeep.store, upkeep.texts, allocator, upkeep.clock.seconds)
    for user in ("anna", "anna", "bob"):
        await booking.book(1, user)
    keys = [each.booked_by for each in upkeep.every(tables.SCHEDULED_ALIAS)]
    assert keys[0] == keys[1] != keys[2]
    assert not {"", "anna", "bob"} & set(keys)
