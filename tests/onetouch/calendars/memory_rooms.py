"""Rooms' mailboxes in memory, held to the same contract as the ones over Exchange."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import count

import msgspec
from twisted.internet.defer import Deferred

from pexschedd.model.meeting import MessageRef
from pexschedd.onetouch.ports.room_mailboxes import (
    CalendarListing,
    ListedMeeting,
    RoomItem,
)


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
