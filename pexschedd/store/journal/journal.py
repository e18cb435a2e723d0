"""The one thread that writes: group commit, in order, fail-stop.

Whatever the store makes durable is a job in one queue. The thread takes all jobs that
are waiting, writes neighbouring appends at once and syncs once, and tells the reactor
about all of them in one call. While it is busy the next group gathers, so the busier
the daemon, the larger the groups: the price of a sync is shared, and no commit waits
for a timer. What is committed in answer to a group is handed over together, so that the
first of it does not get a sync of its own.

Between the groups there may be things that take long, such as compaction: they are
done in steps, one after each group, and one after another while nothing else waits.

A disk that takes no writes for the moment (`may_pass`: it is full, its quota is used
up, it is mounted read-only) makes the journal wait. The jobs are kept in order, and
carried out when `urgent` finds that the disk can be written again. Meanwhile commits
fail with `StoreReadOnly`: nobody is kept waiting for a commit that may take hours. What
they have changed is in memory, and becomes durable with the kept jobs.

Every other error is final. After a failed write or sync the content of the disk is
unknown, and trying the sync again may report success for data that is lost. So every
job from then on fails, `failed` is called once, and the daemon is to exit and start
again from what is durable.
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

from pexschedd.errors import StoreError, StoreReadOnly
from pexschedd.store.disk.reserve import advice
from pexschedd.store.fs import may_pass
from pexschedd.store.journal.segments import Segments

_log = Logger()
_observer_failures_logged = _log.failureHandler("journal failed to notify its observer")


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
    promptly: bool


class _Urgent(NamedTuple):
    run: Callable[[], None]
    done: Durable


class _Begin(NamedTuple):
    work: Stepwise
    done: Durable


class _Stop(NamedTuple):
    done: Durable


_Job = _Append | _Call | _Urgent | _Begin | _Stop


def _commits(job: _Job) -> bool:
    return job.commits if isinstance(job, _Call) else isinstance(job, _Append)


def _waits(job: _Job) -> bool:
    return not (_commits(job) or (isinstance(job, _Call) and job.promptly))


class Journal:
    """The queue of write jobs, carried out in order on a thread. To be used on the
    reactor."""

    def __init__(
        self,
        segments: Segments,
        reactor: IReactorFromThreads,
        failed: Callable[[StoreError], None],
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        """`make_room` is called on the thread when the disk takes no writes; it returns
        whether it has freed something, so that it is worth trying at once."""
        self._segments = segments
        self._reactor = reactor
        self._failed: Callable[[StoreError], None] | None = failed
        self._queue: SimpleQueue[list[_Job]] = SimpleQueue()
        self._stopping: _Stop | None = None
        self.flushed: Callable[[int, float], None] | None = None
        """Called on the reactor after each group, with its commits and seconds."""
        self.read_only = ""
        """The reason why the disk takes no writes, for people; empty while it does."""
        # What is given while Deferreds fire; None at all other times.
        self._gathered: list[_Job] | None = None
        # Of the thread: why it does not write any more, what takes long, why it waits,
        # and the jobs that wait.
        self._error: StoreError | None = None
        self._long: deque[_Begin] = deque()
        self._refused = ""
        self._kept: list[_Job] = []
        self._make_room = make_room
        if segments.postponed.error is not None:
            self.read_only = self._refused = self._advice(segments.postponed.error)
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def append(self, data: bytes, lines: int, last: int) -> Deferred[None]:
        """Append the `lines` lines of one transaction; `last` is the number of its last
        operation."""
        return self._add(_Append(data, lines, last, Durable()))

    def call(
        self,
        run: Callable[[], None],
        *,
        commits: bool = False,
        promptly: bool = False,
    ) -> Deferred[None]:
        """Run something on the thread once everything queued before it is durable.

        `commits` says that it is what makes a transaction durable. If the disk takes no
        writes that fails at once, and so does a call that is wanted `promptly`; they
        are carried out later all the same. Others wait.
        """
        return self._add(_Call(run, Durable(), commits, promptly))

    def urgent(self, run: Callable[[], None]) -> Deferred[None]:
        """Run something on the thread like `call`, but at once while the disk takes no
        writes; then try whether it takes them again."""
        return self._add(_Urgent(run, Durable()))

    def begin(self, work: Stepwise) -> Deferred[None]:
        """Do something long between the groups; fires when it is done or stopped."""
        return self._add(_Begin(work, Durable()))

    def give_up(self, error: StoreError) -> None:
        """Fail the journal for good, for an error that is as final as one in
        writing."""

        def fail() -> None:
            raise error

        self.urgent(fail).addErrback(lambda _: None)

    def stop(self) -> Deferred[None]:
        """Stop taking jobs; fires when all are done and the thread has ended."""
        if self._stopping is None:
            self._stopping = _Stop(Durable())
            self._put(self._stopping)
        waiting = Durable()
        self._stopping.done.addCallback(lambda _: waiting.callback(None))
        return waiting

    def _add(self, job: _Append | _Call | _Urgent | _Begin) -> Deferred[None]:
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
            done, lost = self._write(group, stop is not None)
            self._report(done, lost, perf_counter() - begun)
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

    def _write(
        self, group: list[_Job], stopping: bool
    ) -> tuple[list[_Job], list[_Job]]:
        """Write a group; return the jobs that are done and those that never will be.
        All others are kept."""
        waiting = [*self._kept, *group]
        self._kept = []
        done: list[_Job] = []
        try_again = stopping
        if not self._refused:
            done += waiting[: self._carry_out(waiting)]
            waiting = waiting[len(done) :]
            try_again |= bool(self._refused) and self._make_room()
        if self._refused and self._error is None:
            urgent: list[_Job] = [job for job in waiting if isinstance(job, _Urgent)]
            others = [job for job in waiting if not isinstance(job, _Urgent)]
            now = self._carry_out(urgent)
            done += urgent[:now]
            waiting = [*urgent[now:], *others]
            try_again |= bool(urgent)
        if self._refused and try_again and self._error is None:
            now = self._try_again(waiting)
            done += waiting[:now]
            waiting = waiting[now:]
        if stopping or self._error is not None:
            return done, waiting
        self._kept = waiting
        return done, []

    def _try_again(self, jobs: list[_Job]) -> int:
        """Do jobs if the disk can be written again; return how many are done."""
        try:
            self._segments.ready()
        except OSError as error:
            self._failed_with(error)
            return 0
        self._refused = ""
        return self._carry_out(jobs)

    def _carry_out(self, jobs: list[_Job]) -> int:
        """Do jobs in order until one fails; return how many are done."""
        done = 0
        try:
            for kind, some in groupby(jobs, type):
                if self._error is not None:
                    break
                if kind is _Append:
                    done += self._append(list(some))
                    continue
                for job in some:
                    if isinstance(job, _Call | _Urgent):
                        job.run()
                    elif isinstance(job, _Begin):
                        self._long.append(job)
                    done += 1
        except Exception as error:  # noqa: BLE001 - whatever it was, it was not done
            self._failed_with(error)
        return done

    def _failed_with(self, error: Exception) -> None:
        """Note an error: as one that passes, or as the final one."""
        if may_pass(error):
            self._refused = self._advice(error)
        else:
            self._fail(error)

    def _advice(self, error: Exception) -> str:
        assert isinstance(error, OSError)  # noqa: S101 - or it does not pass
        folder = str(self._segments.directory.parent)
        return advice(error.errno or 0, error.strerror or str(error), folder)

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
        if durable or lost or self._kept or self._error is not None:
            kept = list(self._kept)
            self._reactor.callFromThread(
                self._fire, durable, kept, lost, self._error, self._refused, seconds
            )

    # From here on: on the reactor again.

    def _fire(
        self,
        durable: list[_Job],
        kept: list[_Job],
        lost: list[_Job],
        error: StoreError | None,
        refused: str,
        seconds: float,
    ) -> None:
        self._gathered = []
        self._changed_to(refused)
        for job in durable:
            if not isinstance(job, _Begin) and not job.done.called:
                job.done.callback(None)
        for job in kept:
            if not (_waits(job) or job.done.called):
                job.done.errback(Failure(StoreReadOnly(refused)))
        if error is not None and self._failed is not None:
            failed, self._failed = self._failed, None
            with _log.failuresHandled("journal failed to report a disk failure"):
                failed(error)
        for job in lost:
            if not job.done.called:
                job.done.errback(
                    Failure(error or StoreError(f"the store is closed. {refused}"))
                )
        commits = sum(map(_commits, durable))
        if commits and self.flushed is not None:
            with _observer_failures_logged:
                self.flushed(commits, seconds)
        gathered, self._gathered = self._gathered, None
        if gathered:
            self._queue.put(gathered)

    def _changed_to(self, refused: str) -> None:
        before, self.read_only = self.read_only, refused
        if refused and refused != before:
            _log.error("store is read-only reason={reason}", reason=refused)
        elif before and not refused:
            _log.info("store is written again")

    def _ended(self, stop: _Stop) -> None:
        self._thread.join()
        stop.done.callback(None)
