"""Records that are found by their ids, or by an index of the store."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from pexschedd.management.filters import Condition, Filter, is_one_of
from pexschedd.management.lists.column_indexes import ColumnIndexes
from pexschedd.management.lists.snapshots import RecordTables
from pexschedd.management.resource import Children, Column
from pexschedd.management.resources import AnyResource
from pexschedd.model.table import Index, R
from pexschedd.util.cooperate import in_slices

_FEW = 100
"""Records that an index may always give; of a large table, a twentieth."""


class IndexedRecords(RecordTables, Protocol):
    """The part of the store that has indexes."""

    def find_each(self, index: Index[R], key: Any) -> Iterable[R]:
        """Return what `find_all` does, read one after the other."""


class IndexSearch:
    """Answers filters of equality.

    Without `columns`, only by the indexes of the store.
    """

    def __init__(
        self,
        store: IndexedRecords,
        clock: IReactorTime,
        columns: ColumnIndexes | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._columns = columns

    async def ids(
        self, resource: AnyResource, filters: Iterable[Filter]
    ) -> Sequence[int] | None:
        """Return the ids, ascending, of all records that may pass the filters.

        They pass the first filter that an index answers. Returns None if none does, or
        if it would give a large part of the table: looking at all is quicker then.
        """
        for each in filters:
            found = await self._passing(resource, each)
            if found is not None:
                slices = in_slices(found, self._clock)
                return sorted({record.id async for record in slices})
        return None

    async def _passing(
        self, resource: AnyResource, filter_: Filter
    ) -> Iterable[Any] | None:
        """The records that may pass, some perhaps several times; None without an
        index."""
        condition, through = filter_.condition, filter_.through
        found = await self._fulfilling(filter_.resource, condition)
        if through is None or found is None:
            return found
        if isinstance(through, Children):
            return self._existing(resource, map(attrgetter(through.parent), found))
        get, test = condition.column.get, condition.test
        slices = in_slices(found, self._clock)
        ids = {other.id async for other in slices if test(get(other))}
        return await self._fulfilling(resource, is_one_of(through, ids))

    async def _fulfilling(
        self, resource: AnyResource, condition: Condition
    ) -> Iterable[Any] | None:
        """All records that fulfil a condition, and perhaps others that nearly do."""
        column, operator = condition.column, condition.operator
        if operator not in ("exact", "in"):
            return None
        values = condition.operand if operator == "in" else {condition.operand}
        if column.name == "id":
            return self._existing(resource, values)
        if column.name not in resource.finders:
            return await self._by_column(resource, column, values)
        index, make_key = resource.finders[column.name]
        keys = set(map(make_key, values))
        if None in keys:  # such records are not in the index
            return None
        find_each = self._store.find_each
        return (record for key in keys for record in find_each(index, key))

    async def _by_column(
        self, resource: AnyResource, column: Column, values: Iterable[Hashable]
    ) -> Iterable[Any] | None:
        if self._columns is None:
            return None
        few = max(_FEW, self._store.count(resource.table) // 20)
        ids: list[int] = []
        for value in values:
            ids += await self._columns.find(resource.table, column, value)
            if len(ids) > few:
                return None
        return self._existing(resource, ids)

    def _existing(self, resource: AnyResource, ids: Iterable[int]) -> Iterator[Any]:
        found = (self._store.get(resource.table, id_) for id_ in ids)
        return (record for record in found if record is not None)
