"""How a series recurs: every pattern, its end, its zone, and what is shown of it."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_twisted
from exchangelib import recurrence as rec
from msgspec.structs import replace

from pexschedd.sandbox import Send
from pexschedd.sandbox import SeriesRecurrence as Weekly
from tests.stories.series_support import (
    WEEK,
    answered,
    closed_at,
    daily,
    linked,
    local,
    look_on,
    opens_at,
    position,
    repeats,
    rows,
)
from tests.stories.story_support import (
    AT_TEN,
    DAY,
    EQUIPMENT,
    HOUR,
    MINUTE,
    NEW_SERIES,
    OVER,
    World,
    window,
)

story = pytest_twisted.ensureDeferred
NEW_YORK, SYDNEY = ZoneInfo("America/New_York"), ZoneInfo("Australia/Sydney")
CHATHAM, TOKYO = ZoneInfo("Pacific/Chatham"), ZoneInfo("Asia/Tokyo")

PATTERNS = {
    "every day": (
        rec.DailyPattern(interval=1),
        local("2026-11-24T10:00"),
        ["2026-11-24T09:00", "2026-11-25T09:00", "2027-06-01T08:00"],
        ["2026-11-24T15:00"],
    ),
    "every third day": (
        rec.DailyPattern(interval=3),
        local("2026-11-24T10:00"),
        ["2026-11-24T09:00", "2026-11-27T09:00", "2026-11-30T09:00"],
        ["2026-11-25T09:00", "2026-11-26T09:00"],
    ),
    "on several days of the week": (
        rec.WeeklyPattern(interval=1, weekdays=["Tuesday", "Thursday"]),
        local("2026-11-24T10:00"),
        ["2026-11-24T09:00", "2026-11-26T09:00", "2026-12-01T09:00"],
        ["2026-11-25T09:00", "2026-11-30T09:00"],
    ),
    "every other week that begins on a Sunday": (
        rec.WeeklyPattern(
            interval=2, weekdays=["Tuesday", "Sunday"], first_day_of_week="Sunday"
        ),
        local("2026-11-24T10:00"),
        ["2026-11-24T09:00", "2026-12-06T09:00", "2026-12-08T09:00"],
        ["2026-11-29T09:00", "2026-12-01T09:00"],
    ),
    "every other week that begins on a Monday": (
        rec.WeeklyPattern(
            interval=2, weekdays=["Tuesday", "Sunday"], first_day_of_week="Monday"
        ),
        local("2026-11-24T10:00"),
        ["2026-11-24T09:00", "2026-11-29T09:00", "2026-12-08T09:00"],
        ["2026-12-01T09:00", "2026-12-06T09:00"],
    ),
    "on the last day of months, though some have no 31st": (
        rec.AbsoluteMonthlyPattern(interval=1, day_of_month=31),
        local("2026-12-31T10:00"),
        ["2026-12-31T09:00", "2027-02-28T09:00", "2027-04-30T08:00"],
        ["2027-02-27T09:00", "2027-05-01T08:00"],
    ),
    "on the first Monday": (
        rec.RelativeMonthlyPattern(interval=1, weekday="Monday", week_number="First"),
        local("2026-12-07T10:00"),
        ["2026-12-07T09:00", "2027-01-04T09:00", "2027-02-01T09:00"],
        ["2026-12-14T09:00"],
    ),
    "on the last working day of every second month": (
        rec.RelativeMonthlyPattern(interval=2, weekday="Weekday", week_number="Last"),
        local("2026-11-30T10:00"),
        ["2026-11-30T09:00", "2027-01-29T09:00", "2027-03-31T08:00"],
        ["2026-12-31T09:00", "2027-01-31T09:00"],
    ),
    "on a date": (
        rec.AbsoluteYearlyPattern(day_of_month=29, month=2),
        local("2028-02-29T10:00"),
        ["2028-02-29T09:00", "2029-02-28T09:00", "2032-02-29T09:00"],
        ["2029-03-01T09:00"],
    ),
    "on the fourth Thursday of November": (
        rec.RelativeYearlyPattern(weekday="Thursday", week_number="Fourth", month=11),
        local("2026-11-26T10:00", NEW_YORK),
        ["2026-11-26T15:00", "2027-11-25T15:00", "2030-11-28T15:00"],
        ["2027-11-26T15:00"],
    ),
    "on the last weekend day of June": (
        rec.RelativeYearlyPattern(weekday="WeekendDay", week_number="Last", month=6),
        local("2027-06-27T10:00"),
        ["2027-06-27T08:00", "2028-06-25T08:00"],
        ["2027-06-26T08:00"],
    ),
    "across the end of summer time in the north": (
        rec.WeeklyPattern(interval=1, weekdays=["Friday"]),
        local("2027-10-22T10:00"),
        ["2027-10-22T08:00", "2027-10-29T08:00", "2027-11-05T09:00"],
        [],
    ),
    "across its beginning in the north": (
        rec.WeeklyPattern(interval=1, weekdays=["Wednesday"]),
        local("2027-03-10T10:00", NEW_YORK),
        ["2027-03-10T15:00", "2027-03-17T14:00", "2027-11-10T15:00"],
        [],
    ),
    "across both in the south": (
        rec.WeeklyPattern(interval=1, weekdays=["Tuesday"]),
        local("2027-03-30T09:00", SYDNEY),
        ["2027-03-29T22:00", "2027-04-05T23:00", "2027-10-04T22:00"],
        ["2027-04-05T20:00"],
    ),
    "where clocks show odd minutes": (
        rec.DailyPattern(interval=1),
        local("2027-04-03T09:00", CHATHAM),
        ["2027-04-02T19:15", "2027-04-03T20:15"],
        [],
    ),
    "where it is tomorrow already": (
        rec.WeeklyPattern(interval=1, weekdays=["Wednesday"]),
        local("2026-11-25T07:00", TOKYO),
        ["2026-11-24T22:00", "2026-12-01T22:00", "2027-07-13T22:00"],
        ["2026-11-25T22:00"],
    ),
    "at a time that the clock leaves out once": (
        rec.DailyPattern(interval=1),
        local("2027-03-27T02:30"),
        ["2027-03-27T01:30", "2027-03-28T01:30", "2027-03-29T00:30"],
        [],
    ),
}


@pytest.mark.parametrize("name", PATTERNS)
@story
async def test_patterns(world: World, name: str) -> None:
    """The room opens for every occurrence, however the series repeats."""
    pattern, first, taking_place, others = PATTERNS[name]
    alice, room = world.organizer(), await world.book()
    await alice.invite(
        "Series", first, body=room.instructions, recurrence=repeats(pattern, first)
    )
    await world.settle()
    (letter,) = await alice.reads()
    assert letter == NEW_SERIES
    assert f"the aliases: {room.alias} and {room.numeric}." in letter.text
    opens_at(world, room, [_utc(text) for text in taking_place])
    closed_at(world, room, *(_utc(text) for text in others))
    assert await position(world) == (0, False)
    assert answered(world)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


@story
async def test_records_follow_the_time(world: World) -> None:
    """Administrators see a day back and two ahead, and where the series is."""
    alice, room = world.organizer(), await world.book()
    await alice.invite(
        "Daily", AT_TEN, body=room.instructions, recurrence=daily(AT_TEN, 5)
    )
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    assert await rows(world) == [AT_TEN, AT_TEN + DAY]
    assert await linked(world)
    assert await position(world) == (0, False)

    await look_on(world, AT_TEN + 119 * MINUTE)
    assert await position(world) == (0, False)
    await look_on(world, AT_TEN + 2 * HOUR)
    assert await position(world) == (1, False)
    await look_on(world, AT_TEN + 2 * DAY)
    assert await position(world) == (2, False)
    assert await rows(world) == [AT_TEN + number * DAY for number in (1, 2, 3)]
    await look_on(world, AT_TEN + 4 * DAY + 2 * HOUR)
    assert await position(world) == (4, True)
    assert await rows(world) == [AT_TEN + 4 * DAY]
    assert await world.door(room) == OVER
    await look_on(world, AT_TEN + 6 * DAY)
    assert await rows(world) == []


ENDS: dict[str, tuple[dict[str, Any], list[int], int]] = {
    "after three times": ({"number": 3}, [0, 1, 2], 3),
    "on the day of the third": ({"until": date(2026, 12, 8)}, [0, 1, 2], 3),
    "on the day before the third": ({"until": date(2026, 12, 7)}, [0, 1], 2),
    "never": ({}, [0, 1, 2, 3, 52 * 10, 52 * 400], -1),
}


@pytest.mark.parametrize("name", ENDS)
@story
async def test_ends(world: World, name: str) -> None:
    """A series ends after a number of times, on a date, or never."""
    ends, weeks, over = ENDS[name]
    first = AT_TEN + DAY
    alice, room = world.organizer(), await world.book()
    pattern = rec.WeeklyPattern(interval=1, weekdays=["Tuesday"])
    await alice.invite(
        "Series",
        first,
        body=room.instructions,
        recurrence=repeats(pattern, first, **ends),
    )
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    opens_at(world, room, [first + week * WEEK for week in weeks])
    if over > 0:
        assert await world.door(room, at=first + over * WEEK) == OVER


@story
async def test_whole_days(world: World) -> None:
    """Days of a series are those of its zone, of whatever length."""
    alice, room = world.organizer(), await world.book()
    first = local("2027-03-26T00:00")
    await alice.invite(
        "Fair",
        first,
        first + DAY,
        body=room.instructions,
        is_all_day=True,
        recurrence=repeats(rec.DailyPattern(interval=2), first, number=2),
    )
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    # The second of the days has 23 hours.
    for day, hours in ((_utc("2027-03-25T23:00"), 24), (_utc("2027-03-27T23:00"), 23)):
        begin, end = window(day, day + hours * HOUR)
        assert await world.door(room, at=begin - MINUTE) != "open"
        assert await world.door(room, at=begin) == "open"
        assert await world.door(room, at=end - MINUTE) == "open"
        assert await world.door(room, at=end) != "open"


ITS_OWN_CLOCK = """
<t:StartTimeZone xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
 Id="Customized Time Zone" Name="Ours"><t:Periods>
<t:Period Bias="PT3H" Name="Standard" Id="Std"/>
<t:Period Bias="PT2H" Name="Daylight" Id="Dlt"/></t:Periods>
<t:TransitionsGroups><t:TransitionsGroup Id="0">
<t:RecurringDayTransition><t:To Kind="Period">Dlt</t:To>
<t:TimeOffset>PT0H</t:TimeOffset>
<t:Month>12</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>1</t:Occurrence>
</t:RecurringDayTransition>
<t:RecurringDayTransition><t:To Kind="Period">Std</t:To>
<t:TimeOffset>PT1H</t:TimeOffset>
<t:Month>2</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence>
</t:RecurringDayTransition></t:TransitionsGroup></t:TransitionsGroups>
<t:Transitions><t:Transition><t:To Kind="Group">0</t:To></t:Transition></t:Transitions>
</t:StartTimeZone>"""
"""Of a zone three hours behind, with summer time from December until February."""


@story
async def test_zone_of_its_own(world: World) -> None:
    """The clocks of a zone without a name change as the invitation says."""
    alice, room = world.organizer(), await world.book()
    first = _utc("2026-11-30T12:00")
    item = world.exchange.schedule(
        alice.address,
        subject="Weekly",
        start=first,
        end=first + HOUR,
        resources=[EQUIPMENT],
        body=room.instructions,
        send=False,
    )
    assert item.meeting is not None
    draft = replace(item)
    draft.meeting = replace(
        item.meeting,
        zone="Customized Time Zone",
        zone_rules=ITS_OWN_CLOCK,
        recurrence=Weekly.weekly("Monday"),
    )
    world.exchange.change(item, draft, Send.ALL)
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    standard, daylight = _utc("2027-03-01T12:00"), _utc("2026-12-07T11:00")
    opens_at(world, room, [first, daylight, standard])


@story
async def test_ten_years(world: World) -> None:
    """A long series with many occurrences is as exact at its end as at its start."""
    alice, room = world.organizer(), await world.book()
    first = local("2026-11-24T10:00")
    weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    pattern = rec.WeeklyPattern(interval=1, weekdays=weekdays)
    last = date(2036, 11, 24)
    await alice.invite(
        "Every day",
        first,
        body=room.instructions,
        recurrence=repeats(pattern, first, until=last),
    )
    await world.settle()
    assert await alice.reads() == [NEW_SERIES]
    opens_at(world, room, [_utc("2036-07-01T08:00"), _utc("2036-11-24T09:00")])
    closed_at(world, room, _utc("2036-11-23T09:00"), _utc("2036-11-25T09:00"))
    await look_on(world, _utc("2036-11-21T00:00"))
    assert await position(world) == (2608, False)
