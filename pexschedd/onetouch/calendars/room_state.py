"""One room of a deployment: the state of its reading, and when it is read next.

Times are seconds of the clock. Pure.
"""

from collections.abc import Sequence

import msgspec

from pexschedd.model.onetouch.room_calendar import RoomMeeting
from pexschedd.onetouch.calendars.change_pace import ChangeAllowance, time_after_change
from pexschedd.onetouch.calendars.pace import (
    first_time,
    next_time,
    place_of,
    safety_interval,
)
from pexschedd.onetouch.configuration import ReadRoom


class RoomState(msgspec.Struct):
    """The state of the reading of one room."""

    room: ReadRoom
    due: float
    """The time of the next reading."""
    is_reading: bool = False
    started: float | None = None
    """The time at which the last reading began."""
    is_reported: bool = False
    """True while the server reports changes of the room."""
    has_changed: bool = False
    """True if a change was reported since the last reading began."""
    allowance: ChangeAllowance = msgspec.field(default_factory=ChangeAllowance)
    failures: int = 0
    """In a row."""
    failing_since: float | None = None
    problem: str = ""
    is_refused: bool = False
    """True if the problem does not pass by itself."""
    meetings: Sequence[RoomMeeting] = ()
    """As they were last read; empty until then."""

    def first_time(self, now: float, interval: float) -> float:
        """Return a time at its place within the interval that begins now."""
        return first_time(now, interval, place_of(self.room.number))

    def time_after_change(self, now: float, share: float) -> float:
        """Return when it is read if it has changed now; see `change_pace`."""
        soon = time_after_change(now, self.started, self.allowance, share)
        return min(self.due, soon)

    def begin(self, now: float, share: float) -> None:
        """Note that a reading begins, which finds all changes until now."""
        self.is_reading = True
        self.started = now
        if self.has_changed:
            self.has_changed = False
            self.allowance.use(now, share)

    def plan_next(
        self, started: float, now: float, interval: float, share: float
    ) -> None:
        """Say when it is read next, after a reading that began at `started`.

        interval: seconds between two readings of a room whose changes are not reported.
        """
        if self.is_reported:
            interval = safety_interval(interval)
        self.due = next_time(started, interval, place_of(self.room.number))
        if self.has_changed:
            self.due = self.time_after_change(now, share)
