"""Queries for lists: page, order and filters. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from pexschedd.errors import InvalidFields
from pexschedd.management.filters import Filter, parse_filter
from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import Column, Resource
from pexschedd.management.resources import AnyResource
from pexschedd.model.table import R

LARGEST_LIMIT = 10_000

Order = tuple[tuple[Column, bool], ...]
"""Columns, each with whether it descends; the most important one first."""


class ListQuery(msgspec.Struct, frozen=True):
    """A page of the records that pass all filters, in the given order."""

    limit: int
    """Records on the page, 1 to `LARGEST_LIMIT`."""
    offset: int
    """Records before the page."""
    order: Order
    filters: tuple[Filter, ...]


def make_query(
    resource: AnyResource,
    *,
    limit: int,
    offset: int = 0,
    order_by: Iterable[str] = (),
    filters: Iterable[tuple[str, str]] = (),
) -> ListQuery:
    """Return the query for a page; a limit of 0 stands for the largest one.

    `order_by` has names of fields, with a leading `-` for descending order; `filters`
    has pairs such as `("name__icontains", "x")`. Raises `InvalidFields` that names
    every wrong one.
    """
    problems: dict[str, Sequence[str]] = {}
    tests = []
    for expression, text in filters:
        try:
            tests.append(parse_filter(resource, expression, text))
        except InvalidFields as error:
            problems |= error.problems
    usual = ("-id",) if resource.newest_first else ()
    order = _order(resource, [*order_by] or usual, problems)
    if problems:
        raise InvalidFields(problems)
    return ListQuery(
        limit=min(limit, LARGEST_LIMIT) or LARGEST_LIMIT,
        offset=offset,
        order=order,
        filters=tuple(tests),
    )


def matches(
    store: RecordReads, resource: Resource[R], query: ListQuery, record: R
) -> bool:
    """Return whether the record is on one of the query's pages."""
    return (resource.is_visible is None or resource.is_visible(record)) and all(
        each.test(store, record) for each in query.filters
    )


def _order(
    resource: AnyResource, names: Iterable[str], problems: dict[str, Sequence[str]]
) -> Order:
    result = []
    unknown = []
    for name in names:
        field = name.removeprefix("-")
        column = resource.columns.get(field)
        if column is None or not column.is_plain:
            see = f"what there is: ordering in {resource.uri}schema/"
            unknown.append(f"There is no field {field!r}; {see}.")
        else:
            result.append((column, name.startswith("-")))
    if unknown:
        problems["order_by"] = unknown
    return tuple(result)
