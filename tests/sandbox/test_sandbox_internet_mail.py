"""Meetings that arrive by SMTP from outside, as .ics."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pexschedd.sandbox import CalendarType, Item, ItemKind, ResponseType, internet_mail
from pexschedd.sandbox.items import ids
from pexschedd.sandbox.items.recurrence import SeriesRecurrence
from pexschedd.sandbox.mailboxes.internet_mail import IcsError
from tests.sandbox.sandbox_support import EQUIPMENT, CheckedSandbox
from tests.sandbox.test_sandbox_http import send

EVENT = {
    "UID": "20261123-7@calendar.example",
    "DTSTAMP": "20261120T080000Z",
    "DTSTART;TZID=Europe/Berlin": "20261201T100000",
    "DTEND;TZID=Europe/Berlin": "20261201T110000",
    "SUMMARY": "Plans\\, and more",
    "DESCRIPTION": "Agenda\\nPXPS:-1#",
    'ORGANIZER;CN="Eve; Outside"': "mailto:eve@outside.example",
    "ATTENDEE;CUTYPE=RESOURCE;PARTSTAT=NEEDS-ACTION": f"MAILTO:{EQUIPMENT}",
}


def ics(method: str = "REQUEST", **changes: str) -> str:
    """A calendar with one event; a change by a property's bare name replaces it, with
    its parameters; "" leaves it out."""
    event = {name: f"{name}:{value}" for name, value in EVENT.items()}
    for name, line in changes.items():
        wanted = name.replace("_", "-")
        known = next((n for n in event if n.partition(";")[0] == wanted), wanted)
        event.pop(known, None)
        if line:
            event[known] = line
    lines = ["BEGIN:VCALENDAR", f"METHOD:{method}", "VERSION:2.0"]
    lines += ["BEGIN:VTIMEZONE", "TZID:Europe/Berlin", "END:VTIMEZONE", "BEGIN:VEVENT"]
    lines += [*event.values(), "BEGIN:VALARM", "SUMMARY:no", "END:VALARM"]
    lines += ["END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(
        "\r\n ".join(line[i : i + 60] for i in range(0, len(line), 60) or [0])
        for line in lines
    )


def receive(sandbox: CheckedSandbox, text: str) -> Item:
    (item,) = internet_mail.receive(sandbox.exchange, EQUIPMENT, text)
    assert item in sandbox.exchange.mailbox(EQUIPMENT).inbox()
    return item


def test_a_request(sandbox: CheckedSandbox) -> None:
    """The foreign UID is kept in the global object id, times are those of the zone."""
    item = receive(sandbox, ics(SEQUENCE="SEQUENCE:3"))
    assert (item.kind, item.item_class) == (
        ItemKind.REQUEST,
        "IPM.Schedule.Meeting.Request",
    )
    assert item.subject == "Plans, and more"
    assert item.body.text.split() == ["Agenda", "PXPS:-1#"]
    meeting = item.meeting
    assert meeting is not None
    assert ids.uid(meeting.goid) == EVENT["UID"]
    assert meeting.start == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert meeting.end - meeting.start == timedelta(hours=1)
    assert meeting.zone == "W. Europe Standard Time"
    assert (meeting.organizer.name, meeting.organizer.address) == (
        "Eve; Outside",
        "eve@outside.example",
    )
    assert item.author == meeting.organizer
    assert meeting.sequence == 3
    assert [each.person.address for each in meeting.attendees] == [EQUIPMENT]


def test_a_cancellation_and_answers(sandbox: CheckedSandbox) -> None:
    """A counter-proposal is a tentative response with other times."""
    item = receive(sandbox, ics("CANCEL"))
    assert item.kind is ItemKind.CANCELLATION
    assert item.subject == "Canceled: Plans, and more"
    assert item.meeting is not None
    assert item.meeting.cancelled
    guest = "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.test"
    item = receive(sandbox, ics("COUNTER", ATTENDEE=guest))
    assert item.item_class == "IPM.Schedule.Meeting.Resp.Tent"
    assert item.response is ResponseType.TENTATIVE
    assert item.author is not None
    assert item.author.address == "bob@example.test"
    item = receive(sandbox, ics("REPLY", ATTENDEE=guest))
    assert item.item_class == "IPM.Schedule.Meeting.Resp.Neg"


def test_a_series_and_one_of_it(sandbox: CheckedSandbox) -> None:
    """A rule makes a series, a recurrence id an exception of it."""
    rule = "RRULE:FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4"
    item = receive(sandbox, ics(RRULE=rule))
    assert item.meeting is not None
    assert item.meeting.type is CalendarType.MASTER
    assert item.meeting.recurrence is not None
    assert item.meeting.recurrence.days == ("Tuesday", "Thursday")
    assert item.meeting.recurrence.count == 4
    which = "RECURRENCE-ID;TZID=Europe/Berlin:20261203T100000"
    item = receive(sandbox, ics(RECURRENCE_ID=which))
    assert item.meeting is not None
    assert item.meeting.type is CalendarType.EXCEPTION
    assert item.meeting.recurrence_id == datetime(2026, 12, 3, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("MONTHLY", SeriesRecurrence.monthly(1)),
        ("MONTHLY;BYMONTHDAY=15;INTERVAL=2", SeriesRecurrence.monthly(15, interval=2)),
        ("MONTHLY;BYMONTHDAY=-1", SeriesRecurrence.monthly(31)),
        ("MONTHLY;BYDAY=2TU", SeriesRecurrence.monthly_on("Second", "Tuesday")),
        ("MONTHLY;BYDAY=-1FR", SeriesRecurrence.monthly_on("Last", "Friday")),
        (
            "MONTHLY;BYDAY=TU;BYSETPOS=1",
            SeriesRecurrence.monthly_on("First", "Tuesday"),
        ),
        (
            "MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            SeriesRecurrence.monthly_on("Last", "Weekday"),
        ),
        ("YEARLY", SeriesRecurrence.yearly("December", 1)),
        ("YEARLY;BYMONTH=3;BYMONTHDAY=31", SeriesRecurrence.yearly("March", 31)),
        (
            "YEARLY;BYMONTH=3;BYDAY=-1SU",
            SeriesRecurrence.yearly_on("Last", "Sunday", "March"),
        ),
    ],
)
def test_months_and_years(
    sandbox: CheckedSandbox, rule: str, expected: SeriesRecurrence
) -> None:
    """A rule becomes the pattern of Exchange that means the same."""
    item = receive(sandbox, ics(RRULE=f"RRULE:FREQ={rule};COUNT=4"))
    assert item.meeting is not None
    assert item.meeting.type is CalendarType.MASTER
    begins = date(2026, 12, 1)
    assert item.meeting.recurrence == replace(expected, start=begins, count=4)


def test_ways_to_say_when(sandbox: CheckedSandbox) -> None:
    """In UTC, for so long, for a whole day, by a Windows name, without an end."""
    hour = timedelta(hours=1)
    nine = datetime(2026, 12, 1, 9, tzinfo=UTC)
    for start, end, begins, span in (
        ("DTSTART:20261201T090000Z", "DTEND:20261201T100000Z", nine, hour),
        ("DTSTART:20261201T090000Z", "", nine, 0 * hour),
        ("DTSTART;VALUE=DATE:20261201", "", nine - 9 * hour, 24 * hour),
        (
            "DTSTART;TZID=W. Europe Standard Time:20261201T100000",
            "DTEND:20261201T093000Z",
            nine,
            hour / 2,
        ),
    ):
        item = receive(sandbox, ics(DTSTART=start, DTEND=end))
        assert item.meeting is not None
        assert item.meeting.start == begins
        assert item.meeting.end - item.meeting.start == span
    item = receive(sandbox, ics(DTEND="", DURATION="DURATION:P1DT2H30M"))
    assert item.meeting is not None
    assert item.meeting.end - item.meeting.start == 26.5 * hour


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "METHOD"),
        ("BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR", "no event"),
        ("nonsense", "no line"),
        (ics("PUBLISH"), "METHOD"),
        (ics(UID=""), "UID"),
        (ics(ORGANIZER=""), "ORGANIZER"),
        (ics(DTSTART="DTSTART:yesterday"), "no time"),
        (ics(DTSTART="DTSTART;TZID=Nowhere/At All:20261201T100000"), "TZID"),
        (ics(RRULE="RRULE:FREQ=SECONDLY"), "RRULE"),
        (ics(RRULE="RRULE:FREQ=YEARLY;INTERVAL=2"), "RRULE"),
        (ics(RRULE="RRULE:FREQ=YEARLY;BYMONTH=13"), "RRULE"),
        (ics(RRULE="RRULE:FREQ=MONTHLY;BYMONTHDAY=-2"), "RRULE"),
        (ics(RRULE="RRULE:FREQ=MONTHLY;BYDAY=5TU"), "RRULE"),
        (ics(RRULE="RRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1"), "RRULE"),
        (ics(RRULE="RRULE:FREQ=WEEKLY;BYDAY=XX"), "RRULE"),
        (ics(DTEND="", DURATION="DURATION:long"), "DURATION"),
    ],
)
def test_what_is_no_meeting(sandbox: CheckedSandbox, text: str, says: str) -> None:
    """It is refused with the reason, and nothing arrives."""
    with pytest.raises(IcsError, match=says):
        internet_mail.receive(sandbox.exchange, EQUIPMENT, text)
    assert sandbox.exchange.mailbox(EQUIPMENT).inbox() == []


@given(
    st.text(
        alphabet=st.sampled_from('BEGIN:VEVENT;="\r\n TZID2026T0Z\\,'), max_size=200
    )
)
def test_anything_may_come(text: str) -> None:
    """What is no calendar is refused as one, and nothing else happens."""
    calendar = f"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\n{text}\nEND:VEVENT"
    with pytest.raises(IcsError):
        internet_mail.receive(CheckedSandbox().exchange, EQUIPMENT, calendar)


@pytest_twisted.ensureDeferred
async def test_by_http(sandbox: CheckedSandbox, served: str) -> None:
    """The ids of what arrived; 400 for no calendar, 404 for nobody."""

    async def post(**wanted: Any) -> tuple[int, Any]:
        data = json.dumps(wanted).encode()
        code, _, body = await send("POST", f"{served}/sandbox/mail", data)
        return code, json.loads(body)

    code, answer = await post(to=EQUIPMENT, ics=ics(), sender="relay@outside.example")
    (item,) = sandbox.exchange.mailbox(EQUIPMENT).inbox()
    assert (code, answer) == (200, {"ids": [item.id]})
    assert item.sender is not None
    assert item.sender.address == "relay@outside.example"
    assert (await post(to=EQUIPMENT, ics="nonsense"))[0] == 400
    assert (await post(to="nobody@example.test", ics=ics()))[0] == 404
    assert (await post(ics=ics()))[0] == 400
