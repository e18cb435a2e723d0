"""The hints of copied lines: from the sources' hint files to that of the copy.

For millions of lines that is hundreds of megabytes, so it is read from the sources'
hint files, and written to the copy's, a block at a time. If anything is wrong with it
the compaction goes on without: then the copy is read line by line at the next start,
and gets its hints then. To be used on the journal's thread.
"""

from pexschedd.store.fs import may_pass
from pexschedd.store.hints.hint_files import HintFile, HintFiles, HintReading
from pexschedd.store.hints.hints import SegmentHints
from pexschedd.store.hints.line_index import LineRun, SegmentLines
from pexschedd.store.journal.manifest import Segment
from pexschedd.store.journal.segments import Segments


class HintCopying:
    """The copying of hints in one compaction, whose copied lines are `to`."""

    def __init__(self, files: HintFiles, segments: Segments, to: SegmentLines) -> None:
        self._files = files
        self._segments = segments
        self._to = to
        self._reading: HintReading | None = None
        self._hints: SegmentHints | None = None
        self._aside: HintFile | None = None
        self.known = 0
        """The hints of the source's lines before this one are loaded, or known to be
        missing."""

    def learn(self, source: SegmentLines, segment: Segment, line: int) -> bool:
        """Load the hints of a source's lines from `line` on. Returns whether a file had
        to be read for that, which is enough for one step."""
        if line < self.known:
            return False
        self._hints, self.known = source.hints, len(source.sizes)
        if source.hints is not None or self._to.hints is None or not self.known:
            return False
        if self._reading is None:
            self._reading = self._files.reading(segment)
        block = self._reading.next()
        if block is None or self._reading.segment_crc != source.crc:
            self.lose()  # also what was copied so far: it may be wrong
        else:
            self._hints = block.hints
            self.known = block.hints.first + block.hints.count
        return True

    def copy(self, source: SegmentLines, run: LineRun) -> None:
        """Add a run of the source's lines, and their hints, to the copy."""
        source.copy_run(run, self._to, self._hints)

    def end_of_source(self) -> None:
        """Forget the hints of this source: the next call is about another one."""
        self._reading = self._hints = None
        self.known = 0

    def put_aside(self, *, rest: bool = False) -> bool:
        """Write a block of the copied hints, or with `rest` all that are left, if
        together they would take too much memory. Returns whether anything was written:
        that is enough for one step."""
        try:
            return self._put_aside(rest)
        except OSError as error:
            self._do_without(error)
        return False

    def _put_aside(self, rest: bool) -> bool:
        hints = self._to.hints
        if hints is None:
            return False
        if self._aside is None:
            if hints.count <= self._files.kept:
                return False
            if not self._files.has_room(self._segments):
                self.lose()
                return False
            self._aside = self._files.aside(self._to)
        if not (rest or self._aside.waiting):
            return False
        wrote = self._aside.write()
        hints.forget(self._aside.written)
        return wrote

    def finish(self, segment: Segment) -> None:
        """Give the finished copy, now `segment`, its hint file if one was begun."""
        if self._aside is None:
            return
        try:
            self._files.end(self._aside, segment, self._to)
            self._to.hints = None
        except OSError as error:
            self._do_without(error)

    def lose(self) -> None:
        """Go on without hints: drop those in memory and the file that was begun."""
        self._to.hints = None
        if self._aside is not None:
            self._aside.abandon()
            self._aside = None

    def _do_without(self, error: OSError) -> None:
        """A file could not be written. Raises what is no lack of room."""
        self.lose()
        if not may_pass(error):
            raise error
