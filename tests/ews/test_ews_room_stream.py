"""The promises of `ports.room_notifications`, against a sandbox Exchange on real
sockets: one stream for the rooms of a group."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import MailboxBusy, MailboxError, MailboxUnreachable
from pexschedd.ews.rooms.room_notifications import EwsRoomNotifications
from pexschedd.ews.streaming.hearing import MARGIN, MINUTES
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.exchange.throttle import Throttles
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.onetouch.ports.room_notifications import RoomServer, TooManyStreams
from pexschedd.sandbox.notifications.subscriptions import SubscriptionLimits
from tests.ews.ews_rooms_support import ELM, OAK, OTJ, SECRET, RoomExchange, reactor
from tests.turns import some_turns, until


class Group:
    """Listens to rooms, and keeps what it is told."""

    def __init__(self, exchange: RoomExchange, *rooms: str) -> None:
        self.exchange = exchange
        self.clock = Clock()
        self.rooms = rooms
        self.begun: list[tuple[str, ...]] = []
        self.changes: list[str] = []
        self.problems: dict[str, MailboxError] = {}
        self.observed: list[tuple[str, str]] = []
        account = EwsAccount(
            url=exchange.url,
            username=OTJ,
            password="otj",
            network=Network(reactor, Trust()),
            clock=self.clock,
        )

        async def find_server(_room: str) -> RoomServer:
            return RoomServer(exchange.url)

        notifications = EwsRoomNotifications(
            find_server,
            lambda _url: account,
            throttles=Throttles(self.clock, lambda: 0.0),
            observer=self,
        )
        self.stream = notifications.stream(RoomServer(exchange.url))
        self.over: Deferred[MailboxError | None] = Deferred()

    def listen(self) -> None:
        async def listen() -> MailboxError | None:
            try:
                await self.stream.listen(self.rooms, self)
            except MailboxError as error:
                return error
            return None

        self.over = Deferred.fromCoroutine(listen())

    async def listening(self, *rooms: str) -> None:
        """Listen, and wait until the stream has begun for these rooms."""
        before = len(self.begun)
        self.listen()
        await until(lambda: len(self.begun) > before)
        assert self.begun[-1] == rooms

    async def hears(self, *rooms: str) -> None:
        """Wait until a change of each of these rooms was told, and of no other."""

        def has_heard() -> bool:
            self.exchange.sandbox._clock.advance(0)  # type: ignore[attr-defined]
            return set(rooms) <= set(self.changes)

        await until(has_heard)
        await some_turns()
        assert set(self.changes) == set(rooms)
        self.changes.clear()

    # StreamListener

    def alive(self, rooms: Sequence[str]) -> None:
        self.begun.append(tuple(rooms))

    def changed(self, rooms: Sequence[str]) -> None:
        self.changes += rooms

    def refused(self, room: str, error: MailboxError) -> None:
        self.problems[room] = error

    # Observer

    def begins(self, operation: str) -> Any:
        return lambda outcome, _date: self.observed.append((operation, outcome))

    def calls(self, operation: str) -> int:
        """The number of calls of an operation, in this stream's life."""
        return sum(each == operation for each, _ in self.observed)


@pytest_twisted.async_yield_fixture()
async def exchange() -> AsyncIterator[RoomExchange]:
    exchange = RoomExchange()
    yield exchange
    await exchange.close()


@pytest_twisted.async_yield_fixture()
async def group(exchange: RoomExchange) -> AsyncIterator[Group]:
    group = Group(exchange, ELM, OAK)
    yield group
    await group.stream.close()
    await group.over


def streams(exchange: RoomExchange) -> list[Any]:
    """The streams that are open at the server."""
    found: list[Any] = exchange.sandbox.streams()
    return found


@pytest_twisted.ensureDeferred
async def test_changes_are_told_by_room(exchange: RoomExchange, group: Group) -> None:
    """One connection tells the changes of all rooms of a group, each by its room: what
    is booked, moved and cancelled."""
    await group.listening(ELM, OAK)
    assert [sorted(s.mailboxes) for s in streams(exchange)] == [[ELM, OAK]]
    exchange.book(room=OAK)
    await group.hears(OAK)
    exchange.book(room=ELM)
    await group.hears(ELM)
    (item,) = exchange.sandbox.exchange.mailbox(OAK).calendar()
    exchange.sandbox.exchange.mailbox(OAK).remove(item)
    await group.hears(OAK)


@pytest_twisted.ensureDeferred
async def test_all_requests_of_a_group_reach_one_server(exchange: RoomExchange) -> None:
    """With several servers behind a balancer, the subscriptions of a group are made on
    that of its first room, and the stream finds them there."""
    service = exchange.sandbox
    service.subscriptions.limits = SubscriptionLimits(affinity=True)
    group = Group(exchange, ELM, OAK)
    await group.listening(ELM, OAK)
    routings = [each.routing for each in service.subscriptions._all.values()]
    assert {each.anchor for each in routings} == {ELM}
    assert len({each.server for each in routings}) == 1
    exchange.book(room=OAK)
    await group.hears(OAK)
    await group.stream.close()
    assert not len(service.subscriptions)


@pytest_twisted.ensureDeferred
async def test_a_room_that_is_refused_disturbs_no_other(exchange: RoomExchange) -> None:
    """A room that the account may not act for is named; the others are told of, also if
    it is the first one of the group."""
    group = Group(exchange, SECRET, OAK, "nobody@example.test", ELM)
    await group.listening(OAK, ELM)
    assert set(group.problems) == {SECRET, "nobody@example.test"}
    assert SECRET in group.problems[SECRET].message
    exchange.book(room=ELM)
    await group.hears(ELM)
    await group.stream.close()


@pytest_twisted.ensureDeferred
async def test_no_room_is_left(exchange: RoomExchange) -> None:
    """A group without a room that can be subscribed to fails as the last room does."""
    group = Group(exchange, SECRET)
    group.listen()
    error = await group.over
    assert error is not None
    assert SECRET in error.message
    await group.stream.close()


@pytest_twisted.ensureDeferred
async def test_a_mailbox_with_too_many_subscriptions(exchange: RoomExchange) -> None:
    """It is the room's own limit: the group goes on without it."""
    exchange.misbehave(
        operation="Subscribe", kind="ErrorExceededSubscriptionCount", times=1
    )
    group = Group(exchange, ELM, OAK)
    await group.listening(OAK)
    assert isinstance(group.problems[ELM], MailboxBusy)
    await group.stream.close()


@pytest_twisted.ensureDeferred
async def test_a_lost_connection(exchange: RoomExchange, group: Group) -> None:
    """The listening ends with an error; it goes on with the same subscriptions, as long
    as the server knows them."""
    await group.listening(ELM, OAK)
    (stream,) = streams(exchange)
    stream.misbehave("abort")
    assert isinstance(await group.over, MailboxUnreachable)
    await group.listening(ELM, OAK)
    assert group.calls("Subscribe") == 2
    exchange.book(room=OAK)
    await group.hears(OAK)


@pytest_twisted.ensureDeferred
async def test_subscriptions_that_are_forgotten(
    exchange: RoomExchange, group: Group
) -> None:
    """They are made anew at once: all after a restart of the server, or those that it
    names."""
    await group.listening(ELM, OAK)
    exchange.sandbox.subscriptions.forget()
    await group.over
    await group.listening(ELM, OAK)
    assert group.calls("Subscribe") == 4
    service = exchange.sandbox
    elm = exchange.sandbox.exchange.mailbox(ELM)
    service.subscriptions.forget(elm)
    await group.over
    await group.listening(OAK, ELM)
    assert group.calls("Subscribe") == 5
    exchange.book(room=ELM)
    await group.hears(ELM)


@pytest_twisted.ensureDeferred
async def test_the_agreed_end(exchange: RoomExchange, group: Group) -> None:
    """A stream is asked for less than half an hour; after its end it goes on with the
    same subscriptions."""
    await group.listening(ELM, OAK)
    (stream,) = streams(exchange)
    assert stream._minutes == MINUTES < 30
    stream.misbehave("close")
    assert await group.over is None
    await group.listening(ELM, OAK)
    assert group.calls("Subscribe") == 2


@pytest_twisted.ensureDeferred
async def test_silence(exchange: RoomExchange, group: Group) -> None:
    """A stream that says nothing beyond its agreed end is given up."""
    await group.listening(ELM, OAK)
    (stream,) = streams(exchange)
    stream.misbehave("silence")
    group.clock.advance(60 * MINUTES + MARGIN)
    assert isinstance(await group.over, MailboxUnreachable)


@pytest_twisted.ensureDeferred
async def test_missed_events(exchange: RoomExchange, group: Group) -> None:
    """All rooms may have changed, and the stream goes on."""
    await group.listening(ELM, OAK)
    (stream,) = streams(exchange)
    stream.misbehave("missed")
    await group.hears(ELM, OAK)
    exchange.book(room=OAK)
    await group.hears(OAK)


@pytest_twisted.ensureDeferred
async def test_one_stream_too_many(exchange: RoomExchange) -> None:
    """The error says that it is the streams; the subscriptions stay for a later try."""
    exchange.sandbox.subscriptions.limits = SubscriptionLimits(streams=1)
    first, second = Group(exchange, ELM), Group(exchange, OAK)
    await first.listening(ELM)
    second.listen()
    assert isinstance(await second.over, TooManyStreams)
    await first.stream.close()
    await first.over
    await second.listening(OAK)
    assert second.calls("Subscribe") == 1
    await second.stream.close()


@pytest_twisted.ensureDeferred
async def test_other_rooms(exchange: RoomExchange, group: Group) -> None:
    """Rooms come and go between two streams: their subscriptions with them."""
    await group.listening(ELM, OAK)
    group.rooms = (OAK,)
    group.stream.interrupt()
    assert await group.over is None
    await group.listening(OAK)
    assert len(exchange.sandbox.subscriptions) == 1
    exchange.book(room=ELM)
    exchange.book(room=OAK)
    await group.hears(OAK)


@pytest_twisted.ensureDeferred
async def test_a_busy_server_is_left_alone(exchange: RoomExchange) -> None:
    """After three rooms in a row the group waits as long as the server asks."""
    exchange.misbehave(
        operation="Subscribe", kind="ErrorServerBusy", back_off_ms=90_000, times=None
    )
    group = Group(exchange, *(f"room{n}@example.test" for n in range(9)))
    group.listen()
    error = await group.over
    assert isinstance(error, MailboxBusy)
    assert error.retry_after == pytest.approx(90, abs=1)
    assert group.calls("Subscribe") == 3
    await group.stream.close()
