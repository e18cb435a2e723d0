"""Batches, and the four requests at a time that a mailbox allows."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from tests.sandbox.graph import entity_types
from tests.sandbox.graph.graph_support import (
    ALICE,
    EQUIPMENT,
    Document,
    GraphClient,
    GraphSandbox,
    event_url,
    message_url,
)

INBOX = f"/users/{EQUIPMENT}/mailFolders/inbox"


def send(client: GraphClient, *requests: Document) -> dict[str, Document]:
    """Sends a batch; gives the answers by their ids, each of them checked."""
    found = _result(client.start("POST", "/$batch", {"requests": list(requests)}))
    document: Any = found.document
    assert found.status == 200, document
    for each in document["responses"]:
        wrong = entity_types.answer_faults(each["status"], each.get("body"))
        assert not wrong, wrong
    return {each["id"]: each for each in document["responses"]}


def refused(client: GraphClient, requests: object) -> str:
    """Sends a batch that is refused as a whole; gives the code."""
    found = _result(client.start("POST", "/$batch", {"requests": requests}))
    document: Any = found.document
    assert found.status == 400
    code: str = document["error"]["code"]
    return code


def _result(waiting: "Deferred[GraphAnswer]") -> GraphAnswer:
    results: list[GraphAnswer] = []
    waiting.addCallback(results.append)
    return results[0]


def get(number: int, url: str = INBOX, **more: Any) -> Document:
    return {"id": str(number), "method": "GET", "url": url, **more}


def test_every_request_has_its_own_outcome(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """Requests of a batch succeed and fail by themselves, with their own headers."""
    graph.invite()
    (event,), message = client.events(), client.one()
    accept = {
        "id": "a",
        "method": "POST",
        "url": f"{event_url(event)}/accept",
        "headers": {"Content-Type": "application/json"},
        "body": {"comment": "Yes", "sendResponse": True},
    }
    text = {"Prefer": 'outlook.body-content-type="text"'}
    found = send(
        client,
        accept,
        get(1, message_url(message), headers=text),
        get(2, f"{INBOX}/messages/AAAA"),
    )
    assert found["a"]["status"] == 202
    assert "body" not in found["a"]
    assert found["1"]["body"]["body"]["contentType"] == "text"
    assert found["1"]["headers"]["Preference-Applied"]
    assert found["2"]["body"]["error"]["code"] == "ErrorInvalidIdMalformed"
    assert client.events(ALICE)[0]["attendees"][0]["status"]["response"] == "accepted"


def test_dependencies(graph: GraphSandbox, client: GraphClient) -> None:
    """What depends on a failed request is not done."""
    graph.invite()
    found = send(
        client,
        get(1),
        get(2, f"{INBOX}/messages/AAAA", dependsOn=["1"]),
        {
            "id": "3",
            "method": "DELETE",
            "url": message_url(client.one()),
            "dependsOn": ["2"],
        },
    )
    assert [found[each]["status"] for each in "123"] == [200, 400, 424]
    assert len(client.inbox()) == 1


@pytest.mark.parametrize(
    ("requests", "code"),
    [
        ([], "BadRequest"),
        ("none", "BadRequest"),
        ([get(1), get(1)], "BadRequest"),
        ([{**get(1), "id": "a"}, {**get(1), "id": "A"}], "BadRequest"),
        ([get(number) for number in range(21)], "MaximumValueExceeded"),
        ([get(1, "https://elsewhere.test/")], "BadRequest"),
        ([get(1, dependsOn=["2"]), get(2)], "BadRequest"),
        ([{**get(1), "method": "TRACE"}], "BadRequest"),
        ([{**get(1), "method": "POST", "body": {}}], "BadRequest"),
    ],
)
def test_batches_that_make_no_sense(
    client: GraphClient, requests: object, code: str
) -> None:
    """A batch that cannot be read is refused as a whole."""
    assert refused(client, requests) == code


def test_a_batch_is_done_four_at_a_time(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """Twenty requests take as long as five; meanwhile the mailbox takes no others."""
    graph.organisation(latency_ms=100)
    waiting = client.start(
        "POST", "/$batch", {"requests": [get(number) for number in range(20)]}
    )
    code = client.code("GET", INBOX, status=429)
    assert code == "ApplicationThrottled"
    assert client.last.headers["retry-after"] == "1"
    done: list[GraphAnswer] = []
    waiting.addCallback(done.append)
    for _ in range(4):
        graph.clock.advance(0.1)
    assert not done
    graph.clock.advance(0.1)
    document: Any = done[0].document
    assert {each["status"] for each in document["responses"]} == {200}


def test_other_mailboxes_are_independent(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """The limit is for each mailbox, and ends with its requests."""
    graph.organisation(latency_ms=100)
    asked = [client.start("GET", INBOX) for _ in range(5)]
    other = client.start("GET", INBOX.replace(EQUIPMENT, ALICE))
    graph.clock.advance(0.1)
    statuses = [int(_result(each).status) for each in (*asked, other)]
    assert statuses == [200, 200, 200, 200, 429, 200]
    again = client.start("GET", INBOX)
    graph.clock.advance(0.1)
    assert _result(again).status == 200


def test_requests_in_ten_minutes(graph: GraphSandbox, client: GraphClient) -> None:
    """Too many requests in ten minutes are refused until there is room, and those that
    are refused count."""
    graph.organisation(requests_per_10_min=3)
    for _ in range(3):
        client.get(INBOX)
        graph.later(seconds=100)
    assert client.code("GET", INBOX, status=429) == "ApplicationThrottled"
    assert client.last.headers["retry-after"] == "300"
    client.get(INBOX.replace(EQUIPMENT, ALICE))
    graph.later(seconds=300)
    client.code("GET", INBOX, status=429)
    graph.later(seconds=600)
    client.get(INBOX)


def test_a_request_of_a_batch_is_throttled(
    graph: GraphSandbox, client: GraphClient
) -> None:
    """A fault for one operation hits one request of the batch, with its own header."""
    fault = {"kind": "http-429", "operation": "GraphGetMailFolder", "retry_after_s": 7}
    graph.behaviour.configure({"faults": [fault]})
    found = send(client, get(1), get(2))
    assert sorted(each["status"] for each in found.values()) == [200, 429]
    (bad,) = (each for each in found.values() if each["status"] == 429)
    assert bad["headers"]["Retry-After"] == "7"
