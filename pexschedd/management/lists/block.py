"""Some neighbouring records of a table, and what lists are searched and ordered by.

Searching a hundred thousand records one by one takes a tenth of a second. A block
remembers the values of a column that was searched before, their order, and for texts
all of them as one text, so that most blocks are done with a single comparison. It takes
nine bytes a record and column; the text is as long as the values are. Pure.
"""

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import compress, repeat
from typing import Any, Generic

from pexschedd.management.filters import Condition
from pexschedd.management.list_query import Order
from pexschedd.management.resource import Column
from pexschedd.model.table import R

SIZE = 256
"""Records in a block, at most: a position in it fits a byte."""

_MOST_REMEMBERED = 8
"""Columns and orders that a block remembers something of."""
_BETWEEN = "\0"

_OF_VALUES: Mapping[str, Callable[[Any, Any], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_OF_FOLDED: Mapping[str, Callable[[Any, Any], bool]] = {
    "iexact": operator.eq,
    "icontains": operator.contains,
    "istartswith": str.startswith,
    "iendswith": str.endswith,
}

Positions = Sequence[int]
"""Places of records in a block, ascending unless an order is wanted."""


class Block(Generic[R]):
    """Records as they were at one moment, by id. It never changes.

    It consists of tuples: those of records and plain values the garbage collector soon
    stops looking at. It would go through lists of all records again and again.
    """

    __slots__ = ("_orders", "_texts", "_values", "records")

    def __init__(self, records: Sequence[R]) -> None:
        self.records = tuple(records)
        self._values: dict[str, tuple[Any, ...]] = {}
        self._orders: dict[Hashable, bytes] = {}
        self._texts: dict[str, str] = {}

    def passing(self, conditions: Sequence[Condition]) -> Positions:
        """Return the positions of the records that fulfil all conditions."""
        if not conditions:
            return range(len(self.records))
        first, *others = conditions
        found = self._passing(first)
        for condition in others:
            if not found:
                break
            get, test = condition.column.get, condition.test
            found = [place for place in found if test(get(self.records[place]))]
        return found

    def in_order(self, order: Order, positions: Positions) -> Positions:
        """Return these positions in the given order of the records."""
        ordered = self._ordered(order)
        if len(positions) == len(ordered):
            return ordered
        wanted = frozenset(positions)
        return [place for place in ordered if place in wanted]

    def _passing(self, condition: Condition) -> Positions:
        operator_, column = condition.operator, condition.column
        if operator_ in _OF_VALUES or operator_ in _OF_FOLDED:
            return self._with_text(condition)
        values = self._of(column)
        if operator_ == "in":
            return _where(map(condition.operand.__contains__, values))
        if operator_ in ("regex", "iregex"):
            return _where(map(condition.test, values))
        if operator_ == "isnull":
            return _where((value is None) == condition.operand for value in values)
        return sorted(self._between(column, values, operator_, condition.operand))

    def _between(
        self, column: Column, values: tuple[Any, ...], operator_: str, operand: Any
    ) -> bytes:
        ordered = self._ordered(((column, False),))
        # What has no value comes first.
        start = bisect_left(ordered, True, key=lambda place: values[place] is not None)
        look = bisect_left if operator_ in ("gte", "lt", "exact") else bisect_right
        at = look(ordered, operand, start, key=values.__getitem__)
        if operator_ in ("lt", "lte"):
            return ordered[start:at]
        if operator_ in ("gt", "gte"):
            return ordered[at:]
        return ordered[at : bisect_right(ordered, operand, at, key=values.__getitem__)]

    def _with_text(self, condition: Condition) -> Positions:
        column, text = condition.column, condition.operand
        folded, all_folded = text.casefold(), self._text(column)
        if folded not in all_folded:
            return ()
        values = self._of(column)
        if column.nullable:
            return _where(map(condition.test, values))
        if condition.operator in _OF_VALUES:
            return _where(map(_OF_VALUES[condition.operator], values, repeat(text)))
        parts = all_folded.split(_BETWEEN)
        if len(parts) != len(values):  # a value has the separator within it
            parts = [value.casefold() for value in values]
        return _where(map(_OF_FOLDED[condition.operator], parts, repeat(folded)))

    def _of(self, column: Column) -> tuple[Any, ...]:
        values = self._values.get(column.name)
        if values is None:
            values = tuple(map(column.get, self.records))
            _remember(self._values, column.name, values)
        return values

    def _text(self, column: Column) -> str:
        text = self._texts.get(column.name)
        if text is None:
            values = self._of(column)
            text = _BETWEEN.join((value or "").casefold() for value in values)
            _remember(self._texts, column.name, text)
        return text

    def _ordered(self, order: Order) -> bytes:
        names = tuple([(column.name, descends) for column, descends in order])
        ordered = self._orders.get(names)
        if ordered is None:
            places = list(range(len(self.records)))
            # Sorting is stable: the most important column comes last.
            for column, descends in reversed(order):
                keys = [(value is not None, value) for value in self._of(column)]
                places.sort(key=keys.__getitem__, reverse=descends)
            ordered = bytes(places)
            _remember(self._orders, names, ordered)
        return ordered


def _where(passes: Iterable[bool]) -> Positions:
    return [*compress(range(SIZE), passes)]


def _remember(memory: dict[Any, Any], key: Hashable, value: object) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
    memory[key] = value
