"""Indexes of columns that the store has none of, made when they are first asked for.

The store's own indexes are those that scheduling needs, and the fields that clients
look records up by. An index of each of the two hundred columns would take ten bytes a
record and the time of a commit, for a question that hardly anyone asks. So one is made
by the first filter of equality on its column, and follows the commits from then on.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime

from pexschedd.management.lists.snapshots import RecordTables
from pexschedd.management.resource import AnyTable, Column
from pexschedd.store.index import HashIndex, KeyHashing, entry
from pexschedd.util.cooperate import in_slices

MOST_INDEXES = 12
"""Indexes that are kept, those that were asked for last."""

_hashing = KeyHashing(hash("a secret of this process").to_bytes(8, "big", signed=True))


class ColumnIndexes:
    """Finds records by the values of any column.

    The first search of a column reads the whole table, in slices.
    """

    def __init__(self, store: RecordTables, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._lock = DeferredLock()
        self._followed: set[str] = set()
        self._indexes: OrderedDict[tuple[str, str], _ColumnIndex] = OrderedDict()
        self._making: _ColumnIndex | None = None

    async def find(
        self, table: AnyTable, column: Column, value: Hashable
    ) -> Sequence[int]:
        """Return the ids of all records with this value, ascending, and rarely one
        with another."""
        key = table.name, column.name
        if key not in self._indexes:
            await self._lock.acquire()
            try:
                if key not in self._indexes:
                    self._indexes[key] = await self._made(table, column)
                    if len(self._indexes) > MOST_INDEXES:
                        self._indexes.popitem(last=False)
            finally:
                self._making = None
                self._lock.release()
        self._indexes.move_to_end(key)
        return self._indexes[key].find(value)

    async def _made(self, table: AnyTable, column: Column) -> "_ColumnIndex":
        if table.name not in self._followed:
            self._followed.add(table.name)
            self._store.subscribe(table, partial(self._note, table.name))
        self._making = index = _ColumnIndex(table, column)
        await index.fill(self._store, self._clock)
        return index

    def _note(self, table: str, old: Any, new: Any) -> None:
        for index in (self._making, *self._indexes.values()):
            if index is not None and index.table.name == table:
                index.change(old, new)


class _ColumnIndex:
    """The ids of a table's records by the values of one column."""

    def __init__(self, table: AnyTable, column: Column) -> None:
        self.table = table
        self._get = column.get
        self._index = HashIndex()
        self._read_to = 0
        """The id of the last record that `fill` has read."""
        self._missed: set[int] = set()
        """Ids of records that changed before `fill` got to them."""
        self._is_full = False

    def find(self, value: Hashable) -> Sequence[int]:
        """See `ColumnIndexes.find`."""
        return self._index.find(_hashing(value))

    async def fill(self, store: RecordTables, clock: IReactorTime) -> None:
        """Add all records of the table, which may change meanwhile."""
        async for record in in_slices(store.all(self.table), clock):
            self._read_to = record.id
            self._missed.discard(record.id)
            self._index.add(self._entry(record))
        for id_ in self._missed:
            found = store.get(self.table, id_)
            if found is not None:
                self._index.add(self._entry(found))
        self._missed = set()
        self._is_full = True

    def change(self, old: Any, new: Any) -> None:
        """Follow a commit."""
        id_ = (new if old is None else old).id
        if not self._is_full and (id_ > self._read_to or id_ in self._missed):
            self._missed.add(id_)
            return
        before = 0 if old is None else self._entry(old)
        after = 0 if new is None else self._entry(new)
        if before != after:
            self._index.remove(before)
            self._index.add(after)

    def _entry(self, record: Any) -> int:
        return entry(_hashing(self._get(record)), record.id)
