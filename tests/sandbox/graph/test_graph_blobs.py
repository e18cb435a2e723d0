"""Binary properties of meetings: series and zones, as MS-OXOCAL prints them."""

import base64
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest

from pexschedd.sandbox import SeriesRecurrence
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    GraphClient,
    GraphSandbox,
    event_url,
    message_url,
)

_SET = "{00062002-0000-0000-C000-000000000046}"
RECUR, START_ZONE, SERIES_ZONE = (
    f"Binary {_SET} Id 0x{number}" for number in ("8216", "825E", "8260")
)
PACIFIC = "Pacific Standard Time"
HALF_HOUR = timedelta(minutes=30)
DAY = timedelta(days=1)
WEEKLY = bytes.fromhex(
    "043004300B2001000000C0210000010000000000000032000000222000000C000000000000000000"
    "0000000000008020BC0C20ADBC0C0630000009300000580200007602000000000000000000000000"
)
"""Example 4.1.1.1: Monday, Thursday and Friday from 10:00, 12 times."""
DAILY = bytes.fromhex(
    "043004300A2000000000A0050000E010000000000000212000000A0000000000000002000000A0C1"
    "DC0C80D2DC0C00000000207EDC0C0016DD0C0630000009300000E0010000FE010000000000000000"
    "00000000"
)
"""Example 4.1.1.3: every three days at 8:00, two of them deleted."""
RULE_OF_2007 = bytes.fromhex(
    "E001000000000000C4FFFFFF00000B00000001000200000000000000000003000000020002000000"
    "00000000"
)
"""Of example 4.1.4: biases and changes of the Pacific zone from 2007 on."""


def properties(client: GraphClient, url: str, *identifiers: str) -> list[bytes]:
    wanted = " or ".join(f"id eq '{each}'" for each in identifiers)
    expand = quote(f"singleValueExtendedProperties($filter={wanted})")
    found = client.get(f"{url}?$expand={expand}")
    values = found.get("singleValueExtendedProperties", [])
    return [base64.b64decode(each["value"]) for each in values]


def test_a_series_of_weeks(graph: GraphSandbox, client: GraphClient) -> None:
    """A message and an event have the series as the specification's example has it."""
    start = datetime(2007, 3, 26, 17, tzinfo=UTC)
    days = ("Monday", "Thursday", "Friday")
    graph.invite(
        start=start,
        end=start + HALF_HOUR,
        zone=PACIFIC,
        recurrence=SeriesRecurrence.weekly(*days, count=12),
    )
    assert properties(client, message_url(client.one()), RECUR) == [WEEKLY]
    (event,) = client.events(ALICE)
    assert properties(client, event_url(event, ALICE), RECUR) == [WEEKLY]


def test_a_series_of_days(graph: GraphSandbox, client: GraphClient) -> None:
    """Occurrences that were deleted before it was sent are listed by their dates."""
    start = datetime(2011, 4, 7, 15, tzinfo=UTC)
    series = graph.invite(
        BOB,
        start=start,
        end=start + HALF_HOUR,
        zone=PACIFIC,
        recurrence=SeriesRecurrence.daily(interval=3, until=date(2011, 5, 4)),
    )
    for number in (12, 15):
        graph.exchange.cancel(series, occurrence=start + number * DAY)
    graph.later(seconds=1)
    graph.exchange.update(series, required=[BOB, EQUIPMENT])
    found = client.inbox()[0]
    assert properties(client, message_url(found), RECUR) == [DAILY]


def test_an_exception(graph: GraphSandbox, client: GraphClient) -> None:
    """A moved occurrence is deleted and modified by its dates, and has its three
    times, by the series' clock."""
    start = datetime(2007, 3, 26, 17, tzinfo=UTC)
    series = graph.invite(
        start=start,
        end=start + HALF_HOUR,
        zone=PACIFIC,
        recurrence=SeriesRecurrence.weekly("Monday", count=12),
    )
    moved = datetime(2007, 4, 16, 17, tzinfo=UTC)
    graph.exchange.update(
        series,
        occurrence=moved,
        start=moved + 2 * HALF_HOUR,
        end=moved + 3 * HALF_HOUR,
    )
    (event,) = client.events(ALICE)
    (found,) = properties(client, event_url(event, ALICE), RECUR)
    # Of example 4.1.1.2, which has another subject and place as well.
    assert bytes.fromhex("01000000A096BC0C01000000A096BC0C") in found
    times = "01003499BC0C5299BC0CF898BC0C0000"
    assert bytes.fromhex(times + "00000000" + "040000000000000000000000") in found


@pytest.mark.parametrize("repeats", [True, False])
def test_zones(graph: GraphSandbox, client: GraphClient, repeats: bool) -> None:
    """A meeting has the definition of its zone, a series also that of its pattern."""
    recurrence = SeriesRecurrence.daily(count=3) if repeats else None
    graph.invite(zone=PACIFIC, recurrence=recurrence)
    url = message_url(client.one())
    found = properties(client, url, START_ZONE, SERIES_ZONE, RECUR)
    assert len(found) == (3 if repeats else 1)
    name = PACIFIC.encode("utf-16-le")
    head = b"\x02\x01\x30\x00\x02\x00\x15\x00" + name + b"\x01\x00"
    assert found[0].startswith(head + bytes.fromhex("02013E000200"))
    assert found[0].endswith(RULE_OF_2007)
    if repeats:
        assert found[1].startswith(head + bytes.fromhex("02013E000300"))
