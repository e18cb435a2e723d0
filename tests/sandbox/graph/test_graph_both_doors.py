"""Two doors to the same mailboxes: organizers and attendees through either one."""

from datetime import timedelta
from typing import Any

import exchangelib as ex
import msgspec
import pytest
from exchangelib import items as kinds

from pexschedd.sandbox import Exchange
from tests.sandbox.exchangelib_support import Client, answers, in_thread, invite
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    HOUR,
    IMMUTABLE,
    MEETING,
    GraphClient,
    GraphSandbox,
    event_url,
)


def new_event() -> dict[str, Any]:
    return {
        "subject": "Weekly",
        "body": {"contentType": "html", "content": "<p>Agenda</p>"},
        "start": {"dateTime": "2026-12-01T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"},
        "attendees": [{"type": "required", "emailAddress": {"address": BOB}}],
    }


async def test_ews_invites_and_graph_answers(graph: GraphSandbox, served: str) -> None:
    """An invitation by EWS is accepted over Graph, changed by EWS, seen over Graph, and
    cancelled by EWS."""
    goid: list[str] = []

    def first(client: Client) -> None:
        account = client.account(ALICE)
        invite(account, BOB)
        (item,) = account.calendar.all()
        goid.append(item.uid)

    await in_thread(served, first)
    client = graph.client()
    (event,) = client.events(BOB)
    assert event["iCalUId"] == goid[0]
    client.ask("POST", f"{event_url(event, BOB)}/accept", {}, status=202)
    graph.moment += timedelta(seconds=2)

    def second(client: Client) -> None:
        (item,) = client.account(ALICE).calendar.all()
        assert answers(item) == {BOB: "Accept"}
        item.body = ex.HTMLBody("<p>Changed</p>")
        item.save(send_meeting_invitations=kinds.SEND_TO_ALL_AND_SAVE_COPY)

    await in_thread(served, second)
    (event,) = client.events(BOB)
    assert "Changed" in event["body"]["content"]
    graph.moment += timedelta(seconds=2)

    def third(client: Client) -> None:
        (item,) = client.account(ALICE).calendar.all()
        item.cancel()

    await in_thread(served, third)
    (event,) = client.events(BOB)
    assert event["isCancelled"] is True
    assert client.inbox(BOB)[0]["meetingMessageType"] == "meetingCancelled"


async def test_graph_invites_and_ews_answers(graph: GraphSandbox, served: str) -> None:
    """An invitation over Graph is declined by EWS, and the organizer sees that over
    Graph."""
    client = graph.client()
    client.ask("POST", f"/users/{ALICE}/events", new_event(), status=201)

    def work(client: Client) -> None:
        (request,) = client.account(BOB).inbox.all()
        assert "Agenda" in request.body
        request.decline(body="No")

    await in_thread(served, work)
    (event,) = client.events(ALICE)
    assert event["attendees"][0]["status"]["response"] == "declined"
    assert client.events(BOB) == []
    assert client.inbox(ALICE)[0]["responseType"] == "declined"


@pytest.mark.parametrize("changed_by", ["graph", "exchange"])
def test_a_change_by_either_voids_the_etag(
    graph: GraphSandbox, client: GraphClient, changed_by: str
) -> None:
    """A change by any door is one that a client with an old ETag has not seen."""
    item = graph.invite(BOB)
    (event,) = client.events(ALICE)
    url, body = event_url(event, ALICE), {"subject": "New"}
    if changed_by == "graph":
        client.ask("PATCH", url, body)
    else:
        graph.exchange.update(item, subject="Newer")
    match = {"If-Match": event["@odata.etag"]}
    client.code("PATCH", url, body, headers=match, status=412)


def test_a_snapshot_keeps_immutable_ids(graph: GraphSandbox) -> None:
    """Immutable ids outlive the server; a snapshot from before there were any can be
    read."""
    graph.exchange.schedule(
        ALICE, subject="Weekly", start=MEETING, end=MEETING + HOUR, required=[BOB]
    )
    (before,) = graph.client().inbox(BOB, headers=IMMUTABLE)
    kept = graph.exchange.snapshot()
    old = msgspec.json.decode(kept)
    for mailbox in old["mailboxes"]:
        for item in mailbox["items"]:
            del item["birth"]
        for log in mailbox["logs"].values():
            log[:] = [entry[:4] for entry in log]
    for data in (kept, msgspec.json.encode(old)):
        again = GraphSandbox(Exchange.restore(data, now=lambda: graph.moment))
        (after,) = again.client().inbox(BOB, headers=IMMUTABLE)
        assert after["id"] == before["id"]
