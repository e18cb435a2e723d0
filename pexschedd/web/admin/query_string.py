"""Query strings of lists, and lists in the shape of Tastypie's pages. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from pexschedd.errors import InvalidFields
from pexschedd.management.guards.confirmation import FIELD, YES
from pexschedd.management.list_query import LARGEST_LIMIT, ListQuery, make_query
from pexschedd.management.resources import AnyResource

DEFAULT_LIMIT = 20

Arguments = Mapping[str, Sequence[str]]
"""A query string, decoded: the values of each name, in their order."""

HIGHEST_OFFSET = 10**18 - 1
_PAGING = ("limit", "offset", "order_by")
_NOT_FILTERS = {*_PAGING, "format"}


def parse_list_query(resource: AnyResource, arguments: Arguments) -> ListQuery:
    """Return the query for a page; raises `InvalidFields` that names every wrong
    argument."""
    problems: dict[str, Sequence[str]] = {}
    limit = _count(arguments, "limit", DEFAULT_LIMIT, LARGEST_LIMIT, problems)
    offset = _count(arguments, "offset", 0, HIGHEST_OFFSET, problems)
    names = ",".join(arguments.get("order_by", ())).split(",")
    filters = [
        (name, text)
        for name, texts in arguments.items()
        if name not in _NOT_FILTERS
        for text in texts
    ]
    try:
        query = make_query(
            resource,
            limit=limit,
            offset=offset,
            order_by=filter(None, map(str.strip, names)),
            filters=filters,
        )
    except InvalidFields as error:
        problems |= error.problems
    if problems:
        raise InvalidFields(problems)
    return query


def is_confirmed(arguments: Arguments) -> bool:
    """Return whether a deletion is confirmed; raises `InvalidFields` for half-hearted
    ones."""
    values = {*arguments.get(FIELD, ())}
    if values - {YES}:
        raise InvalidFields({FIELD: [f"This must be {YES!r}, or be left out."]})
    return bool(values)


def parse_deletion_query(resource: AnyResource, arguments: Arguments) -> ListQuery:
    """Return the query for all records that a deletion is about.

    Raises `InvalidFields` for wrong filters, and for arguments that select a page: a
    deletion must not take more than its sender had in mind.
    """
    text = "A deletion is for all records that match, not for a page of them."
    paging = {
        name: [text]
        for name in _PAGING
        if {*arguments.get(name, ())} - {"0"}  # all of them, from the first on
    }
    if paging:
        raise InvalidFields(paging)
    filters = {name: texts for name, texts in arguments.items() if name != FIELD}
    return parse_list_query(resource, filters)


def page_meta(
    resource: AnyResource, arguments: Arguments, query: ListQuery, total: int
) -> dict[str, Any]:
    """Return the `meta` of one page of a list of `total` records."""

    def page(offset: int) -> str:
        others = [
            (name, text)
            for name, texts in arguments.items()
            if name not in ("limit", "offset")
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


def page_text(meta: dict[str, Any], objects: Sequence[bytes]) -> bytes:
    """Return the JSON of one page, whose objects are JSON already.

    It may have megabytes, which are copied once.
    """
    beginning = b'{"meta":%b,"objects":[' % msgspec.json.encode(meta)
    if not objects:
        return beginning + b"]}"
    first, *others = objects
    parts = [beginning + first, *others]
    parts[-1] += b"]}"
    return b",".join(parts)


def _count(
    arguments: Arguments,
    name: str,
    default: int,
    highest: int,
    problems: dict[str, Sequence[str]],
) -> int:
    texts = arguments.get(name)
    if not texts:
        return default
    text = texts[-1]
    if text.isascii() and text.isdecimal() and len(text) <= len(str(HIGHEST_OFFSET)):
        count = int(text)
        if count <= highest:
            return count
    problems[name] = [f"This must be a whole number from 0 to {highest}."]
    return default
