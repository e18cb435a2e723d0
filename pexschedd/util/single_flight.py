"""Work that is under way at most once, and is shared by all who want its result."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """A runner of one piece of work at a time, whose result all callers share."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[T]] | None = None

    @property
    def is_under_way(self) -> bool:
        """True while a run has not ended."""
        return self._waiting is not None

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Deferred[T]:
        """Return the result of the run under way; begin `work` if there is none.

        A failure goes to all who wait for the run. Cancelling the result does not stop
        the run, which others may wait for.
        """
        result: Deferred[T] = Deferred()
        if self._waiting is not None:
            self._waiting.append(result)
            return result
        self._waiting = [result]
        Deferred.fromCoroutine(work()).addBoth(self._ended)
        return result

    def settled(self) -> Deferred[None]:
        """Fire when no run is under way, however it ended."""
        if self._waiting is None:
            return succeed(None)
        settled: Deferred[None] = Deferred()
        result: Deferred[T] = Deferred()
        result.addBoth(lambda _: settled.callback(None))
        self._waiting.append(result)
        return settled

    def _ended(self, result: T | Failure) -> None:
        waiting, self._waiting = self._waiting or [], None
        for each in waiting:
            each.callback(result)
