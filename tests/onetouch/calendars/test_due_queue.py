"""The order in which rooms are read."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.onetouch.calendars.due_queue import DueQueue
from pexschedd.onetouch.calendars.room_state import RoomState


def state(due: float) -> RoomState:
    return RoomState(cast(Any, None), due)


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 9), st.booleans())),
)
def test_the_earliest_is_first(
    times: list[int], changes: list[tuple[int, int, bool]]
) -> None:
    """Whatever is put off, brought forward or being read, the room that waits and is
    due first comes first."""
    queue, rooms = DueQueue(), [state(due) for due in times]
    queue.fill(rooms)
    for which, due, is_reading in changes:
        room = rooms[which % len(rooms)]
        room.due, room.is_reading = due, is_reading
        if not is_reading:
            queue.put(room)
        waiting = [r.due for r in rooms if not r.is_reading]
        first = queue.first()
        assert (first.due if first else None) == min(waiting, default=None)
