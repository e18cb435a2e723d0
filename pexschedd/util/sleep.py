"""A wait that can be ended early."""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Sleep:
    """Begins at once; `over` fires at its end."""

    def __init__(self, clock: IReactorTime, seconds: float) -> None:
        self.over: Deferred[None] = Deferred()
        self._call: IDelayedCall = clock.callLater(seconds, self._end)

    def end(self) -> None:
        if self._call.active():
            self._call.cancel()
            self._end()

    def _end(self) -> None:
        self.over.callback(None)
