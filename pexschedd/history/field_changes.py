"""The difference between two versions of a record, as it is remembered. Pure.

Values of secrets, and of what not every administrator may see, are never part of it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from itertools import compress
from operator import attrgetter, ne
from typing import Any

import msgspec

from pexschedd.model.configuration_change import FieldChange, FieldValue
from pexschedd.model.fields.declaration import Declared, Record, fields_of
from pexschedd.model.fields.times import format_time

LONGEST_VALUE = 1_000
"""Characters of a value that are kept."""
LONGEST_NAME = 250
_CONTEXT = 40
"""Characters before the first difference of two long texts."""

SET, REPLACED, REMOVED = "set", "changed", "removed"
"""The words in place of a secret's new value."""

_NAMES = (
    "name",
    "client_name",
    "alias",
    "domain",
    "subject",
    "display_name",
    "primary_email_address",
)
"""The fields that name a record, the first that it has."""

IsSameSecret = Callable[[str, str, str], bool]
"""Takes a secret field's name and two values as they are stored; returns whether they
are of the same secret."""


def name_of(record: Record) -> str:
    """Return what an administrator knows a record by; empty if it has no name."""
    for field in _NAMES:
        value = getattr(record, field, "")
        if isinstance(value, str) and value:
            return value[:LONGEST_NAME]
    return ""


def field_changes(
    old: Record | None, new: Record | None, is_same_secret: IsSameSecret
) -> tuple[FieldChange, ...]:
    """Return the fields in which two versions of a record differ.

    For one that is new or gone, None stands for the other version: then they are the
    fields that differ from their defaults.
    """
    return tuple(_differences(old, new, is_same_secret))


def _differences(
    old: Record | None, new: Record | None, is_same_secret: IsSameSecret
) -> Iterator[FieldChange]:
    record = new if old is None else old
    if record is None:
        return
    compared = _compared(type(record))
    befores = compared.missing if old is None else compared.values(old)
    afters = compared.missing if new is None else compared.values(new)
    # Most fields are the same: no step of Python's is taken for them.
    differ = map(ne, befores, afters)
    together = zip(compared.fields, befores, afters, strict=True)
    for (name, declared), before, after in compress(together, differ):
        if declared.field.secret or declared.field.confidential:
            sealed = declared.field.secret and not declared.field.hashed
            if not (
                sealed and before and after and is_same_secret(name, before, after)
            ):
                yield FieldChange(name, None, _word(before, after))
            continue
        # The default of a record that was not there is no value that it had.
        yield FieldChange(
            name,
            None if old is None else _shown(before, after),
            None if new is None else _shown(after, before),
        )


class _Compared(msgspec.Struct, frozen=True):
    """The fields of a kind of record that are compared, prepared once: a transaction
    may have a thousand records."""

    fields: tuple[tuple[str, Declared], ...]
    values: Callable[[Record], tuple[Any, ...]]
    missing: tuple[Any, ...]
    """The values in place of those of a record that is not there."""


@cache
def _compared(record: type[Record]) -> _Compared:
    fields = tuple(
        (name, declared)
        for name, declared in fields_of(record).items()
        if name != "id" and not declared.field.internal
    )
    missing = tuple(None if each.required else each.default for _, each in fields)
    # Of two names at least, attrgetter makes a tuple.
    return _Compared(fields, attrgetter(*(name for name, _ in fields)), missing)


def _word(before: object, after: object) -> str:
    if not after:
        return REMOVED
    return REPLACED if before else SET


def _shown(value: Any, other: Any) -> FieldValue:
    """A value as it is remembered; of a long text, the part that differs from another
    one's."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return shortened(_text(value), _text(other))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return format_time(value)
    return "" if value is None else msgspec.json.encode(value).decode()


def shortened(text: str, other: str) -> str:
    """Return at most `LONGEST_VALUE` characters of a text.

    A long one begins a little before its first difference to `other`, and says how many
    characters are left out before and after.
    """
    if len(text) <= LONGEST_VALUE:
        return text
    same = _same_beginning(text, other)
    start = min(max(0, same - _CONTEXT), len(text) - LONGEST_VALUE)
    end = start + LONGEST_VALUE - 2 * len(_left_out(len(text)))
    before = _left_out(start) if start else ""
    after = _left_out(len(text) - end) if end < len(text) else ""
    return f"{before}{text[start:end]}{after}"


def _left_out(count: int) -> str:
    return f"[{count} more characters]"


def _same_beginning(text: str, other: str) -> int:
    """The length of what two texts begin with, by halving: comparing is quick."""
    low, high = 0, min(len(text), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if text[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
