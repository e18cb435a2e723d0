"""The decision when to compact the journal, and the management of each run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from pexschedd.store.compaction import Compaction
from pexschedd.store.fs import FileSystem
from pexschedd.store.hints.hint_files import HintFiles
from pexschedd.store.hints.line_index import LineIndex
from pexschedd.store.journal.journal import Journal
from pexschedd.store.journal.segments import Segments

FLOOR = 16 << 20
"""Obsolete bytes below which compaction is not worth the effort."""

MANY = 256
"""Number of segments above which they are merged, however few of their lines are
obsolete. Each is an open file, and each backup begins another one: with too many, the
daemon could not start."""

MENDED_AT_MOST = 10_000
"""Limit of damaged lines repaired since the start: beyond it the disk is given up."""


class NextIds(Protocol):
    """Callable that returns the next unused id of each table in the journal."""

    def __call__(self) -> Mapping[str, int]: ...


class Compactor:
    """Starts worthwhile compactions, and repairs the damage they find. On the reactor.

    One is worthwhile when more than half of the sealed bytes, and at least a minimum,
    are obsolete, or when there are very many segments. If a line turns out to be
    damaged, its record in memory is still correct: the record is written anew, which
    makes the damaged line obsolete, and the next run drops it.
    """

    _log = Logger()

    def __init__(
        self,
        fs: FileSystem,
        line_index: LineIndex,
        segments: Segments,
        journal: Journal,
        hint_files: HintFiles,
        next_ids: Callable[[], Mapping[str, int]],
        write_again: Callable[[Sequence[tuple[str, int]]], Deferred[None] | None],
        compacted: Callable[[], None],
        floor: int = FLOOR,
    ) -> None:
        """Connect the compactor; `floor` is the minimum of obsolete bytes.

        `write_again` stores the records with the given tables and ids as they are in
        memory, or returns None if one of them is not in memory. `compacted` is called
        after the line index has changed.
        """
        self._fs = fs
        self._line_index = line_index
        self._segments = segments
        self._journal = journal
        self._hint_files = hint_files
        self._compacted = compacted
        self._next_ids = next_ids
        self._write_again = write_again
        self._floor = floor
        self._running: Deferred[str] | None = None
        self._mended = 0
        self.damage = ""
        """The latest damage found on the disk since the start, as a text for people."""
        # How much has to be dead, or how many there have to be: more after an attempt
        # that was given up.
        self._not_below = 0
        self._many = MANY

    @property
    def needs(self) -> int:
        """Bytes that a compaction of all sealed segments would have to write."""
        return self._line_index.sealed - self._line_index.dead

    @property
    def running(self) -> bool:
        """True while a compaction is running."""
        return self._running is not None

    def consider(self) -> None:
        """Start a compaction if worthwhile; cheap enough to be called at each
        commit."""
        line_index = self._line_index
        enough = max(self._floor, self._not_below)
        if line_index.dead >= enough and 2 * line_index.dead > line_index.sealed:
            self._begin(line_index.worthwhile())
        elif len(line_index.segments) > self._many:
            self._begin(len(line_index.segments) - 1)

    def compact(self) -> "Deferred[str]":
        """Compact all sealed segments now, or after the current run.

        Fires with the reason if the compaction was given up, otherwise with an empty
        text.
        """
        if self._running is None:
            return self._begin(len(self._line_index.segments) - 1)
        done: Deferred[str] = Deferred()
        self._running.addBoth(self._after_it, done)
        return done

    def _after_it(self, result: str, done: "Deferred[str]") -> str:
        self.compact().chainDeferred(done)
        return result

    def _begin(self, count: int) -> "Deferred[str]":
        if self._running is not None or count < 1:
            return succeed("")
        finished: Deferred[str] = Deferred()
        self._running = Deferred()
        dead = self._line_index.compacting()
        sources = self._line_index.segments[:count]
        before = sum(lines.size for lines in sources)
        compaction = Compaction(
            self._fs, self._segments, sources, dead, self._hint_files
        )
        mended = False

        def publish(_: None) -> Deferred[None]:
            nonlocal mended
            if not compaction.complete:
                self._line_index.abandoned()
                again = self._mend(compaction) if compaction.damaged else None
                if again is not None:
                    mended = True
                    return again
                if compaction.damaged:
                    self._found(
                        f"{compaction.problem}. The next start will refuse that file. "
                        "Check the disk; then stop the daemon and restore the file "
                        "from a backup, or see what pexschedd-store repair --dry-run "
                        "says."
                    )
                self._not_below = self._line_index.dead + self._floor
                self._many = len(self._line_index.segments) + MANY // 16
                self._log.warn("compaction stopped: {why}", why=compaction.problem)
                return succeed(None)
            next_ids = self._next_ids()
            # A job of its own, behind all commits that made a line not matter.
            published = self._journal.call(lambda: compaction.publish(next_ids))
            return published.addCallback(take_over)

        def take_over(_: None) -> None:
            self._line_index.compacted(count, compaction.lines)
            self._compacted()
            self._not_below = 0
            self._many = MANY
            self._log.info(
                "compaction finished segments={count} bytes_before={before} "
                "bytes_after={after}",
                count=count,
                before=before,
                after=compaction.lines.size,
            )

        def ended(result: object) -> None:
            running, self._running = self._running, None
            problem = compaction.problem
            if mended and not isinstance(result, Failure):
                # What was damaged does not matter any more: it may go on.
                if running is not None:
                    finished.addCallback(_passed_on, running)
                self._begin(count).chainDeferred(finished)
                return
            if isinstance(result, Failure):  # the store has failed as a whole
                problem = result.getErrorMessage()
            if running is not None:
                running.callback(problem)
            finished.callback(problem)

        self._journal.begin(compaction).addCallback(publish).addBoth(ended)
        return finished

    def _mend(self, compaction: Compaction) -> Deferred[None] | None:
        """Write anew the records that are damaged on the disk but correct in memory.

        Returns None if that is not possible.
        """
        if self._mended >= MENDED_AT_MOST:
            return None
        records = self._line_index.records(compaction.damaged)
        again = self._write_again(records)
        if again is None:
            return None
        self._mended += len(compaction.damaged)
        self._found(
            f"{compaction.problem}. {len(records)} records were intact in memory and "
            "are written again: nothing is lost. The disk may be failing: check it."
        )
        return again

    def _found(self, damage: str) -> None:
        self.damage = damage
        self._log.error("compaction found damage: {damage}", damage=damage)


def _passed_on(problem: str, to: "Deferred[str]") -> str:
    to.callback(problem)
    return problem
