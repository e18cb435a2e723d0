"""Records that are found by their ids, or by an index of the store."""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from pexschedd.management.filters import Condition, Filter
from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import Children
from pexschedd.management.resources import AnyResource
from pexschedd.model.table import Index, R
from pexschedd.util.cooperate import in_slices


class IndexedRecords(RecordReads, Protocol):
    """The part of the store that has indexes."""

    def find_each(self, index: Index[R], key: Any) -> Iterable[R]:
        """Return what `find_all` does, read one after the other."""


async def ids_by_index(
    store: IndexedRecords,
    resource: AnyResource,
    filters: Iterable[Filter],
    clock: IReactorTime,
) -> Sequence[int] | None:
    """Return the ids, ascending, of all records that may pass the filters.

    They pass the first filter that an index answers. Returns None if there is none.
    """
    for each in filters:
        found = _related(store, resource, each)
        if found is not None:
            return sorted({record.id async for record in in_slices(found, clock)})
    return None


def _related(
    store: IndexedRecords, resource: AnyResource, filter_: Filter
) -> Iterable[Any] | None:
    """The records that may pass, some perhaps several times; None without an index."""
    condition, through = filter_.condition, filter_.through
    found = _fulfilling(store, filter_.resource, condition)
    if through is None or found is None:
        return found
    if isinstance(through, Children):
        get_parent = attrgetter(through.parent)
        return _existing(store, resource, map(get_parent, found))
    if through.name not in resource.finders:
        return None
    index, make_key = resource.finders[through.name]
    return (
        record
        for other in found
        if condition.test(condition.column.get(other))
        for record in store.find_each(index, make_key(other.id))
    )


def _fulfilling(
    store: IndexedRecords, resource: AnyResource, condition: Condition
) -> Iterable[Any] | None:
    """All records that fulfil a condition, and perhaps others that nearly do."""
    if condition.operator == "exact":
        values = {condition.operand}
    elif condition.operator == "in":
        values = condition.operand
    else:
        return None
    name = condition.column.name
    if name == "id":
        return _existing(store, resource, values)
    if name not in resource.finders:
        return None
    index, make_key = resource.finders[name]
    keys = set(map(make_key, values))
    if None in keys:  # such records are not in the index
        return None
    return (record for key in keys for record in store.find_each(index, key))


def _existing(
    store: IndexedRecords, resource: AnyResource, ids: Iterable[int]
) -> Iterator[Any]:
    found = (store.get(resource.table, id_) for id_ in ids)
    return (record for record in found if record is not None)
