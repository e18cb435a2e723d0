"""A table in memory: records by id, and indexes. What reads are answered from."""

from collections.abc import Hashable, Iterable, Iterator
from typing import Generic

from pexschedd.model.table import R, Table
from pexschedd.store.records import RecordFormat
from pexschedd.store.sharing import Sharing


class Collection(Generic[R]):
    """The records of one table, in ascending order of their ids.

    `next_id` is above every id that was ever used, deleted ones included.
    """

    def __init__(self, table: Table[R]) -> None:
        self.table = table
        self.format = RecordFormat(table)
        self.next_id = 1
        self._sharing: Sharing | None = Sharing(table.record)
        self._records: dict[int, R] = {}
        # Records nearly always arrive with ascending ids, and a dict keeps the order
        # of arrival; it is sorted anew only after one has arrived out of order.
        self._highest = 0
        self._in_order = True
        self._indexes = {index.name: _Index() for index in table.indexes}
        self._keys = [(i.key, self._indexes[i.name]) for i in table.indexes]
        self._key_functions = [i.key for i in table.indexes]
        self._every_index = list(self._indexes.values())

    def get(self, id: int) -> R | None:
        return self._records.get(id)

    def all(self) -> Iterator[R]:
        """A snapshot: changes made while it is read do not show in it."""
        return iter(list(self._ordered().values()))

    def ids(self) -> list[int]:
        return list(self._ordered())

    def __len__(self) -> int:
        return len(self._records)

    def find(self, index: str, key: Hashable) -> R | None:
        """The record with the lowest id under a key."""
        id = self._indexes[index].first(key)
        return None if id is None else self._records[id]

    def find_all(self, index: str, key: Hashable) -> list[R]:
        return [self._records[id] for id in self._indexes[index].all(key)]

    def new_id(self) -> int:
        id = self.next_id
        self.next_id += 1
        return id

    def put(self, record: R) -> R | None:
        """Adds or replaces a record; returns the one it replaces."""
        id = record.id
        # All keys first: a key function that raises must leave nothing half done.
        keys = [key(record) for key in self._key_functions]
        hash(tuple(keys))
        old = self._records.get(id)
        if old is None:
            self._added(id)
            for index, key in zip(self._every_index, keys):  # noqa: B905 - one of each
                if key is not None:
                    index.add(key, id)
        else:
            for (key_of, index), key in zip(self._keys, keys):  # noqa: B905 - as above
                before = key_of(old)
                if before != key:
                    index.remove(before, id)
                    index.add(key, id)
        self._records[id] = record
        return old

    def delete(self, id: int) -> R | None:
        """Removes a record, if it is there, and returns it."""
        old = self._records.pop(id, None)
        if old is not None:
            for key, index in self._keys:
                index.remove(key(old), id)
        return old

    def replay(self, id: int, record: R | None) -> None:
        """Applies a stored operation. Nothing is found by index before `loaded`."""
        if id >= self.next_id:
            self.next_id = id + 1
        if record is None:
            self._records.pop(id, None)
        else:
            if self._sharing is not None:
                self._sharing.share(record)
            if id not in self._records:
                self._added(id)
            # The record's own, which is equal, so that there is only one of them.
            self._records[record.id] = record

    def loaded(self) -> None:
        """Builds the indexes: once, and only for what is still there."""
        self._sharing = None
        records = self._ordered()
        for key, index in self._keys:
            index.fill(zip(map(key, records.values()), records, strict=True))

    def _added(self, id: int) -> None:
        if id >= self.next_id:
            self.next_id = id + 1
        if id > self._highest:
            self._highest = id
        else:
            self._in_order = False

    def _ordered(self) -> dict[int, R]:
        if not self._in_order:
            self._records = dict(sorted(self._records.items()))
            self._in_order = True
        return self._records


_FEW = 8


class _Index:
    """Ids by key. Most keys have one id, which is kept as it is; a few are a tuple, and
    many a set, which is large but does not take long to change."""

    def __init__(self) -> None:
        self._ids: dict[Hashable, int | tuple[int, ...] | set[int]] = {}

    def fill(self, pairs: Iterable[tuple[Hashable | None, int]]) -> None:
        known = self._ids.setdefault
        for key, id in pairs:
            if key is not None and known(key, id) is not id:
                self.add(key, id)

    def add(self, key: Hashable | None, id: int) -> None:
        if key is None:
            return
        found = self._ids.setdefault(key, id)
        if found is id:
            return
        if isinstance(found, set):
            found.add(id)
            return
        few = found if isinstance(found, tuple) else (found,)
        if id not in few:
            self._ids[key] = (*few, id) if len(few) < _FEW else {*few, id}

    def remove(self, key: Hashable | None, id: int) -> None:
        if key is None:
            return
        found = self._ids[key]
        if isinstance(found, set):
            found.remove(id)
            if len(found) == 1:
                self._ids[key] = found.pop()
        elif isinstance(found, tuple):
            few = tuple(other for other in found if other != id)
            self._ids[key] = few if len(few) > 1 else few[0]
        else:
            del self._ids[key]

    def first(self, key: Hashable) -> int | None:
        found = self._ids.get(key)
        return found if found is None or isinstance(found, int) else min(found)

    def all(self, key: Hashable) -> list[int]:
        found = self._ids.get(key)
        if found is None:
            return []
        return [found] if isinstance(found, int) else sorted(found)
