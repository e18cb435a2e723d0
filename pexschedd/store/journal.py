"""The one thread that writes: group commit, in order, fail-stop.

Whatever the store makes durable is a job in one queue. The thread takes all jobs that
are waiting, writes neighbouring appends at once and syncs once, and tells the reactor
about all of them in one call. While it is busy the next group gathers, so the busier
the daemon, the larger the groups: the price of a sync is shared, and nobody waits for
a timer.

An error is final. After a failed write or sync nobody knows what is on the disk, and
trying the sync again may report success for data that is lost. So every job from then
on fails, `failed` is called once, and the daemon is to exit and start again from what
is durable.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.errors import StoreError
from pexschedd.store.segments import Segments

_log = Logger()


class Durable(Deferred[None]):
    """Fires with None when something is durable, and cannot be cancelled.

    A client that disconnects cancels whatever its request is waiting for. What is
    being written will be written all the same, so the waiting goes on.
    """

    def cancel(self) -> None:
        pass


class _Append(NamedTuple):
    lines: list[bytes]
    last: int
    done: Durable


class _Call(NamedTuple):
    run: Callable[[], None]
    done: Durable


class _Stop(NamedTuple):
    done: Durable


_Job = _Append | _Call | _Stop


class Journal:
    """Writes jobs in the order in which they were given. To be used on the reactor."""

    def __init__(
        self,
        segments: Segments,
        reactor: IReactorFromThreads,
        failed: Callable[[StoreError], None],
    ) -> None:
        self._segments = segments
        self._reactor = reactor
        self._failed: Callable[[StoreError], None] | None = failed
        self._queue: SimpleQueue[_Job] = SimpleQueue()
        self._stopping: _Stop | None = None
        # Of the thread: why it does not write any more.
        self._error: StoreError | None = None
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, lines: list[bytes], last: int) -> Deferred[None]:
        """Appends one transaction; `last` is the number of its last operation."""
        return self._add(_Append(lines, last, Durable()))

    def call(self, run: Callable[[], None]) -> Deferred[None]:
        """Runs something on the thread, after everything before it is durable."""
        return self._add(_Call(run, Durable()))

    def stop(self) -> Deferred[None]:
        """Fires when everything is done and the thread has ended."""
        if self._stopping is None:
            self._stopping = _Stop(Durable())
            self._queue.put(self._stopping)
        waiting = Durable()
        self._stopping.done.addCallback(lambda _: waiting.callback(None))
        return waiting

    def _add(self, job: _Append | _Call) -> Deferred[None]:
        if self._stopping is not None:
            return fail(StoreError("the store is closed"))
        self._queue.put(job)
        return job.done

    # From here on: on the thread.

    def _run(self) -> None:
        stop = None
        while stop is None:
            group = list(self._waiting())
            if isinstance(group[-1], _Stop):
                stop = group.pop()
            done = self._write(group) if self._error is None else 0
            self._report(group[:done], group[done:])
        with suppress(OSError):
            self._segments.close()
        self._reactor.callFromThread(self._ended, stop)

    def _waiting(self) -> Iterator[_Job]:
        """Everything that is queued, at least one job; nothing after a stop."""
        while True:
            job = self._queue.get()
            yield job
            if isinstance(job, _Stop) or self._queue.empty():
                return

    def _write(self, group: list[_Job]) -> int:
        """Writes a group; returns how many of its jobs are durable."""
        done = 0
        try:
            for kind, some in groupby(group, type):
                jobs = list(some)
                if kind is _Append:
                    self._append(jobs)
                    done += len(jobs)
                for job in jobs:
                    if isinstance(job, _Call):
                        job.run()
                        done += 1
        except Exception as error:  # noqa: BLE001 - whatever it was, it is final
            self._error = StoreError(
                f"the store cannot be written: {error}. Nothing is written from now "
                "on; what was acknowledged is safe. Mend the cause and start again."
            )
        return done

    def _append(self, jobs: list[_Job]) -> None:
        lines = [line for job in jobs if isinstance(job, _Append) for line in job.lines]
        last = max(job.last for job in jobs if isinstance(job, _Append))
        self._segments.append(b"".join(lines), len(lines), last)

    def _report(self, durable: list[_Job], lost: list[_Job]) -> None:
        if durable or lost:
            self._reactor.callFromThread(self._fire, durable, lost, self._error)

    # From here on: on the reactor again.

    def _fire(
        self, durable: list[_Job], lost: list[_Job], error: StoreError | None
    ) -> None:
        for job in durable:
            job.done.callback(None)
        if error is not None:
            if self._failed is not None:
                failed, self._failed = self._failed, None
                with _log.failuresHandled("the answer to a failed disk has failed"):
                    failed(error)
            for job in lost:
                job.done.errback(Failure(error))

    def _ended(self, stop: _Stop) -> None:
        self._thread.join()
        stop.done.callback(None)
