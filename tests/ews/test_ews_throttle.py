"""Nobody asks a server that wants to be left alone."""

from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from pexschedd.errors import ImpersonationRefused, MailboxBusy, MailboxRefused
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.client import EwsClient
from pexschedd.ews.mailbox import EwsMailbox
from pexschedd.ews.operations.get_folder import build_get_folder, parse_get_folder
from pexschedd.exchange.batch_size import BatchSize
from pexschedd.exchange.throttle import (
    FIRST,
    GROW_AFTER,
    MOST,
    QUEUE,
    Slot,
    Throttle,
    Throttles,
)
from pexschedd.scheduling.ports.mailbox import Action, Answer, OutcomeKind
from tests.ews.ews_script import SITE, Script, doing, now, refs
from tests.ews.ews_support import back_off, fault, response, success

ROOM = "room@example.test"


class World:
    def __init__(self, concurrency: int = 27, chance: float = 0.0) -> None:
        self.clock = Clock()
        self.throttle = Throttle(
            self.clock, chance=lambda: chance, concurrency=concurrency
        )

    def slot(self) -> Slot:
        return now(self.throttle.acquire())

    def pause(self, asked: float | None = None) -> float:
        """One call that is told to come back later."""
        slot = self.slot()
        wait = slot.pause(asked)
        slot.release()
        return wait

    def wait(self) -> None:
        self.clock.advance(self.throttle.back_off_seconds)


def later(coroutine: Coroutine[Any, Any, Slot]) -> tuple[Deferred[Slot], list[Any]]:
    deferred = Deferred.fromCoroutine(coroutine)
    results: list[Any] = []
    deferred.addCallbacks(results.append, lambda f: results.append(f.value))
    return deferred, results


def test_pauses_double_up_to_ten_minutes() -> None:
    """As long as the call that goes first is sent away again; then all is forgotten."""
    world = World()
    waits = []
    for _ in range(8):
        waits.append(world.pause())
        world.wait()
    assert waits == [10, 20, 40, 80, 160, 320, 480, 480]
    slot = world.slot()
    slot.succeeded()
    slot.release()
    assert world.pause() == FIRST


@given(st.floats(0, 1), st.integers(1, 30), st.floats(0, 5000))
def test_a_pause_is_never_shorter_than_asked(
    chance: float, times: int, asked: float
) -> None:
    """The longer of the server's and ours, and ours stays within its bounds."""
    world = World(chance=chance)
    for _ in range(times - 1):
        world.pause()
        world.wait()
    wait = world.pause(asked)
    assert wait >= asked - 1e-6
    assert wait >= FIRST - 1e-6
    assert wait <= max(asked, MOST) + 1e-6


def test_during_a_pause_nothing_is_sent() -> None:
    """Calls are refused at once, and say how long it takes."""
    world = World()
    world.pause(100)
    world.clock.advance(40)
    with pytest.raises(MailboxBusy) as caught:
        world.slot()
    assert caught.value.retry_after == 60
    world.wait()
    world.slot()


def test_after_a_pause_one_goes_first() -> None:
    """The others wait for what becomes of it: all go on, or all are sent away."""
    world = World()
    world.pause()
    world.wait()
    first = world.slot()
    waiting = [later(world.throttle.acquire())[1] for _ in range(3)]
    assert waiting == [[], [], []]
    first.pause(30)
    first.release()
    assert [type(each[0]) for each in waiting] == [MailboxBusy] * 3
    world.wait()
    first = world.slot()
    waiting = [later(world.throttle.acquire())[1] for _ in range(3)]
    first.succeeded()
    first.release()
    assert [type(each[0]) for each in waiting] == [Slot] * 3


def test_no_answer_after_a_pause_is_another_pause() -> None:
    """Otherwise it says nothing."""
    world = World()
    slot = world.slot()
    slot.failed()
    slot.release()
    assert world.throttle.back_off_seconds == 0
    world.pause()
    world.wait()
    slot = world.slot()
    slot.failed()
    slot.release()
    assert world.throttle.back_off_seconds == 2 * FIRST


def test_calls_that_went_together_are_one_refusal() -> None:
    """Eight that come back busy do not double the pause eight times, and a ninth that
    went well before them does not end it."""
    world = World()
    slots = [world.slot() for _ in range(9)]
    for slot in slots[:8]:
        slot.pause(None)
    slots[8].succeeded()
    for slot in slots:
        slot.release()
    assert world.throttle.back_off_seconds == FIRST
    world.wait()
    first = world.slot()
    _, waiting = later(world.throttle.acquire())
    assert waiting == []
    first.release()


def test_fewer_at_once_and_slowly_more() -> None:
    """Halved when the server counts too many; one more for each good minute."""
    world = World(concurrency=8)
    slots = [world.slot() for _ in range(8)]
    slots[0].reduce_concurrency()
    assert world.throttle.concurrency == 4
    for slot in slots:
        slot.release()
    slots = [world.slot() for _ in range(4)]
    _, waiting = later(world.throttle.acquire())
    assert waiting == []
    slots[0].release()
    assert len(waiting) == 1
    for _ in range(3):
        slots[1].succeeded()
    assert world.throttle.concurrency == 4
    world.clock.advance(GROW_AFTER)
    slots[1].succeeded()
    slots[1].succeeded()
    assert world.throttle.concurrency == 5


def test_a_stream_keeps_nobody_waiting() -> None:
    """It obeys pauses, and lets another call go first; but while it lasts, all who
    want may call, and what becomes of it ends no pause."""
    world = World(concurrency=1)
    stream = world.throttle.acquire_uncounted()
    world.pause()
    with pytest.raises(MailboxBusy):
        world.throttle.acquire_uncounted()
    stream.succeeded()
    stream.failed()
    stream.release()
    assert world.throttle.back_off_seconds == FIRST
    world.wait()
    with pytest.raises(MailboxBusy):
        world.throttle.acquire_uncounted()
    first = world.slot()
    first.succeeded()
    world.throttle.acquire_uncounted()
    first.release()
    stream = world.throttle.acquire_uncounted()
    assert stream.pause(50) == 50


def test_the_line_is_bounded_and_may_be_left() -> None:
    """Who waits too long may give up; who comes too late is refused."""
    world = World(concurrency=1)
    slot = world.slot()
    waiting = [later(world.throttle.acquire()) for _ in range(QUEUE)]
    with pytest.raises(MailboxBusy, match="Too many"):
        world.slot()
    deferred, results = waiting[0]
    deferred.cancel()
    assert isinstance(results[0], CancelledError)
    slot.release()
    assert len(waiting[1][1]) == 1
    assert waiting[2][1] == []


def test_mailboxes_have_a_throttle_each_and_share_the_servers() -> None:
    """By host and address, whatever the spelling; what is calm is forgotten."""
    clock = Clock()
    throttles = Throttles(clock, lambda: 0.0)
    url = "https://mail.example.test/EWS/Exchange.asmx"
    one = throttles.of(url, ROOM)
    one.mailbox.pause(50)
    same = throttles.of("https://MAIL.example.test/ews", "Room@Example.Test")
    other = throttles.of(url, "alice@example.test")
    assert same.back_off_seconds == 50
    assert other.back_off_seconds == 0
    slots = now(other.acquire())
    slots.server.pause(70)
    slots.release()
    assert one.back_off_seconds == other.back_off_seconds == 70
    for number in range(2500):
        throttles.of(url, f"user{number}@example.test")
    assert len(throttles._known) <= 1001
    assert throttles.of(url, ROOM).mailbox is one.mailbox


def test_portions_halve_and_grow() -> None:
    """Never below one nor above where they began."""
    portion = BatchSize(5)
    assert [portion.too_much(), portion.too_much(), portion.too_much()] == [
        True,
        True,
        False,
    ]
    assert portion.size == 1
    for _ in range(100):
        portion.succeeded()
    assert portion.size == 5


# The client


FINE = response("GetFolder", success("GetFolder"))


def look(client: EwsClient) -> None:
    now(client.read(build_get_folder(ROOM), parse_get_folder))


def test_a_random_refusal_is_tried_three_times() -> None:
    """Two of them do not count, writing or not; three do."""
    denied = fault("ErrorImpersonateUserDenied")
    script = Script(denied, denied, FINE)
    look(EwsClient(script, SITE))
    assert len(script.asked) == 3
    script = Script(denied)
    with pytest.raises(ImpersonationRefused):
        now(EwsClient(script, SITE).write(build_get_folder(ROOM), parse_get_folder))
    assert len(script.asked) == 3


class Versions(Script):
    """A server that knows some versions only."""

    def __init__(self, *known: str) -> None:
        super().__init__(FINE)
        self.known = known
        self.seen: list[str] = []

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        version = body.partition(b'Version="')[2].partition(b'"')[0].decode()
        self.seen.append(version)
        if version not in self.known:
            answer = fault("ErrorInvalidServerVersion")
            return HttpResponse(500, {"content-type": "text/xml"}, answer)
        return await super().post(body, mailbox=mailbox, repeatable=repeatable)


def test_the_older_version_is_tried_once_and_remembered() -> None:
    """By all who share the mailbox; with neither, the words say what is needed."""
    clock = Clock()
    shared = Throttles(clock, lambda: 0.0).of(SITE.url, ROOM)
    server = Versions("Exchange2010_SP2")
    look(EwsClient(server, SITE, shared))
    look(EwsClient(server, SITE, shared))
    assert server.seen == ["Exchange2013_SP1", "Exchange2010_SP2", "Exchange2010_SP2"]
    server = Versions()
    with pytest.raises(MailboxRefused, match="2013 SP1"):
        look(EwsClient(server, SITE))
    assert server.seen == ["Exchange2013_SP1", "Exchange2010_SP2"]


def test_what_is_said_of_every_item_is_said_of_the_mailbox() -> None:
    """All answers busy is a pause for everybody; one of two is its own affair."""
    clock = Clock()
    shared = Throttles(clock, lambda: 0.0).of(SITE.url, ROOM)

    def mailbox(*codes: str) -> EwsMailbox:
        return EwsMailbox(EwsClient(Script(doing(*codes)), SITE, shared), SITE)

    busy = "ErrorServerBusy"
    answers = [Answer(ref, Action.ACCEPT) for ref in refs("a", "b")]
    outcomes = now(mailbox("", busy).answer(answers))
    assert [each.kind for each in outcomes] == [OutcomeKind.DONE, OutcomeKind.RETRY]
    assert shared.back_off_seconds == 0
    with pytest.raises(MailboxBusy) as caught:
        now(mailbox(busy, busy).answer(answers))
    assert caught.value.retry_after == shared.back_off_seconds == FIRST


def test_one_connection_is_told_for_all() -> None:
    """What one client was asked to wait, another waits, too, and no longer."""
    clock = Clock()
    shared = Throttles(clock, lambda: 0.0).of(SITE.url, ROOM)
    other = EwsClient(Script(FINE), SITE, shared)
    busy = Script(fault("ErrorServerBusy", "", back_off(40_000)))
    with pytest.raises(MailboxBusy) as caught:
        look(EwsClient(busy, SITE, shared))
    assert caught.value.retry_after == other.back_off_seconds == 40
    with pytest.raises(MailboxBusy):
        look(other)
    clock.advance(40)
    look(other)
    assert other.back_off_seconds == 0
