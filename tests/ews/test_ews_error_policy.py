"""Every row of the table of faults, over a real socket: the mailbox meets it and does
what the table says."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import Clock

from pexschedd.errors import MailboxBusy, MailboxError
from pexschedd.ews import http_policy
from pexschedd.ews.mailbox import EwsMailbox
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.exchange.error_policy import (
    CATEGORIES,
    CODES,
    CONNECTION_FAILURES,
    AnswerTooLarge,
    PolicyRule,
    Retry,
    rule,
)
from pexschedd.exchange.response_codes import KNOWN, Category, category
from pexschedd.exchange.throttle import FIRST, SharedThrottle, Throttles
from pexschedd.net.errors import FailureKind
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.scheduling.ports.mailbox import Action, Answer, Blame, OutcomeKind
from tests.ews.ews_exchange import EQUIPMENT, Exchange, waiting
from tests.ews.ews_support import Starter
from tests.turns import some_turns

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"

EXAMPLES = {
    kind: next(code for code in sorted(KNOWN - set(CODES)) if category(code) is kind)
    for kind in Category
    if kind is not Category.OK
}
"""One ordinary code of each category."""
ALL_CODES = sorted({*EXAMPLES.values(), *CODES})


def test_the_document_has_the_table() -> None:
    """docs/faults.md says what the code does."""
    assert http_policy.rendered() in DOCUMENT.read_text()


def test_every_category_and_trouble_has_a_row() -> None:
    """Nothing that can be told apart is without a reaction."""
    assert set(CATEGORIES) == set(Category)
    assert set(CONNECTION_FAILURES) == set(FailureKind)
    assert set(CODES) <= KNOWN


class World:
    """A sandbox, and a mailbox that shares its throttle with nobody."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.clock = Clock()
        self.throttles = Throttles(self.clock, lambda: 0.0)
        self.throttle: SharedThrottle = self.throttles.of("http://127.0.0.1", EQUIPMENT)

    def mailbox(self, **changed: Any) -> EwsMailbox:
        return self.exchange.mailbox(throttle=self.throttle, **changed)

    def calls(self, operation: str = "SyncFolderItems") -> int:
        return self.exchange.sandbox.calls[operation]


@pytest.fixture
def world(exchange: Exchange) -> World:
    return World(exchange)


async def failure(mailbox: EwsMailbox) -> MailboxError:
    with pytest.raises(MailboxError) as caught:
        await mailbox.arrivals("")
    return caught.value


async def meets(world: World, rule: PolicyRule, **fault: Any) -> None:
    """Looks into a mailbox whose server has this fault, and checks the reaction."""
    deadline = 0.3 if fault["kind"] == "hang" else 30.0
    mailbox = world.mailbox(limits=ConnectionLimits(connections=2, deadline=deadline))
    misbehave = world.exchange.misbehave
    misbehave(**fault)
    match rule.whole:
        case Retry.AGAIN | Retry.OLDER | Retry.SMALLER:
            assert (await mailbox.arrivals("")).arrived == ()
            assert mailbox.back_off_seconds == 0
            misbehave(**fault, times=None)
        case Retry.THRICE:
            misbehave(**fault, times=2)
            assert (await mailbox.arrivals("")).arrived == ()
            misbehave(**fault, times=3)
    error = await failure(mailbox)
    assert type(error) is rule.error
    sent = world.exchange.sandbox.calls.total()
    if rule.whole in (Retry.LATER, Retry.FEWER):
        assert mailbox.back_off_seconds == FIRST == error.retry_after
        again = await failure(mailbox)
        assert isinstance(again, MailboxBusy)
        assert again.retry_after == FIRST
        assert world.exchange.sandbox.calls.total() == sent
        world.clock.advance(FIRST)
    if rule.whole is Retry.FEWER:
        assert world.throttle.concurrency < 27
    world.exchange.sandbox.behaviour.configure({})
    world.clock.advance(FIRST)
    assert (await mailbox.arrivals("")).arrived == ()
    assert mailbox.back_off_seconds == 0


@pytest.mark.parametrize("code", ALL_CODES)
@pytest_twisted.ensureDeferred
async def test_codes_of_a_whole_request(world: World, code: str) -> None:
    """Each category, and each exception from one: the reaction that the table says."""
    await meets(world, rule(code), kind=code, operation="SyncFolderItems")


@pytest.mark.parametrize("status", sorted(http_policy.STATUSES))
@pytest_twisted.ensureDeferred
async def test_statuses(world: World, status: int) -> None:
    """Each HTTP status that the table has."""
    await meets(world, http_policy.STATUSES[status], kind=f"http-{status}")


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("http-302", http_policy.ERROR_PAGE),
        ("wrong-content", http_policy.ERROR_PAGE),
        ("http-500", http_policy.OTHER_STATUS),
        ("http-418", http_policy.OTHER_STATUS),
        ("login-page", http_policy.NOT_SOAP),
        ("garbage", http_policy.NOT_SOAP),
        ("truncate", CONNECTION_FAILURES[FailureKind.LOST]),
        ("hang", CONNECTION_FAILURES[FailureKind.TIMEOUT]),
    ],
)
@pytest_twisted.ensureDeferred
async def test_answers_that_are_none(world: World, kind: str, rule: PolicyRule) -> None:
    """Pages, torn documents, silence: an error in time, and all is well afterwards."""
    await meets(world, rule, kind=kind)


@pytest_twisted.ensureDeferred
async def test_no_redirection_is_followed(world: World, serve: Starter) -> None:
    """Wherever it leads: nobody else gets a request, let alone the credentials."""
    other = serve(lambda connection, _: connection.answer(b"<stolen/>"))
    for location in (other.url(), other.url("https"), "/EWS/Exchange.asmx", "//[", ""):
        world.exchange.misbehave(kind="redirect", location=location)
        error = await failure(world.mailbox())
        assert type(error) is http_policy.REDIRECTED.error
        assert "Credentials are not sent" in error.message
    assert other.requests == []
    assert other.connections == []


@pytest.mark.parametrize("zipped", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_huge_answer(world: World, zipped: bool) -> None:
    """100 megabytes, or a few that unzip to them, are not waited for."""
    world.exchange.misbehave(kind="huge", bytes=100_000_000, gzip=zipped, times=None)
    mailbox = world.mailbox(
        limits=ConnectionLimits(connections=1, max_answer=1_000_000)
    )
    assert type(await failure(mailbox)) is AnswerTooLarge
    world.exchange.sandbox.behaviour.configure({})
    await some_turns()  # until the sandbox has noticed


@pytest.mark.parametrize("kind", ["reset", "close", "cut-headers"])
@pytest_twisted.ensureDeferred
async def test_a_lost_connection(world: World, kind: str) -> None:
    """A reading call survives one; the next one is an error."""
    mailbox = world.mailbox()
    if kind != "cut-headers":  # an answer that has begun is not asked for again
        world.exchange.misbehave(kind=kind)
        assert (await mailbox.arrivals("")).arrived == ()
    world.exchange.misbehave(kind=kind, times=2)
    assert type(await failure(mailbox)) is CONNECTION_FAILURES[FailureKind.LOST].error


@pytest_twisted.ensureDeferred
async def test_busy_within_an_internal_error(world: World) -> None:
    """What is wrapped in another code counts as what it is; a pause of 0 is none."""
    await meets(
        world,
        rule("ErrorServerBusy"),
        kind="ErrorInternalServerError",
        inner="ErrorServerBusy",
        back_off_ms=0,
    )


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        ({"kind": "ErrorServerBusy", "back_off_ms": 297_749}, 297.749),
        ({"kind": "ErrorServerBusy", "back_off_ms": 99_999_999}, 3600),
        ({"kind": "http-503", "retry_after_s": 77}, 77),
        ({"kind": "http-429", "retry_after_s": 1}, FIRST),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_longer_pause_counts(
    world: World, fault: dict[str, Any], pause: float
) -> None:
    """The server's own, or ours; and it is another connection's, too."""
    world.exchange.misbehave(**fault)
    assert (await failure(world.mailbox())).retry_after == pause
    other = world.mailbox()
    assert other.back_off_seconds == pause
    sent = world.exchange.sandbox.calls.total()
    assert isinstance(await failure(other), MailboxBusy)
    assert world.exchange.sandbox.calls.total() == sent


OUTCOMES = {
    Retry.SKIP: OutcomeKind.GONE,
    Retry.GIVE_UP: OutcomeKind.FAILED,
    Retry.READ_AGAIN: OutcomeKind.DONE,
}


@pytest.mark.parametrize("code", ALL_CODES)
@pytest_twisted.ensureDeferred
async def test_codes_of_one_item(world: World, code: str) -> None:
    """One answer of three fails; the others are given, and it as the table says."""
    mailbox = world.mailbox()
    for name in ("a", "b", "c"):
        world.exchange.invite(name)
    messages = await waiting(mailbox)
    world.exchange.misbehave(kind=code, operation="CreateItem", item=True, index=1)
    answers = [Answer(message.ref, Action.ACCEPT) for message in messages]
    found = await mailbox.answer(answers)
    reaction = rule(code).of_one
    expected = OUTCOMES.get(reaction, OutcomeKind.RETRY)
    if code.startswith(("ErrorCalendarIsOrganizer", "ErrorCalendarIsDelegated")):
        expected = OutcomeKind.DONE  # nobody waits for it: it is moved away
    assert [each.kind for each in found] == [
        OutcomeKind.DONE,
        expected,
        OutcomeKind.DONE,
    ]
    assert (found[1].blame is Blame.MESSAGE) == (
        reaction in (Retry.ALONE, Retry.GIVE_UP) and expected != OutcomeKind.DONE
    )


@pytest.mark.parametrize("dated", [True, False], ids=["dated", "undated"])
@pytest_twisted.ensureDeferred
async def test_a_pause_until_a_date(world: World, serve: Starter, dated: bool) -> None:
    """It is counted from the server's date, and from our own if that is missing."""
    headers = ["Retry-After: Sun, 29 Nov 2026 08:01:40 GMT"]
    if dated:
        headers.append("Date: Sun, 29 Nov 2026 08:01:00 GMT")
    site = serve(
        lambda connection, _: connection.answer(
            b"busy", "503 Service Unavailable", headers, "text/html"
        )
    )
    now = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
    network = Network(reactor, Trust(), now=lambda: now)
    error = await failure(world.mailbox(url=site.url(), network=network))
    assert isinstance(error, MailboxBusy)
    assert error.retry_after == (40 if dated else 100)
