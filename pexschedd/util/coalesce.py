"""Many calls become few: the first at once, the others together."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class CallCoalescer:
    """Calls `act` when something happens, but not twice within `pause` seconds: what
    happens in a pause is acted on when it is over."""

    def __init__(
        self, act: Callable[[], None], clock: IReactorTime, pause: float
    ) -> None:
        self._act = act
        self._clock = clock
        self._pause = pause
        self._resting: IDelayedCall | None = None
        self._more = False

    def happened(self) -> None:
        if self._resting is not None:
            self._more = True
            return
        self._resting = self._clock.callLater(self._pause, self._rested)
        self._act()

    def _rested(self) -> None:
        self._resting = None
        if self._more:
            self._more = False
            self.happened()

    def stop(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self._more = False
