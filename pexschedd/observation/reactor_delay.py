"""The delay of the reactor: how late it runs what is due.

A call that holds the reactor holds up everything that is due meanwhile. A call every
quarter of a second meets all that last longer, and a share of the shorter ones that is
as large as the time they take. It costs some 0.01 % of a processor.
"""

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

EVERY = 0.25
"""Seconds between two measurements."""


class ReactorDelay(Service):
    """A service that tells `observe` again and again how late a timed call ran, in
    seconds."""

    def __init__(self, clock: IReactorTime, observe: Callable[[float], object]) -> None:
        self.setName("reactor delay")
        self._clock = clock
        self._observe = observe
        self._call: IDelayedCall | None = None

    def startService(self) -> None:
        """Begin to measure."""
        super().startService()
        self._next()

    def stopService(self) -> None:
        """End the measurements."""
        super().stopService()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _next(self) -> None:
        due = self._clock.seconds() + EVERY
        self._call = self._clock.callLater(EVERY, self._measure, due)

    def _measure(self, due: float) -> None:
        self._observe(max(0.0, self._clock.seconds() - due))
        self._next()
