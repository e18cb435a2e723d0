"""Single requests and batches, over a real socket to the sandbox."""

from base64 import b64encode
from typing import Any, cast

import msgspec
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from pexschedd.errors import (
    MailboxBusy,
    MailboxRefused,
    MailboxUnreachable,
    SignInRefused,
)
from pexschedd.exchange.error_policy import AnswerTooLarge
from pexschedd.exchange.throttle import FIRST
from pexschedd.graph.client import _claims
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.graph.transport import GraphLimits, GraphResponse
from tests.graph.msgraph_support import GraphWorld, document, failure
from tests.sandbox.graph.graph_support import ALICE, CLIENT, EQUIPMENT
from tests.turns import until


def inbox(mailbox: str = EQUIPMENT) -> ApiRequest:
    return ApiRequest(
        name="mailFolders/get",
        method="GET",
        path=user_path(mailbox, "mailFolders", "inbox", select="id,displayName"),
    )


def message(identifier: str) -> ApiRequest:
    return ApiRequest(
        name="messages/get",
        method="GET",
        path=user_path(EQUIPMENT, "messages", identifier),
    )


def named(body: bytes) -> str:
    name = document(body).get("displayName")
    if not isinstance(name, str):
        raise ValueError("it has no name")
    return name


@pytest_twisted.ensureDeferred
async def test_one_request(graph_world: GraphWorld) -> None:
    """The answer is read by what was given for it."""
    assert await graph_world.client().read(inbox(), named) == "Inbox"


@pytest.mark.parametrize(
    ("parts", "query", "path"),
    [
        (("messages",), {}, "users/a%40b.test/messages"),
        (("messages", "A/b=+"), {}, "users/a%40b.test/messages/A%2Fb%3D%2B"),
        (("events",), {"top": 5}, "users/a%40b.test/events?%24top=5"),
        (
            ("calendarView",),
            {"startDateTime": "2026-01-01T00:00:00Z", "select": "id,type"},
            (
                "users/a%40b.test/calendarView?startDateTime=2026-01-01T00%3A00%3A00Z"
                "&%24select=id%2Ctype"
            ),
        ),
    ],
)
def test_paths_are_quoted(
    parts: tuple[str, ...], query: dict[str, Any], path: str
) -> None:
    """Nothing of an id or an address can leave its place in the URL."""
    assert user_path("a@b.test", *parts, **query) == path


@pytest_twisted.ensureDeferred
async def test_what_is_not_there(graph_world: GraphWorld) -> None:
    """A thing that is missing is the thing's problem, and the mailbox works on."""
    client = graph_world.client()
    found = await client.read(message("AAMkNothing="), document)
    assert isinstance(found, GraphProblem)
    assert found.status in (400, 404)
    assert client.back_off_seconds == 0


@pytest_twisted.ensureDeferred
async def test_a_batch_has_results_of_its_own(graph_world: GraphWorld) -> None:
    """Twenty requests in one, in their order, good and bad together."""
    client = graph_world.client()
    wanted = [inbox(), message("AAMkNothing="), *(inbox() for _ in range(18))]
    found = await client.batch(wanted, named)
    assert isinstance(found[1], GraphProblem)
    assert [each for each in found if not isinstance(each, GraphProblem)] == (
        ["Inbox"] * 19
    )
    assert graph_world.sandbox.calls["GraphGetMailFolder"] == 19
    with pytest.raises(ValueError, match="1 to 20"):
        await client.batch([inbox()] * 21, named)


@pytest_twisted.ensureDeferred
async def test_a_batch_of_one_throttled(graph_world: GraphWorld) -> None:
    """What one request of a batch is told about a pause is kept by all; the others'
    results count."""
    client = graph_world.client()
    graph_world.misbehave(
        kind="http-429", operation="GraphGetMailFolder", times=1, retry_after_s=30
    )
    found = await client.batch([inbox(), inbox()], named)
    assert sorted(isinstance(each, GraphProblem) for each in found) == [False, True]
    assert client.back_off_seconds == 30
    error = await failure(client.read(inbox(), named))
    assert isinstance(error, MailboxBusy)
    graph_world.clock.advance(30)
    assert await client.read(inbox(), named) == "Inbox"


@pytest_twisted.ensureDeferred
async def test_a_batch_that_is_refused_as_a_whole(graph_world: GraphWorld) -> None:
    """If all that was asked for has the mailbox's problem, that is raised."""
    client = graph_world.client("nobody@example.test")
    wanted = inbox("nobody@example.test")
    error = await failure(client.batch([wanted, wanted], named))
    assert isinstance(error, MailboxRefused)
    assert "nobody@example.test" in error.message
    assert "token endpoint" in error.message


@pytest_twisted.ensureDeferred
async def test_one_at_a_time(graph_world: GraphWorld) -> None:
    """Graph takes four requests for a mailbox at a time, and a batch is four: so the
    second one waits, whoever sends it."""
    graph_world.sandbox.organisation(latency_ms=5)
    clients = [graph_world.client() for _ in range(3)]
    found = await gatherResults(
        [Deferred.fromCoroutine(each.batch([inbox()] * 20, named)) for each in clients]
    )
    assert found == [["Inbox"] * 20] * 3


@pytest_twisted.ensureDeferred
async def test_a_refused_token_is_replaced_once(graph_world: GraphWorld) -> None:
    """A token that was revoked is renewed with the claims of the challenge."""
    client = graph_world.client()
    await client.read(inbox(), named)
    graph_world.sandbox.graph.applications.revoke(CLIENT)
    assert await client.read(inbox(), named) == "Inbox"
    assert len(graph_world.tokens.claims) == 1
    assert graph_world.tokens.claims[0].startswith("{")


@pytest_twisted.ensureDeferred
async def test_a_token_that_is_never_taken(graph_world: GraphWorld) -> None:
    """After the second refusal an administrator has to act, and reads what to do."""
    client = graph_world.client()
    graph_world.misbehave(kind="graph-InvalidAuthenticationToken", times=None)
    error = await failure(client.read(inbox(), named))
    assert isinstance(error, SignInRefused)
    assert "oauth_client_id" in error.message
    assert len(graph_world.tokens.refused) == 1


@pytest.mark.parametrize(
    ("challenge", "claims"),
    [
        ("", ""),
        ("Bearer", ""),
        ('Bearer error="insufficient_claims", claims="e30="', "{}"),
        ('Bearer claims="e30"', "{}"),
        ('Bearer claims="!!"', ""),
        ('Bearer claims="W10="', ""),
        ('Bearer claims="////"', ""),
        (f'Bearer claims="{b64encode(b"[" * 6000).decode()}"', ""),
        (
            f'Bearer claims="{b64encode(b"""{"a":"%s"}""" % (b"x" * 5000)).decode()}"',
            "",
        ),
    ],
)
def test_claims_of_a_challenge(challenge: str, claims: str) -> None:
    """Only a JSON object of a bounded size is passed on."""
    assert _claims(challenge) == claims


@pytest_twisted.ensureDeferred
async def test_links_of_other_servers_are_not_followed(graph_world: GraphWorld) -> None:
    """No token goes where an answer points, unless that is Graph's own host."""
    client = graph_world.client()
    root = f"http://{graph_world.domain}/v1.0/"
    for link in (
        "https://evil.example/v1.0/users/x",
        f"http://{graph_world.domain}.evil.example/v1.0/",
        f"http://{graph_world.domain}@evil.example/v1.0/",
        f"http://{graph_world.domain}/beta/users/x",
        root + "x" * 20_000,
        root + "a b",
        root + "a\r\nHost: evil.example",
        root + "ä",
        "",
    ):
        error = await failure(client.follow(link, named, name="x"))
        assert isinstance(error, MailboxRefused)
        assert "no token" in error.message
    assert not graph_world.sandbox.calls
    link = root + inbox().path
    assert await client.follow(link, named, name="x") == "Inbox"


@pytest_twisted.ensureDeferred
async def test_reading_is_repeated_once_and_writing_is_not(
    graph_world: GraphWorld,
) -> None:
    """A connection that is lost without an answer: only what changes nothing may be
    sent again."""
    client = graph_world.client()
    graph_world.misbehave(kind="reset", times=1)
    assert await client.read(inbox(), named) == "Inbox"
    graph_world.misbehave(kind="reset", times=1)
    assert isinstance(await failure(client.write(inbox(), named)), MailboxUnreachable)
    assert await client.write(inbox(), named) == "Inbox"


@pytest.mark.parametrize("kind", ["truncate", "garbage", "login-page"])
@pytest_twisted.ensureDeferred
async def test_answers_that_are_none(graph_world: GraphWorld, kind: str) -> None:
    """A torn or foreign document is not the mailbox's answer."""
    graph_world.misbehave(kind=kind)
    error = await failure(graph_world.client().read(inbox(), named))
    assert isinstance(error, MailboxUnreachable)


@pytest_twisted.ensureDeferred
async def test_an_answer_without_end(graph_world: GraphWorld) -> None:
    """What is larger than the limit is not read to its end."""
    graph_world.misbehave(kind="huge", bytes=5_000_000)
    client = graph_world.client(limits=GraphLimits(max_answer=100_000))
    assert isinstance(await failure(client.read(inbox(), named)), AnswerTooLarge)


@pytest_twisted.ensureDeferred
async def test_no_answer_at_all(graph_world: GraphWorld) -> None:
    """After the deadline the exchange is given up."""
    graph_world.misbehave(kind="hang")
    timers = Clock()
    client = graph_world.client(timers=timers)
    asking = Deferred.fromCoroutine(client.read(inbox(), named))
    await until(lambda: bool(graph_world.sandbox.calls))
    timers.advance(120)
    error = await failure(asking)
    assert isinstance(error, MailboxUnreachable)
    assert "within 120 seconds" in error.message


@pytest_twisted.ensureDeferred
async def test_a_pause_of_our_own(graph_world: GraphWorld) -> None:
    """429 without a time: ten seconds, and nothing is sent meanwhile."""
    client = graph_world.client()
    graph_world.misbehave(kind="graph-ApplicationThrottled", times=1)
    error = await failure(client.read(inbox(), named))
    assert isinstance(error, MailboxBusy)
    assert error.retry_after == FIRST
    sent = graph_world.sandbox.calls.total()
    assert isinstance(await failure(client.read(inbox(), named)), MailboxBusy)
    assert graph_world.sandbox.calls.total() == sent
    # Another mailbox is not concerned.
    assert await graph_world.client(ALICE).read(inbox(ALICE), named) == "Inbox"


@pytest_twisted.ensureDeferred
async def test_a_role_that_is_missing(graph_world: GraphWorld) -> None:
    """The words name the role, the mailbox, and how long it can take."""
    graph_world.misbehave(kind="ErrorAccessDenied", times=None)
    error = await failure(graph_world.client().read(inbox(), named))
    assert isinstance(error, MailboxRefused)
    for part in ("Application Mail.ReadWrite", EQUIPMENT, "two hours"):
        assert part in error.message


@pytest_twisted.ensureDeferred
async def test_a_look(graph_world: GraphWorld) -> None:
    """An examination is told what the server said, whosever problem it is; it waits
    for no pause, and makes none."""
    client = graph_world.client()
    for kind, status in (
        ("ErrorAccessDenied", 403),
        ("ErrorInvalidUser", 404),
        ("http-429", 429),
    ):
        graph_world.misbehave(kind=kind)
        found = await client.look(inbox(), named)
        assert isinstance(found, GraphProblem)
        assert found.status == status
    assert client.back_off_seconds == 0
    graph_world.misbehave(kind="http-429")
    await failure(client.read(inbox(), named))
    assert client.back_off_seconds > 0
    assert await client.look(inbox(), named) == "Inbox"


@pytest_twisted.ensureDeferred
async def test_what_is_logged_of_a_refusal(graph_world: GraphWorld) -> None:
    """The details that Microsoft asks for: one short line, whatever a server sends."""
    client = graph_world.client()

    class Shouting:
        root = "http://127.0.0.1/v1.0/"

        async def send(self, *_: Any) -> GraphResponse:
            long = "\x1b[2J\u202e" + 8000 * "r"
            headers = {"request-id": long, "x-ms-ags-diagnostic": long}
            return GraphResponse(400, headers, b'{"error":{"code":"\\u001b"}}')

    client._transport = cast(Any, Shouting())
    with capturedLogs() as events:
        await client.read(inbox(), named)
    (line,) = (formatEvent(each) or "" for each in events)
    assert line.startswith("server refused mailFolders/get code=? ")
    assert line.isprintable()
    assert len(line) < 1000


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest_twisted.ensureDeferred
async def test_a_refusal_that_repeats_the_token(
    graph_world: GraphWorld, status: int
) -> None:
    """A proxy may show all that it was sent: the token stays out of our words."""
    client = graph_world.client()

    class Repeating:
        root = "http://127.0.0.1/v1.0/"

        async def send(self, _m: str, _u: str, headers: Any, _b: Any) -> GraphResponse:
            said = {"error": {"message": f"You sent {headers['Authorization']}."}}
            return GraphResponse(status, {}, msgspec.json.encode(said))

    client._transport = cast(Any, Repeating())
    found = await client.look(inbox(), named)
    assert isinstance(found, GraphProblem)
    assert found.message == "You sent Bearer ...."
