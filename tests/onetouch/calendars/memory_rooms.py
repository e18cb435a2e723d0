"""Rooms' mailboxes in memory, held to the same contract as the ones over Exchange, and
their notifications."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import count

import msgspec
from twisted.internet.defer import Deferred

from pexschedd.errors import MailboxError
from pexschedd.model.meeting import MessageRef
from pexschedd.onetouch.ports.room_mailboxes import (
    CalendarListing,
    ListedMeeting,
    RoomItem,
)
from pexschedd.onetouch.ports.room_notifications import RoomServer, StreamListener


class MemoryRooms:
    """See `RoomMailboxes`. `errors` are raised by the next listings of a room; a room
    in `hanging` answers when its Deferred fires."""

    def __init__(self) -> None:
        self.items: defaultdict[str, dict[str, RoomItem]] = defaultdict(dict)
        self.errors: defaultdict[str, list[Exception]] = defaultdict(list)
        self.hanging: dict[str, Deferred[None]] = {}
        self.listed: list[str] = []
        """The rooms that were listed, in order."""
        self.fetched: list[MessageRef] = []
        self.counted = lambda: None
        self.is_closed = False
        self._numbers = count(1)

    def put(self, room: str, item: RoomItem) -> None:
        """Add a meeting, or a new version of it."""
        ref = MessageRef(item.ref.item_id, f"key{next(self._numbers)}")
        self.items[room][ref.item_id] = msgspec.structs.replace(item, ref=ref)

    def remove(self, room: str, item_id: str) -> None:
        """Take a meeting away."""
        del self.items[room][item_id]

    async def listing(
        self, room: str, since: datetime, until: datetime
    ) -> CalendarListing:
        """Return the meetings that overlap a span of time."""
        self.listed.append(room)
        self.counted()
        if room in self.hanging:
            await self.hanging[room]
        if self.errors[room]:
            raise self.errors[room].pop(0)
        found = [
            ListedMeeting(ref=i.ref, uid=i.uid, start=i.start, end=i.end)
            for i in self.items[room].values()
            if i.start < until and i.end > since
        ]
        found.sort(key=lambda m: m.start)
        return CalendarListing(tuple(found))

    async def fetch(self, room: str, refs: Sequence[MessageRef]) -> list[RoomItem]:
        """Return the meetings that are there."""
        self.fetched += refs
        items = self.items[room]
        return [items[ref.item_id] for ref in refs if ref.item_id in items]

    async def close(self) -> None:
        """Note that it was closed."""
        self.is_closed = True
        for waiting in self.hanging.values():
            waiting.cancel()


class MemoryStream:
    """See `RoomStream`. The test says what is told, and when it ends."""

    def __init__(self, server: RoomServer, refusals: dict[str, MailboxError]) -> None:
        self.server = server
        self.refusals = refusals
        self.rooms: tuple[str, ...] = ()
        self.listened = 0
        self.is_closed = False
        self._told: StreamListener | None = None
        self._end: Deferred[None] | None = None

    @property
    def is_open(self) -> bool:
        """True while somebody listens."""
        return self._end is not None

    async def listen(self, rooms: Sequence[str], told: StreamListener) -> None:
        """Listen until `end`, `interrupt` or `close`."""
        self.listened += 1
        self._told = told
        error = None
        for room in rooms:
            if room in self.refusals:
                error = self.refusals[room]
                told.refused(room, error)
        self.rooms = tuple(room for room in rooms if room not in self.refusals)
        if not self.rooms and error is not None:
            raise error
        told.alive(self.rooms)
        self._end = Deferred()
        try:
            await self._end
        finally:
            self._end = None

    def tell(self, *rooms: str) -> None:
        """Report changes."""
        assert self._told is not None
        self._told.changed(rooms)

    def end(self, error: MailboxError | None = None) -> None:
        """End the stream, in good order or with an error."""
        assert self._end is not None
        if error is None:
            self._end.callback(None)
        else:
            self._end.errback(error)

    def interrupt(self) -> None:
        """See `RoomStream`."""
        if self._end is not None:
            self._end.callback(None)

    async def close(self) -> None:
        """See `RoomStream`."""
        self.is_closed = True
        self.interrupt()


class MemoryNotifications:
    """See `RoomNotifications`. `servers` has the servers of rooms that are not on the
    usual one, or the problem with finding them."""

    def __init__(self) -> None:
        self.servers: dict[str, RoomServer | MailboxError] = {}
        self.refusals: dict[str, MailboxError] = {}
        self.hanging: Deferred[None] | None = None
        """Searches for servers wait for it."""
        self.streams: list[MemoryStream] = []

    async def server(self, room: str) -> RoomServer:
        """Return the room's server."""
        if self.hanging is not None:
            await self.hanging
        found = self.servers.get(room, RoomServer("https://mail.example.test/"))
        if isinstance(found, MailboxError):
            raise found
        return found

    def stream(self, server: RoomServer) -> MemoryStream:
        """Return a new stream."""
        stream = MemoryStream(server, self.refusals)
        self.streams.append(stream)
        return stream
