"""Messages as MIME, with the calendar of a meeting message."""

from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from pexschedd.sandbox import MeetingAnswer, SeriesRecurrence, internet_mail
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    SILENT,
    GraphClient,
    GraphSandbox,
    message_url,
)

BERLIN = "W. Europe Standard Time"


def content(client: GraphClient, number: int = 0, user: str = EQUIPMENT) -> Any:
    """The mail of a message of an inbox, counted from the newest."""
    url = f"{message_url(client.inbox(user)[number], user)}/$value"
    results: list[Any] = []
    client.start("GET", url).addCallback(results.append)
    assert results[0].status == 200
    assert results[0].content_type == "text/plain"
    return message_from_bytes(results[0].body, policy=policy.default)


def calendar(mail: Any) -> tuple[str, str]:
    """The method and the calendar of a mail."""
    (part,) = (p for p in mail.walk() if p.get_content_type() == "text/calendar")
    return part.get_param("method"), part.get_content()


def test_a_request(graph: GraphSandbox, client: GraphClient) -> None:
    """A request has text, HTML and a calendar with a method; what the calendar says is
    the meeting again."""
    meeting = graph.invite(
        SILENT, BOB, subject="Täglich; oft, sehr", zone=BERLIN, location="Raum 1"
    ).meeting
    mail = content(client, user=SILENT)
    assert mail["subject"] == "Täglich; oft, sehr"
    assert mail["from"].addresses[0].addr_spec == ALICE
    assert "Agenda" in mail.get_body(("html",)).get_content()
    method, text = calendar(mail)
    assert method == "REQUEST"
    assert 'DTSTART;TZID="W. Europe Standard Time":20261201T100000' in text
    assert max(len(line.encode()) for line in text.splitlines()) <= 75
    (again,) = internet_mail.receive(graph.exchange, EQUIPMENT, text)
    assert again.subject == "Täglich; oft, sehr"
    found = again.meeting
    assert found is not None
    assert (found.goid, found.start, found.end) == (
        meeting.goid,
        meeting.start,
        meeting.end,
    )
    people = [each.person.address for each in found.attendees]
    assert people == [SILENT, BOB]


@pytest.mark.parametrize(
    "recurrence",
    [
        SeriesRecurrence.daily(count=3),
        SeriesRecurrence.weekly("Tuesday", "Thursday", interval=2, count=5),
        SeriesRecurrence.weekly("Tuesday", until=MEETING.date() + timedelta(days=30)),
    ],
)
def test_a_series(
    graph: GraphSandbox, client: GraphClient, recurrence: SeriesRecurrence
) -> None:
    """The rule of a series gives its occurrences again."""
    series = graph.invite(SILENT, zone=BERLIN, recurrence=recurrence)
    method, text = calendar(content(client, user=SILENT))
    assert (method, "BEGIN:DAYLIGHT" in text) == ("REQUEST", True)
    internet_mail.receive(graph.exchange, EQUIPMENT, text)
    (entry,) = graph.exchange.mailbox(EQUIPMENT).calendar()
    span = (MEETING - timedelta(days=1), MEETING + timedelta(days=100))
    spans = [
        [
            (each.meeting.start, each.meeting.end)
            for each in graph.exchange.occurrences(item, *span)
            if each.meeting is not None
        ]
        for item in (series, entry)
    ]
    assert spans[0] == spans[1]


def test_an_occurrence_and_its_cancellation(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """A change of an occurrence names it, and so does its cancellation."""
    series = graph.invite(SILENT, recurrence=SeriesRecurrence.daily(count=3))
    second = MEETING + timedelta(days=1)
    graph.later(seconds=1)
    graph.exchange.update(
        series, occurrence=second, start=second + HOUR, end=second + 2 * HOUR
    )
    graph.later(seconds=1)
    graph.exchange.cancel(series, occurrence=second)
    for number, expected in ((1, "REQUEST"), (0, "CANCEL")):
        method, text = calendar(content(client, number, SILENT))
        assert method == expected
        assert 'RECURRENCE-ID;TZID="UTC":20261202T090000' in text


def test_a_reply(graph: GraphSandbox, client: GraphClient) -> None:
    """A response is a REPLY of the attendee alone."""
    graph.invite(BOB)
    (request,) = graph.exchange.mailbox(BOB).inbox()
    graph.exchange.respond(request, MeetingAnswer.TENTATIVE)
    method, text = calendar(content(client, user=ALICE))
    assert method == "REPLY"
    assert text.count("ATTENDEE") == 1
    assert "PARTSTAT=TENTATIVE" in text


def test_basic_reading_has_no_content(graph: GraphSandbox) -> None:
    """With Mail.ReadBasic there is no MIME content."""
    graph.add(MailboxGrant("Mail.ReadBasic"))
    graph.invite()
    client = graph.client()
    url = f"{message_url(client.one())}/$value"
    assert client.code("GET", url, status=403) == "ErrorAccessDenied"
