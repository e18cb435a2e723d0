"""Filters of a list: from `name__icontains` and a text to a test of a record. Pure.

`conference__name` compares a field of the record that is referred to, `aliases__alias`
of those that belong to it: one of them has to fit. `aliases` itself is compared with
their addresses. `filter_operators` lists all there is.

Regular expressions are RE2's, which do not backtrack: see `util.text_pattern`.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.management.references import parse_reference
from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import Children, Column
from pexschedd.management.resources import AnyResource
from pexschedd.model.fields.times import parse_time
from pexschedd.util.text_pattern import (
    compile_pattern,
    is_found,
    is_found_in_any_case,
)

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


class Condition(msgspec.Struct, frozen=True):
    """A comparison of a column's values."""

    column: Column
    operator: str
    operand: Any
    """A value of the column; a set of them for `in`, a truth value for `isnull`."""
    test: Callable[[Any], bool]
    """Compares one value."""


def is_one_of(column: Column, options: Set[Any]) -> Condition:
    """Return the condition that a column has one of some values, `in`."""
    return Condition(column, "in", options, options.__contains__)


class Filter(msgspec.Struct, frozen=True):
    """A condition that each record of a list fulfils, itself or by its relatives."""

    condition: Condition
    resource: AnyResource
    """The resource that has the condition's column."""
    through: Column | Children | None = None
    """The relation that leads to that resource, of which one record has to fit; None if
    the condition is on the listed record itself."""

    def test(self, store: RecordReads, record: Any) -> bool:
        """Return whether a record of the list passes."""
        get, test = self.condition.column.get, self.condition.test
        if self.through is None:
            return test(get(record))
        return any(test(get(each)) for each in self._relatives(store, record))

    def _relatives(self, store: RecordReads, record: Any) -> Iterable[Any]:
        if isinstance(self.through, Children):
            return store.find_all(self.through.index, record.id)
        assert self.through is not None  # noqa: S101 - `test` has looked
        id_ = self.through.get(record)
        found = None if id_ is None else store.get(self.resource.table, id_)
        return () if found is None else (found,)


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
        other, column, through = _source(resource, name, rest)
        if operator not in _operators(resource, name, column, through=bool(rest)):
            raise ValueError(_other_operators(resource, name, column, bool(rest)))
        return Filter(_condition(column, operator, text), other, through)
    except LookupError:
        see = f"what there is: filtering in {resource.uri}schema/"
        problem = _too_far(resource, name, rest) or f"There is no such filter; {see}."
        raise InvalidFields({expression: [problem]}) from None
    except ValueError as error:
        raise InvalidFields({expression: [str(error)]}) from None


class Filterable(msgspec.Struct, frozen=True):
    """A name that filters of a resource compare by."""

    column: Column
    operators: tuple[str, ...]


def filterable(resource: AnyResource) -> dict[str, Filterable]:
    """Return all that is compared by filters of a resource, by its name there."""
    plain = (name for name, column in resource.columns.items() if column.is_plain)
    names = [*plain, *resource.children, *resource.filter_names]
    names += [f"{name}__{other}" for name, other in _through(resource)]
    found = {}
    for expression in names:
        name, *rest = expression.split("__")
        name = resource.filter_names.get(name, name)
        _, column, _ = _source(resource, name, rest)
        operators = _operators(resource, name, column, through=bool(rest))
        found[expression] = Filterable(column, operators)
    return found


def filter_operators(resource: AnyResource) -> dict[str, tuple[str, ...]]:
    """Return all filters of a resource: what is compared, and the operators for it."""
    return {name: each.operators for name, each in filterable(resource).items()}


def _through(resource: AnyResource) -> Iterable[tuple[str, str]]:
    """The fields of other records that can be compared, with the relations to them."""
    for column in resource.columns.values():
        if column.related in resource.others:
            for name in resource.others[column.related].columns:
                yield column.name, name
    for children in resource.children.values():
        for name in resource.others[children.resource].columns:
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


def _too_far(resource: AnyResource, name: str, rest: list[str]) -> str:
    """The problem of a filter that leads through two relations; empty for another."""
    first = _related(resource, name)
    if first is None or not rest or _related(first, rest[0]) is None:
        return ""
    return (
        f"A filter leads through one relation, and this goes through {name} to "
        f"{rest[0]}. Ask {first.uri} with {'__'.join(rest)}=… first, then this list "
        f"with {name}__id__in=… and the ids of what was found."
    )


def _related(resource: AnyResource, name: str) -> AnyResource | None:
    """The resource that a relation leads to; None if it is none."""
    children, column = resource.children.get(name), resource.columns.get(name)
    related = children.resource if children else column.related if column else ""
    return resource.others.get(related)


def _source(
    resource: AnyResource, name: str, rest: list[str]
) -> tuple[AnyResource, Column, Column | Children | None]:
    """The column that is compared, its resource and the relation to that; raises
    LookupError."""
    if len(rest) > 1:
        raise LookupError(name)
    if name in resource.children:
        children = resource.children[name]
        other = resource.others[children.resource]
        if rest:
            return other, other.columns[rest[0]], children
        return other, replace(other.columns["id"], related=other.name), children
    column = resource.columns[name]
    if not column.is_plain:
        raise LookupError(name)
    if not rest:
        return resource, column, None
    other = resource.others[column.related]
    return other, other.columns[rest[0]], column


def _condition(column: Column, operator: str, text: str) -> Condition:
    if operator == "isnull":
        wanted = _truth(text)
        return Condition(column, operator, wanted, lambda v: (v is None) == wanted)
    if operator == "in":
        return is_one_of(column, {_convert(column, part) for part in text.split(",")})
    if operator in _TEXT:
        if operator.endswith("regex"):
            compile_pattern(text)
        like = _TEXT[operator]
        return Condition(
            column, operator, text, lambda v: v is not None and like(v, text)
        )
    other = _convert(column, text)
    compare = _ORDER[operator]
    return Condition(
        column, operator, other, lambda v: v is not None and compare(v, other)
    )


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
