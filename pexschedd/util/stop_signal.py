"""The wish that long work ends, also where it waits."""

from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from pexschedd.errors import WorkStopped

T = TypeVar("T")


class StopSignal:
    """A signal that long work looks at in its safe places, and that cuts short what it
    waits for by `wait` and `sleep`. It is set once, for good."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: set[Deferred[object]] = set()

    @property
    def is_set(self) -> bool:
        """True once the work is to end."""
        return self._is_set

    def set(self) -> None:
        """Have the work end at its next safe place."""
        self._is_set = True
        for deferred in [*self._waiting]:
            deferred.cancel()

    async def wait(self, deferred: "Deferred[T]") -> T:
        """Return the result of `deferred`, which is cancelled when the signal is set.

        Raises `WorkStopped` then. What changes something elsewhere must not be waited
        for like this: nobody would know whether it was done.
        """
        if self._is_set:
            deferred.cancel()
        waiting: Deferred[object] = deferred  # type: ignore[assignment]  # of any result
        self._waiting.add(waiting)
        try:
            return await deferred
        except CancelledError:
            if self._is_set:
                raise WorkStopped("It was stopped while it waited.") from None
            raise
        finally:
            self._waiting.discard(waiting)

    async def sleep(self, clock: IReactorTime, seconds: float) -> None:
        """Let some seconds pass; raises `WorkStopped` once the signal is set."""
        await self.wait(deferLater(clock, seconds))
