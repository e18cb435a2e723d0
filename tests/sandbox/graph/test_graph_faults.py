"""Faults on demand of Graph."""

from typing import Any

import pytest

from pexschedd.sandbox.faults.fault import BehaviourError
from tests.sandbox.graph.graph_support import (
    ALICE,
    EQUIPMENT,
    GraphClient,
    GraphSandbox,
    event_url,
    message_url,
)

INBOX = f"/users/{EQUIPMENT}/mailFolders/inbox/messages"


def arrange(graph: GraphSandbox, **fault: Any) -> None:
    graph.behaviour.configure({"faults": [fault]})


@pytest.mark.parametrize("wait", [None, 9])
def test_throttled(graph: GraphSandbox, client: GraphClient, wait: int | None) -> None:
    """A 429 comes once, with Retry-After or without."""
    more = {} if wait is None else {"retry_after_s": wait}
    arrange(graph, kind="http-429", **more)
    assert client.code("GET", INBOX, status=429) == "ApplicationThrottled"
    assert client.last.headers.get("retry-after") == (None if wait is None else "9")
    client.get(INBOX)


def test_a_date_to_retry_after(graph: GraphSandbox, client: GraphClient) -> None:
    """Retry-After may be a date."""
    arrange(graph, kind="http-429", retry_after_date_s=60)
    client.code("GET", INBOX, status=429)
    assert client.last.headers["retry-after"] == "Fri, 20 Nov 2026 08:01:00 GMT"


def test_unavailable_without_a_body(graph: GraphSandbox, client: GraphClient) -> None:
    """A 503 has no body."""
    arrange(graph, kind="http-503")
    assert client.ask("GET", INBOX, status=503) == {}
    assert client.last.body == b""


@pytest.mark.parametrize("status", [440, 449, 456])
def test_statuses_of_exchange(
    graph: GraphSandbox, client: GraphClient, status: int
) -> None:
    """A status that no standard has comes as it is."""
    arrange(graph, kind=f"http-{status}")
    assert client.ask("GET", INBOX, status=status) == {}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("ErrorIrresolvableConflict", 412),
        ("ErrorItemNotFound", 404),
        ("ErrorServerBusy", 503),
        ("ErrorQuotaExceeded", 507),
        ("graph-SyncStateNotFound", 410),
        ("graph-ResyncRequired", 410),
        ("graph-InvalidAuthenticationToken", 401),
        ("graph-UnknownError", 500),
    ],
)
def test_codes(
    graph: GraphSandbox, client: GraphClient, kind: str, status: int
) -> None:
    """Every code of Graph comes with its status."""
    arrange(graph, kind=kind)
    code = client.code("GET", f"{INBOX}/delta", status=status)
    assert code == kind.removeprefix("graph-")


def test_not_found_what_was_just_listed(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """A message that was listed can be missing for once."""
    graph.invite()
    (message,) = client.inbox()
    arrange(graph, kind="ErrorItemNotFound", operation="GraphGetMessage")
    client.code("GET", message_url(message), status=404)
    assert client.get(message_url(message))["subject"] == "Weekly"


def test_done_all_the_same(graph: GraphSandbox, client: GraphClient) -> None:
    """With `after` the request is carried out, and only its answer is lost."""
    graph.invite()
    (event,) = client.events()
    arrange(graph, kind="http-504", operation="GraphAcceptEvent", after=True)
    client.ask("POST", f"{event_url(event)}/accept", {}, status=504)
    assert len(client.inbox(ALICE)) == 1


def test_faults_of_one_mailbox(graph: GraphSandbox, client: GraphClient) -> None:
    """A fault for one mailbox leaves the others alone."""
    arrange(graph, kind="http-500", mailbox=EQUIPMENT, times=None)
    client.get(INBOX.replace(EQUIPMENT, ALICE))
    client.ask("GET", INBOX, status=500)


def test_pages_are_only_of_delta_queries(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """A fault of pages waits for a delta query, and one of Graph's codes for Graph."""
    arrange(graph, kind="empty-page")
    graph.invite()
    assert len(client.inbox()) == 1
    assert client.get(f"{INBOX}/delta")["value"] == []
    graph.behaviour.configure({"faults": [{"kind": "graph-UnknownError"}]})
    assert graph.behaviour.take("GetItem", EQUIPMENT).whole is None
    assert graph.behaviour.take("GraphGetMessage", EQUIPMENT).whole is not None


def test_an_unknown_kind(graph: GraphSandbox) -> None:
    """A kind that there is not is refused."""
    with pytest.raises(BehaviourError, match="graph-<code>"):
        arrange(graph, kind="graph-4")


def test_calls_are_counted(graph: GraphSandbox, client: GraphClient) -> None:
    """Every operation is counted under its name."""
    graph.calls.clear()
    client.inbox()
    client.inbox()
    assert graph.calls == {"GraphListMessages": 2}


def test_a_mailbox_on_the_move(graph: GraphSandbox, client: GraphClient) -> None:
    """A mailbox that moves is not there for a while."""
    graph.move_mailbox(EQUIPMENT, 60)
    code = client.code("GET", INBOX, status=503)
    assert code == "ErrorMailboxMoveInProgress"
    graph.later(seconds=60)
    client.get(INBOX)
