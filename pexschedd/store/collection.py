"""One table, which answers reads: its records by id, and its indexes.

All records are in memory up to a limit. Of a larger table only the records written or
read last are; the others are read from their place in the journal. Ids and indexes are
always in memory, so that a missing record is known to be missing without reading the
disk.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Generic, NamedTuple

from pexschedd.model.table import R, Table
from pexschedd.store.hints.keydir import Keydir
from pexschedd.store.index import TAG, HashIndex, KeyHashing, entry
from pexschedd.store.records import RecordFormat

KEPT = 200_000
"""Limit of a table's records in memory, exceeded only by records not on disk yet."""


class Prepared(NamedTuple):
    """A record in the forms in which the journal and the indexes take it."""

    value: bytes
    """JSON."""
    entries: tuple[int, ...]


class Collection(Generic[R]):
    """The records of one table, in ascending order of their ids.

    `next_id` is greater than every id that was ever used, including deleted ones.
    `changes` is the number of puts and deletions so far, those that were undone
    included.
    """

    def __init__(
        self,
        table: Table[R],
        hashing: KeyHashing | None = None,
        numbers: Keydir | None = None,
        kept: int = KEPT,
    ) -> None:
        """Create an empty collection; fill it with `replay`, then call `loaded`.

        `numbers` lists the records that are in the journal. Without it all records are
        in memory, as for a table that is kept in a document. `kept` is the number of
        records that stay in memory.
        """
        self.table = table
        self.format = RecordFormat(table)
        self.next_id = 1
        self.changes = 0
        self._hashing = hashing or KeyHashing()
        self._numbers = numbers
        self._kept = kept
        self._records: OrderedDict[int, R] = OrderedDict()
        # Put or deleted, so often, and not in the journal yet: memory alone knows it.
        self._unwritten: dict[int, int] = {}
        self._count = 0
        # Nothing below has to be in memory, because the disk has it.
        self._sealed = 0
        self._read: Callable[[int], R] | None = None
        self._keys = [index.key for index in table.indexes]
        self._indexes = [HashIndex() for _ in table.indexes]
        self._places = {index.name: n for n, index in enumerate(table.indexes)}

    def get(self, id: int) -> R | None:
        """Return the record with this id, reading it from the journal if necessary.

        Returns None if there is none.
        """
        found = self._records.get(id)
        if found is None and self._numbers is not None and self._numbers.get(id):
            found = self._from_disk(id)
            if found is not None:
                self._records[id] = found
                self._let_go()
        return found

    def in_memory(self, id: int) -> R | None:
        """Return the record if it is in memory; never reads the disk."""
        return self._records.get(id)

    def all(self) -> Iterator[R]:
        """Iterate over all records by ascending id.

        A change made during the iteration may or may not be seen. A record that exists
        throughout is always included.
        """
        for id in self._ids():
            # Not `get`: what is looked at once must not take the place of others.
            record = self._records.get(id) or self._from_disk(id)
            if record is not None:
                yield record

    def ids(self) -> list[int]:
        """Return all ids, ascending."""
        return list(self._ids())

    def page(self, offset: int, limit: int) -> list[int]:
        """Return up to `limit` ids, ascending, after skipping the first `offset`.

        Usually this takes no longer for a large offset.
        """
        numbers, records = self._numbers, self._records
        if numbers is not None and all(
            (id in records) == bool(numbers.get(id)) for id in self._unwritten
        ):
            return list(islice(numbers.ids(offset), limit))
        return list(islice(self._ids(), offset, offset + limit))

    def __len__(self) -> int:
        return self._count

    def find(self, index: str, key: Hashable) -> R | None:
        """Return the record with the lowest id among those with this key, or None."""
        key_of, ids = self._candidates(index, key)
        for id in ids:
            record = self.get(id)
            if record is not None and key_of(record) == key:
                return record
        return None

    def find_all(self, index: str, key: Hashable) -> list[R]:
        """Return all records with this key, by ascending id."""
        key_of, ids = self._candidates(index, key)
        get = self.get
        return [
            record
            for id in ids
            if (record := get(id)) is not None and key_of(record) == key
        ]

    def find_each(self, index: str, key: Hashable) -> Iterator[R]:
        """Iterate over the records with this key, by ascending id."""
        key_of, ids = self._candidates(index, key)
        for id in ids:
            record = self.get(id)
            if record is not None and key_of(record) == key:
                yield record

    def _candidates(
        self, index: str, key: Hashable
    ) -> tuple[Callable[[R], Hashable | None], Sequence[int]]:
        """Return the key function of an index and the ids that may have this key.

        Some ids may belong to another key with the same hash.
        """
        place = self._places[index]
        found = () if key is None else self._indexes[place].find(self._hashing(key))
        return self._keys[place], found

    def new_id(self) -> int:
        """Return the next unused id and reserve it."""
        id = self.next_id
        self.next_id += 1
        return id

    def entries(self, record: R) -> tuple[int, ...]:
        """Return the index entries of a record, in the order of the indexes."""
        hashing, id = self._hashing, record.id
        return tuple(
            [
                hashed & TAG | id if (hashed := hashing(key(record))) else 0
                for key in self._keys  # as `entry`, which would be called for each
            ]
        )

    def prepare(self, record: R) -> Prepared:
        """Return what a put of the record needs, which is most of its work.

        Raises ValueError if the record cannot be stored.
        """
        return Prepared(self.format.encode(record), self.entries(record))

    def put(
        self, record: R, entries: tuple[int, ...] | None = None
    ) -> tuple[R | None, tuple[int, ...]]:
        """Add or replace a record; return the old one, and the new one's `entries`,
        which are found unless they are given."""
        id = record.id
        # All keys first: a key function that raises must leave nothing half done.
        if entries is None:
            entries = self.entries(record)
        old = self.get(id)
        if old is None:
            self._count += 1
            if id >= self.next_id:
                self.next_id = id + 1
            for index, added in zip(self._indexes, entries):  # noqa: B905 - one of each
                index.add(added)
        else:
            for place, key in enumerate(self._keys):
                before = key(old)
                if before != key(record):  # most are as they were: nothing to hash
                    self._indexes[place].remove(entry(self._hashing(before), id))
                    self._indexes[place].add(entries[place])
            self._records.pop(id, None)  # it comes last now, as in the journal
        self._records[id] = record
        self.changes += 1
        self._hold(id)
        return old, entries

    def delete(self, id: int) -> R | None:
        """Remove a record if it exists, and return it."""
        old = self.get(id)
        if old is not None:
            self._count -= 1
            self._records.pop(id, None)
            self.changes += 1
            self._hold(id)
            for index, gone in zip(self._indexes, self.entries(old)):  # noqa: B905
                index.remove(gone)
        return old

    def _hold(self, id: int) -> None:
        if self._numbers is not None:
            self._unwritten[id] = self._unwritten.get(id, 0) + 1

    def release(self, id: int) -> None:
        """Note that one put or delete of this id was undone and will not be written."""
        if self._numbers is not None:
            unwritten = self._unwritten
            if unwritten[id] == 1:
                del unwritten[id]
            else:
                unwritten[id] -= 1

    def written(self, id: int) -> None:
        """Note that one put or delete of this id is in the journal and in `numbers`."""
        self.release(id)
        if len(self._records) > self._kept:
            self._let_go()

    def sealed(self, seq: int) -> None:
        """Note that all operations numbered below `seq` can be read from the disk."""
        self._sealed = seq

    def replay(self, id: int, record: R | None) -> None:
        """Apply a stored operation; None deletes. Indexes are empty before `loaded`."""
        if record is None:
            self._records.pop(id, None)
        else:
            self._records[id] = record
            self._records.move_to_end(id)

    def used(self, id: int) -> None:
        """Note that a record with this id exists or once existed."""
        if id >= self.next_id:
            self.next_id = id + 1

    def loaded(
        self,
        entries: Callable[[int], Iterable[Iterable[int]]] | None = None,
        read: Callable[[int], R] | None = None,
    ) -> None:
        """Build the indexes, once, after everything stored was replayed.

        `entries` returns the entries of the index at a given position, in parts;
        without it they are computed from the records. `read` returns the record that
        the operation with a given number has put.
        """
        self._read = read
        if self._numbers is not None:
            self._numbers.loaded()
        self._count = len(self._records if self._numbers is None else self._numbers)
        if self._numbers is None:
            self._records = OrderedDict(sorted(self._records.items()))
        for place, index in enumerate(self._indexes):
            index.fill((entries or self._own_entries)(place), self._count)

    def _own_entries(self, place: int) -> Iterator[Iterator[int]]:
        key, hashing = self._keys[place], self._hashing
        yield (entry(hashing(key(r)), id) for id, r in self._records.items())

    def _from_disk(self, id: int) -> R | None:
        if self._read is None or self._numbers is None or id in self._unwritten:
            return None
        seq = self._numbers.get(id)
        return self._read(seq) if seq else None

    def _ids(self) -> Iterable[int]:
        if self._numbers is None:
            return sorted(self._records)
        if not self._unwritten:
            return self._numbers.ids()
        # As of now: what is written meanwhile is not to come twice, nor not at all.
        unwritten = set(self._unwritten)
        written = (id for id in self._numbers.ids() if id not in unwritten)
        return merge(written, sorted(unwritten & self._records.keys()))

    def _let_go(self) -> None:
        """Drop up to two records from memory, if there are too many and the disk has
        them."""
        assert self._numbers is not None  # noqa: S101 - or it is not called
        for _ in range(2):
            if len(self._records) <= self._kept:
                return
            id, record = self._records.popitem(last=False)
            if id in self._unwritten or self._numbers.get(id) >= self._sealed:
                self._records[id] = record
