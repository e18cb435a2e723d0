"""Calls in quick succession, made into few."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class CallCoalescer:
    """A coalescer that calls `act` for events, at most once within `pause` seconds.

    The first event is acted on at once; all that happen within the pause after it are
    acted on together, when the pause is over.
    """

    def __init__(
        self, act: Callable[[], None], clock: IReactorTime, pause: float
    ) -> None:
        self._act = act
        self._clock = clock
        self._pause = pause
        self._timer: IDelayedCall | None = None
        """Runs during a pause."""
        self._is_due = False

    def happened(self) -> None:
        """Report an event."""
        if self._timer is not None:
            self._is_due = True
            return
        self._timer = self._clock.callLater(self._pause, self._pause_over)
        self._act()

    def stop(self) -> None:
        """Forget the events that have not been acted on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._is_due = False

    def _pause_over(self) -> None:
        self._timer = None
        if self._is_due:
            self._is_due = False
            self.happened()
