"""Work that is done now and then while the daemon runs."""

from collections.abc import Awaitable, Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pexschedd.errors import StoreError

Running = Callable[[], bool]
Work = Callable[[Running], Awaitable[object]]
"""Is told how to find out whether it should go on, and stops at a safe place."""


class Periodic(Service):
    """Does `work` every `interval` seconds, one round at a time."""

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
        self.setName(name)
        self._work = work
        self._interval = interval
        self._at_start = at_start
        self._rounds = LoopingCall(self._round)
        self._rounds.clock = clock
        self._stopped: Deferred[LoopingCall] | None = None

    def startService(self) -> None:
        super().startService()
        self._stopped = self._rounds.start(self._interval, now=self._at_start)

    def stopService(self) -> Deferred[LoopingCall] | None:
        """Fires when the round at hand has come to a safe place."""
        super().stopService()
        if self._rounds.running:
            self._rounds.stop()
        return self._stopped

    def _round(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._one_round())

    async def _one_round(self) -> None:
        try:
            await self._work(lambda: bool(self.running))
        except StoreError:
            pass  # the store stops the process and has said why
        except Exception:  # noqa: BLE001 - the next round may do better
            self._log.failure("{name}: this round failed", name=self.name)
