"""The selection of records for a list: which ones are on a page, and in which order.

Records are found, in this order of preference,

- by their ids, or by an index: every filter of equality, through a relation too, that
  does not give a large part of the table;
- in a snapshot of the tables, which remembers the columns that are searched: see
  `lists.block`. The list is then that of one moment, whatever changes meanwhile;
- one by one, if a table is too large to be in memory as a whole.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from pexschedd.management.filters import Condition, Filter, is_one_of
from pexschedd.management.list_query import ListQuery, Order, matches
from pexschedd.management.lists.block import SIZE, Block, Positions
from pexschedd.management.lists.column_indexes import ColumnIndexes
from pexschedd.management.lists.index_search import IndexedRecords, IndexSearch
from pexschedd.management.lists.snapshots import TableSnapshots
from pexschedd.management.ordering import Ordering, descending
from pexschedd.management.resource import Children, Resource
from pexschedd.management.resources import AnyResource
from pexschedd.model.table import R, Table
from pexschedd.util.cooperate import Pauses, in_slices

_BLOCKS_AT_ONCE = 40
"""Blocks that are searched in one slice of the reactor's time, at most."""


Taken = Mapping[str, Sequence[Block[Any]]]
"""A snapshot: the blocks of tables by their names."""


class RecordScans(IndexedRecords, Protocol):
    """The part of the store that lists need."""

    def page(self, table: Table[R], offset: int, limit: int) -> Sequence[int]:
        """Return the ids of `limit` records from the `offset`-th on."""


class Listing:
    """Selects the records of lists, in slices of the reactor's time."""

    def __init__(
        self,
        store: RecordScans,
        clock: IReactorTime,
        columns: ColumnIndexes | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        columns = columns or ColumnIndexes(store, clock)
        self._indexes = IndexSearch(store, clock, columns)
        self._snapshots = TableSnapshots(store, clock)

    async def select(
        self, resource: Resource[R], query: ListQuery
    ) -> tuple[Sequence[int], int]:
        """Return the ids of the page, and the number of records on all pages."""
        is_by_id = not query.order or query.order[0][0].name == "id"
        if is_by_id and not (query.filters or resource.is_visible):
            return self._page_of_all(resource, query)
        selection = _Selection(query, self._clock)
        async for block, positions in self._found(resource, query):
            await selection.add(block, positions)
        return await selection.page(), selection.total

    def _page_of_all(
        self, resource: Resource[R], query: ListQuery
    ) -> tuple[Sequence[int], int]:
        store, table = self._store, resource.table
        total = store.count(table)
        if not query.order or not query.order[0][1]:
            return store.page(table, query.offset, query.limit), total
        end = max(0, total - query.offset)
        start = max(0, end - query.limit)
        return store.page(table, start, end - start)[::-1], total

    async def _found(
        self, resource: Resource[R], query: ListQuery
    ) -> AsyncIterator[tuple[Block[R], Positions]]:
        """Yield everything that passes the filters, by id."""
        ids = await self._indexes.ids(resource, query.filters)
        if ids is None:
            through = {f.resource.table for f in query.filters if f.through}
            taken = await self._snapshots.take({resource.table, *through})
            if taken is not None:
                async for found in self._in_snapshot(resource, query, taken):
                    yield found
                return
        records = []
        async for record in _passing(self._store, resource, query, ids, self._clock):
            records.append(record)
            if len(records) == SIZE:
                yield Block(records), range(SIZE)
                records = []
        yield Block(records), range(len(records))

    async def _in_snapshot(
        self, resource: Resource[R], query: ListQuery, taken: Taken
    ) -> AsyncIterator[tuple[Block[R], Positions]]:
        pauses = Pauses(self._clock, _BLOCKS_AT_ONCE)
        conditions = [
            await _own_condition(resource, each, taken, pauses)
            for each in query.filters
        ]
        for block in _with_wanted_ids(taken[resource.table.name], conditions):
            positions = block.passing(conditions)
            if resource.is_visible is not None:
                records, is_visible = block.records, resource.is_visible
                positions = [p for p in positions if is_visible(records[p])]
            yield block, positions
            await pauses.item_done()


async def matching(
    store: RecordScans,
    resource: Resource[R],
    query: ListQuery,
    clock: IReactorTime,
    columns: ColumnIndexes | None = None,
) -> AsyncIterator[R]:
    """Yield all records that pass the filters, by id, in slices of the reactor's time.

    A record that stays as it is meanwhile is yielded once. Of one that changes, the old
    and the new version may both be yielded.
    """
    ids = await IndexSearch(store, clock, columns).ids(resource, query.filters)
    async for record in _passing(store, resource, query, ids, clock):
        yield record


async def _passing(
    store: RecordScans,
    resource: Resource[R],
    query: ListQuery,
    ids: Sequence[int] | None,
    clock: IReactorTime,
) -> AsyncIterator[R]:
    """Yield those of some records, or of all, that pass the filters."""
    table = resource.table
    candidates = (
        store.all(table) if ids is None else (store.get(table, id_) for id_ in ids)
    )
    async for record in in_slices(candidates, clock):
        if record is not None and matches(store, resource, query, record):
            yield record


async def _own_condition(
    resource: AnyResource, filter_: Filter, taken: Taken, pauses: Pauses
) -> Condition:
    """Return a filter through a relation as a condition on the listed records."""
    through = filter_.through
    if through is None:
        return filter_.condition
    column = resource.columns["id"] if isinstance(through, Children) else through
    key = attrgetter(through.parent if isinstance(through, Children) else "id")
    ids: set[int] = set()
    for block in taken[filter_.resource.table.name]:
        positions = block.passing([filter_.condition])
        ids.update(key(block.records[place]) for place in positions)
        await pauses.item_done()
    return is_one_of(column, ids)


def _with_wanted_ids(
    blocks: Sequence[Block[Any]], conditions: Sequence[Condition]
) -> Iterable[Block[Any]]:
    """Return the blocks that can have what is wanted by its ids: few, as a rule, where
    it is the relatives that pass a filter."""
    for condition in conditions:
        if condition.column.name == "id" and condition.operator == "in":
            numbers = {id_ // SIZE for id_ in condition.operand}
            blocks = [
                block
                for block in blocks
                if block.records and block.records[0].id // SIZE in numbers
            ]
    return blocks


class _Selection:
    """The page of what is found; little is kept of what is not on it."""

    def __init__(self, query: ListQuery, clock: IReactorTime) -> None:
        self._query = query
        self._end = query.offset + query.limit
        self._order = query.order
        self._first = Ordering(self._end, clock)
        self._ids: list[int] = []
        self.total = 0

    async def add(self, block: Block[Any], positions: Positions) -> None:
        """Add what was found in one block."""
        records, before = block.records, self.total
        self.total += len(positions)
        if self._order and positions:
            for place in block.in_order(self._order, positions)[: self._end]:
                record = records[place]
                key = (*_key(self._order, record), record.id)
                if self._first.is_after(key):
                    break
                await self._first.add(key)
        elif before < self._end:
            start = max(0, self._query.offset - before)
            chosen = positions[start : self._end - before]
            self._ids += [records[place].id for place in chosen]

    async def page(self) -> Sequence[int]:
        """Return the ids on the page, after everything was added."""
        if not self._order:
            return self._ids
        keys = [key[-1] async for key in self._first.take()]
        return keys[self._query.offset :]


def _key(order: Order, record: Any) -> Iterator[Any]:
    """The values that the record is ordered by; no value comes before all others."""
    for column, descends in order:
        value = column.get(record)
        for part in (value is not None, value):
            yield descending(part) if descends and part is not None else part
