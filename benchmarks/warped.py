"""A reactor whose clock runs faster than the wall's: minutes of back-off in seconds.

Sockets are real and as fast as they are; only `callLater` and `seconds` are warped, so
everything that takes its clock from the reactor lives faster. Wall time (`Warp.now`)
goes with it. Processes that share a start and a factor agree about the time.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import directlyProvides, implementer, providedBy


@implementer(IReactorTime)
class Warp:
    """`start` is when warped time begins, in real time; then it runs `factor` times
    as fast."""

    def __init__(self, reactor: Any, start: datetime, factor: float) -> None:
        self._reactor = reactor
        self._start = start
        self._factor = factor
        directlyProvides(self, providedBy(reactor))

    def now(self) -> datetime:
        elapsed: timedelta = datetime.now(UTC) - self._start
        return self._start + elapsed * self._factor

    def seconds(self) -> float:
        return float(self._reactor.seconds()) * self._factor

    def callLater(
        self,
        delay: float,
        callable: Callable[..., Any],  # noqa: A002 - the interface has this name
        *args: object,
        **kwargs: object,
    ) -> "_Call":
        real = self._reactor.callLater(delay / self._factor, callable, *args, **kwargs)
        return _Call(real, self._factor)

    def getDelayedCalls(self) -> Sequence[IDelayedCall]:
        return [_Call(real, self._factor) for real in self._reactor.getDelayedCalls()]

    def __getattr__(self, name: str) -> Any:
        """Everything else is the reactor's own."""
        return getattr(self._reactor, name)


@implementer(IDelayedCall)
class _Call:
    def __init__(self, real: Any, factor: float) -> None:
        self._real = real
        self._factor = factor

    def getTime(self) -> float:
        return float(self._real.getTime()) * self._factor

    def cancel(self) -> None:
        self._real.cancel()

    def delay(self, seconds: float) -> None:
        self._real.delay(seconds / self._factor)

    def reset(self, seconds: float) -> None:
        self._real.reset(seconds / self._factor)

    def active(self) -> bool:
        return bool(self._real.active())
