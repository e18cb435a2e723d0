"""Stories of meetings, which leave messages to be read over EWS and over Graph."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from pexschedd.sandbox import MeetingAnswer, SeriesRecurrence
from pexschedd.sandbox.mailboxes import alterations, internet_mail
from tests.graph.msgraph_pair_sandbox import PairSandbox
from tests.sandbox.graph.graph_support import BOB, EQUIPMENT, HOUR, MEETING

DAY = timedelta(days=1)
BERLIN = "W. Europe Standard Time"
TAG = "PXPS:-6fbb0f35-9b1e-4f05-9a2f-3b8f2d3b0c11#"
TOKEN = "TOK:-eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl#"
Story = Callable[[PairSandbox], None]


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
