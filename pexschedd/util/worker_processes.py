"""Work on hostile text in processes apart, which are killed when it takes too long.

Threads are no help: a regular expression, or a text's decoding, holds Python's lock
until it is done. What is handed to a process has to be picklable, such as a `partial`
of a function of a module; so has its result.
"""

import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from pexschedd.errors import PexscheddError
from pexschedd.util.worker_main import LENGTH

T = TypeVar("T")

AT_ONCE = 24 * 1024
"""The cost up to which work is done here: less than 50 ms, whatever the text is."""

PROCESSES = 2
"""Each takes 40 MB. One that is busy with an attack leaves the other for the rest."""

SECONDS = 30.0
"""Until a process is killed: many times what any harmless text takes."""

_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from pexschedd.util.worker_main import main; main()"
)


class WorkAbandoned(PexscheddError):
    """Work took too long or needed too much memory; its process was killed."""

    code = "work_abandoned"


class HeavyWork(Protocol):
    """Does work that may take long, without holding up anything else."""

    async def __call__(self, work: Callable[[], T], cost: int) -> T:
        """Return what `work` returns, or raise what it raises or `WorkAbandoned`, or
        `CancelledError` when the daemon stops.

        `cost` is about the number of characters that are looked at.
        """


async def work_at_once(work: Callable[[], T], cost: int) -> T:
    """Do the work here and now; see `HeavyWork`."""
    return work()


class WorkerProcesses:
    """A few processes, each started when it is first needed; see `HeavyWork`."""

    def __init__(
        self,
        reactor: Any,
        *,
        processes: int = PROCESSES,
        seconds: float = SECONDS,
        at_once: int = AT_ONCE,
    ) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._at_once = at_once
        self._free = DeferredSemaphore(processes)
        self._idle: list[_Worker] = []
        self._running: set[_Worker] = set()
        """The processes that can be handed something."""
        self._alive: set[_Worker] = set()
        """The processes that the system still has."""
        self._is_stopped = False

    async def __call__(self, work: Callable[[], T], cost: int) -> T:
        """Do cheap work at once, and all other in a process."""
        if cost <= self._at_once:
            return work()
        message = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
        await self._free.acquire()
        try:
            if self._is_stopped:
                raise CancelledError
            worker = self._idle.pop() if self._idle else self._start()
            result = await worker.do(message)
            if worker in self._running:
                self._idle.append(worker)
        finally:
            self._free.release()
        returned, value = result
        if not returned:
            raise value
        return cast(T, value)

    async def stop(self) -> None:
        """Kill all processes; work that is not finished is abandoned. Return when they
        are gone."""
        self._is_stopped = True
        for worker in tuple(self._running):
            worker.kill(CancelledError())
        while self._alive:
            await next(iter(self._alive)).gone

    def _start(self) -> "_Worker":
        worker = _Worker(self._reactor, self._seconds, self._ended)
        arguments = [sys.executable, "-c", _PROGRAM, *filter(None, sys.path)]
        self._reactor.spawnProcess(
            worker, sys.executable, arguments, env=None, childFDs={0: "w", 1: "r", 2: 2}
        )
        self._running.add(worker)
        self._alive.add(worker)
        worker.gone.addCallback(lambda _: self._alive.discard(worker))
        return worker

    def _ended(self, worker: "_Worker") -> None:
        self._running.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)


class _Worker(ProcessProtocol):
    """One process: one message at a time, and its answer."""

    transport: IProcessTransport

    def __init__(
        self, clock: Any, seconds: float, ended: Callable[["_Worker"], None]
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._ended = ended
        self.gone: Deferred[None] = Deferred()
        self._answer: Deferred[tuple[bool, Any]] | None = None
        self._timer: IDelayedCall | None = None
        self._pieces: list[bytes] = []
        self._received = 0

    def do(self, message: bytes) -> "Deferred[tuple[bool, Any]]":
        """Return what became of the work; whoever cancels it kills the process."""
        self._answer = Deferred(lambda _: self.kill(CancelledError()))
        self._timer = self._clock.callLater(self._seconds, self._too_long)
        self.transport.write(LENGTH.pack(len(message)))
        self.transport.write(message)
        return self._answer

    def _too_long(self) -> None:
        self.kill(WorkAbandoned(f"It took over {self._seconds:g} seconds."))

    def kill(self, reason: Exception) -> None:
        """End the process, and fail what it was doing."""
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")
        self._over(Failure(reason))
        self._ended(self)

    def outReceived(self, data: bytes) -> None:
        self._pieces.append(data)
        self._received += len(data)
        if self._received < LENGTH.size or self._answer is None:
            return
        if len(self._pieces[0]) < LENGTH.size:
            self._pieces = [b"".join(self._pieces)]
        (size,) = LENGTH.unpack(self._pieces[0][: LENGTH.size])
        if self._received < LENGTH.size + size:
            return
        answer = memoryview(b"".join(self._pieces))[LENGTH.size :]
        self._pieces, self._received = [], 0
        self._over(pickle.loads(answer))  # noqa: S301 - from our own process

    def outConnectionLost(self) -> None:
        self.kill(WorkAbandoned("Its process ended."))

    def processEnded(self, reason: Failure) -> None:
        self.gone.callback(None)

    def _over(self, result: "tuple[bool, Any] | Failure") -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        answer, self._answer = self._answer, None
        if answer is not None and not answer.called:
            answer.callback(result)
