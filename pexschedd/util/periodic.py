"""Work that is repeated at an interval while the daemon runs."""

from collections.abc import Awaitable, Callable

from twisted.application.internet import TimerService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.errors import StoreError, StoreFull

Running = Callable[[], bool]
"""Returns False when work that takes long has to stop at the next safe place."""

Work = Callable[[Running], Awaitable[object]]


class Periodic(TimerService):
    """A service that calls `work` every `interval` seconds, never twice at a time.

    With `at_start`, for the first time when the service starts. A call that fails is
    logged and does not prevent the next one.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        work: Work,
        clock: IReactorTime,
        interval: float,
        *,
        at_start: bool = False,
    ) -> None:
        super().__init__(interval, self._round)
        self.setName(name)
        self.clock = clock
        self._work = work
        self._at_start = at_start
        self._is_early = False
        self._is_running = False

    def startService(self) -> None:
        """Begin the calls."""
        self._is_running = True
        self._is_early = not self._at_start
        super().startService()

    def stopService(self) -> Deferred[object]:
        """Begin no other call; fire when the one under way has ended."""
        if not self._is_running:
            return succeed(None)
        self._is_running = False
        stopped: Deferred[object] = super().stopService()
        return stopped

    def _round(self) -> Deferred[None] | None:
        if self._is_early:  # the timer itself always begins at the start
            self._is_early = False
            return None
        return Deferred.fromCoroutine(self._call())

    async def _call(self) -> None:
        try:
            await self._work(lambda: self._is_running)
        except StoreError:
            pass  # the store stops the process and has logged the reason
        except StoreFull:
            pass  # an alarm says so; it is tried again
        except Exception:  # noqa: BLE001 - the next call may succeed
            self._log.failure("periodic work failed work={work}", work=self.name)
