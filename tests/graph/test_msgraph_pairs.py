"""The same messages, read once over EWS and once over Graph, are the same meetings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict, replace

from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.recurrence import CustomZone, Recurrence
from pexschedd.sandbox.items.records import Item
from pexschedd.scheduling.recurrence.series_dates import first_start, occurrences
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of
from tests.graph.msgraph_pair_sandbox import PairSandbox
from tests.graph.msgraph_pair_stories import (
    DAY,
    STORIES,
    TAG,
    Story,
    all_day_series,
    altered,
    cancelled_series,
    changed_series,
    delegated,
    external,
    mail,
    moved,
    occurrence_without_its_time,
    single,
    tags,
)
from tests.sandbox.graph.graph_support import ALICE, EQUIPMENT, HOUR, MEETING

UNLIKE = {"ref", "text", "outdated"}
"""Ids are each interface's own; Graph has no text beside the HTML; what Exchange takes
for outdated does not count over Graph."""


def assert_alike(one: Any, other: Any) -> None:
    """Compares field by field; rules that are written in two ways by their clocks.

    Over EWS only requests tell a zone, and which occurrences are changed: a
    cancellation is in UTC there.
    """
    left, right = asdict(one), asdict(other)
    if left.get("kind", MessageKind.REQUEST) is not MessageKind.REQUEST:
        assert left["zone"] == "UTC"
        right["zone"] = "UTC"
        if left["recurrence"] is not None:
            right["recurrence"] = _as_cancellations_tell(
                left["recurrence"], right["recurrence"]
            )
    if isinstance(left["recurrence"], Recurrence):
        assert isinstance(right["recurrence"], Recurrence), "not understood"
        left["recurrence"], right["recurrence"] = _alike_zones(
            left["recurrence"], right["recurrence"]
        )
    for name in left.keys() - UNLIKE:
        assert left[name] == right[name], name
    assert (left["html"] and not right["text"]) or left["text"] == right["text"]


def _as_cancellations_tell(one: Recurrence, other: Recurrence) -> Recurrence:
    """The other by the one's clock, if the two begin at the same time."""
    assert first_start(one) == first_start(other)
    return replace(other, zone=one.zone, at=one.at, exceptions=(), deleted=())


def _alike_zones(one: Recurrence, other: Recurrence) -> tuple[Recurrence, Recurrence]:
    if isinstance(one.zone, CustomZone) and isinstance(other.zone, CustomZone):
        left, right = tzinfo_of(one.zone), tzinfo_of(other.zone)
        for hours in range(0, 20 * 366 * 24, 61):
            moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
            offset = moment.astimezone(left).utcoffset()
            assert offset == moment.astimezone(right).utcoffset(), moment
        other = replace(other, zone=one.zone)
    return one, other


@pytest.mark.parametrize("name", STORIES)
def test_messages_over_both(name: str) -> None:
    """Every message of a story says the same over EWS and over Graph."""
    sandbox = PairSandbox()
    STORIES[name](sandbox)
    for one, other in sandbox.pairs():
        assert_alike(one, other)
        assert other.ref.uid == one.uid


@pytest.mark.parametrize("name", STORIES)
def test_calendars_over_both(name: str) -> None:
    """Every meeting of a story's calendars is the same over EWS and over Graph."""
    sandbox = PairSandbox()
    STORIES[name](sandbox)
    for address in (EQUIPMENT, ALICE):
        for one, other in sandbox.meetings(address):
            assert_alike(one, other)


def message_of(story: Story) -> MeetingMessage:
    """The newest message of a story about a whole meeting, as Graph has it."""
    sandbox = PairSandbox()
    story(sandbox)
    found = [other for _, other in sandbox.pairs() if other.recurrence_id is None]
    return max(found, key=lambda each: (each.received, each.kind))


def test_what_the_pairs_are_about() -> None:
    """The stories are what they are called: the comparison is not of nothing."""
    series = message_of(changed_series)
    assert series.recurrence is not None
    assert len(series.recurrence.exceptions) == 2
    assert len(series.recurrence.deleted) == 2
    assert series.tags is not None
    assert series.tags.pxps == (TAG[6:-1],)
    assert message_of(cancelled_series).kind is MessageKind.CANCELLATION
    whole = message_of(all_day_series)
    assert whole.recurrence is not None
    assert whole.recurrence.all_day
    assert whole.recurrence.deleted
    assert message_of(external).uid == "abc-1@elsewhere.test"
    assert message_of(delegated).organizer.email == ALICE
    assert not message_of(altered("without-sequence")).has_sequence
    assert not message_of(altered("without-uid")).names_its_part
    assert message_of(altered("by-dn-alone")).organizer.email == ""
    assert message_of(tags).tags is not None
    assert message_of(mail).kind is MessageKind.OTHER
    sandbox = PairSandbox()
    occurrence_without_its_time(sandbox)
    assert any(other.occurrence_day for _, other in sandbox.pairs())
    sandbox = PairSandbox()
    moved(sandbox)
    assert any(one.outdated for one, _ in sandbox.pairs())
    assert not any(other.outdated for _, other in sandbox.pairs())


RULES = (
    '<t:StartTimeZone xmlns:t="http://schemas.microsoft.com/exchange/services/2006/'
    'types" Id="Customized Time Zone"><t:Periods>'
    '<t:Period Bias="-PT{0}M" Name="Standard" Id="s"/>'
    '<t:Period Bias="-PT{1}M" Name="Daylight" Id="d"/>'
    '<t:Period Bias="-PT{2}M" Name="Standard" Id="z"/></t:Periods>'
    '<t:TransitionsGroups><t:TransitionsGroup Id="0">'
    '<t:RecurringDayTransition><t:To Kind="Period">d</t:To><t:TimeOffset>PT2H'
    "</t:TimeOffset><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek>"
    "<t:Occurrence>-1</t:Occurrence></t:RecurringDayTransition>"
    '<t:RecurringDayTransition><t:To Kind="Period">s</t:To><t:TimeOffset>PT3H'
    "</t:TimeOffset><t:Month>10</t:Month><t:DayOfWeek>Thursday</t:DayOfWeek>"
    "<t:Occurrence>2</t:Occurrence></t:RecurringDayTransition></t:TransitionsGroup>"
    '<t:TransitionsGroup Id="1"><t:Transition><t:To Kind="Period">z</t:To>'
    "</t:Transition></t:TransitionsGroup></t:TransitionsGroups><t:Transitions>"
    '<t:Transition><t:To Kind="Group">0</t:To></t:Transition>{3}</t:Transitions>'
    "</t:StartTimeZone>"
)
LATER = (
    '<t:AbsoluteDateTransition><t:To Kind="Group">1</t:To>'
    "<t:DateTime>2029-01-01T00:00:00</t:DateTime></t:AbsoluteDateTransition>"
)


@pytest.mark.parametrize(
    ("standard", "daylight", "later"),
    [(60, 120, ""), (345, 385, ""), (60, 120, LATER)],
)
def test_a_zone_of_its_own(standard: int, daylight: int, later: str) -> None:
    """A series by rules without a name goes by the same clock, with one occurrence
    deleted and one moved."""
    sandbox = PairSandbox()
    rules = RULES.format(standard, daylight, 90, later)

    def own_zone(message: Item) -> None:
        assert message.meeting is not None
        message.meeting = replace(
            message.meeting, zone="Customized Time Zone", zone_rules=rules
        )

    with sandbox.exchange.on_the_way(own_zone):
        changed_series(sandbox)
    for one, other in sandbox.pairs():
        assert_alike(one, other)
    found = max(
        (o for _, o in sandbox.pairs() if o.is_series), key=lambda m: m.received
    )
    assert found.recurrence is not None
    assert isinstance(found.recurrence.zone, CustomZone)
    assert first_start(found.recurrence) == MEETING
    starts = [
        each.start for each in occurrences(found.recurrence, MEETING, MEETING + 9 * DAY)
    ]
    assert MEETING + 4 * DAY not in starts
    assert MEETING + DAY + HOUR in starts


def test_graph_answers_as_documents() -> None:
    """What is compared came over Graph as JSON of a single message."""
    sandbox = PairSandbox()
    single(sandbox)
    client = sandbox.client()
    (item,) = sandbox.exchange.mailbox(EQUIPMENT).items("inbox")
    document = msgspec.json.decode(sandbox._graph(client, "messages", item))
    assert document["@odata.type"] == "#microsoft.graph.eventMessageRequest"
    assert document["singleValueExtendedProperties"]
