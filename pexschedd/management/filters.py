"""Filters of a list: from `name__icontains` and a text to a test of a record. Pure.

`conference__name` compares a field of the record that is referred to, `aliases__alias`
of those that belong to it: one of them has to fit. `aliases` itself is compared with
their addresses. `filter_operators` lists all there is.

Regular expressions are RE2's, which do not backtrack: see `util.text_pattern`.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.management.references import parse_reference
from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import AnyIndex, Column
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields.times import parse_time
from pexschedd.util.text_pattern import (
    compile_pattern,
    is_found,
    is_found_in_any_case,
)

Test = Callable[[RecordReads, Any], bool]
Values = Callable[[RecordReads, Any], Iterable[Any]]

_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "iexact": lambda value, text: value.casefold() == text.casefold(),
    "contains": lambda value, text: text in value,
    "icontains": lambda value, text: text.casefold() in value.casefold(),
    "startswith": str.startswith,
    "istartswith": lambda value, text: value.casefold().startswith(text.casefold()),
    "endswith": str.endswith,
    "iendswith": lambda value, text: value.casefold().endswith(text.casefold()),
    "regex": is_found,
    "iregex": is_found_in_any_case,
}
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "exact": lambda value, other: bool(value == other),
    "gt": lambda value, other: bool(value > other),
    "gte": lambda value, other: bool(value >= other),
    "lt": lambda value, other: bool(value < other),
    "lte": lambda value, other: bool(value <= other),
}
_OPERATORS = {*_TEXT, *_ORDER, "in", "isnull"}
_EQUALITY = ("exact", "in", "isnull")
_OF_TYPE: Mapping[type, tuple[str, ...]] = {
    bool: _EQUALITY,
    str: (*_EQUALITY, *_TEXT, "gt", "gte", "lt", "lte"),
}
_OF_ORDERED = (*_EQUALITY, "gt", "gte", "lt", "lte")
_OF_CHILDREN = ("exact", "in")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Filter(msgspec.Struct, frozen=True):
    """A condition that each record of a list fulfils."""

    test: Test
    finder: tuple[AnyIndex, Hashable] | None = None
    """An index and a key that find at least everything that passes."""


def parse_filter(resource: AnyResource, expression: str, text: str) -> Filter:
    """Return the filter that compares `expression`, such as `name__icontains`, with
    `text`.

    Raises `InvalidFields` for a filter that does not exist, or a value that it cannot
    have.
    """
    name, *rest = expression.split("__")
    operator = rest.pop() if rest and rest[-1] in _OPERATORS else "exact"
    name = resource.filter_names.get(name, name)
    try:
        column, values = _source(resource, name, rest)
        if operator not in _operators(resource, name, column, through=bool(rest)):
            raise ValueError(_other_operators(resource, name, column, bool(rest)))
        test = _comparison(column, operator, text)
    except LookupError:
        see = f"what there is: filtering in {resource.uri}schema/"
        problem = f"There is no such filter; {see}."
        raise InvalidFields({expression: [problem]}) from None
    except ValueError as error:
        raise InvalidFields({expression: [str(error)]}) from None
    finder = None
    if operator == "exact" and not rest and name in resource.finders:
        index, make_key = resource.finders[name]
        key = make_key(_convert(column, text))
        finder = None if key is None else (index, key)
    return Filter(
        lambda store, record: any(test(value) for value in values(store, record)),
        finder,
    )


def filter_operators(resource: AnyResource) -> dict[str, tuple[str, ...]]:
    """Return all filters of a resource: what is compared, and the operators for it."""
    names = [*resource.columns, *resource.children, *resource.filter_names]
    names += [f"{name}__{other}" for name, other in _through(resource)]
    found = {}
    for expression in names:
        name, *rest = expression.split("__")
        name = resource.filter_names.get(name, name)
        column, _ = _source(resource, name, rest)
        found[expression] = _operators(resource, name, column, through=bool(rest))
    return found


def _through(resource: AnyResource) -> Iterable[tuple[str, str]]:
    """The fields of other records that can be compared, with the relations to them."""
    for column in resource.columns.values():
        if column.related in CONFIGURATION:
            for name in CONFIGURATION[column.related].columns:
                yield column.name, name
    for children in resource.children.values():
        for name in CONFIGURATION[children.resource].columns:
            yield children.name, name


def _operators(
    resource: AnyResource, name: str, column: Column, *, through: bool
) -> tuple[str, ...]:
    if name in resource.children and not through:
        return _OF_CHILDREN
    if column.related:
        return _EQUALITY
    return _OF_TYPE.get(column.type, _OF_ORDERED)


def _other_operators(
    resource: AnyResource, name: str, column: Column, through: bool
) -> str:
    found = ", ".join(_operators(resource, name, column, through=through))
    return f"The filters for this are: {found}."


def _source(resource: AnyResource, name: str, rest: list[str]) -> tuple[Column, Values]:
    """The column that is compared and the source of its values; raises LookupError."""
    if not rest and name in resource.columns:
        column = resource.columns[name]
        return column, lambda _, record: (column.get(record),)
    if len(rest) == 1 and name in resource.columns:
        return _referred(resource.columns[name], rest[0])
    if name in resource.children and not rest:
        column, values = _belonging(resource, name, "id")
        return replace(column, related=resource.children[name].resource), values
    if name in resource.children and len(rest) == 1:
        return _belonging(resource, name, rest[0])
    raise LookupError(name)


def _referred(by: Column, name: str) -> tuple[Column, Values]:
    other = CONFIGURATION.get(by.related)
    if other is None or name not in other.columns:
        raise LookupError(name)
    column = other.columns[name]

    def values(store: RecordReads, record: Any) -> Iterable[Any]:
        id_ = by.get(record)
        found = None if id_ is None else store.get(other.table, id_)
        return () if found is None else (column.get(found),)

    return column, values


def _belonging(resource: AnyResource, child: str, name: str) -> tuple[Column, Values]:
    children = resource.children[child]
    column = CONFIGURATION[children.resource].columns.get(name)
    if column is None:
        raise LookupError(name)

    def values(store: RecordReads, record: Any) -> Iterable[Any]:
        return map(column.get, store.find_all(children.index, record.id))

    return column, values


def _comparison(column: Column, operator: str, text: str) -> Callable[[Any], bool]:
    if operator == "isnull":
        wanted = _truth(text)
        return lambda value: (value is None) == wanted
    if operator == "in":
        options = {_convert(column, part) for part in text.split(",")}
        return lambda value: value in options
    if operator in _TEXT:
        if operator.endswith("regex"):
            compile_pattern(text)
        like = _TEXT[operator]
        return lambda value: value is not None and like(value, text)
    other = _convert(column, text)
    compare = _ORDER[operator]
    return lambda value: value is not None and compare(value, other)


def _convert(column: Column, text: str) -> Any:
    """The filter's text as a value of the column; raises ValueError."""
    if column.related:
        return parse_reference(column.related, text)
    if column.type is bool:
        return _truth(text)
    if column.type is int:
        return _whole(text)
    if column.type is datetime:
        try:
            return parse_time(text)
        except ValueError:
            raise ValueError("This must be a time: 2026-11-21T09:30:00.") from None
    return text


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ValueError("This must be true or false.")
    return _TRUTH[text.lower()]


def _whole(text: str) -> int:
    digits = text.removeprefix("-")
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 18:
        raise ValueError("This must be a whole number.")
    return int(text)
