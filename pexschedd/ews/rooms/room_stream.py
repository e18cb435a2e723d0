"""One stream of notifications for a group of rooms.

Implements `RoomStream` of `onetouch.ports.room_notifications`: a subscription to each
room's calendar, made in the room's name, and one GetStreamingEvents for all of them.
The requests of a group share a connection and its cookies, and carry the same
X-AnchorMailbox, so that they reach the one server that knows the subscriptions; the
stream is opened in the anchor's name, whose limits it then counts against.
"""

from collections.abc import Sequence

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.errors import (
    MailboxBusy,
    MailboxError,
    MailboxUnreachable,
    MailboxUntrusted,
    SignInRefused,
)
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.client import EwsClient
from pexschedd.ews.envelope import ItemProblem, Sid
from pexschedd.ews.error_messages import EwsTarget, said
from pexschedd.ews.operations.get_streaming_events import (
    MAX_SUBSCRIPTIONS,
    StreamNotice,
    build_get_streaming_events,
)
from pexschedd.ews.operations.subscribe import (
    build_subscribe_to_calendar,
    build_unsubscribe,
    parse_subscribe,
    parse_unsubscribe,
)
from pexschedd.ews.streaming.channel import SubscriptionChannel
from pexschedd.ews.streaming.hearing import (
    MINUTES,
    REPLACED,
    Hearing,
    hear,
    problem_error,
)
from pexschedd.ews.streaming.stream import GRACE
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.response_codes import Category, category
from pexschedd.exchange.throttle import Throttles
from pexschedd.onetouch.ports.room_notifications import (
    StreamListener,
    TooManyStreams,
)
from pexschedd.util.worker_processes import HeavyWork, work_at_once

LARGEST_ENVELOPE = 1024 * 1024
"""Bytes: a change of every room of a group, several times over."""
_TOO_MANY = "ErrorExceededConnectionCount"
_BUSY_IN_A_ROW = 3
"""Rooms that the server is too busy for, after which it is left alone."""


class EwsRoomStream:
    """See `onetouch.ports.room_notifications.RoomStream`.

    `target` names the server and the account; its mailbox does not matter.
    """

    _log = Logger()

    def __init__(
        self,
        channel: SubscriptionChannel,
        target: EwsTarget,
        *,
        clock: IReactorTime,
        throttles: Throttles | None = None,
        observer: Observer | None = None,
        heavy_work: HeavyWork = work_at_once,
        minutes: int = MINUTES,
    ) -> None:
        self._channel = channel
        self._target = target
        self._clock = clock
        self._throttles = throttles
        self._observer = observer
        self._heavy_work = heavy_work
        self._minutes = minutes
        self._anchor = ""
        """The room by whose name requests find the server; empty until one is
        subscribed to."""
        self._ids: dict[str, str] = {}
        """The subscriptions, by room."""
        self._is_hearing = False
        self._is_interrupted = False
        self._is_closed = False

    async def listen(self, rooms: Sequence[str], told: StreamListener) -> None:
        """A subscription that the server has forgotten is made anew once."""
        self._is_interrupted = False
        rooms = rooms[:MAX_SUBSCRIPTIONS]
        await self._leave_out(set(self._ids).difference(rooms))
        made: set[str] = set()
        while not self._is_over:
            missing = [r for r in rooms if r not in self._ids and r not in made]
            made.update(missing)
            await self._subscribe(missing, told)
            if self._is_over or not self._ids:
                return
            problem = await self._hear(told)
            if problem is not None:
                self._drop(problem[0], problem[1], made, told)
            elif not self._is_over:
                return

    @property
    def _is_over(self) -> bool:
        return self._is_interrupted or self._is_closed

    async def _subscribe(self, rooms: Sequence[str], told: StreamListener) -> None:
        """Subscribe to the rooms, one after another. Raises what is not a single
        room's fault, or if no room is left."""
        busy = 0
        error: MailboxError | None = None
        for room in rooms:
            if self._is_over:
                return
            try:
                self._ids[room] = await self._subscription(room)
            except (SignInRefused, MailboxUntrusted, MailboxUnreachable):
                raise
            except MailboxError as raised:
                if self._is_closed:
                    return
                error = raised
                told.refused(room, raised)
                busy = busy + 1 if isinstance(raised, MailboxBusy) else 0
                if busy == _BUSY_IN_A_ROW:
                    raise
            else:
                busy = 0
                self._anchor = self._anchor or room
        if error is not None and not self._ids:
            raise error

    async def _subscription(self, room: str) -> str:
        client = self._client(room, self._anchor or room)
        found = await client.read(build_subscribe_to_calendar(room), parse_subscribe)
        return found.id

    async def _hear(
        self, told: StreamListener
    ) -> tuple[ItemProblem, tuple[str, ...]] | None:
        """Until the server ends the stream; gives what it says is wrong, and with which
        subscriptions, if it does."""
        rooms = {id: room for room, id in self._ids.items()}
        begun = False

        def take(notice: StreamNotice) -> None:
            nonlocal begun
            if not begun:
                begun = True
                told.alive(tuple(rooms.values()))
            if notice.problem is not None:  # events were missed
                missed = [rooms[id] for id in notice.faulty if id in rooms]
                told.changed(missed or tuple(rooms.values()))
            changed = [rooms[id] for id in notice.changed if id in rooms]
            if changed:
                told.changed(changed)

        anchor = self._anchor
        request = build_get_streaming_events(
            anchor, tuple(rooms), self._minutes, Sid.ANY
        )
        hearing = Hearing(take, LARGEST_ENVELOPE)
        client = self._client(anchor, anchor, is_long=True)
        target = self._target_of(anchor)
        self._is_hearing = True
        try:
            problem = await hear(
                client, self._channel, request, hearing, target, self._minutes
            )
        except MailboxError:
            if self._is_over:
                return None  # it was cut off
            raise
        finally:
            self._is_hearing = False
        return None if problem is None else (problem, hearing.faulty)

    def _drop(
        self,
        problem: ItemProblem,
        faulty: tuple[str, ...],
        made: set[str],
        told: StreamListener,
    ) -> None:
        """Forget the subscriptions that a problem is about; raise unless they are worth
        another try."""
        error = problem_error(problem, self._target_of(self._anchor))
        if problem.code == _TOO_MANY:
            raise TooManyStreams(error.message, retry_after=error.retry_after)
        if problem.code == REPLACED:
            raise error
        gone = [room for room, id in self._ids.items() if id in faulty]
        gone = gone or list(self._ids)
        for room in gone:
            del self._ids[room]
        if not self._ids:
            self._anchor = ""
        if category(problem.code) is not Category.SUBSCRIPTION:
            raise error
        again = [room for room in gone if room not in made]
        for room in made.intersection(gone):
            # It was made a moment ago: this room is on another server, perhaps.
            told.refused(room, error)
        if not again and not self._ids:
            raise error
        self._log.info(
            "stream subscribes again rooms={rooms} integration={integration} "
            "host={host}: {why}",
            rooms=len(again),
            integration=self._target.integration,
            host=self._target.host,
            why=said(problem),
        )

    async def _leave_out(self, rooms: set[str]) -> None:
        for room in sorted(rooms):
            await self._unsubscribe(room, self._ids.pop(room))
        if self._anchor not in self._ids:
            self._anchor = next(iter(self._ids), "")

    async def _unsubscribe(self, room: str, id: str) -> None:
        request = build_unsubscribe(room, id, Sid.ANY)
        try:
            client = self._client(room, self._anchor or room)
            await client.write(request, parse_unsubscribe)
        except MailboxError:
            pass  # the server forgets it by itself

    def interrupt(self) -> None:
        """End `listen`: at once if it waits, or after the request under way."""
        self._is_interrupted = True
        if self._is_hearing:
            self._channel.cut()

    async def close(self) -> None:
        """Tell the server that nobody listens any more, as far as it answers in
        time: what it is not told of, it forgets by itself."""
        if self._is_closed:
            return
        self._is_closed = True
        self._channel.cut()
        self._channel.hurry(GRACE)
        end = self._clock.seconds() + GRACE
        try:
            for room, id in self._ids.items():
                if self._clock.seconds() >= end:
                    break
                await self._unsubscribe(room, id)
        finally:
            await self._channel.close()

    def _client(self, room: str, anchor: str, *, is_long: bool = False) -> EwsClient:
        """A client that acts as the room, and finds the server by the anchor."""
        throttle = None
        if self._throttles is not None:
            throttle = self._throttles.of(self._target.url, room)
            throttle = throttle.for_long_calls() if is_long else throttle
        return EwsClient(
            _Anchored(self._channel, anchor),
            self._target_of(room),
            throttle,
            self._observer,
            self._heavy_work,
        )

    def _target_of(self, room: str) -> EwsTarget:
        return msgspec.structs.replace(self._target, mailbox=room)


class _Anchored:
    """A channel whose requests are all routed to the server of one mailbox."""

    def __init__(self, channel: SubscriptionChannel, anchor: str) -> None:
        self._channel = channel
        self._anchor = anchor

    async def post(
        self, body: bytes, *, mailbox: str, repeatable: bool
    ) -> HttpResponse:
        """Send a request; see `client.Poster`."""
        del mailbox
        return await self._channel.post(
            body, mailbox=self._anchor, repeatable=repeatable
        )

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
