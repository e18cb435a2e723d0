"""Decides when the journal is compacted, and sees it through. On the reactor."""

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.store.compaction import Compaction
from pexschedd.store.fs import FileSystem
from pexschedd.store.journal import Journal
from pexschedd.store.ledger import Ledger
from pexschedd.store.segments import Segments

FLOOR = 16 << 20
"""Dead bytes below which compaction is not worth the trouble."""


class NextIds(Protocol):
    def __call__(self) -> Mapping[str, int]: ...


class Compactor:
    """Compacts when more than half of what is sealed is dead, and at least a floor."""

    _log = Logger()

    def __init__(
        self,
        fs: FileSystem,
        ledger: Ledger,
        segments: Segments,
        journal: Journal,
        next_ids: Callable[[], Mapping[str, int]],
        floor: int = FLOOR,
    ) -> None:
        self._fs = fs
        self._ledger = ledger
        self._segments = segments
        self._journal = journal
        self._next_ids = next_ids
        self._floor = floor
        self._running: Deferred[str] | None = None
        self._damaged = False

    @property
    def needs(self) -> int:
        """Bytes that a compaction of all sealed segments would have to write."""
        return self._ledger.sealed - self._ledger.dead

    @property
    def running(self) -> bool:
        return self._running is not None

    def consider(self) -> None:
        """Begins if it is time to. Cheap: it is asked after each commit."""
        ledger = self._ledger
        if ledger.dead >= self._floor and 2 * ledger.dead > ledger.sealed:
            self._begin(ledger.worthwhile())

    def compact(self) -> "Deferred[str]":
        """Compacts everything that is sealed, now, or after the run at hand.

        Fires with why it was given up; empty if it was not.
        """
        if self._running is None:
            return self._begin(len(self._ledger.segments) - 1)
        done: Deferred[str] = Deferred()
        self._running.addBoth(self._after_it, done)
        return done

    def _after_it(self, result: str, done: "Deferred[str]") -> str:
        self.compact().chainDeferred(done)
        return result

    def _begin(self, count: int) -> "Deferred[str]":
        if self._running is not None or count < 1 or self._damaged:
            return succeed("")
        finished: Deferred[str] = Deferred()
        self._running = Deferred()
        self._ledger.compacting()
        sources = self._ledger.segments[:count]
        before = sum(lines.size for lines in sources)
        compaction = Compaction(self._fs, self._segments, sources)

        def publish(_: None) -> Deferred[None]:
            if not compaction.complete:
                self._ledger.abandoned()
                self._damaged = compaction.damaged
                self._log.warn("compaction stopped: {why}", why=compaction.problem)
                return succeed(None)
            next_ids = self._next_ids()
            # A job of its own, behind all commits that made a line not matter.
            published = self._journal.call(lambda: compaction.publish(next_ids))
            return published.addCallback(take_over)

        def take_over(_: None) -> None:
            self._ledger.compacted(count, compaction.lines)
            self._log.info(
                "compacted {count} segments: {before} bytes became {after}",
                count=count,
                before=before,
                after=compaction.lines.size,
            )

        def ended(result: object) -> None:
            running, self._running = self._running, None
            problem = compaction.problem
            if isinstance(result, Failure):  # the store has failed as a whole
                problem = result.getErrorMessage()
            if running is not None:
                running.callback(problem)
            finished.callback(problem)

        self._journal.begin(compaction).addCallback(publish).addBoth(ended)
        return finished
