"""Subscriptions and their webhook: a sandbox that posts to the real route."""

from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus

import msgspec
import pytest
import pytest_twisted
import treq
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxRefused,
)
from pexschedd.graph.client import ignore_body
from pexschedd.graph.notifications.subscription import ASKED
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.sandbox.graph.notifications.change_subscription import (
    ChangeSubscription,
)
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from tests.graph.msgraph_support import GraphWorld
from tests.graph.msgraph_webhook_support import KEY, Listening, WebhookSite, counted
from tests.sandbox.graph.graph_support import EQUIPMENT
from tests.turns import some_turns, until


@pytest_twisted.async_yield_fixture()
async def webhook_site() -> AsyncIterator[WebhookSite]:
    site = WebhookSite()
    yield site
    await site.close()


@pytest_twisted.async_yield_fixture()
async def listening(
    graph_world: GraphWorld, webhook_site: WebhookSite
) -> AsyncIterator[Listening]:
    listening = Listening(graph_world, webhook_site)
    yield listening
    listening.world.behave()
    await listening.notifications.close()
    assert not listening.clock.getDelayedCalls()


def subscriptions(world: GraphWorld) -> list[ChangeSubscription]:
    return world.sandbox.graph.subscriptions.all()


@pytest_twisted.ensureDeferred
async def test_a_message_is_told(listening: Listening) -> None:
    """The inbox and the deleted items are watched, by immutable ids and with a secret;
    then every message is told."""
    await listening.begun()
    assert (listening.alive, listening.arrived) == (1, 0)
    found = subscriptions(listening.world)
    assert [each.folder for each in found] == ["inbox", "deleteditems"]
    assert {each.client_state for each in found} == {listening.states[0]}
    assert {each.url for each in found} == {listening.site.base + KEY}
    assert all(each.immutable and each.lifecycle_url == each.url for each in found)
    moment = listening.world.sandbox.moment
    assert {each.expires for each in found} == {moment + ASKED}
    listening.world.sandbox.invite()
    await until(lambda: listening.arrived == 1)
    listening.world.sandbox.invite()
    await until(lambda: listening.arrived == 2)
    assert listening.alive == 3


@pytest_twisted.ensureDeferred
async def test_a_hidden_update_is_told(listening: Listening) -> None:
    """Exchange puts an update among the deleted items that it does not show."""
    world = listening.world
    await listening.begun()
    meeting = world.sandbox.invite()
    await until(lambda: listening.arrived == 1)
    client = world.sandbox.client()
    (event,) = client.ask("GET", f"/users/{EQUIPMENT}/events")["value"]
    accept = f"/users/{EQUIPMENT}/events/{event['id']}/accept"
    client.ask("POST", accept, {}, status=202)
    await some_turns()
    before = listening.arrived
    world.sandbox.exchange.update(meeting, body="<p>Another agenda</p>")
    await until(lambda: listening.arrived > before)
    mailbox = world.sandbox.exchange.mailbox(EQUIPMENT)
    assert len(list(mailbox.items("deleteditems"))) == 1


@pytest_twisted.ensureDeferred
async def test_several_notifications_of_one_change(listening: Listening) -> None:
    """Each is a reason to look; more of them do no harm."""
    listening.world.sandbox.organisation(notification_copies=3)
    await listening.begun()
    listening.world.sandbox.invite()
    await until(lambda: listening.arrived == 3)


@pytest_twisted.ensureDeferred
async def test_renewal_at_half_of_the_given_life(listening: Listening) -> None:
    """What Graph gives counts, not what was asked for; each renewal is a sign of
    life."""
    world = listening.world
    updates = counted(world, "Update")
    await listening.begun()
    listening.later(hours=23, minutes=59)
    await some_turns()
    assert updates() == 0
    listening.later(minutes=1)
    await until(lambda: listening.alive == 2)
    assert updates() == 2
    moment = world.sandbox.moment
    assert {e.expires for e in subscriptions(world)} == {moment + ASKED}


@pytest_twisted.ensureDeferred
async def test_a_server_that_gives_less(
    listening: Listening,
) -> None:
    """A subscription that ends sooner than asked is renewed sooner, and one that is
    said to have ended already not more than once a minute."""
    world = listening.world
    await listening.begun()
    for each in subscriptions(world):
        each.expires = world.sandbox.moment + timedelta(hours=1)
    real = world.sandbox.graph.subscriptions._expiry
    world.sandbox.graph.subscriptions._expiry = (  # type: ignore[method-assign]
        lambda value: world.sandbox.moment + timedelta(hours=1)
    )
    world.sandbox.graph.subscriptions.lifecycle("reauthorizationRequired")
    await until(lambda: listening.alive == 3)
    listening.later(minutes=1)
    await until(lambda: listening.alive == 4)
    updates = counted(world, "Update")
    assert updates() == 2
    listening.later(minutes=29)
    await some_turns()
    assert updates() == 2
    listening.later(minutes=1)
    await until(lambda: updates() == 4)
    world.sandbox.graph.subscriptions._expiry = real  # type: ignore[method-assign]


@pytest_twisted.ensureDeferred
async def test_a_renewal_that_fails_is_tried_again(listening: Listening) -> None:
    """A busy server is asked again as long as the subscription lives, after a look into
    the mailbox went well; then it is lost."""
    world = listening.world
    await listening.begun()
    world.misbehave(
        operation="GraphUpdateSubscription", kind="http-503", times=1, retry_after_s=30
    )
    listening.later(hours=24)
    await until(lambda: counted(world, "Update")() == 1)
    await some_turns()
    assert not listening.over.called
    world.clock.advance(30)  # the pause
    path = user_path(EQUIPMENT, "mailFolders", "inbox")
    look = ApiRequest(name="look", method="GET", path=path)
    assert await world.client().read(look, ignore_body) is None
    listening.later(minutes=10)
    await until(lambda: counted(world, "Update")() == 3)
    await until(lambda: listening.alive == 2)

    world.misbehave(operation="GraphUpdateSubscription", kind="http-503", times=None)
    for _ in range(50):
        if listening.over.called:
            break
        listening.later(hours=2)
        world.clock.advance(7200)
        await some_turns()
    error = await listening.over
    assert isinstance(error, MailboxBusy)


@pytest_twisted.ensureDeferred
async def test_a_subscription_that_graph_has_forgotten(listening: Listening) -> None:
    """Listening ends without an error, and can begin again at once."""
    world = listening.world
    await listening.begun()
    world.sandbox.graph.subscriptions._known.clear()
    listening.later(hours=24)
    assert await listening.over is None
    await listening.begun()
    assert len(subscriptions(world)) == 2
    assert listening.states[0] != listening.states[1]


@pytest_twisted.ensureDeferred
async def test_lifecycle(listening: Listening) -> None:
    """Missed changes are a reason to look; a removed subscription ends the listening,
    and the other one is ended when that begins again."""
    world = listening.world
    inbox = world.sandbox.graph.subscriptions
    await listening.begun()
    inbox.lifecycle("missed", subscriptions(world)[0].id)
    await until(lambda: listening.arrived == 1)
    inbox.lifecycle("subscriptionRemoved", subscriptions(world)[0].id)
    assert await listening.over is None
    assert len(subscriptions(world)) == 1
    await listening.begun()
    assert [e.folder for e in subscriptions(world)] == ["inbox", "deleteditems"]


@pytest_twisted.ensureDeferred
async def test_closing_ends_the_subscriptions(listening: Listening) -> None:
    """Graph has nothing left of us, and the listening is over without an error."""
    await listening.begun()
    await listening.notifications.close()
    assert await listening.over is None
    assert subscriptions(listening.world) == []
    assert counted(listening.world, "Delete")() == 2
    await listening.notifications.close()
    await listening.notifications.listen(lambda: None, lambda: None)
    assert counted(listening.world, "Create")() == 2


@pytest_twisted.ensureDeferred
async def test_closing_takes_seconds_at_most(listening: Listening) -> None:
    """A server that does not answer is not waited for."""
    await listening.begun()
    listening.world.sandbox.organisation(latency_ms=500_000)
    done = Deferred.fromCoroutine(listening.notifications.close())
    await some_turns()
    assert not done.called
    listening.clock.advance(3)
    await done


@pytest_twisted.ensureDeferred
async def test_what_a_crash_has_left(
    graph_world: GraphWorld, webhook_site: WebhookSite
) -> None:
    """The subscriptions of a life that ended without a word are ended by the next one;
    those of others stay."""
    killed = Listening(graph_world, webhook_site)
    await killed.begun()
    other = subscriptions(graph_world)[0]
    other.url = "http://127.0.0.1:1/somebody/else"
    next_life = Listening(graph_world, webhook_site)
    await next_life.begun()
    found = subscriptions(graph_world)
    assert [each.url for each in found].count(webhook_site.base + KEY) == 2
    assert other in found
    await next_life.notifications.close()
    assert subscriptions(graph_world) == [other]
    await killed.notifications.close()


@pytest_twisted.ensureDeferred
async def test_an_address_that_graph_does_not_reach(listening: Listening) -> None:
    """The error names the address and what is needed, but not its secret."""
    await listening.site.close()
    listening.listen()
    error = await listening.over
    assert isinstance(error, MailboxRefused)
    assert listening.site.base in error.message
    assert KEY not in error.message
    assert "No question for validation came here" in error.message
    assert "graph_notification_method" in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, MailboxRefused), (403, MailboxRefused), (500, MailboxBusy)],
)
@pytest_twisted.ensureDeferred
async def test_a_server_that_repeats_the_address(
    listening: Listening, status: int, kind: type[MailboxError]
) -> None:
    """Its secrets do not get into the log, whatever Graph writes into its errors."""
    url = listening.site.address().url

    async def refuse(*_: object) -> GraphAnswer:
        message = f"{url} did not answer, {listening.states[0]}"
        error = {"code": "ValidationError", "message": message}
        return GraphAnswer(HTTPStatus(status), {"error": error})

    graph = listening.world.sandbox.graph
    graph.subscriptions._create = refuse  # type: ignore[method-assign,assignment]
    with capturedLogs() as events:
        listening.listen()
        error = await listening.over
    assert isinstance(error, kind)
    assert "did not answer" in error.message
    lines = [formatEvent(each) or "" for each in events]
    for secret in (KEY, listening.states[0]):
        assert not any(secret in line for line in (*lines, error.message))


@pytest_twisted.ensureDeferred
async def test_a_refused_subscription(listening: Listening) -> None:
    """If the question was answered, the reason is another one; the first subscription
    does not stay behind."""
    world = listening.world
    world.misbehave(
        operation="GraphCreateSubscription", kind="graph-BadRequest", times=1
    )
    listening.listen()
    error = await listening.over
    assert isinstance(error, MailboxRefused)
    assert "BadRequest" in error.message
    await listening.begun()
    assert len(subscriptions(world)) == 2


@pytest_twisted.ensureDeferred
async def test_an_application_without_the_role(listening: Listening) -> None:
    """It is told which role for which mailbox is missing."""
    listening.world.sandbox.add(MailboxGrant("Calendars.Read", (EQUIPMENT,)))
    listening.listen()
    error = await listening.over
    assert isinstance(error, MailboxRefused)
    assert "Mail.ReadWrite" in error.message
    assert EQUIPMENT in error.message


@pytest_twisted.ensureDeferred
async def test_notifications_of_others(listening: Listening) -> None:
    """A foreign secret, an unknown subscription and what is not JSON wake nobody, and
    make one log line however many they are."""
    await listening.begun()
    (first, _) = subscriptions(listening.world)
    right = {"subscriptionId": first.id, "clientState": first.client_state}
    url = listening.site.base + KEY

    async def post(*notifications: dict[str, str | None]) -> int:
        body = msgspec.json.encode({"value": notifications})
        response = await treq.post(url, body, persistent=False)
        await treq.content(response)
        return int(response.code)

    with capturedLogs() as events:
        assert await post({**right, "clientState": "guessed"}) == 202
        assert await post({**right, "clientState": None}) == 202
        assert await post({**right, "subscriptionId": "another"}) == 202
        assert await post({**right, "clientState": "\U0001f600 é"}) == 202
        assert (listening.arrived, listening.alive) == (0, 1)
        assert await post(*[{**right, "clientState": "x"}] * 500, right) == 202
        assert (listening.arrived, listening.alive) == (1, 2)
        listening.site.clock.advance(600)
        assert await post({**right, "clientState": "guessed"}) == 202
    lines = [formatEvent(each) or "" for each in events]
    found = [line for line in lines if line.startswith("webhook ignored")]
    assert len(found) == 2
    assert "count=1 integration=1" in found[0]
    assert "count=504 integration=1" in found[1]
    assert not any(str(first.client_state) in line or KEY in line for line in lines)


@pytest_twisted.ensureDeferred
async def test_an_address_with_another_key(listening: Listening) -> None:
    """It is not there; the log tells how many were posted, and no key."""
    await listening.begun()
    with capturedLogs() as events:
        for key in ("guessed", KEY[:-1], "\u00e9"):
            response = await treq.post(listening.site.base + key, persistent=False)
            await treq.content(response)
            assert response.code == 404
    (line,) = (formatEvent(each) or "" for each in events if "integration" in each)
    assert line.startswith("webhook ignored")
    assert "guessed" not in line


@pytest_twisted.ensureDeferred
async def test_nobody_else_is_validated(listening: Listening) -> None:
    """Without a subscription under way a question for validation is not for us."""
    await listening.begun()
    url = f"{listening.site.base}{KEY}?validationToken=hello"
    response = await treq.post(url, persistent=False)
    body = await treq.content(response)
    assert response.code == 404
    assert b"hello" not in body
