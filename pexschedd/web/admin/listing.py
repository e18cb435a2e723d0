"""Pages of a list: limit, offset, order and filters from the query string."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec

from pexschedd.errors import InvalidFields
from pexschedd.model.table import Index, R, Table
from pexschedd.web.admin.filters import Filter, parse_filter
from pexschedd.web.admin.resource import Column, Resource
from pexschedd.web.admin.resources import AnyResource
from pexschedd.web.admin.serialise import Reader

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 10_000
_NOT_FILTERS = {"limit", "offset", "order_by", "format"}

Arguments = Mapping[str, Sequence[str]]


class Lister(Reader, Protocol):
    """The part of the store that listing needs."""

    def all(self, table: Table[R]) -> Iterable[R]: ...
    def ids(self, table: Table[R]) -> Sequence[int]: ...
    def find_all(self, index: Index[R], key: Any) -> list[R]: ...


class Query(msgspec.Struct, frozen=True):
    limit: int
    offset: int
    order: tuple[tuple[Column, bool], ...]
    """Columns with whether they descend, the most important first."""
    filters: tuple[Filter, ...]


def parse_query(resource: AnyResource, arguments: Arguments) -> Query:
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
    return Query(
        limit=min(limit, LARGEST_LIMIT) or LARGEST_LIMIT,
        offset=offset,
        order=order,
        filters=tuple(filters),
    )


def select(store: Lister, resource: Resource[R], query: Query) -> tuple[list[R], int]:
    """The records of the page, and how many there are on all pages."""
    if not (query.filters or query.order or resource.shows):
        ids = store.ids(resource.table)
        page = ids[query.offset : query.offset + query.limit]
        found = (store.get(resource.table, id_) for id_ in page)
        return [record for record in found if record is not None], len(ids)
    records = matching(store, resource, query)
    for column, descending in reversed(query.order):
        get = column.get
        records.sort(
            key=lambda r: (get(r) is not None, get(r)),
            reverse=descending,
        )
    return list(islice(records, query.offset, query.offset + query.limit)), len(records)


def matching(store: Lister, resource: Resource[R], query: Query) -> list[R]:
    """All records that pass the filters, by id."""
    finder = next((f.finder for f in query.filters if f.finder is not None), None)
    candidates: Iterable[R] = (
        store.all(resource.table) if finder is None else store.find_all(*finder)
    )
    return [
        record
        for record in candidates
        if (resource.shows is None or resource.shows(record))
        and all(each.test(store, record) for each in query.filters)
    ]


def meta(
    resource: AnyResource, arguments: Arguments, query: Query, total: int
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
    if text.isascii() and text.isdecimal() and len(text) <= 18:
        return int(text)
    problems[name] = ["This must be a whole number, 0 or more."]
    return default


def _order(
    resource: AnyResource, texts: Sequence[str], problems: dict[str, Sequence[str]]
) -> tuple[tuple[Column, bool], ...]:
    names = [name.strip() for text in texts for name in text.split(",")]
    result = []
    for name in filter(None, names):
        column = resource.columns.get(name.removeprefix("-"))
        if column is None:
            problems["order_by"] = [f"There is no field {name.removeprefix('-')!r}."]
        else:
            result.append((column, name.startswith("-")))
    return tuple(result)
