"""The records of whole tables as they are at one moment, in blocks, to be searched."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime

from pexschedd.management.lists.block import SIZE, Block
from pexschedd.management.lists.encoded_records import RecordChanges
from pexschedd.management.resource import AnyTable
from pexschedd.model.table import R, Table
from pexschedd.store.collection import KEPT
from pexschedd.util.cooperate import Pauses, in_slices

_AT_ONCE = 8
"""Blocks that are made in one slice of the reactor's time, at most."""
_MOST_CHANGED = 20_000
"""Changed records that are remembered until the next search."""


class RecordTables(RecordChanges, Protocol):
    """The part of the store that whole tables are read from."""

    def all(self, table: Table[R]) -> Iterable[R]:
        """Return all records of a table, by id."""

    def count(self, table: Table[R]) -> int:
        """Return the number of records in a table."""


class TableSnapshots:
    """Takes snapshots of tables that the store has in memory as a whole.

    The first one of a table reads all its records. Later ones only read what commits
    have changed since, and make the blocks anew that have it.
    """

    def __init__(self, store: RecordTables, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._tables: dict[str, _BlockedTable[Any]] = {}

    async def take(
        self, tables: Iterable[AnyTable]
    ) -> Mapping[str, Sequence[Block[Any]]] | None:
        """Return the blocks of each table, by its name, all as of the same moment.

        Returns None if one of the tables is too large: it would take the memory that
        the store saves by leaving its records on the disk.
        """
        blocked = [self._blocked(table) for table in tables]
        pauses = Pauses(self._clock, _AT_ONCE)
        while any(table.is_behind for table in blocked):
            for table in blocked:
                if self._store.count(table.table) > KEPT:
                    table.forget()
                    return None
                await table.catch_up(pauses)
        return {table.table.name: table.blocks for table in blocked}

    def _blocked(self, table: Table[R]) -> "_BlockedTable[R]":
        found = self._tables.get(table.name)
        if found is None:
            found = self._tables[table.name] = _BlockedTable(
                self._store, table, self._clock
            )
        return found


class _BlockedTable(Generic[R]):
    """The blocks of one table, by the number that the ids in a block have in common."""

    def __init__(
        self, store: RecordTables, table: Table[R], clock: IReactorTime
    ) -> None:
        self.table = table
        self._store = store
        self._clock = clock
        self._lock = DeferredLock()
        self._blocks: dict[int, Block[R]] | None = None
        self._in_order: Sequence[Block[R]] | None = None
        self._is_following = False
        self._changed: dict[int, set[int]] = {}
        """Ids by number, of records that changed after their block was made."""
        self._changes = 0
        store.subscribe(table, self._note)

    @property
    def is_behind(self) -> bool:
        """True if the blocks are not what the store has."""
        return self._blocks is None or bool(self._changed)

    @property
    def blocks(self) -> Sequence[Block[R]]:
        """The blocks by ascending id, unless it `is_behind`."""
        if self._in_order is None:
            blocks = self._blocks or {}
            self._in_order = [blocks[number] for number in sorted(blocks)]
        return self._in_order

    def forget(self) -> None:
        """Keep nothing, until the next `catch_up`."""
        self._blocks, self._changed, self._changes = None, {}, 0
        self._in_order = None
        self._is_following = False

    def _note(self, old: R | None, new: R | None) -> None:
        record = new or old
        if self._is_following and record is not None:
            self._changed.setdefault(record.id // SIZE, set()).add(record.id)
            self._changes += 1
            if self._changes > _MOST_CHANGED:
                self.forget()

    async def catch_up(self, pauses: Pauses) -> None:
        """Make the blocks that are missing or out of date.

        Changes in the meantime may leave it behind again.
        """
        await self._lock.acquire()
        try:
            while self._blocks is None:
                self._is_following = True
                blocks = await self._made()
                if self._is_following:  # otherwise too much has changed
                    self._blocks = blocks
            while self._changed:
                self._renew(*self._changed.popitem())
                self._changes = self._changes if self._changed else 0
                await pauses.item_done()
        finally:
            if self._blocks is None:
                self.forget()
            self._lock.release()

    async def _made(self) -> dict[int, Block[R]]:
        """Read the whole table; what changes meanwhile is noted."""
        blocks: dict[int, Block[R]] = {}
        number = 0
        records: list[R] = []
        async for record in in_slices(self._store.all(self.table), self._clock):
            if record.id // SIZE != number:
                blocks[number] = Block(records)
                number, records = record.id // SIZE, []
            records.append(record)
        blocks[number] = Block(records)
        return blocks

    def _renew(self, number: int, changed: set[int]) -> None:
        assert self._blocks is not None  # noqa: S101 - there were changes to it
        self._in_order = None
        old = self._blocks.get(number)
        ids = changed if old is None else changed.union(r.id for r in old.records)
        found = (self._store.get(self.table, id_) for id_ in sorted(ids))
        records = [record for record in found if record is not None]
        if records:
            self._blocks[number] = Block(records)
        else:
            self._blocks.pop(number, None)
