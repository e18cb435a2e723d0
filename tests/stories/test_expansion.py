"""Product and sandbox, written apart, agree when series take place.

Organizers make and change series of all kinds in the sandbox; the product reads what
arrives in the equipment mailbox from the sandbox's own answers. The sandbox finds the
occurrences with dateutil, the product by arithmetic.
"""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.recurrence import CustomZone
from pexschedd.sandbox import Item, Sandbox, Send, SeriesRecurrence
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import timezones
from pexschedd.scheduling.recurrence.series_dates import occurrences
from tests.sandbox.sandbox_support import ALICE, EQUIPMENT, START
from tests.stories.local_exchange import new_sandbox, read
from tests.thorough import examples

DAY = timedelta(days=1)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WHICH = ("First", "Second", "Third", "Fourth", "Last")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)

ZONES = (
    "W. Europe Standard Time",
    "GMT Standard Time",
    "Eastern Standard Time",
    "Pacific Standard Time",
    "Newfoundland Standard Time",
    "AUS Eastern Standard Time",
    "Lord Howe Standard Time",  # by half an hour
    "New Zealand Standard Time",
    "Chatham Islands Standard Time",
    "Pacific SA Standard Time",  # at midnight
    "E. South America Standard Time",
    "Cuba Standard Time",  # at midnight
    "Egypt Standard Time",
    "Jordan Standard Time",
    "Iran Standard Time",
    "Israel Standard Time",
    "Morocco Standard Time",
    "Azores Standard Time",
    "Samoa Standard Time",  # left out a day in 2011
    "Line Islands Standard Time",
    "Dateline Standard Time",
    "India Standard Time",
    "Nepal Standard Time",
    "Tokyo Standard Time",
    "UTC",
)

dates = st.dates(date(2009, 1, 1), date(2036, 12, 31))
clock_times = st.one_of(
    # Around midnight and in the hours in which clocks change.
    st.sampled_from([time(0), time(0, 30), time(1, 30), time(2), time(2, 30), time(3)]),
    st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 59])),
)
lengths = st.sampled_from([0, 15, 60, 90, 24 * 60, 36 * 60, 4 * 24 * 60]).map(
    lambda minutes: timedelta(minutes=minutes)
)


@st.composite
def recurrences(draw: st.DrawFn, start: date) -> SeriesRecurrence:
    interval = draw(st.integers(1, 5))
    days = st.sampled_from(DAYS)
    kinds_of_day = st.sampled_from([*DAYS, "Day", "Weekday", "WeekendDay"])
    which, months = st.sampled_from(WHICH), st.sampled_from(MONTHS)
    pattern: SeriesRecurrence = draw(
        st.one_of(
            st.just(SeriesRecurrence.daily(interval=interval)),
            st.builds(
                lambda chosen, first: SeriesRecurrence.weekly(
                    *sorted(chosen), interval=interval, first_day=first
                ),
                st.sets(days, min_size=1),
                days,
            ),
            st.builds(
                lambda day: SeriesRecurrence.monthly(day, interval=interval),
                st.integers(1, 31),
            ),
            st.builds(
                lambda nth, day: SeriesRecurrence.monthly_on(
                    nth, day, interval=interval
                ),
                which,
                kinds_of_day,
            ),
            st.builds(SeriesRecurrence.yearly, months, st.integers(1, 31)),
            st.builds(SeriesRecurrence.yearly_on, which, kinds_of_day, months),
        )
    )
    ends = draw(st.sampled_from(["never", "count", "until"]))
    count = draw(st.integers(1, 40)) if ends == "count" else None
    until = start + draw(st.integers(0, 900)) * DAY if ends == "until" else None
    return replace(pattern, start=start, count=count, until=until)


class World:
    """A sandbox in which the equipment mailbox is invited to everything."""

    def __init__(self) -> None:
        self.moment = START
        self.sandbox: Sandbox = new_sandbox(lambda: self.moment)
        self.exchange = self.sandbox.exchange

    def invite(
        self,
        recurrence: SeriesRecurrence,
        day: date,
        at: time,
        length: timedelta,
        zone: str,
        rules: str = "",
        *,
        all_day: bool = False,
    ) -> Item:
        where = timezones.zone_of(zone, rules)
        local = datetime.combine(day, at)
        item = self.exchange.schedule(
            ALICE,
            subject="Series",
            start=local.replace(tzinfo=where).astimezone(UTC),
            end=(local + length).replace(tzinfo=where).astimezone(UTC),
            resources=[EQUIPMENT],
            zone="UTC" if rules else zone,
            all_day=all_day,
            recurrence=None if rules else recurrence,
            send=not rules,
        )
        if rules:
            draft = replace(item)
            assert item.meeting is not None
            draft.meeting = replace(
                item.meeting, zone=zone, zone_rules=rules, recurrence=recurrence
            )
            self.exchange.change(item, draft, Send.ALL)
        return item

    def received(self) -> MeetingMessage:
        """The newest message, as the product reads it."""
        return read(self.sandbox, self.exchange.mailbox(EQUIPMENT).inbox()[0])

    def empty(self) -> None:
        for item in self.exchange.mailbox(EQUIPMENT).inbox():
            self.exchange.mailbox(EQUIPMENT).remove(item)

    def send_again(self, item: Item) -> None:
        self.moment += timedelta(seconds=1)
        self.exchange.update(item, subject="Series, again")


def compared(world: World, item: Item, low: datetime, high: datetime) -> None:
    """The product has the same occurrences in this span as the sandbox."""
    message = world.received()
    assert message.recurrence is not None, "the product does not understand it"
    ours = [
        (o.original, o.start, o.end) for o in occurrences(message.recurrence, low, high)
    ]
    theirs = []
    for each in world.exchange.occurrences(item, low, high):
        assert each.meeting is not None
        assert each.meeting.recurrence_id is not None
        theirs.append(
            (each.meeting.recurrence_id, each.meeting.start, each.meeting.end)
        )
    assert sorted(ours) == sorted(theirs)


WORLD = World()
"""One for all examples: it is emptied before each."""

CUSTOM = """
<t:StartTimeZone xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
 Id="Customized Time Zone" Name="Ours"><t:Periods>
<t:Period Bias="{standard}" Name="Standard" Id="Std"/>
<t:Period Bias="{daylight}" Name="Daylight" Id="Dlt"/></t:Periods>
<t:TransitionsGroups><t:TransitionsGroup Id="0">
{to_daylight}{to_standard}</t:TransitionsGroup></t:TransitionsGroups>
<t:Transitions><t:Transition><t:To Kind="Group">0</t:To></t:Transition></t:Transitions>
</t:StartTimeZone>
"""
ON_A_DAY = """<t:RecurringDayTransition><t:To Kind="Period">{to}</t:To>
<t:TimeOffset>PT{hour}H</t:TimeOffset><t:Month>{month}</t:Month>
<t:DayOfWeek>{day}</t:DayOfWeek><t:Occurrence>{nth}</t:Occurrence>
</t:RecurringDayTransition>"""


@st.composite
def custom_zones(draw: st.DrawFn) -> str:
    """Definitions of zones that have no name, in both hemispheres."""
    hours = draw(st.integers(-11, 11))
    spring, autumn = draw(st.permutations([3, 10]))
    changes = [
        ON_A_DAY.format(
            to=to,
            month=month,
            hour=draw(st.integers(0, 4)),
            day=draw(st.sampled_from(DAYS)),
            nth=draw(st.sampled_from([1, 2, 3, 4, -1])),
        )
        for to, month in (("Dlt", spring), ("Std", autumn))
    ]
    return CUSTOM.format(
        standard=_bias(-hours),
        daylight=_bias(-hours - 1),
        to_daylight=changes[0],
        to_standard=changes[1],
    )


def _bias(hours: int) -> str:
    return f"-PT{-hours}H" if hours < 0 else f"PT{hours}H"


@settings(max_examples=examples(120))
@given(data=st.data())
def test_zones_of_their_own(data: st.DataObject) -> None:
    """A series in a zone that nobody has heard of goes by the rules it brings."""
    world = WORLD
    world.empty()
    day = data.draw(dates, "start")
    recurrence = data.draw(recurrences(day), "recurrence")
    rules = data.draw(custom_zones(), "rules")
    at, length = data.draw(clock_times, "at"), data.draw(lengths, "length")
    try:
        item = world.invite(recurrence, day, at, length, "Customized Time Zone", rules)
    except EwsError as error:
        assert error.code == "ErrorRecurrenceHasNoOccurrence"  # noqa: PT017
        return
    received = world.received().recurrence
    assert received is not None
    assert isinstance(received.zone, CustomZone)
    begin = datetime.combine(day, time(), UTC)
    compared(world, item, begin - 5 * DAY, begin + 420 * DAY)


@pytest.mark.timeout(600)  # much work: a busy machine takes its time for it
@settings(max_examples=examples(400))
@given(data=st.data())
def test_patterns_and_changes(data: st.DataObject) -> None:
    """Whatever the pattern, range, zone, and whatever was moved or deleted."""
    world = WORLD
    world.empty()
    day = data.draw(dates, "start")
    recurrence = data.draw(recurrences(day), "recurrence")
    zone = data.draw(st.sampled_from(ZONES), "zone")
    all_day = data.draw(st.booleans(), "all_day")
    if all_day:
        at, length = time(0), data.draw(st.integers(1, 3), "days") * DAY
    else:
        at, length = data.draw(clock_times, "at"), data.draw(lengths, "length")
    try:
        item = world.invite(recurrence, day, at, length, zone, all_day=all_day)
    except EwsError as error:
        assert error.code == "ErrorRecurrenceHasNoOccurrence"  # noqa: PT017
        event("no occurrence")
        return
    begin = datetime.combine(day, time(), UTC)
    compared(world, item, begin - 5 * DAY, begin + 420 * DAY)
    later = data.draw(st.integers(2, 12), "years later") * 365 * DAY
    compared(world, item, begin + later, begin + later + 40 * DAY)

    changed = data.draw(
        st.lists(
            st.tuples(
                st.integers(0, 8),
                st.sampled_from(["delete", "move", "stretch"]),
                st.integers(-60 * 24 * 3, 60 * 24 * 3),
            ),
            max_size=4,
        ),
        "changes",
    )
    if not changed:
        return
    near = world.exchange.occurrences(item, begin - 5 * DAY, begin + 420 * DAY)
    originals = [each.meeting.recurrence_id for each in near if each.meeting]
    for position, what, minutes in changed:
        original = originals[position] if position < len(originals) else None
        if original is None:
            continue
        world.moment += timedelta(seconds=1)
        try:
            one = world.exchange.occurrence(item, original)
            assert one.meeting is not None
            shift = timedelta(minutes=minutes)
            if what == "delete":
                world.exchange.cancel(item, occurrence=original)
            elif what == "move":
                world.exchange.update(
                    item,
                    occurrence=original,
                    start=one.meeting.start + shift,
                    end=one.meeting.end + shift,
                )
            else:
                world.exchange.update(
                    item, occurrence=original, end=one.meeting.end + abs(shift)
                )
        except EwsError as error:
            event(error.code)
    world.send_again(item)
    compared(world, item, begin - 5 * DAY, begin + 420 * DAY)


@pytest.mark.parametrize(
    ("zone", "day", "second"),
    [
        # The clocks leap from midnight to one o'clock: on the first day, on the second.
        ("Pacific SA Standard Time", date(2026, 9, 6), ("09-07T03:00", "09-08T03:00")),
        ("Pacific SA Standard Time", date(2026, 9, 5), ("09-06T04:00", "09-07T03:00")),
        ("Cuba Standard Time", date(2024, 3, 9), ("03-10T05:00", "03-11T04:00")),
        # Midnight comes twice: the day begins with the first. Of years to come not all
        # releases of the time zones say the same.
        ("Cuba Standard Time", date(2024, 11, 2), ("11-03T04:00", "11-04T05:00")),
    ],
)
def test_days_without_a_midnight(zone: str, day: date, second: tuple[str, str]) -> None:
    """A whole day is from midnight to midnight, even where a clock leaves one out."""
    world = WORLD
    world.empty()
    item = world.invite(SeriesRecurrence.daily(), day, time(0), DAY, zone, all_day=True)
    begin = datetime.combine(day, time(), UTC)
    compared(world, item, begin - DAY, begin + 30 * DAY)
    recurrence = world.received().recurrence
    assert recurrence is not None
    found = list(occurrences(recurrence, begin, begin + 9 * DAY))[1]
    assert (f"{found.start:%m-%dT%H:%M}", f"{found.end:%m-%dT%H:%M}") == second


def test_time_left_out_in_a_zone_of_its_own() -> None:
    """A start that the clocks leap over is as late as if they had not; so its end."""
    world = WORLD
    world.empty()
    rules = CUSTOM.format(
        standard="-PT1H",
        daylight="-PT2H",
        to_daylight=ON_A_DAY.format(to="Dlt", month=3, day="Sunday", nth=-1, hour=2),
        to_standard=ON_A_DAY.format(to="Std", month=10, day="Sunday", nth=-1, hour=3),
    )
    day = date(2026, 3, 28)
    hour = timedelta(hours=1)
    item = world.invite(
        SeriesRecurrence.daily(), day, time(2, 30), hour, "Customized Time Zone", rules
    )
    begin = datetime.combine(day, time(), UTC)
    compared(world, item, begin, begin + 3 * DAY)
    recurrence = world.received().recurrence
    assert recurrence is not None
    assert [
        f"{each.start:%d %H:%M}-{each.end:%H:%M}"
        for each in occurrences(recurrence, begin, begin + 3 * DAY)
    ] == ["28 01:30-02:30", "29 01:30-02:30", "30 00:30-01:30"]
