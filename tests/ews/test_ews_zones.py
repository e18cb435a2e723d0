"""Time zones by name and by written-out rules."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.ews.envelope import child, parse
from pexschedd.ews.operations.time_zone import read_zone
from pexschedd.exchange.windows_zones import IANA_OF_WINDOWS
from tests.ews.ews_support import soap

WHEN = datetime(2026, 11, 23, 8, tzinfo=UTC)


def zone(definition: str, when: datetime = WHEN) -> str:
    return read_zone(child(parse(soap(f"<m:X>{definition}</m:X>")), "Z"), when)


def day(period: str, month: int, week: int, hours: int = 2) -> str:
    return (
        f'<t:RecurringDayTransition><t:To Kind="Period">{period}</t:To>'
        f"<t:TimeOffset>PT{hours}H</t:TimeOffset><t:Month>{month}</t:Month>"
        f"<t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>{week}</t:Occurrence>"
        "</t:RecurringDayTransition>"
    )


def rules(
    standard: str,
    daylight: str = "",
    to_daylight: str = "",
    to_standard: str = "",
    name: str = "Customized Time Zone",
) -> str:
    """A definition as Exchange writes it out."""
    periods = f'<t:Period Bias="{standard}" Name="Standard" Id="s"/>'
    changes = '<t:Transition><t:To Kind="Period">s</t:To></t:Transition>'
    if daylight:
        periods += f'<t:Period Bias="{daylight}" Name="Daylight" Id="d"/>'
        changes = to_daylight + to_standard
    return (
        f'<t:Z Id="{name}"><t:Periods>{periods}</t:Periods><t:TransitionsGroups>'
        f'<t:TransitionsGroup Id="0">{changes}</t:TransitionsGroup>'
        "</t:TransitionsGroups><t:Transitions><t:Transition>"
        '<t:To Kind="Group">0</t:To></t:Transition></t:Transitions></t:Z>'
    )


EUROPE = (day("d", 3, -1), day("s", 10, -1, 3))
AMERICA = (day("d", 3, 2), day("s", 11, 1))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("UTC", "UTC"),
        ("Europe/Copenhagen", "Europe/Copenhagen"),
        ("Mitteleuropäische Zeit", "UTC"),
        ("../../etc/passwd", "UTC"),
        ("posixrules/..", "UTC"),
        ("", "UTC"),
    ],
)
def test_names(name: str, expected: str) -> None:
    """Windows' names, IANA's, and UTC for what nobody knows."""
    assert zone(f'<t:Z Id="{name}"/>') == expected


@pytest.mark.parametrize("name", sorted(set(IANA_OF_WINDOWS.values())))
def test_every_zone_exists(name: str) -> None:
    """The table leads to zones that there are."""
    assert ZoneInfo(name)


def same_clock(name: str, like: str, year: int = 2026) -> bool:
    """Whether two zones agree on every day of a year."""
    noons = [
        datetime(year, month, d, 12, tzinfo=UTC)
        for month in range(1, 13)
        for d in (1, 28)
    ]
    return all(
        noon.astimezone(ZoneInfo(name)).utcoffset()
        == noon.astimezone(ZoneInfo(like)).utcoffset()
        for noon in noons
    )


@pytest.mark.parametrize(
    ("definition", "like"),
    [
        (rules("-PT60M", "-PT120M", *EUROPE), "Europe/Berlin"),
        (rules("-P0DT1H0M0.0S", "-P0DT2H0M0.0S", *EUROPE), "Europe/Berlin"),
        (rules("PT0S", "-PT1H", *EUROPE), "Europe/London"),
        (rules("PT5H", "PT4H", *AMERICA), "America/New_York"),
        (rules("-PT5H30M"), "Asia/Kolkata"),
        (rules("-PT9H"), "Asia/Tokyo"),
        (rules("PT0S"), "UTC"),
        (
            rules("-PT10H", "-PT11H", day("d", 10, 1), day("s", 4, 1)),
            "Australia/Sydney",
        ),
    ],
)
def test_rules(definition: str, like: str) -> None:
    """Written-out rules lead to a zone whose clocks go the same way."""
    assert same_clock(zone(definition), like)


def test_a_known_name_wins_over_rules() -> None:
    """Rules are for zones without a name."""
    assert zone(rules("PT5H", name="Tokyo Standard Time")) == "Asia/Tokyo"


def test_rules_of_the_time_in_question() -> None:
    """Of several groups of rules, the one in force when the meeting begins counts."""
    definition = (
        '<t:Z Id="x"><t:Periods><t:Period Bias="-PT3H" Name="Standard" Id="a"/>'
        '<t:Period Bias="-PT2H" Name="Standard" Id="b"/></t:Periods>'
        "<t:Transitions><t:Transition><t:To Kind='Period'>a</t:To></t:Transition>"
        "<t:AbsoluteDateTransition><t:To Kind='Period'>b</t:To>"
        "<t:DateTime>2026-06-01T00:00:00</t:DateTime></t:AbsoluteDateTransition>"
        "</t:Transitions></t:Z>"
    )
    assert zone(definition) == "Etc/GMT-2"
    assert zone(definition, datetime(2026, 5, 1, tzinfo=UTC)) == "Etc/GMT-3"


@pytest.mark.parametrize(
    "definition",
    [
        rules("an hour"),
        rules("-PT1H", "-PT2H", day("x", 3, -1), day("s", 10, -1)),
        rules("-PT1H", "-PT2H", day("d", 13, -1), day("s", 99, -1)),
        rules("-PT7M"),
        '<t:Z Id="x"><t:Transitions/></t:Z>',
        "<t:Z/>",
        "",
    ],
)
def test_nonsense_is_utc(definition: str) -> None:
    """Rules that nobody follows and nobody understands give UTC."""
    assert zone(definition) == "UTC"


@given(
    st.integers(-30, 30),
    st.integers(-30, 30),
    st.integers(-2, 14),
    st.integers(-9, 9),
    st.integers(1, 9999),
)
def test_any_rules_give_some_zone(
    standard: int, daylight: int, month: int, week: int, year: int
) -> None:
    """Whatever the rules say, the answer is a zone that exists."""
    definition = rules(
        f"{'-' * (standard < 0)}PT{abs(standard)}H",
        f"{'-' * (daylight < 0)}PT{abs(daylight)}H",
        day("d", month, week),
        day("s", 10, -1),
    )
    assert ZoneInfo(zone(definition, datetime(year, 6, 1, tzinfo=UTC)))
