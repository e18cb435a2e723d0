"""How a series repeats, as Exchange's XML says it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.ews.operations.get_item import parse_messages
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.recurrence import (
    AbsoluteMonthly,
    AbsoluteYearly,
    ClockChange,
    CustomZone,
    Daily,
    DayOfWeek,
    Era,
    Moved,
    Pattern,
    Range,
    Recurrence,
    RelativeMonthly,
    RelativeYearly,
    Weekly,
    Which,
)
from pexschedd.scheduling.recurrence.series_dates import first_start
from tests.ews.ews_support import SERIES, meeting_request, response
from tests.ews.test_ews_zones import EUROPE, day, rules

RECEIVED = "2026-11-20T07:58:11Z"
DAILY = "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"
FOREVER = (
    "<t:NoEndRecurrence><t:StartDate>2026-11-23+01:00</t:StartDate></t:NoEndRecurrence>"
)
BERLIN = '<t:StartTimeZone Id="W. Europe Standard Time"/>'
MORNING = "<t:Start>2026-11-23T08:00:00Z</t:Start><t:End>2026-11-23T08:30:00Z</t:End>"


def series(
    pattern: str = DAILY,
    span: str = FOREVER,
    *,
    zone: str = BERLIN,
    times: str = MORNING,
    more: str = "",
) -> MeetingMessage:
    content = (
        f"{times}<t:CalendarItemType>RecurringMaster</t:CalendarItemType>"
        f"<t:Recurrence>{pattern}{span}</t:Recurrence>{more}{zone}"
    )
    data = response("GetItem", meeting_request("id", RECEIVED, content))
    (message,) = parse_messages(data, 1)
    assert isinstance(message, MeetingMessage)
    assert message.is_series
    return message


def understood(*args: str, **kwargs: str) -> Recurrence:
    recurrence = series(*args, **kwargs).recurrence
    assert recurrence is not None
    return recurrence


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_whole_series() -> None:
    """Exchange's own example, in every detail."""
    data = SERIES.read_bytes()
    message, _ = parse_messages(data, 2)
    assert isinstance(message, MeetingMessage)
    assert message.recurrence == Recurrence(
        pattern=Weekly(days=(DayOfWeek.MONDAY,), first_day=DayOfWeek.MONDAY),
        range=Range(date(2026, 11, 23), count=10),
        zone="Europe/Berlin",
        at=time(9),
        duration=timedelta(minutes=30),
        exceptions=(
            Moved(
                utc("2026-11-30T08:00"),
                utc("2026-12-01T08:00"),
                utc("2026-12-01T08:30"),
            ),
        ),
        deleted=(utc("2026-12-07T08:00"),),
    )
    assert first_start(message.recurrence) == message.start


@pytest.mark.parametrize(
    ("xml", "pattern"),
    [
        (DAILY, Daily()),
        (
            "<t:DailyRecurrence><t:Interval>3</t:Interval></t:DailyRecurrence>",
            Daily(interval=3),
        ),
        (
            (
                "<t:WeeklyRecurrence><t:Interval>2</t:Interval>"
                "<t:DaysOfWeek>Monday Friday</t:DaysOfWeek></t:WeeklyRecurrence>"
            ),
            Weekly(interval=2, days=(DayOfWeek.MONDAY, DayOfWeek.FRIDAY)),
        ),
        (
            (
                "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday"
                "</t:DaysOfWeek><t:FirstDayOfWeek>Sunday</t:FirstDayOfWeek>"
                "</t:WeeklyRecurrence>"
            ),
            Weekly(days=(DayOfWeek.WEEKDAY,)),
        ),
        (
            (
                "<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval>"
                "<t:DayOfMonth>31</t:DayOfMonth></t:AbsoluteMonthlyRecurrence>"
            ),
            AbsoluteMonthly(day=31),
        ),
        (
            (
                "<t:RelativeMonthlyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>"
                "WeekendDay</t:DaysOfWeek><t:DayOfWeekIndex>Last</t:DayOfWeekIndex>"
                "</t:RelativeMonthlyRecurrence>"
            ),
            RelativeMonthly(interval=2, which=Which.LAST, day=DayOfWeek.WEEKEND_DAY),
        ),
        (
            (
                "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>29</t:DayOfMonth>"
                "<t:Month>February</t:Month></t:AbsoluteYearlyRecurrence>"
            ),
            AbsoluteYearly(month=2, day=29),
        ),
        (
            (
                "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Day</t:DaysOfWeek>"
                "<t:DayOfWeekIndex>Second</t:DayOfWeekIndex><t:Month>November</t:Month>"
                "</t:RelativeYearlyRecurrence>"
            ),
            RelativeYearly(month=11, which=Which.SECOND, day=DayOfWeek.DAY),
        ),
    ],
)
def test_patterns(xml: str, pattern: Pattern) -> None:
    """All six patterns that calendars have."""
    expected = Recurrence(
        pattern=pattern,
        range=Range(date(2026, 11, 23)),
        zone="Europe/Berlin",
        at=time(9),
        duration=timedelta(minutes=30),
    )
    start = first_start(expected)
    assert start is not None
    times = (
        f"<t:Start>{start:%Y-%m-%dT%H:%M:%SZ}</t:Start>"
        f"<t:End>{start + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}</t:End>"
    )
    assert understood(xml, times=times) == expected


SATURDAYS = (
    "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Saturday"
    "</t:DaysOfWeek></t:WeeklyRecurrence>"
)
FRIDAY_NIGHT = (
    "<t:Start>2027-03-05T22:00:00Z</t:Start><t:End>2027-03-06T00:00:00Z</t:End>"
)


def test_a_pattern_by_another_clock_than_the_meetings() -> None:
    """Friday 22:00 in UTC is Saturday in Taipei: the clock of the pattern counts."""
    span = FOREVER.replace("2026-11-23+01:00", "2027-03-06+08:00")
    utc_zone = '<t:StartTimeZone Id="UTC"/>'
    recurrence = understood(SATURDAYS, span, zone=utc_zone, times=FRIDAY_NIGHT)
    assert first_start(recurrence) == datetime(2027, 3, 5, 22, tzinfo=UTC)
    assert recurrence.zone == CustomZone((Era(bias=-480),))


@pytest.mark.parametrize("offset", ["", "Z", "+01:00", "-08:00"])
def test_a_pattern_that_does_not_begin_with_the_meeting(offset: str) -> None:
    """By no clock that is named: it is not understood, as each room would open on the
    wrong day."""
    span = FOREVER.replace("2026-11-23+01:00", "2027-03-06" + offset)
    utc_zone = '<t:StartTimeZone Id="UTC"/>'
    times = FRIDAY_NIGHT
    assert series(SATURDAYS, span, zone=utc_zone, times=times).recurrence is None


@pytest.mark.parametrize(
    ("xml", "span"),
    [
        (FOREVER, Range(date(2026, 11, 23))),
        (
            (
                "<t:EndDateRecurrence><t:StartDate>2026-11-23Z</t:StartDate>"
                "<t:EndDate>2027-01-31-08:00</t:EndDate></t:EndDateRecurrence>"
            ),
            Range(date(2026, 11, 23), until=date(2027, 1, 31)),
        ),
        (
            (
                "<t:NumberedRecurrence><t:StartDate>2026-11-23</t:StartDate>"
                "<t:NumberOfOccurrences>10</t:NumberOfOccurrences></t:NumberedRecurrence>"
            ),
            Range(date(2026, 11, 23), count=10),
        ),
    ],
)
def test_ranges(xml: str, span: Range) -> None:
    """The three ranges, whatever offset their dates have."""
    assert understood(span=xml).range == span


def test_whole_days() -> None:
    """Midnights of the organizer's zone, and a whole day though the clocks change."""
    recurrence = understood(
        span=FOREVER.replace("2026-11-23", "2026-10-25"),
        times="<t:Start>2026-10-24T22:00:00Z</t:Start><t:End>2026-10-25T23:00:00Z"
        "</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>",
    )
    assert recurrence.all_day
    assert recurrence.at == time(0)
    assert recurrence.duration == timedelta(days=1)


def test_whole_days_of_another_zone() -> None:
    """What does not begin at a midnight of its own zone is an ordinary series."""
    recurrence = understood(
        times="<t:Start>2026-11-23T07:00:00Z</t:Start><t:End>2026-11-24T07:00:00Z"
        "</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>"
    )
    assert not recurrence.all_day
    assert recurrence.at == time(8)
    assert recurrence.duration == timedelta(days=1)


def test_a_zone_with_rules_of_its_own() -> None:
    """Rules without a known name are kept as they are written."""
    definition = rules("-PT60M", "-PT120M", *EUROPE).replace("t:Z", "t:StartTimeZone")
    recurrence = understood(zone=definition)
    sunday = DayOfWeek.SUNDAY
    assert recurrence.zone == CustomZone(
        (
            Era(
                bias=-60,
                changes=(
                    ClockChange(bias=-120, month=3, week=-1, weekday=sunday, at=120),
                    ClockChange(bias=-60, month=10, week=-1, weekday=sunday, at=180),
                ),
            ),
        )
    )
    assert recurrence.at == time(9)


def test_rules_that_change() -> None:
    """Every era of a definition is kept; one before all calendars is the first."""
    definition = (
        '<t:StartTimeZone Id="x"><t:Periods><t:Period Bias="-PT3H" Name="Standard" '
        'Id="a"/><t:Period Bias="-PT2H" Name="Standard" Id="b"/></t:Periods>'
        "<t:Transitions><t:Transition><t:To Kind='Period'>b</t:To></t:Transition>"
        "<t:AbsoluteDateTransition><t:To Kind='Period'>a</t:To>"
        "<t:DateTime>0001-01-01T00:00:00</t:DateTime></t:AbsoluteDateTransition>"
        "<t:AbsoluteDateTransition><t:To Kind='Period'>b</t:To>"
        "<t:DateTime>2026-06-01T00:00:00</t:DateTime></t:AbsoluteDateTransition>"
        "<t:AbsoluteDateTransition><t:To Kind='Period'>a</t:To>"
        "<t:DateTime>2030-01-01T00:00:00Z</t:DateTime></t:AbsoluteDateTransition>"
        "</t:Transitions></t:StartTimeZone>"
    )
    assert understood(zone=definition).zone == CustomZone(
        (
            Era(bias=-180),
            Era(bias=-120, begins=datetime(2026, 6, 1)),  # noqa: DTZ001 (local)
            Era(bias=-180, begins=utc("2030-01-01T00:00")),
        )
    )


@pytest.mark.parametrize(
    ("eras", "changing", "biases", "changes", "known"),
    [
        (200, 1, 24, 24, True),
        (201, 1, 1, 1, False),
        (30, 1, 25, 1, False),
        (2, 1, 1, 25, False),
        (200, 200, 1, 2, True),
        (200, 200, 1, 3, False),
    ],
)
def test_rules_without_end(
    eras: int, changing: int, biases: int, changes: int, known: bool
) -> None:
    """A definition that would keep us busy is not understood."""
    periods = "".join(
        f'<t:Period Bias="PT{minutes}M" Name="Standard" Id="{minutes}"/>'
        for minutes in range(biases)
    )
    group = day("0", 3, -1) * changes
    transitions = "".join(
        f"<t:T><t:To>{f'{n % biases}' if n >= changing else 'g'}</t:To>"
        f"<t:DateTime>{1900 + n if n else 1}-01-01T00:00:00</t:DateTime></t:T>"
        for n in range(eras)
    ).replace("<t:DateTime>1-", "<t:DateTime>0001-")
    zone = (
        f'<t:StartTimeZone Id="x"><t:Periods>{periods}</t:Periods><t:TransitionsGroups>'
        f'<t:TransitionsGroup Id="g">{group}</t:TransitionsGroup>'
        f"</t:TransitionsGroups><t:Transitions>{transitions}</t:Transitions>"
        "</t:StartTimeZone>"
    )
    message = series(zone=zone)
    assert (message.recurrence is not None) is known
    assert message.zone


def test_no_zone_is_utc() -> None:
    """A series from a calendar that knows no zones."""
    recurrence = understood(zone="")
    assert (recurrence.zone, recurrence.at) == ("UTC", time(8))


def occurrence(**times: str) -> str:
    inner = "".join(f"<t:{name}>{value}</t:{name}>" for name, value in times.items())
    inner = f"<t:Occurrence>{inner}</t:Occurrence>"
    return f"<t:ModifiedOccurrences>{inner}</t:ModifiedOccurrences>"


@pytest.mark.parametrize(
    "parts",
    [
        {"pattern": ""},
        {"span": ""},
        {"pattern": DAILY * 2},
        {"pattern": DAILY.replace("1", "0")},
        {"pattern": DAILY.replace("1", "many")},
        {"pattern": DAILY.replace("1", "9" * 5000)},
        {"pattern": DAILY.replace("Recurrence", "Regeneration")},
        {
            "pattern": "<t:WeeklyRecurrence><t:Interval>1</t:Interval>"
            "</t:WeeklyRecurrence>"
        },
        {
            "pattern": "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>"
            "Moonday</t:DaysOfWeek></t:WeeklyRecurrence>"
        },
        {
            "pattern": "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>1</t:DayOfMonth>"
            "<t:Month>13</t:Month></t:AbsoluteYearlyRecurrence>"
        },
        {"span": FOREVER.replace("2026-11-23", "soon")},
        {"span": FOREVER.replace("2026", "0026")},
        {"span": FOREVER.replace("NoEnd", "No")},
        {"times": ""},
        {"times": MORNING.replace("2026-11-23T08:30", "2026-11-22T08:30")},
        {"times": MORNING.replace("2026-11-23", "9999-12-31").replace("08:", "23:")},
        {"zone": '<t:StartTimeZone Id="Mitteleuropäische Zeit"/>'},
        {"zone": rules("an hour").replace("t:Z", "t:StartTimeZone")},
        {"more": occurrence(Start="2026-12-01T08:00:00Z", End="2026-12-01T09:00:00Z")},
        {"more": "<t:DeletedOccurrences><t:DeletedOccurrence/></t:DeletedOccurrences>"},
        {
            "more": "<t:DeletedOccurrences>"
            + "<t:DeletedOccurrence><t:Start>2026-12-01T08:00:00Z</t:Start>"
            "</t:DeletedOccurrence>" * 4001 + "</t:DeletedOccurrences>"
        },
    ],
)
def test_what_is_not_understood(parts: dict[str, str]) -> None:
    """It is still known to be a series, and nothing is known of how it repeats."""
    assert series(**parts).recurrence is None


def test_neighbours_are_not_disturbed() -> None:
    """A series that nobody understands leaves the rest of the batch alone."""
    broken = "<t:CalendarItemType>RecurringMaster</t:CalendarItemType><t:Recurrence/>"
    data = response(
        "GetItem",
        meeting_request("a", RECEIVED, broken),
        meeting_request("b", RECEIVED),
    )
    found = [
        each for each in parse_messages(data, 2) if isinstance(each, MeetingMessage)
    ]
    assert [(each.is_series, each.recurrence) for each in found] == [
        (True, None),
        (False, None),
    ]


ANY = st.text(max_size=8) | st.sampled_from(
    [
        "1",
        "-1",
        "0",
        "99999",
        "2026-11-23",
        "9999-12-31",
        "0001-01-01",
        "Monday",
        "Last",
        "2026-11-23T08:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "4500-08-31T23:59:00Z",
        "February",
        "true",
        "-PT23H59M",
        "PT99H",
    ]
)
NAMES = st.sampled_from(
    [
        "DailyRecurrence",
        "WeeklyRecurrence",
        "AbsoluteMonthlyRecurrence",
        "RelativeYearlyRecurrence",
        "NoEndRecurrence",
        "EndDateRecurrence",
        "NumberedRecurrence",
        "Interval",
        "DaysOfWeek",
        "StartDate",
        "EndDate",
        "Month",
        "NumberOfOccurrences",
        "DayOfMonth",
        "DayOfWeekIndex",
        "FirstDayOfWeek",
    ]
)


def _written(tree: Any) -> str:
    if isinstance(tree, str):
        return "".join(escape(c) for c in tree if c in "\t\n" or " " <= c < "\ud800")
    return "".join(f"<t:{name}>{_written(inner)}</t:{name}>" for name, inner in tree)


TREES = st.recursive(
    ANY, lambda inner: st.lists(st.tuples(NAMES, inner), max_size=5), max_leaves=12
).map(_written)


@given(TREES, TREES, ANY.map(_written), ANY.map(_written), ANY.map(_written))
def test_anything_is_read(
    pattern: str, span: str, start: str, end: str, bias: str
) -> None:
    """Whatever a server says, a message comes out, and a series is sound or unknown."""
    message = series(
        pattern,
        span,
        times=f"<t:Start>{start}</t:Start><t:End>{end}</t:End>",
        zone=rules(bias.replace('"', "")).replace("t:Z", "t:StartTimeZone"),
    )
    if message.recurrence is not None:
        first_start(message.recurrence)
