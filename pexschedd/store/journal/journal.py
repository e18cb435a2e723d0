"""The one thread that writes: group commit, in order, fail-stop.

Whatever the store makes durable is a job in one queue. The thread takes all jobs that
are waiting, writes neighbouring appends at once and syncs once, and tells the reactor
about all of them in one call. While it is busy the next group gathers, so the busier
the daemon, the larger the groups: the price of a sync is shared, and no commit waits
for a timer. What is committed in answer to a group is handed over together, so that the
first of it does not get a sync of its own.

Between the groups there may be things that take long, such as compaction: they are
done in steps, one after each group, and one after another while nothing else waits.

An error is final. After a failed write or sync the content of the disk is unknown, and
trying the sync again may report success for data that is lost. So every job from then
on fails, `failed` is called once, and the daemon is to exit and start again from what
is durable.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.errors import StoreError
from pexschedd.store.journal.segments import Segments

_log = Logger()


class Durable(Deferred[None]):
    """A Deferred that fires with None once something is durable, and cannot be
    cancelled.

    A client that disconnects cancels whatever its request is waiting for. What is
    being written will be written all the same, so the waiting goes on.
    """

    def cancel(self) -> None:
        """Do nothing: the write goes on, and so does the wait for it."""


class Stepwise(Protocol):
    """A long piece of work, done in steps, all of them on the journal's thread."""

    def step(self) -> bool:
        """Do one part of the work; return whether more is left."""

    def stop(self, why: str) -> None:
        """End the work early, because the journal ends before it is done."""


class _Append(NamedTuple):
    data: bytes
    lines: int
    last: int
    done: Durable


class _Call(NamedTuple):
    run: Callable[[], None]
    done: Durable
    commits: bool


class _Begin(NamedTuple):
    work: Stepwise
    done: Durable


class _Stop(NamedTuple):
    done: Durable


_Job = _Append | _Call | _Begin | _Stop


def _commits(job: _Job) -> bool:
    return job.commits if isinstance(job, _Call) else isinstance(job, _Append)


class Journal:
    """The queue of write jobs, carried out in order on a thread. To be used on the
    reactor."""

    def __init__(
        self,
        segments: Segments,
        reactor: IReactorFromThreads,
        failed: Callable[[StoreError], None],
    ) -> None:
        self._segments = segments
        self._reactor = reactor
        self._failed: Callable[[StoreError], None] | None = failed
        self._queue: SimpleQueue[list[_Job]] = SimpleQueue()
        self._stopping: _Stop | None = None
        self.flushed: Callable[[int, float], None] | None = None
        """Called on the reactor after each group, with its commits and seconds."""
        # What is given while Deferreds fire; None at all other times.
        self._gathered: list[_Job] | None = None
        # Of the thread: why it does not write any more, and what takes long.
        self._error: StoreError | None = None
        self._long: deque[_Begin] = deque()
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, data: bytes, lines: int, last: int) -> Deferred[None]:
        """Append the `lines` lines of one transaction; `last` is the number of its last
        operation."""
        return self._add(_Append(data, lines, last, Durable()))

    def call(self, run: Callable[[], None], *, commits: bool = False) -> Deferred[None]:
        """Run something on the thread once everything queued before it is durable.

        `commits` says that it is what makes a transaction durable, for the counting.
        """
        return self._add(_Call(run, Durable(), commits))

    def begin(self, work: Stepwise) -> Deferred[None]:
        """Do something long between the groups; fires when it is done or stopped."""
        return self._add(_Begin(work, Durable()))

    def give_up(self, error: StoreError) -> None:
        """Fail the journal for good, for an error that is as final as one in
        writing."""

        def fail() -> None:
            raise error

        self.call(fail).addErrback(lambda _: None)

    def stop(self) -> Deferred[None]:
        """Stop taking jobs; fires when all are done and the thread has ended."""
        if self._stopping is None:
            self._stopping = _Stop(Durable())
            self._put(self._stopping)
        waiting = Durable()
        self._stopping.done.addCallback(lambda _: waiting.callback(None))
        return waiting

    def _add(self, job: _Append | _Call | _Begin) -> Deferred[None]:
        if self._stopping is not None:
            return fail(StoreError("the store is closed"))
        self._put(job)
        return job.done

    def _put(self, job: _Job) -> None:
        if self._gathered is None:
            self._queue.put([job])
        else:
            self._gathered.append(job)

    # From here on: on the thread.

    def _run(self) -> None:
        stop = None
        while stop is None:
            group = self._waiting()
            if group and isinstance(group[-1], _Stop):
                stop = group.pop()
            begun = perf_counter()
            done = self._write(group)
            self._report(group[:done], group[done:], perf_counter() - begun)
            self._go_on(stop is not None)
        with suppress(OSError):
            self._segments.close()
        self._reactor.callFromThread(self._ended, stop)

    def _waiting(self) -> list[_Job]:
        """Everything that is queued; waits for it if there is nothing else to do."""
        found: list[_Job] = []
        if not self._long:
            found += self._queue.get()
        with suppress(Empty):
            while not (found and isinstance(found[-1], _Stop)):
                found += self._queue.get_nowait()
        return found

    def _write(self, group: list[_Job]) -> int:
        """Write a group; return how many of its jobs are durable."""
        done = 0
        try:
            for kind, some in groupby(group, type):
                if self._error is not None:
                    break
                if kind is _Append:
                    done += self._append(list(some))
                    continue
                for job in some:
                    if isinstance(job, _Call):
                        job.run()
                    elif isinstance(job, _Begin):
                        self._long.append(job)
                    done += 1
        except Exception as error:  # noqa: BLE001 - whatever it was, it is final
            self._fail(error)
        return done

    def _append(self, jobs: list[Any]) -> int:
        """Write neighbouring appends at once; return how many they are."""
        self._segments.append(
            b"".join([job.data for job in jobs]),
            sum([job.lines for job in jobs]),
            jobs[-1].last,
        )
        return len(jobs)

    def _go_on(self, stopping: bool) -> None:
        """Do the next step of one long job, in turns; at the end, stop them all."""
        ending = stopping or self._error is not None
        for _ in range(len(self._long) if ending else min(1, len(self._long))):
            job = self._long.popleft()
            more = False
            try:
                if ending:
                    job.work.stop(str(self._error or "the store was closed"))
                else:
                    more = job.work.step()
            except Exception as error:  # noqa: BLE001 - whatever it was, it is final
                self._fail(error)
                # Its Deferred must not fire as if the work were done.
                self._report([], [job], 0)
                continue
            if more:
                self._long.append(job)
            else:
                self._reactor.callFromThread(job.done.callback, None)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = (
                error
                if isinstance(error, StoreError)
                else StoreError(
                    f"the store cannot be written: {error}. Nothing is written from "
                    "now on; what was acknowledged is safe. Fix the cause and start "
                    "the daemon again."
                )
            )

    def _report(self, durable: list[_Job], lost: list[_Job], seconds: float) -> None:
        if durable or lost or self._error is not None:
            self._reactor.callFromThread(
                self._fire, durable, lost, self._error, seconds
            )

    # From here on: on the reactor again.

    def _fire(
        self,
        durable: list[_Job],
        lost: list[_Job],
        error: StoreError | None,
        seconds: float,
    ) -> None:
        self._gathered = []
        for job in durable:
            if not isinstance(job, _Begin):
                job.done.callback(None)
        if error is not None:
            if self._failed is not None:
                failed, self._failed = self._failed, None
                with _log.failuresHandled("journal failed to report a disk failure"):
                    failed(error)
            for job in lost:
                job.done.errback(Failure(error))
        commits = sum(map(_commits, durable))
        if commits and self.flushed is not None:
            with _log.failuresHandled("journal failed to notify its observer"):
                self.flushed(commits, seconds)
        gathered, self._gathered = self._gathered, None
        if gathered:
            self._queue.put(gathered)

    def _ended(self, stop: _Stop) -> None:
        self._thread.join()
        stop.done.callback(None)
