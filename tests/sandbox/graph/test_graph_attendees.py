"""Attendees' events: answered, cancelled, deleted, and otherwise left alone."""

from datetime import timedelta

import pytest

from pexschedd.sandbox import SeriesRecurrence
from pexschedd.sandbox.items import ids
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    IMMUTABLE,
    MEETING,
    GraphClient,
    GraphSandbox,
    answers,
    event_url,
)


@pytest.mark.parametrize(
    ("action", "response"),
    [("accept", "accepted"), ("tentativelyAccept", "tentativelyAccepted")],
)
def test_an_answer(
    graph: GraphSandbox, client: GraphClient, action: str, response: str
) -> None:
    """An answer keeps the event and its id, and reaches the organizer with its
    text."""
    graph.invite()
    (event,) = client.events()
    body = {"Comment": "Gladly", "SendResponse": True}
    client.ask("POST", f"{event_url(event)}/{action}", body, status=202)
    found = client.get(event_url(event))
    assert found["responseStatus"]["response"] == response
    assert answers(client) == {EQUIPMENT: response}
    (message,) = client.inbox(ALICE)
    assert "Gladly" in message["body"]["content"]
    assert len(client.inbox()) == 1


def test_a_decline(graph: GraphSandbox, client: GraphClient) -> None:
    """A declined event is gone, with either kind of id, and its message has none."""
    graph.invite()
    (default,), (immutable,) = client.events(), client.events(headers=IMMUTABLE)
    client.ask("POST", f"{event_url(default)}/decline", {}, status=202)
    for event in (default, immutable):
        code = client.code("GET", event_url(event), status=404)
        assert code == "ErrorItemNotFound"
    assert client.events() == []
    query = "?$expand=microsoft.graph.eventMessage/event"
    assert client.one(expand=query)["event"] is None
    assert answers(client) == {EQUIPMENT: "declined"}


def test_an_answer_without_a_response(graph: GraphSandbox, client: GraphClient) -> None:
    """Without a response nobody is told; a comment beside that is refused, even an
    empty one."""
    graph.invite()
    (event,) = client.events()
    url = f"{event_url(event)}/accept"
    body = {"sendResponse": False, "comment": ""}
    assert client.code("POST", url, body, status=400) == "ErrorInvalidRequest"
    assert "SendResponse" in client.last.document["error"]["message"]  # type: ignore[index]
    client.ask("POST", url, {"sendResponse": False}, status=202)
    assert client.inbox(ALICE) == []
    assert client.get(event_url(event))["responseStatus"]["response"] == "accepted"


def test_a_second_answer_is_sent_again(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """An answer that is repeated is sent twice."""
    graph.invite()
    (event,) = client.events()
    for _ in range(2):
        client.ask("POST", f"{event_url(event)}/accept", {}, status=202)
    assert len(client.inbox(ALICE)) == 2


def test_who_may_not_answer(graph: GraphSandbox, client: GraphClient) -> None:
    """Organizers cannot answer themselves, nobody a cancelled meeting, and the
    organizer's id says nothing to an attendee."""
    meeting = graph.invite()
    (own,), (event,) = client.events(ALICE), client.events()
    url = f"{event_url(own, ALICE)}/accept"
    assert client.code("POST", url, {}, status=400) == "ErrorInvalidRequest"
    url = f"{event_url(own)}/accept"
    assert client.code("POST", url, {}, status=404) == "ErrorItemNotFound"
    graph.later(seconds=1)
    graph.exchange.cancel(meeting)
    url = f"{event_url(event)}/accept"
    assert client.code("POST", url, {}, status=400) == "ErrorInvalidRequest"
    url = f"{event_url(event)}/cancel"
    assert client.code("POST", url, {}, status=400) == "ErrorInvalidRequest"
    assert "organizer" in str(client.last.document)


def test_propose_another_time(graph: GraphSandbox, client: GraphClient) -> None:
    """Another time goes with a decline, not with an acceptance."""
    graph.invite()
    (event,) = client.events()
    slot = {
        name: {"dateTime": "2026-12-02T09:00:00", "timeZone": "UTC"}
        for name in ("start", "end")
    }
    body = {"proposedNewTime": slot}
    url = event_url(event)
    client.code("POST", f"{url}/accept", body, status=400, check=False)
    client.ask("POST", f"{url}/decline", body, status=202)


def test_a_cancelled_event_stays(graph: GraphSandbox, client: GraphClient) -> None:
    """A cancellation marks the attendee's event, which then is deleted silently."""
    meeting = graph.invite()
    graph.later(seconds=1)
    graph.exchange.cancel(meeting)
    (event,) = client.events()
    assert event["isCancelled"] is True
    assert event["subject"] == "Canceled: Weekly"
    client.ask("DELETE", event_url(event), status=204)
    assert client.events() == []
    assert client.inbox(ALICE) == []


def test_an_attendee_deletes(graph: GraphSandbox, client: GraphClient) -> None:
    """An attendee who deletes an event tells nobody, nor if it is for good."""
    for action in ("DELETE", "POST"):
        meeting = graph.invite()
        (event,) = client.events()
        url = event_url(event) + ("/permanentDelete" if action == "POST" else "")
        client.ask(action, url, status=204)
        code = client.code("DELETE", event_url(event), status=404)
        assert code == "ErrorItemNotFound"
        graph.exchange.take_away(meeting)
    assert client.inbox(ALICE) == []


def test_answer_an_occurrence(graph: GraphSandbox, client: GraphClient) -> None:
    """An occurrence is answered by its own event, the others stay as they were."""
    series = graph.invite(recurrence=SeriesRecurrence.daily(count=3))
    second = MEETING + timedelta(days=1)
    graph.later(seconds=1)
    graph.exchange.update(
        series, occurrence=second, start=second + HOUR, end=second + 2 * HOUR
    )
    query = "?$expand=microsoft.graph.eventMessage/event"
    newest = client.inbox()[0]
    found = client.get(f"/users/{EQUIPMENT}/messages/{newest['id']}{query}")
    client.ask("POST", f"{event_url(found['event'])}/decline", {}, status=202)
    (master,) = client.events()
    span = "startDateTime=2026-12-01T00:00:00Z&endDateTime=2026-12-31T00:00:00Z"
    left = client.get(f"{event_url(master)}/instances?{span}")["value"]
    assert [each["start"]["dateTime"][8:10] for each in left] == ["01", "03"]


def test_an_orphan_is_found_by_its_uid(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """The iCalUId of an occurrence has its date; without that it is the series'."""
    series = graph.invite(BOB, recurrence=SeriesRecurrence.daily(count=3))
    second = MEETING + timedelta(days=1)
    graph.exchange.update(series, occurrence=second, required=[BOB, EQUIPMENT])
    (orphan,) = client.events()
    raw = bytes.fromhex(orphan["iCalUId"])
    assert ids.clean(raw) == series.meeting.goid != raw
    url = f"/users/{EQUIPMENT}/events?$filter=iCalUId eq '{orphan['iCalUId']}'"
    assert len(client.get(url)["value"]) == 1


def test_attendees_change_nothing(graph: GraphSandbox, client: GraphClient) -> None:
    """An attendee may change categories and the like, not the meeting."""
    graph.invite()
    (event,) = client.events()
    changed = client.ask("PATCH", event_url(event), {"categories": ["Seen"]})
    assert changed["categories"] == ["Seen"]
    code = client.code("PATCH", event_url(event), {"subject": "Mine"}, status=403)
    assert code == "ErrorAccessDenied"
