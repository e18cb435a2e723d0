"""Sleeping: seconds that pass, or are cut short."""

from collections.abc import Generator
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure


class Sleep:
    """A sleep that begins at once; `await` it, or its `over`.

    It ends after `seconds`, or when `end` is called; without seconds, only then.
    Cancelling `over` cancels the sleeper.
    """

    def __init__(self, clock: IReactorTime, seconds: float | None) -> None:
        self.seconds = seconds
        self._is_ended = False
        timer: Deferred[None] = (
            Deferred() if seconds is None else deferLater(clock, seconds)
        )
        self.over: Deferred[None] = timer.addErrback(self._cancelled)

    def __await__(self) -> Generator[Any, None, None]:
        return self.over.__await__()

    def end(self) -> None:
        """End the sleep now, unless it is over already."""
        self._is_ended = True
        self.over.cancel()

    def _cancelled(self, failure: Failure) -> None:
        if not (self._is_ended and failure.check(CancelledError)):
            failure.raiseException()
