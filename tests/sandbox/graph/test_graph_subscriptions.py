"""Subscriptions: validation, delivery, renewal, and the lifecycle."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from pexschedd.sandbox.graph.notifications.webhook import (
    AnswerTooLong,
    WebhookAnswer,
    WebhookPoster,
    is_allowed,
)
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from tests.sandbox.graph import entity_types
from tests.sandbox.graph.graph_support import (
    BOB,
    EQUIPMENT,
    IMMUTABLE,
    Document,
    GraphClient,
    GraphSandbox,
    message_url,
)

URL, LIFE = "http://127.0.0.1:9/hook", "http://127.0.0.1:9/life"
INBOX = f"/users/{EQUIPMENT}/mailFolders('inbox')/messages"


class Webhook:
    """A webhook in memory: it validates, and keeps what it is told."""

    def __init__(self, graph: GraphSandbox) -> None:
        self.told: list[tuple[str, Document]] = []
        self.validated: list[str] = []
        self.refusing = 0
        self.answer: Callable[[str], WebhookAnswer] = lambda token: WebhookAnswer(
            200, "text/plain", token.encode()
        )
        graph.graph.subscriptions.post = self.post

    def post(
        self, url: str, body: bytes, content_type: str, seconds: float
    ) -> "Deferred[WebhookAnswer]":
        parts = urlsplit(url)
        if parts.query:
            assert (content_type, body, seconds) == ("text/plain", b"", 10)
            self.validated.append(parts.path)
            return succeed(self.answer(parse_qs(parts.query)["validationToken"][0]))
        assert (content_type.partition(";")[0], seconds) == ("application/json", 3)
        document = msgspec.json.decode(body)
        wrong = entity_types.faults(document, "changeNotificationCollection")
        assert not wrong, wrong
        if self.refusing:
            self.refusing -= 1
            return fail(ConnectionRefusedError())
        self.told += [(parts.path, each) for each in document["value"]]
        return succeed(WebhookAnswer(202, "", b""))


@pytest.fixture
def webhook(graph: GraphSandbox) -> Webhook:
    return Webhook(graph)


def wanted(graph: GraphSandbox, **more: Any) -> Document:
    expires = graph.moment + timedelta(days=2)
    return {
        "changeType": "created",
        "notificationUrl": URL,
        "lifecycleNotificationUrl": LIFE,
        "resource": INBOX,
        "expirationDateTime": expires.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
        "clientState": "secret",
        **more,
    }


def subscribe(graph: GraphSandbox, client: GraphClient, **more: Any) -> Document:
    headers = more.pop("headers", None)
    body = wanted(graph, **more)
    return client.ask("POST", "/subscriptions", body, status=201, headers=headers)


def test_a_new_message_is_told(
    graph: GraphSandbox, client: GraphClient, webhook: Webhook
) -> None:
    """Both webhooks are validated; then each new message is told with the client's
    state and its id."""
    made = subscribe(graph, client)
    assert webhook.validated == ["/hook", "/life"]
    assert made["clientState"] is None
    graph.invite()
    graph.clock.advance(0)
    ((path, told),) = webhook.told
    assert path == "/hook"
    assert told["subscriptionId"] == made["id"]
    assert (told["clientState"], told["changeType"]) == ("secret", "created")
    (message,) = client.inbox()
    assert told["resourceData"]["id"] == message["id"]
    assert told["resource"].endswith(f"/Messages/{message['id']}")


def test_other_changes_and_places(
    graph: GraphSandbox, client: GraphClient, webhook: Webhook
) -> None:
    """What is moved out of the folder is deleted there, what is changed is updated;
    other folders and mailboxes say nothing."""
    subscribe(graph, client, changeType="updated,deleted")
    graph.invite(EQUIPMENT, BOB)
    graph.clock.advance(0)
    webhook.told.clear()
    message = client.one()
    client.ask("PATCH", message_url(message), {"isRead": True})
    client.ask("DELETE", message_url(message), status=204)
    graph.clock.advance(0)
    kinds = [told["changeType"] for _, told in webhook.told]
    assert kinds == ["updated", "deleted"]
    assert webhook.told[1][1]["resourceData"]["id"] == message["id"]


def test_events_are_told(
    graph: GraphSandbox, client: GraphClient, webhook: Webhook
) -> None:
    """A subscription to events tells of events, not of messages."""
    subscribe(graph, client, resource=f"users/{EQUIPMENT}/events")
    graph.invite()
    graph.clock.advance(0)
    ((_, told),) = webhook.told
    assert told["resourceData"]["@odata.type"] == "#Microsoft.Graph.Event"
    assert told["resourceData"]["id"] == client.events()[0]["id"]


def test_immutable_ids_are_told(
    graph: GraphSandbox, client: GraphClient, webhook: Webhook
) -> None:
    """A subscription that was made with immutable ids tells those."""
    subscribe(graph, client, headers=IMMUTABLE)
    graph.invite()
    graph.clock.advance(0)
    ((_, told),) = webhook.told
    (message,) = client.inbox(headers=IMMUTABLE)
    assert told["resourceData"]["id"] == message["id"]


@pytest.mark.parametrize("copies", [0, 3])
def test_silence_and_copies(
    graph: GraphSandbox, client: GraphClient, webhook: Webhook, copies: int
) -> None:
    """On demand every change is told several times, or not at all."""
    graph.organisation(notification_copies=copies, delivery_delay_s=5)
    subscribe(graph, client)
    graph.invite()
    graph.later(seconds=4)
    assert webhook.told == []
    graph.later(seconds=1)
    assert len(webhook.told) == copies


def test_a_webhook_that_is_away(
    graph: GraphSandbox, client: GraphClient, webhook: Webhook
) -> None:
    """What could not be delivered is posted again, after longer and longer pauses."""
    subscribe(graph, client)
    webhook.refusing = 2
    graph.invite()
    for seconds, told in ((0, 0), (10, 0), (19, 0), (1, 1)):
        graph.later(seconds=seconds)
        assert len(webhook.told) == told


@pytest.mark.parametrize(
    "answer",
    [
        lambda token: WebhookAnswer(200, "text/plain", b"another"),
        lambda token: WebhookAnswer(202, "text/plain", token.encode()),
        lambda token: WebhookAnswer(200, "application/json", token.encode()),
    ],
)
def test_a_webhook_that_does_not_validate(
    graph: GraphSandbox,
    client: GraphClient,
    webhook: Webhook,
    answer: Callable[[str], WebhookAnswer],
) -> None:
    """Without the token sent back as text there is no subscription."""
    webhook.answer = answer
    code = client.code("POST", "/subscriptions", wanted(graph), status=400)
    assert code == "ValidationError"
    assert client.get("/subscriptions")["value"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"notificationUrl": "https://example.com/hook"}, 400),
        ({"notificationUrl": "http://127.0.0.1@example.com/"}, 400),
        ({"lifecycleNotificationUrl": "file:///etc/passwd"}, 400),
        ({"changeType": "moved"}, 400),
        ({"changeType": ""}, 400),
        ({"clientState": "x" * 129}, 400),
        ({"resource": "/groups"}, 400),
        ({"resource": f"/users/{EQUIPMENT}/mailFolders/none/messages"}, 400),
        ({"resource": "/users/nobody@example.test/messages"}, 404),
        ({"expirationDateTime": "2026-11-19T00:00:00Z"}, 400),
        ({"expirationDateTime": "2026-12-19T00:00:00Z"}, 400),
        ({"includeResourceData": True}, 400),
    ],
)
def test_subscriptions_that_make_no_sense(
    graph: GraphSandbox,
    client: GraphClient,
    webhook: Webhook,
    change: Document,
    status: int,
) -> None:
    """A mistake is refused before anything is posted anywhere."""
    client.code("POST", "/subscriptions", wanted(graph, **change), status=status)
    assert webhook.validated == []


def test_permission_is_needed(graph: GraphSandbox, webhook: Webhook) -> None:
    """What an application may not read it may not watch."""
    graph.add(MailboxGrant("Mail.Read", (BOB,)))
    code = graph.client().code("POST", "/subscriptions", wanted(graph), status=403)
    assert code == "ErrorAccessDenied"


def test_renewal_and_end(
    graph: GraphSandbox, client: GraphClient, webhook: Webhook
) -> None:
    """A subscription ends at its time unless it is renewed, which lasts 45 minutes at
    least."""
    soon = (graph.moment + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = subscribe(graph, client, expirationDateTime=soon)
    assert made["expirationDateTime"] == "2026-11-20T08:45:00Z"
    url = f"/subscriptions/{made['id']}"
    renewed = client.ask("PATCH", url, {"expirationDateTime": "2026-11-20T09:00:00Z"})
    assert renewed["expirationDateTime"] == "2026-11-20T09:00:00Z"
    assert len(client.get("/subscriptions")["value"]) == 1
    graph.later(hours=1)
    client = graph.client()
    assert client.code("GET", url, status=404) == "ResourceNotFound"
    graph.invite()
    graph.clock.advance(0)
    assert webhook.told == []


def test_delete_a_subscription(
    graph: GraphSandbox, client: GraphClient, webhook: Webhook
) -> None:
    """A deleted subscription tells nothing, and another application's is not there."""
    url = f"/subscriptions/{subscribe(graph, client)['id']}"
    graph.add(client_id="other")
    other = GraphClient(graph)
    token = graph.token(client_id="other")["access_token"]
    other.authorization = f"Bearer {token}"
    other.code("DELETE", url, status=404)
    client.ask("DELETE", url, status=204)
    graph.invite()
    graph.clock.advance(0)
    assert webhook.told == []


@pytest.mark.parametrize(
    ("event", "left"),
    [("missed", 1), ("reauthorizationRequired", 1), ("subscriptionRemoved", 0)],
)
def test_the_lifecycle(
    graph: GraphSandbox,
    client: GraphClient,
    webhook: Webhook,
    event: str,
    left: int,
) -> None:
    """Lifecycle events go to the webhook for them; a removed subscription is gone."""
    made = subscribe(graph, client)
    assert graph.graph.subscriptions.lifecycle(event) == 1
    ((path, told),) = webhook.told
    assert (path, told["lifecycleEvent"]) == ("/life", event)
    assert (told["subscriptionId"], told["clientState"]) == (made["id"], "secret")
    assert len(client.get("/subscriptions")["value"]) == left


def test_an_unknown_lifecycle_event(graph: GraphSandbox) -> None:
    """An event that there is not is refused."""
    with pytest.raises(ValueError, match="must be one of missed"):
        graph.graph.subscriptions.lifecycle("gone")


def test_loopback_only() -> None:
    """Only plain addresses on loopback are posted to."""
    good = ("http://127.0.0.1:80/a?b=c", "http://[::1]/", "https://localhost:8443/x")
    bad = ("http://10.0.0.1/", "http://localhost.example.com/", "ftp://127.0.0.1/", "x")
    assert all(map(is_allowed, good))
    assert not any(map(is_allowed, (*bad, "http://127.0.0.1:99999/", "http://[")))


class _Hook(Resource):
    """A real webhook, or one that answers too much."""

    isLeaf = True
    too_much = False

    def render_POST(self, request: Request) -> bytes:
        request.setHeader("content-type", "text/plain")
        if self.too_much:
            return b"x" * 1_000_000
        token: bytes = (request.args or {})[b"validationToken"][0]
        return token


async def test_over_the_network() -> None:
    """A webhook on a socket is validated; one that answers too much is cut off."""
    from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

    io: Any = reactor
    hook = _Hook()
    port = io.listenTCP(0, Site(hook), interface="127.0.0.1")
    url = f"http://127.0.0.1:{port.getHost().port}/?validationToken=a%20b"
    try:
        poster = WebhookPoster(lambda: io)
        found = await poster.post(url, b"", "text/plain", 10)
        assert found == WebhookAnswer(200, "text/plain", b"a b")
        hook.too_much = True
        with pytest.raises(AnswerTooLong):
            await poster.post(url, b"", "text/plain", 10)
    finally:
        await port.stopListening()
