"""Pages of a list: limit, offset, order and filters from the query string."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import InvalidFields
from pexschedd.management.filters import Filter, parse_filter
from pexschedd.management.ordering import Ordering, descending
from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import Column, Resource
from pexschedd.management.resources import AnyResource
from pexschedd.model.table import Index, R, Table
from pexschedd.util.cooperate import in_slices

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 10_000
_MOST = 10**18 - 1
OF_PAGES = ("limit", "offset", "order_by")
_NOT_FILTERS = {*OF_PAGES, "format"}

Arguments = Mapping[str, Sequence[str]]
Order = tuple[tuple[Column, bool], ...]
"""Columns with whether they descend, the most important first."""


class Lister(RecordReads, Protocol):
    """The part of the store that listing needs."""

    def all(self, table: Table[R]) -> Iterable[R]: ...
    def page(self, table: Table[R], offset: int, limit: int) -> Sequence[int]: ...
    def count(self, table: Table[R]) -> int: ...
    def find_all(self, index: Index[R], key: Any) -> list[R]: ...
    def find_each(self, index: Index[R], key: Any) -> Iterable[R]: ...


class ListQuery(msgspec.Struct, frozen=True):
    limit: int
    offset: int
    order: Order
    filters: tuple[Filter, ...]


def parse_query(resource: AnyResource, arguments: Arguments) -> ListQuery:
    """Raises `InvalidFields` that names every wrong argument."""
    problems: dict[str, Sequence[str]] = {}
    filters = []
    for key, texts in arguments.items():
        for text in () if key in _NOT_FILTERS else texts:
            try:
                filters.append(parse_filter(resource, key, text))
            except InvalidFields as error:
                problems |= error.problems
    limit = _count(arguments, "limit", DEFAULT_LIMIT, problems)
    offset = _count(arguments, "offset", 0, problems)
    order = _order(resource, arguments.get("order_by", ()), problems)
    if problems:
        raise InvalidFields(problems)
    return ListQuery(
        limit=min(limit, LARGEST_LIMIT) or LARGEST_LIMIT,
        offset=offset,
        order=order,
        filters=tuple(filters),
    )


async def select(
    store: Lister, resource: Resource[R], query: ListQuery, clock: IReactorTime
) -> tuple[Sequence[int], int]:
    """The ids of the page, and how many records there are on all pages.

    A million records are gone through in turns; of what is not on the page little is
    kept.
    """
    end = query.offset + query.limit
    if not (query.filters or query.order or resource.shows):
        page_of_all = store.page(resource.table, query.offset, query.limit)
        return page_of_all, store.count(resource.table)
    page: list[int] = []
    total = 0
    if query.order:
        first = Ordering(end, clock)
        async for record in matching(store, resource, query, clock):
            await first.add((*_key(query.order, record), record.id))
            total += 1
        place = 0
        async for key in first.take():
            if place >= query.offset:
                page.append(key[-1])
            place += 1
        return page, total
    async for record in matching(store, resource, query, clock):
        if query.offset <= total < end:
            page.append(record.id)
        total += 1
    return page, total


async def matching(
    store: Lister, resource: Resource[R], query: ListQuery, clock: IReactorTime
) -> AsyncIterator[R]:
    """All records that pass the filters, by id. Of what changes meanwhile both may be
    in it, the old and the new; what is there all the time is in it once."""
    finder = next((f.finder for f in query.filters if f.finder is not None), None)
    candidates: Iterable[R] = (
        store.all(resource.table) if finder is None else store.find_each(*finder)
    )
    async for record in in_slices(candidates, clock):
        if fits(store, resource, query, record):
            yield record


def fits(
    store: RecordReads, resource: Resource[R], query: ListQuery, record: R
) -> bool:
    """Whether the record is on one of the pages."""
    return (resource.shows is None or resource.shows(record)) and all(
        each.test(store, record) for each in query.filters
    )


def _key(order: Order, record: Any) -> Iterator[Any]:
    """What the record is ordered by; nothing comes before something."""
    for column, descends in order:
        value = column.get(record)
        for part in (value is not None, value):
            yield descending(part) if descends and part is not None else part


def meta(
    resource: AnyResource, arguments: Arguments, query: ListQuery, total: int
) -> dict[str, Any]:
    def page(offset: int) -> str:
        others = [
            (key, text)
            for key, texts in arguments.items()
            if key not in ("limit", "offset")
            for text in texts
        ]
        place = [("limit", str(query.limit)), ("offset", str(offset))]
        return f"{resource.uri}?{urlencode(others + place)}"

    after = query.offset + query.limit
    before = max(0, query.offset - query.limit)
    return {
        "limit": query.limit,
        "offset": query.offset,
        "next": page(after) if after < total else None,
        "previous": page(before) if query.offset else None,
        "total_count": total,
    }


def everything(objects: Sequence[object]) -> dict[str, object]:
    """A short list that is always given as a whole, in the shape of a page."""
    meta = {
        "limit": 0,
        "offset": 0,
        "next": None,
        "previous": None,
        "total_count": len(objects),
    }
    return {"meta": meta, "objects": objects}


def _count(
    arguments: Arguments, name: str, default: int, problems: dict[str, Sequence[str]]
) -> int:
    texts = arguments.get(name)
    if not texts:
        return default
    text = texts[-1]
    if text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST)):
        return int(text)
    problems[name] = [f"This must be a whole number from 0 to {_MOST}."]
    return default


def _order(
    resource: AnyResource, texts: Sequence[str], problems: dict[str, Sequence[str]]
) -> Order:
    names = [name.strip() for text in texts for name in text.split(",")]
    result = []
    unknown = []
    for name in filter(None, names):
        field = name.removeprefix("-")
        column = resource.columns.get(field)
        if column is None:
            there = f"what there is: ordering in {resource.uri}schema/"
            unknown.append(f"There is no field {field!r}; {there}.")
        else:
            result.append((column, name.startswith("-")))
    if unknown:
        problems["order_by"] = unknown
    return tuple(result)
