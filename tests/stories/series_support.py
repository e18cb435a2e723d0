"""Series, as exchangelib's organizers make and change them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import exchangelib as ex
from exchangelib import recurrence as rec
from exchangelib.items import SEND_ONLY_TO_ALL, SEND_TO_ALL_AND_SAVE_COPY

from pexschedd.model import tables
from pexschedd.scheduling.records import occurrence_window
from tests.stories.story_support import (
    AT_TEN,
    HOUR,
    MINUTE,
    Booked,
    Organizer,
    World,
    ews_time,
    opens,
    reactor,
    window,
)

WEEK = timedelta(days=7)
BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    """What a clock on the wall shows."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def repeats(
    pattern: Any,
    first: datetime,
    *,
    number: int | None = None,
    until: date | None = None,
) -> Any:
    """exchangelib's recurrence, from the first occurrence on."""
    ends: dict[str, Any] = {}
    if number is not None:
        ends["number"] = number
    if until is not None:
        ends["end"] = ex.EWSDate.from_date(until)
    start = ex.EWSDate.from_date(first.date())
    return rec.Recurrence(pattern=pattern, start=start, **ends)


def weekly(first: datetime, number: int | None = None, interval: int = 1) -> Any:
    """On the weekday of the first one."""
    pattern = rec.WeeklyPattern(interval=interval, weekdays=[f"{first:%A}"])
    return repeats(pattern, first, number=number)


def daily(first: datetime, number: int | None = None) -> Any:
    return repeats(rec.DailyPattern(interval=1), first, number=number)


async def change_one(
    organizer: Organizer, series: Any, number: int, **fields: Any
) -> None:
    """Changes one occurrence, counted from 1, and sends it to everybody."""

    def work() -> None:
        one = series.occurrence(number)
        one.refresh()
        for name, value in fields.items():
            setattr(one, name, value)
        one.save(
            update_fields=list(fields),
            send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY,
        )

    await organizer.do(work)


async def move_one(
    organizer: Organizer, series: Any, number: int, start: datetime
) -> None:
    await change_one(
        organizer, series, number, start=ews_time(start), end=ews_time(start + HOUR)
    )


async def cancel_one(organizer: Organizer, series: Any, number: int) -> None:
    def work() -> None:
        one = series.occurrence(number)
        one.refresh()
        one.delete(send_meeting_cancellations=SEND_ONLY_TO_ALL)

    await organizer.do(work)


def opens_at(
    world: World, room: Booked, starts: Sequence[datetime], length: timedelta = HOUR
) -> None:
    """The room opens half an hour before each of these meetings and closes an hour
    after its end. The meetings must lie apart."""
    for start in starts:
        first, last = window(start, start + length)
        assert world.admitted(room, at=first - MINUTE) == opens(start), start
        assert world.admitted(room, at=first) == "open", start
        assert world.admitted(room, at=last - MINUTE) == "open", start
        assert world.admitted(room, at=last) != "open", start


def closed_at(world: World, room: Booked, *starts: datetime) -> None:
    """No meeting takes place at these times."""
    for start in starts:
        assert world.admitted(room, at=start) != "open", start


async def look_on(world: World, moment: datetime) -> None:
    """Time passes, and the daemon's records follow it."""
    world.now.time = moment
    await occurrence_window.sweep(world.store, reactor, world.now, lambda: True)


async def rows(world: World) -> list[datetime]:
    """When the occurrences that administrators see begin, the buffer left out."""
    return [start + 30 * MINUTE for start, _ in await world.schedule()]


async def position(world: World) -> tuple[int, bool]:
    """Where the only series is, as administrators see it."""
    (series,) = await world.objects("recurring_conference")
    return series["current_index"], series["is_depleted"]


async def linked(world: World) -> bool:
    """Whether all rows name the only series and its room."""
    (series,) = await world.objects("recurring_conference")
    return all(
        (row["recurring_conference"], row["conference"])
        == (series["resource_uri"], series["conference"])
        for row in await world.objects("scheduled_conference")
    )


def answered(world: World) -> bool:
    """Nothing is left to tell, and nothing lies in the inbox."""
    return not world.store.count(tables.OUTBOX) and not world.inbox()


class Weekly:
    """A series of five Mondays that is scheduled already."""

    def __init__(
        self, world: World, alice: Organizer, room: Booked, series: Any
    ) -> None:
        self.world = world
        self.alice = alice
        self.room = room
        self.series = series


def monday(number: int) -> datetime:
    """When the pattern has an occurrence, counted from 1."""
    return AT_TEN + (number - 1) * WEEK
