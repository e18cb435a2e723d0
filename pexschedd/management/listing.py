"""The selection of records for a list: which ones are on a page, and in which order."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from pexschedd.management.list_query import ListQuery, Order, matches
from pexschedd.management.ordering import Ordering, descending
from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import Resource
from pexschedd.model.table import R, Table
from pexschedd.util.cooperate import in_slices


class RecordScans(RecordReads, Protocol):
    """The part of the store that lists need."""

    def all(self, table: Table[R]) -> Iterable[R]:
        """Return all records of a table, by id."""

    def page(self, table: Table[R], offset: int, limit: int) -> Sequence[int]:
        """Return the ids of `limit` records from the `offset`-th on."""

    def count(self, table: Table[R]) -> int:
        """Return the number of records in a table."""


async def select(
    store: RecordScans, resource: Resource[R], query: ListQuery, clock: IReactorTime
) -> tuple[Sequence[int], int]:
    """Return the ids of the page, and the number of records on all pages.

    A million records are gone through in slices; little is kept of those that are not
    on the page.
    """
    end = query.offset + query.limit
    if not (query.filters or query.order or resource.is_visible):
        page_of_all = store.page(resource.table, query.offset, query.limit)
        return page_of_all, store.count(resource.table)
    page: list[int] = []
    total = 0
    if query.order:
        first = Ordering(end, clock)
        async for record in matching(store, resource, query, clock):
            await first.add((*_key(query.order, record), record.id))
            total += 1
        position = 0
        async for key in first.take():
            if position >= query.offset:
                page.append(key[-1])
            position += 1
        return page, total
    async for record in matching(store, resource, query, clock):
        if query.offset <= total < end:
            page.append(record.id)
        total += 1
    return page, total


async def matching(
    store: RecordScans, resource: Resource[R], query: ListQuery, clock: IReactorTime
) -> AsyncIterator[R]:
    """Yield all records that pass the filters, by id, in slices of the reactor's time.

    A record that stays as it is meanwhile is yielded once. Of one that changes, the old
    and the new version may both be yielded.
    """
    finder = next((f.finder for f in query.filters if f.finder is not None), None)
    candidates: Iterable[R] = (
        store.all(resource.table) if finder is None else store.find_each(*finder)
    )
    async for record in in_slices(candidates, clock):
        if matches(store, resource, query, record):
            yield record


def _key(order: Order, record: Any) -> Iterator[Any]:
    """The values that the record is ordered by; no value comes before all others."""
    for column, descends in order:
        value = column.get(record)
        for part in (value is not None, value):
            yield descending(part) if descends and part is not None else part
