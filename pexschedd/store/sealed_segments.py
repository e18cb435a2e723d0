"""The upkeep of sealed segments: they are kept open for reading and get hint files."""

from functools import partial

from pexschedd.errors import StoreError
from pexschedd.store.hints.hint_files import HintWriting
from pexschedd.store.hints.line_index import SegmentLines, beyond
from pexschedd.store.journal.journal import Journal
from pexschedd.store.open_store import LoadedParts


class SealedSegments:
    """Keeps the sealed segments open, and writes their hint files. On the reactor.

    The newest `kept` lines are decoded at every start anyway, so their segments need no
    hint file: a small store never has one.
    """

    def __init__(self, loaded: LoadedParts, journal: Journal, kept: int) -> None:
        self._collections = loaded.collections
        self._line_index = loaded.line_index
        self._record_reader = loaded.record_reader
        self._hint_files = loaded.hint_files
        self._segments = loaded.segments
        self._journal = journal
        self._kept = kept
        # One after the other: a stop leaves those that are finished.
        self._waiting: list[SegmentLines] = []
        self._writing = False
        self._record_reader.failed = journal.give_up
        self.look()

    def look(self) -> None:
        """Adapt to a changed list of segments: open them, and write missing hint files.

        The journal is given up if a segment cannot be opened.
        """
        every = self._line_index.segments
        sealed = 0
        while every[sealed].sealed:
            sealed += 1
        try:
            self._record_reader.keep_open({lines.name for lines in every[:sealed]})
        except OSError as error:
            self._journal.give_up(
                StoreError(
                    f"a segment of the journal cannot be opened for reading: {error}. "
                    "Nothing is written from now on; what was acknowledged is safe. "
                    "Fix the cause and start the daemon again."
                )
            )
            return
        for collection in self._collections.values():
            collection.sealed(every[sealed].first)
        old = min(sealed, beyond([len(lines.sizes) for lines in every], self._kept))
        self._waiting = [lines for lines in reversed(every[:old]) if lines.hints]
        self._write_hints()

    def close(self) -> None:
        """Close the segments; nothing can be read from them any more."""
        self._record_reader.close()

    def _write_hints(self) -> None:
        if self._writing or not self._waiting:
            return
        lines = self._waiting.pop()
        self._writing = True
        writing = self._hint_files.writing(self._segments, lines)
        written = self._journal.begin(writing)
        written.addCallback(partial(self._written, lines, writing))
        # If the store has failed, it has said so.
        written.addErrback(lambda _: None)

    def _written(self, lines: SegmentLines, writing: HintWriting, _: object) -> None:
        self._writing = False
        if writing.complete:
            lines.hints = None
        self._write_hints()
