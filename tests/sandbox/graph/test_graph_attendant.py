"""The calendar attendant of Exchange Online: late, and hiding updates."""

from datetime import timedelta

import pytest
from twisted.internet.task import Clock

from pexschedd.sandbox import Sandbox, SeriesRecurrence
from pexschedd.sandbox.graph.settings import GraphSettings
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    START,
    WITH_EVENT,
    GraphClient,
    GraphSandbox,
    event_url,
)

DELETED = f"/users/{EQUIPMENT}/mailFolders/deleteditems/messages"


def accept(client: GraphClient) -> None:
    (event,) = client.events()
    client.ask("POST", f"{event_url(event)}/accept", {}, status=202)


def test_the_event_comes_later(graph: GraphSandbox, client: GraphClient) -> None:
    """A message has no event until the attendant has seen it."""
    graph.organisation(attendant_delay_s=5)
    graph.invite()
    assert client.one(expand=WITH_EVENT)["event"] is None
    assert client.events() == []
    graph.later(seconds=4)
    assert client.events() == []
    graph.later(seconds=1)
    assert client.one(expand=WITH_EVENT)["event"]["id"] == client.events()[0]["id"]


def test_a_message_that_is_gone_makes_no_event(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """What is deleted before the attendant comes leaves nothing in the calendar."""
    graph.organisation(attendant_delay_s=5)
    graph.invite()
    graph.exchange.take_away(graph.exchange.mailbox(EQUIPMENT).inbox()[0])
    graph.later(seconds=5)
    assert client.events() == []


def test_a_body_change_is_hidden_after_an_answer(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """Once answered, a new body goes to the calendar, and the update past the inbox to
    Deleted Items."""
    meeting = graph.invite()
    accept(client)
    graph.later(seconds=1)
    graph.exchange.update(meeting, body="<p>New</p>")
    assert len(client.inbox()) == 1
    (hidden,) = client.get(DELETED)["value"]
    assert hidden["meetingRequestType"] == "informationalUpdate"
    (event,) = client.events()
    assert "New" in event["body"]["content"]
    assert event["responseStatus"]["response"] == "accepted"


def test_before_an_answer_everything_is_visible(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """A recipient who has not answered yet sees every update."""
    meeting = graph.invite()
    graph.later(seconds=1)
    graph.exchange.update(meeting, body="<p>New</p>")
    assert len(client.inbox()) == 2


@pytest.mark.parametrize(
    ("visible", "change", "seen"),
    [
        ("Location,AllProperties:15", {"location": "Room 2"}, True),
        ("Location,AllProperties:15", {"subject": "New"}, False),
        ("Location,Subject,Body", {"body": "<p>New</p>"}, True),
        ("Location,Subject,Sensitivity", {"body": "<p>New</p>"}, False),
        ("AllProperties", {"body": "<p>New</p>"}, True),
        ("", {"location": "Room 2"}, False),
        ("", {"start": MEETING + HOUR, "end": MEETING + 2 * HOUR}, True),
    ],
)
def test_visible_properties(
    graph: GraphSandbox,
    client: GraphClient,
    visible: str,
    change: dict[str, object],
    seen: bool,
) -> None:
    """The organisation's setting says which changes are visible; those of times always
    are."""
    graph.organisation(visible_updates=visible)
    meeting = graph.invite()
    accept(client)
    graph.later(seconds=1)
    graph.exchange.update(meeting, **change)  # type: ignore[arg-type]
    assert len(client.inbox()) == (2 if seen else 1)
    assert len(client.get(DELETED)["value"]) == (0 if seen else 1)


@pytest.mark.parametrize("minutes", [10, 20])
@pytest.mark.parametrize("repeated", [False, True])
def test_shortly_before_the_start(
    graph: GraphSandbox, client: GraphClient, minutes: int, repeated: bool
) -> None:
    """Within its minutes before the meeting, or the next occurrence, a change is
    visible."""
    start = graph.moment + timedelta(minutes=minutes)
    days = None
    if repeated:
        start -= timedelta(days=1)
        days = SeriesRecurrence.daily(count=5)
    meeting = graph.invite(start=start, end=start + HOUR, recurrence=days)
    accept(client)
    graph.exchange.update(meeting, body="<p>New</p>")
    assert len(client.inbox()) == (2 if minutes == 10 else 1)


def test_the_same_once_more_stays(graph: GraphSandbox, client: GraphClient) -> None:
    """A copy of a request that changes nothing is not hidden."""
    graph.invite()
    accept(client)
    graph.exchange.deliver_again(graph.exchange.mailbox(EQUIPMENT).inbox()[0])
    assert len(client.inbox()) == 2


def test_a_wrong_setting() -> None:
    """A property that there is not is refused by name."""
    with pytest.raises(ValueError, match="visible_updates: 'Colour'"):
        GraphSandbox().organisation(visible_updates="Colour")


@pytest.mark.parametrize(
    ("fate", "inbox", "deleted"),
    [("stays", 1, 0), ("deleted-items", 0, 1), ("gone", 0, 0)],
)
def test_the_request_after_an_answer(
    graph: GraphSandbox, client: GraphClient, fate: str, inbox: int, deleted: int
) -> None:
    """An answered request stays, or goes to Deleted Items, or is gone."""
    graph.organisation(answered_request=fate)
    graph.invite()
    accept(client)
    assert len(client.inbox()) == inbox
    assert len(client.get(DELETED)["value"]) == deleted


def test_without_an_application_nothing_is_late() -> None:
    """An organisation that has no application is not in Exchange Online."""
    sandbox = Sandbox(now=lambda: START, clock=Clock())
    sandbox.graph.settings = GraphSettings(attendant_delay_s=5)
    sandbox.exchange.schedule(
        ALICE, subject="Now", start=MEETING, end=MEETING + HOUR, required=[BOB]
    )
    assert len(sandbox.exchange.mailbox(BOB).calendar()) == 1
