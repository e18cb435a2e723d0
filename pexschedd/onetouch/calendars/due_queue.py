"""The rooms of a deployment in the order in which they are due. Pure.

A heap: with 5,000 rooms, looking at all of them for each reading would cost more than
the reading.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import count

from pexschedd.onetouch.calendars.room_state import RoomState


class DueQueue:
    """The rooms that wait. Put a room in again whenever its time has changed, and when
    its reading is over; what it was put in with before does not count then."""

    def __init__(self) -> None:
        self._numbers = count()
        self._heap: list[tuple[float, int, RoomState]] = []

    def fill(self, rooms: Iterable[RoomState]) -> None:
        """Have these rooms wait, and no others."""
        self._heap = [(room.due, next(self._numbers), room) for room in rooms]
        heapify(self._heap)

    def put(self, room: RoomState) -> None:
        """Have a room wait for its time."""
        heappush(self._heap, (room.due, next(self._numbers), room))

    def first(self) -> RoomState | None:
        """Return the room that is due next, and leave it there; None if none waits."""
        while self._heap:
            due, _, room = self._heap[0]
            if room.due == due and not room.is_reading:
                return room
            heappop(self._heap)
        return None
