"""The same messages, read once over EWS and once over Graph, are the same meetings."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from msgspec.structs import asdict, replace
from twisted.internet.task import Clock

from pexschedd.ews.operations.get_item import build_get_messages, parse_messages
from pexschedd.ews.operations.get_meetings import build_get_meetings, parse_meetings
from pexschedd.graph.entities.events import EVENT_EXPAND, EVENT_SELECT, parse_event
from pexschedd.graph.entities.messages import MESSAGE_EXPAND, parse_message
from pexschedd.model.meeting import (
    CalendarMeeting,
    MeetingMessage,
    MessageKind,
    MessageRef,
)
from pexschedd.model.recurrence import CustomZone, Recurrence
from pexschedd.sandbox import (
    Account,
    MeetingAnswer,
    Sandbox,
    SeriesRecurrence,
)
from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes import alterations, internet_mail
from pexschedd.scheduling.recurrence.series_dates import first_start, occurrences
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    START,
    GraphClient,
    GraphSandbox,
    accounts,
)

SERVICE = "svc@example.test"
DAY = timedelta(days=1)
BERLIN = "W. Europe Standard Time"
TAG = "PXPS:-6fbb0f35-9b1e-4f05-9a2f-3b8f2d3b0c11#"
TOKEN = "TOK:-eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl#"
UNLIKE = {"ref", "text", "outdated"}
"""Ids are each interface's own; Graph has no text beside the HTML; what Exchange takes
for outdated does not count over Graph."""


class PairSandbox(GraphSandbox):
    """A sandbox with both doors, and an account that may act as all over EWS."""

    def __init__(self) -> None:
        self.moment = START
        self.clock = Clock()
        Sandbox.__init__(
            self,
            now=lambda: self.moment,
            clock=self.clock,
            accounts=[*accounts(), Account(SERVICE, impersonates=("*",))],
        )
        self.add()
        self.series: Any = None

    def pairs(self) -> Iterator[tuple[MeetingMessage, MeetingMessage]]:
        """Each message of the equipment's inbox, as EWS and as Graph has it."""
        client = self.client()
        items = list(self.exchange.mailbox(EQUIPMENT).items("inbox"))
        assert items
        for item in items:
            data = self._ews(build_get_messages(EQUIPMENT, [MessageRef(item.id)]))
            (one,) = parse_messages(data, 1)
            other = parse_message(self._graph(client, "messages", item)).message
            assert isinstance(one, MeetingMessage), one
            assert isinstance(other, MeetingMessage), other
            yield one, other

    def meetings(
        self, address: str = EQUIPMENT
    ) -> Iterator[tuple[CalendarMeeting, CalendarMeeting]]:
        """Each meeting of a calendar, as EWS and as Graph has it."""
        client = self.client()
        for item in self.exchange.mailbox(address).items("calendar"):
            data = self._ews(build_get_meetings(address, [MessageRef(item.id)]))
            (one,) = parse_meetings(data, 1)
            found = parse_event(self._graph(client, "events", item, address))
            assert isinstance(one, CalendarMeeting), one
            assert found is not None
            yield one, found.meeting

    def _ews(self, request: bytes) -> bytes:
        caller = self.exchange.mailbox(SERVICE)
        answer, fault = self.handle(caller, request)
        assert fault is None
        return answer[1]

    def _graph(
        self, client: GraphClient, kind: str, item: Item, address: str = EQUIPMENT
    ) -> bytes:
        identifier = quote(item.id.translate(str.maketrans("/+", "-_")), safe="")
        options = {"$expand": MESSAGE_EXPAND}
        if kind == "events":
            options = {"$expand": EVENT_EXPAND, "$select": EVENT_SELECT}
        query = "&".join(f"{name}={quote(each)}" for name, each in options.items())
        client.get(f"/users/{address}/{kind}/{identifier}?{query}")
        return client.last.body


Story = Callable[[PairSandbox], None]


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


def single(s: PairSandbox) -> None:
    s.invite(location="Room 1", zone=BERLIN)


def moved(s: PairSandbox) -> None:
    meeting = s.invite(optional=[BOB])
    s.later(seconds=60)
    s.exchange.update(meeting, start=MEETING + HOUR, end=MEETING + 2 * HOUR)


def cancelled(s: PairSandbox) -> None:
    meeting = s.invite()
    s.later(seconds=60)
    s.exchange.cancel(meeting, text=f"<p>Sorry {TAG}</p>")


def cancelled_series(s: PairSandbox) -> None:
    changed_series(s)
    s.later(seconds=5)
    s.exchange.cancel(s.series)


def changed_series(s: PairSandbox) -> None:
    """One occurrence moved, one only changed, two deleted; then sent again."""
    repeats = SeriesRecurrence.daily(count=9)
    s.series = s.invite(recurrence=repeats, zone=BERLIN)
    s.later(seconds=5)
    second = MEETING + DAY
    s.exchange.update(
        s.series, occurrence=second, start=second + HOUR, end=second + 3 * HOUR
    )
    s.later(seconds=5)
    s.exchange.update(s.series, occurrence=MEETING + 2 * DAY, subject="Other")
    for number in (4, 7):
        s.later(seconds=5)
        s.exchange.cancel(s.series, occurrence=MEETING + number * DAY)
    s.later(seconds=5)
    s.exchange.update(s.series, body=f"<p>{TAG}</p>")


def changed_over_the_change_of_clocks(s: PairSandbox) -> None:
    """The clocks change between the occurrences that are deleted and moved."""
    start = datetime(2027, 3, 26, 8, tzinfo=UTC)
    s.series = s.invite(
        start=start,
        end=start + HOUR,
        recurrence=SeriesRecurrence.daily(count=9),
        zone=BERLIN,
    )
    s.later(seconds=5)
    after = datetime(2027, 3, 29, 7, tzinfo=UTC)
    s.exchange.update(s.series, occurrence=after, start=after + HOUR, end=after + DAY)
    s.later(seconds=5)
    s.exchange.cancel(s.series, occurrence=after + DAY)
    s.later(seconds=5)
    s.exchange.update(s.series, subject="Again")


def orphan(s: PairSandbox) -> None:
    """The equipment is invited to one occurrence only."""
    s.series = s.invite(BOB, recurrence=SeriesRecurrence.weekly("Tuesday", count=5))
    s.later(seconds=5)
    when = MEETING + 7 * DAY
    s.exchange.update(s.series, occurrence=when, required=[BOB, EQUIPMENT])


def occurrence_without_its_time(s: PairSandbox) -> None:
    """Only the date in the global object id names the occurrence."""
    with s.exchange.on_the_way(alterations.without_recurrence_id):
        changed_series(s)


def all_day(s: PairSandbox) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC) - HOUR
    s.invite(start=start, end=start + DAY, all_day=True, zone=BERLIN)


def all_day_far_east(s: PairSandbox) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC) - 13 * HOUR
    zone = "New Zealand Standard Time"
    s.invite(start=start, end=start + 2 * DAY, all_day=True, zone=zone)


def all_day_series(s: PairSandbox) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC) + 8 * HOUR
    zone = "Pacific Standard Time"
    repeats = SeriesRecurrence.weekly("Tuesday", count=30)
    s.series = s.invite(
        start=start, end=start + DAY, all_day=True, zone=zone, recurrence=repeats
    )
    s.later(seconds=5)
    s.exchange.cancel(s.series, occurrence=start + 14 * DAY)
    s.later(seconds=5)
    s.exchange.update(s.series, subject="Again")


def forwarded(s: PairSandbox) -> None:
    s.invite(BOB, body=f"<p>{TAG}</p>")
    (request,) = s.exchange.mailbox(BOB).inbox()
    s.exchange.forward(request, BOB, to=[EQUIPMENT])


def delegated(s: PairSandbox) -> None:
    s.invite(by=BOB)


ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\n"
    "UID:{uid}\r\nDTSTAMP:20261120T090000Z\r\nDTSTART;TZID=America/New_York:"
    "20261202T090000\r\nDTEND;TZID=America/New_York:20261202T093000\r\nSEQUENCE:3\r\n"
    "{more}ORGANIZER;CN=Zoë:mailto:zoe@elsewhere.test\r\n"
    "ATTENDEE:mailto:pexipmeeting@example.test\r\nSUMMARY:From outside\r\n"
    "DESCRIPTION:{text}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def external(s: PairSandbox) -> None:
    for method in ("REQUEST", "CANCEL"):
        ics = ICS.format(method=method, uid="abc-1@elsewhere.test", more="", text=TAG)
        internet_mail.receive(s.exchange, EQUIPMENT, ics)
        s.later(seconds=1)


def external_series(s: PairSandbox) -> None:
    rule = "RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=7\r\n"
    ics = ICS.format(method="REQUEST", uid="series 2", more=rule, text="")
    internet_mail.receive(s.exchange, EQUIPMENT, ics)
    one = "RECURRENCE-ID;TZID=America/New_York:20261209T090000\r\n"
    ics = ICS.format(method="REQUEST", uid="series 2", more=one, text="")
    internet_mail.receive(s.exchange, EQUIPMENT, ics)


def external_reply(s: PairSandbox) -> None:
    ics = ICS.format(method="REPLY", uid="x", more="", text="")
    internet_mail.receive(s.exchange, EQUIPMENT, ics)


def tags(s: PairSandbox) -> None:
    s.invite(body=f"<p>Join {TAG}</p><p>{TOKEN}</p><!-- PXPS:-nothing# -->")


def wrapped_tags(s: PairSandbox) -> None:
    half = len(TAG) // 2
    s.invite(body=f"<p><b>{TAG[:half]}</b>\r\n<i>{TAG[half:]}</i></p>")


def plain_text(s: PairSandbox) -> None:
    with s.exchange.on_the_way(alterations.plain_text):
        s.invite(body=f"<p>Join</p><p>{TAG}</p><p>{TOKEN}</p>")


def mail(s: PairSandbox) -> None:
    s.exchange.send_message(
        s.exchange.mailbox(BOB),
        to=[EQUIPMENT],
        subject="\u200b",
        body=f"<p>{TAG}</p>",
    )


def response(s: PairSandbox) -> None:
    s.exchange.schedule(
        EQUIPMENT, subject="Ours", start=MEETING, end=MEETING + HOUR, required=[BOB]
    )
    (request,) = s.exchange.mailbox(BOB).inbox()
    s.exchange.respond(request, MeetingAnswer.ACCEPT)


def altered(name: str) -> Story:
    def story(s: PairSandbox) -> None:
        with s.exchange.on_the_way(alterations.ALTERATIONS[name]):
            s.invite(body=f"<p>{TAG}</p>")

    return story


def zoned(zone: str) -> Story:
    def story(s: PairSandbox) -> None:
        s.invite(zone=zone)
        s.invite(zone=zone, recurrence=SeriesRecurrence.daily(count=300))

    return story


def repeating(recurrence: SeriesRecurrence) -> Story:
    def story(s: PairSandbox) -> None:
        s.series = s.invite(zone=BERLIN, recurrence=recurrence)

    return story


UNTIL = date(2028, 3, 1)
PATTERNS = {
    "daily": SeriesRecurrence.daily(interval=3),
    "daily until": SeriesRecurrence.daily(until=UNTIL),
    "weekly": SeriesRecurrence.weekly("Monday", "Friday", interval=2, count=9),
    "weekly from Monday": SeriesRecurrence.weekly(
        "Tuesday", "Sunday", interval=2, first_day="Monday", until=UNTIL
    ),
    "monthly": SeriesRecurrence.monthly(31, interval=2),
    "monthly count": SeriesRecurrence.monthly(1, count=4),
    "yearly": SeriesRecurrence.yearly("February", 29, count=3),
    "yearly on": SeriesRecurrence.yearly_on("Last", "Sunday", "March"),
    **{
        f"monthly on {index} {day}": SeriesRecurrence.monthly_on(index, day, count=5)
        for index, day in (
            ("First", "Monday"),
            ("Second", "Day"),
            ("Third", "Weekday"),
            ("Fourth", "WeekendDay"),
            ("Last", "Saturday"),
        )
    },
}
STORIES: dict[str, Story] = {
    **{
        story.__name__: story
        for story in (
            *(single, moved, cancelled, cancelled_series, changed_series),
            *(changed_over_the_change_of_clocks, orphan, occurrence_without_its_time),
            *(all_day, all_day_far_east, all_day_series, forwarded, delegated),
            *(external, external_series, external_reply, tags, wrapped_tags),
            *(plain_text, mail, response),
        )
    },
    **{
        name: altered(name)
        for name in (
            *("signed", "encrypted", "rights-managed", "without-body", "by-dn"),
            *("by-dn-alone", "without-organizer", "without-start", "without-end"),
            *("without-sequence", "without-uid", "contradicting-zones", "lying-zone"),
        )
    },
    **{
        zone: zoned(zone)
        for zone in (
            *("UTC", "India Standard Time", "Samoa Standard Time"),
            *("Lord Howe Standard Time", "Newfoundland Standard Time"),
            *("Morocco Standard Time", "E. South America Standard Time"),
        )
    },
    **{name: repeating(each) for name, each in PATTERNS.items()},
}


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
