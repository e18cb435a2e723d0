"""The time that a test may take, watched by one thread for all of them.

pytest-timeout starts a thread for each test, and waits for its end: half a millisecond,
fifteen thousand times. What happens when a test takes too long is its affair.
"""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

LOOK_S = 1.0
"""Seconds between two looks at the clock, by which a test may take longer."""


class TimeLimit:
    """The limit of the test that is running, if there is one."""

    def __init__(self) -> None:
        self._limit: tuple[float, Callable[[], object]] | None = None
        self._thread: Thread | None = None

    def set(self, seconds: float, exceeded: Callable[[], object]) -> None:
        """Call `exceeded` on the thread unless `cancel` comes first."""
        self._limit = monotonic() + seconds, exceeded
        if self._thread is None:
            self._thread = Thread(target=self._watch, name="time limit", daemon=True)
            self._thread.start()

    def cancel(self) -> None:
        self._limit = None

    def _watch(self) -> None:
        never = Event()
        while not never.wait(LOOK_S):
            limit = self._limit
            if limit is not None and monotonic() > limit[0]:
                self._limit = None
                limit[1]()
