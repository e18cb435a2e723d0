"""Streaming notifications as a bare client sees them; time is the test's own."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_twisted
from lxml import etree
from twisted.internet.task import Clock

from pexschedd.sandbox.notifications.subscriptions import (
    QUEUE_LENGTH,
    SubscriptionLimits,
)
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    NS,
    SVC,
    CheckedSandbox,
    text,
)
from tests.sandbox.stream_support import Listener, Speaker, subscribe, unsubscribe
from tests.sandbox.test_sandbox_http import send
from tests.turns import some_turns


class Hall:
    """A sandbox with a clock of its own on a socket."""

    def __init__(self, sandbox: CheckedSandbox, url: str, clock: Clock) -> None:
        self.sandbox = sandbox
        self.url = url
        self.clock = clock
        self.alice = Speaker(url, ALICE)
        self.svc = Speaker(url, SVC)

    def mail(self, to: str = ALICE, subject: str = "Hello") -> None:
        self.sandbox.exchange.send_message(BOB, to=[to], subject=subject)
        self.clock.advance(0)

    async def opened(self, **more: Any) -> tuple[str, Listener]:
        name = await self.alice.subscribe(**more)
        listener = await self.alice.listen(name)
        await listener.count(1)
        return name, listener

    def end_streams(self) -> None:
        for stream in self.sandbox.streams():
            stream.finish()


@pytest_twisted.async_yield_fixture()
async def hall(sandbox: CheckedSandbox) -> AsyncIterator[Hall]:
    from twisted.internet import reactor  # noqa: PLC0415 - only for real sockets

    io: Any = reactor
    clock = Clock()
    sandbox._clock = clock
    port = io.listenTCP(0, sandbox.site(), interface="127.0.0.1")
    hall = Hall(sandbox, f"http://127.0.0.1:{port.getHost().port}", clock)
    yield hall
    hall.end_streams()
    await some_turns()
    await port.stopListening()
    assert not [call for call in clock.getDelayedCalls() if "Stream" in repr(call)]


@pytest_twisted.ensureDeferred
async def test_a_stream_from_ok_to_closed(hall: Hall) -> None:
    """OK at once, heartbeats, news, Closed when the client's time is over."""
    name = await hall.alice.subscribe()
    response = await hall.alice.post(
        f"<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{name}"
        "</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>2"
        "</m:ConnectionTimeout></m:GetStreamingEvents>"
    )
    assert response.headers.getRawHeaders("x-nobuffering") == ["1"]
    assert response.headers.getRawHeaders("content-length") is None
    listener = Listener()
    response.deliverBody(listener)
    await listener.count(1)
    hall.clock.advance(45)
    await listener.count(2)
    hall.clock.advance(10)
    hall.mail()
    await listener.count(3)
    hall.clock.advance(44)
    await some_turns()
    assert len(listener.envelopes) == 3
    hall.clock.advance(1)
    await listener.count(4)
    hall.clock.advance(20)
    await listener.end()
    news = "CreatedEvent NewMailEvent ModifiedEvent"
    assert listener.statuses() == ["OK", "OK", news, "OK", "Closed"]


@pytest_twisted.ensureDeferred
async def test_what_events_say(hall: Hall) -> None:
    """The item by the id that it has, its folder, the id it had; unread mail."""
    _, listener = await hall.opened()
    hall.mail()
    await listener.count(2)
    created, new_mail, modified = listener.events()
    mailbox = hall.sandbox.exchange.mailbox(ALICE)
    (item,) = mailbox.inbox()
    for event in (created, new_mail):
        found = event.find("t:ItemId", NS)
        assert found is not None
        assert found.get("Id") == item.id
    assert text(modified, "t:UnreadCount") == "1"
    old = item.id
    mailbox.move(item, "deleteditems")
    hall.clock.advance(0)
    await listener.count(3)
    moved = listener.events()[3]
    assert etree.QName(moved).localname == "MovedEvent"
    ids = [str(each.get("Id")) for each in moved.iterfind("t:*", NS)][1:]
    inbox, bin_ = mailbox.folders["inbox"].id, mailbox.folders["deleteditems"].id
    assert ids == [item.id, bin_, old, inbox]


@pytest_twisted.ensureDeferred
async def test_only_what_was_asked_for(hall: Hall) -> None:
    """Other folders, other kinds and other mailboxes say nothing."""
    _, listener = await hall.opened(events=("DeletedEvent",))
    hall.mail()
    hall.mail(to=BOB)
    mailbox = hall.sandbox.exchange.mailbox(ALICE)
    (item,) = mailbox.inbox()
    mailbox.remove(item)
    hall.clock.advance(0)
    await listener.count(2)
    assert listener.statuses() == ["OK", "DeletedEvent"]


@pytest_twisted.ensureDeferred
async def test_what_happens_between_streams_is_lost(hall: Hall) -> None:
    """Whoever connects has to look for itself."""
    name, first = await hall.opened()
    hall.end_streams()
    await first.end()
    hall.mail()
    second = await hall.alice.listen(name)
    await second.count(1)
    hall.mail(subject="Second")
    await second.count(2)
    assert len(second.events()) == 3


@pytest_twisted.ensureDeferred
async def test_more_than_can_wait(hall: Hall) -> None:
    """Is said to be lost; the newest are there, and the stream goes on."""
    _, listener = await hall.opened(events=("NewMailEvent",))
    for _ in range(QUEUE_LENGTH + 1):
        hall.sandbox.exchange.send_message(BOB, to=[ALICE], subject="Mail")
    hall.mail(subject="One more")
    await listener.count(3)
    assert listener.statuses()[1] == "ErrorMissedNotificationEvents"
    assert len(listener.events()) == QUEUE_LENGTH
    hall.mail(subject="Later")
    await listener.count(4)
    assert listener.statuses()[3] == "NewMailEvent"


@pytest_twisted.ensureDeferred
async def test_a_second_stream_ends_the_first(hall: Hall) -> None:
    """With an error that says so."""
    name, first = await hall.opened()
    second = await hall.alice.listen(name)
    await first.end()
    assert first.statuses() == ["OK", "ErrorNewEventStreamConnectionOpened"]
    hall.mail()
    await second.count(2)
    assert len(second.events()) == 3


@pytest_twisted.ensureDeferred
async def test_idle_subscriptions_end(hall: Hall) -> None:
    """Five minutes without a connection, and it is not there any more; a connection
    keeps it."""
    name, listener = await hall.opened()
    hall.clock.pump([60] * 10)
    hall.end_streams()
    await listener.end()
    hall.clock.advance(299)
    again = await hall.alice.listen(name)
    await again.count(1)
    hall.end_streams()
    await again.end()
    hall.clock.advance(301)
    gone = await hall.alice.listen(name)
    await gone.end()
    assert gone.statuses() == ["ErrorSubscriptionNotFound"]
    assert text(gone.envelopes[0], ".//m:ErrorSubscriptionIds/m:SubscriptionId") == name


@pytest_twisted.ensureDeferred
async def test_several_mailboxes_in_one_stream(hall: Hall) -> None:
    """Each notification says whose it is; one bad subscription spoils all."""
    first = await hall.svc.subscribe(ALICE)
    second = await hall.svc.subscribe(EQUIPMENT)
    listener = await hall.svc.listen(first, second, acting_as=ALICE)
    await listener.count(1)
    hall.mail(to=EQUIPMENT)
    await listener.count(2)
    assert [e.text for e in listener.envelopes[1].iterfind(".//t:SubscriptionId", NS)
            ] == [second]  # fmt: skip
    spoiled = await hall.svc.listen(first, "AAAA", acting_as=ALICE)
    await spoiled.end()
    assert spoiled.statuses() == ["ErrorSubscriptionNotFound"]


@pytest_twisted.ensureDeferred
async def test_unsubscribing_ends_the_stream(hall: Hall) -> None:
    """And the subscription is gone; others' cannot be ended."""
    name, listener = await hall.opened()
    answer, _ = await hall.svc.ask(unsubscribe(name))
    assert text(answer, ".//m:ResponseCode") == "ErrorSubscriptionAccessDenied"
    answer, _ = await hall.alice.ask(unsubscribe(name))
    assert text(answer, ".//m:ResponseCode") == "NoError"
    await listener.end()
    assert listener.statuses()[-1] == "ErrorSubscriptionUnsubscribed"
    answer, _ = await hall.alice.ask(unsubscribe(name))
    assert text(answer, ".//m:ResponseCode") == "ErrorSubscriptionNotFound"


@pytest_twisted.ensureDeferred
async def test_affinity(hall: Hall) -> None:
    """With several servers only the cookie and the anchor lead to the right one."""
    hall.sandbox.subscriptions.limits = SubscriptionLimits(affinity=True)
    anchored: dict[str, Any] = {
        "x_anchormailbox": ALICE,
        "x_preferserveraffinity": "true",
    }
    answer, response = await hall.alice.ask(subscribe(), **anchored)
    name = text(answer, ".//m:SubscriptionId")
    (cookie,) = response.headers.getRawHeaders("set-cookie")
    pair = cookie.partition(";")[0]
    assert pair.startswith("X-BackEndOverrideCookie=")
    elsewhere: list[dict[str, Any]] = [
        {},
        anchored,
        {"cookie": pair},
        {"cookie": pair, "x_anchormailbox": BOB},
    ]
    for headers in elsewhere:
        lost = await hall.alice.listen(name, **headers)
        await lost.end()
        assert lost.statuses() == ["ErrorInvalidSubscription"]
    listener = await hall.alice.listen(name, cookie=pair, **anchored)
    await listener.count(1)
    assert listener.statuses() == ["OK"]


@pytest_twisted.ensureDeferred
async def test_limits(hall: Hall) -> None:
    """So many subscriptions of a mailbox, so many streams of an account."""
    hall.sandbox.subscriptions.limits = SubscriptionLimits(subscriptions=2, streams=1)
    first, second = [await hall.alice.subscribe() for _ in range(2)]
    answer, _ = await hall.alice.ask(subscribe())
    assert text(answer, ".//m:ResponseCode") == "ErrorExceededSubscriptionCount"
    listener = await hall.alice.listen(first)
    await listener.count(1)
    too_many = await hall.alice.listen(second)
    await too_many.end()
    assert too_many.statuses() == ["ErrorExceededConnectionCount"]
    again = await hall.alice.listen(first)
    await again.count(1)
    assert again.statuses() == ["OK"]


@pytest.mark.parametrize(
    ("kind", "statuses", "rest", "ended"),
    [
        ("stream-silence", ["OK"], b"", False),
        ("stream-abort", [], b"", True),
        ("stream-half", ["OK"], b"<Envelope", True),
        ("stream-error", ["OK", "ErrorInternalServerError"], b"", True),
        ("stream-missed", ["OK", "ErrorMissedNotificationEvents"], b"", False),
        ("stream-close", ["OK", "Closed"], b"", True),
    ],
)
@pytest_twisted.ensureDeferred
async def test_trouble_with_streams(
    hall: Hall, kind: str, statuses: list[str], rest: bytes, ended: bool
) -> None:
    """Each kind of it does what it says, after its time."""
    fault = {"kind": kind, "after_s": 5}
    hall.sandbox.behaviour.configure({"faults": [fault]})
    name = await hall.alice.subscribe()
    listener = await hall.alice.listen(name)
    await listener.count(1)
    hall.clock.advance(5)
    await listener.until(lambda: listener.ended or not ended)
    await listener.count(len(statuses))
    await some_turns()
    hall.mail()
    await some_turns()
    assert listener.statuses()[: len(statuses)] == statuses
    assert listener.raw.startswith(rest)
    assert listener.ended == ended
    if kind == "stream-silence":
        hall.clock.advance(500)
        await some_turns()
        assert len(listener.envelopes) == 1


@pytest_twisted.ensureDeferred
async def test_trouble_on_the_spot(hall: Hall) -> None:
    """Open streams are listed, and can be told what to do."""
    _, listener = await hall.opened()
    _, _, listed = await send("GET", f"{hall.url}/sandbox/streams")
    assert listed == b'[{"mailboxes":["alice@example.test"]}]'
    order = b'{"action":"error","code":"ErrorReadEventsFailed"}'
    code, _, listed = await send("PUT", f"{hall.url}/sandbox/streams", order)
    assert (code, listed) == (200, b"[]")
    await listener.end()
    assert listener.statuses() == ["OK", "ErrorReadEventsFailed"]
    code, _, _ = await send("PUT", f"{hall.url}/sandbox/streams", b'{"action":"x"}')
    assert code == 400


@pytest_twisted.ensureDeferred
async def test_limits_over_http(hall: Hall) -> None:
    """Each can be set, what is left out is the default, nonsense changes nothing."""
    url = f"{hall.url}/sandbox/notifications"
    code, _, shown = await send("PUT", url, b'{"heartbeat_s": 5, "affinity": true}')
    assert code == 200
    for wrong in (b"{", b'{"heartbeat_s": 0}', b'{"streams": -1}', b'{"more": 1}'):
        code, _, _ = await send("PUT", url, wrong)
        assert code == 400
    expected = SubscriptionLimits(heartbeat_s=5, affinity=True)
    assert hall.sandbox.subscriptions.limits == expected
    assert msgspec.json.decode(shown, type=SubscriptionLimits) == expected
