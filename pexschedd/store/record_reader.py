"""Reading of single records from the journal, each verified by its checksum again."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pexschedd.errors import StoreError
from pexschedd.model.fields.declaration import Record
from pexschedd.store.collection import Collection
from pexschedd.store.fs import FileSystem
from pexschedd.store.hints.line_index import LineIndex
from pexschedd.store.journal import line as lines


class RecordReader:
    """The segments of a journal, open for reading. To be used on the reactor.

    A read takes about two microseconds, and decoding as long again, if the system has
    that part of the file in its cache. A failed read is final, like a failed write.
    """

    def __init__(
        self,
        fs: FileSystem,
        directory: Path,
        line_index: LineIndex,
        collections: Mapping[str, Collection[Any]],
    ) -> None:
        self._fs = fs
        self._directory = directory
        self._line_index = line_index
        self._collections = collections
        self.failed: Callable[[StoreError], None] = lambda error: None
        """Callback for a record that cannot be read. The error is raised as well."""
        # Open all the time: there must be no way to read when files run short.
        self._handles: dict[str, int] = {}
        self._closed = False

    def reader(self, table: str) -> Callable[[int], Record]:
        """Return a function that reads a record of this table by operation number."""
        collection = self._collections[table]

        def read(seq: int) -> Record:
            try:
                return self._read(collection, seq)
            except (OSError, ValueError) as error:
                name = self._line_index.find(seq).name
                problem = StoreError(
                    f"{self._directory / name}: operation {seq} cannot be read: "
                    f"{error}. Nothing is written from now on. Check the disk, and "
                    "start the daemon again: that says what is damaged and what to do "
                    "about it."
                )
                self.failed(problem)
                raise problem from None

        return read

    def keep_open(self, names: set[str]) -> None:
        """Open these segments, and close all others, which are no longer used.

        Raises OSError.
        """
        for name in self._handles.keys() - names:
            self._fs.close(self._handles.pop(name))
        for name in names:
            self._handle(name)

    def close(self) -> None:
        """Close all segments for good; another process may use the folder then."""
        self.keep_open(set())
        self._closed = True

    def _handle(self, name: str) -> int:
        if self._closed:
            raise StoreError("the store is closed")
        if name not in self._handles:
            self._handles[name] = self._fs.open(self._directory / name)
        return self._handles[name]

    def _read(self, collection: Collection[Any], seq: int) -> Record:
        segment = self._line_index.find(seq)
        offset, size = segment.place(seq)
        data = self._fs.read_at(self._handle(segment.name), offset, size)
        line = lines.decode(data[:-1])
        record: Record = collection.format.decode(line.v, line.val)
        if (line.seq, line.put, record.id) != (seq, collection.table.name, line.id):
            raise ValueError("another one is there")
        return record
