"""An independent client, python-o365, as attendee and as organizer."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.sandbox.graph.graph_support import ALICE, EQUIPMENT, GraphSandbox
from tests.sandbox.graph.o365_support import GraphAccounts, in_thread

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 12, 1, 10, 0, tzinfo=BERLIN)
END = datetime(2026, 12, 1, 11, 0, tzinfo=BERLIN)


def invite(organizer: Any, **more: Any) -> Any:
    """A meeting of the organizer's, with the equipment mailbox."""
    event = organizer.schedule().get_default_calendar().new_event("Weekly")
    event.start, event.end = BEGIN, END
    event.body = "<p>Agenda</p>"
    event.attendees.add(EQUIPMENT)
    for name, value in more.items():
        setattr(event, name, value)
    assert event.save()
    return event


def only_message(account: Any) -> Any:
    (message,) = account.mailbox().inbox_folder().get_messages(limit=10)
    return message


async def test_o365_accepts(graph: GraphSandbox, served: str) -> None:
    """An invitation made by the library is read, recognised, answered with a text and
    deleted by it; the organizer sees the answer."""

    def work(accounts: GraphAccounts) -> None:
        organizer, equipment = accounts.account(ALICE), accounts.account(EQUIPMENT)
        invite(organizer, location="Room 1")
        message = only_message(equipment)
        assert message.is_event_message
        assert message.subject == "Weekly"
        assert "Agenda" in message.body
        event = message.get_event()
        assert (event.start, event.end) == (BEGIN, END)
        assert event.location["displayName"] == "Room 1"
        assert event.organizer.address == ALICE
        assert event.accept_event(comment="Gladly", tentatively=False)
        assert message.delete()
        assert not list(equipment.mailbox().inbox_folder().get_messages())
        answer = only_message(organizer)
        assert "Gladly" in answer.get_body_text()
        (mine,) = (
            organizer.schedule()
            .get_default_calendar()
            .get_events(include_recurring=False)
        )
        (attendee,) = mine.attendees
        assert attendee.response_status.status.name == "Accepted"

    await in_thread(served, work)


async def test_o365_declines(graph: GraphSandbox, served: str) -> None:
    """A declined event is gone from the calendar."""

    def work(accounts: GraphAccounts) -> None:
        organizer, equipment = accounts.account(ALICE), accounts.account(EQUIPMENT)
        invite(organizer)
        event = only_message(equipment).get_event()
        assert event.decline_event(comment="No")
        calendar = equipment.schedule().get_default_calendar()
        assert not list(calendar.get_events(include_recurring=False))

    await in_thread(served, work)


async def test_o365_organizes_a_series(graph: GraphSandbox, served: str) -> None:
    """A series made by the library is understood, changed and cancelled by it."""

    def work(accounts: GraphAccounts) -> None:
        organizer, equipment = accounts.account(ALICE), accounts.account(EQUIPMENT)
        event = organizer.schedule().get_default_calendar().new_event("Daily")
        event.start, event.end = BEGIN, END
        event.attendees.add(EQUIPMENT)
        event.recurrence.set_daily(1, start=BEGIN.date(), occurrences=4)
        assert event.save()
        calendar = equipment.schedule().get_default_calendar()
        found = list(
            calendar.get_events(
                limit=50,
                start_recurring="2026-12-01T00:00:00Z",
                end_recurring="2026-12-31T00:00:00Z",
            )
        )
        assert [each.start.day for each in found] == [1, 2, 3, 4]
        series = organizer.schedule().get_default_calendar().get_event(event.object_id)
        day = datetime(2026, 12, 2, tzinfo=BERLIN)
        (second,) = series.get_occurrences(day, day + timedelta(days=1))
        second.subject = "Moved"
        assert second.save()
        assert event.cancel_event(comment="Off")

    await in_thread(served, work)
    graph.exchange.mailbox(EQUIPMENT)
    subjects = [each.subject for each in graph.exchange.mailbox(EQUIPMENT).inbox()]
    assert sorted(subjects) == ["Canceled: Daily", "Daily", "Moved"]


async def test_o365_sends_mail(graph: GraphSandbox, served: str) -> None:
    """A message written by the library arrives."""

    def work(accounts: GraphAccounts) -> None:
        message = accounts.account(EQUIPMENT).new_message()
        message.to.add(ALICE)
        message.subject, message.body = "Hello", "<p>Hi</p>"
        assert message.send()
        assert only_message(accounts.account(ALICE)).subject == "Hello"

    await in_thread(served, work)


async def test_o365_sees_errors(graph: GraphSandbox, served: str) -> None:
    """A throttled request, with the library's own retries off, is an error of HTTP; the
    next one succeeds."""
    fault = {"kind": "http-429", "operation": "GraphListMessages", "retry_after_s": 1}
    graph.behaviour.configure({"faults": [fault]})

    def work(accounts: GraphAccounts) -> None:
        account = accounts.account(EQUIPMENT)
        account.con.raise_http_errors = False
        inbox = account.mailbox().inbox_folder()
        url = inbox.build_url("/mailFolders/inbox/messages")
        assert account.con.get(url).status_code == 429
        assert account.con.get(url).status_code == 200

    await in_thread(served, work)
