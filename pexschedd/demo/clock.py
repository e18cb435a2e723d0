"""The desk's clock: the system's time plus an offset that its users change.

The daemon, the sandbox and the identity tokens all read the same `DeskClock`, so moving
it has the effect of waiting.
"""

from datetime import datetime, timedelta

from pexschedd.clock import Now

FURTHEST = timedelta(days=366)
STEP = timedelta(seconds=1)


class DeskClock:
    """A `Now` that can be moved forward, and back to the real time."""

    def __init__(self, real: Now) -> None:
        self._real = real
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return self._real() + self.offset

    def advance(self, by: timedelta) -> None:
        """Move forward.

        Raises ValueError for a step back, or beyond a year from the real time.
        """
        if by < timedelta():
            raise ValueError("the clock moves forward only, or back to the real time")
        if self.offset + by > FURTHEST:
            raise ValueError("the clock moves a year ahead at the most")
        self.offset += by

    def move_to(self, moment: datetime) -> None:
        """Move forward to an aware time. Raises ValueError as `advance` does."""
        self.advance(moment - self())

    def reset(self) -> None:
        """Return to the real time."""
        self.offset = timedelta()


class MonotonicNow:
    """A `Now` that never goes back: it advances by a second a call while its source is
    behind.

    Exchange's time stamps order the versions of a meeting and the messages of an inbox.
    If they went back with the desk's clock, the newest change would look like an old
    one that arrives late.
    """

    def __init__(self, now: Now, floor: datetime) -> None:
        self._now = now
        self._latest = floor

    def __call__(self) -> datetime:
        now = self._now()
        # A whole second: clients see time stamps without fractions.
        self._latest = now if now > self._latest else self._latest + STEP
        return self._latest
