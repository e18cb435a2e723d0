"""The plan of an import: what it changes, record by record. Pure."""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from pexschedd.management.resource import AnyTable, Column
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.management.save_notes import SaveNote
from pexschedd.management.transfer.configuration import (
    exported_fields,
    label_of,
    secret_fields,
)
from pexschedd.model.configuration_change import CHANGED, CREATED

MOST_LISTED = 1_000
"""Records that an answer lists; its numbers count all."""

NOT_SHOWN = "(not shown)"
"""The place of a secret in a plan."""


class RecordsToBe(Protocol):
    """The records as an import leaves them."""

    def get(self, table: AnyTable, id: int) -> Any:
        """Return a record, or None."""


class PlannedField(msgspec.Struct, frozen=True):
    """The old and new value of a field, as JSON has them; of a new record without an
    old one. A secret is only said to be one."""

    field: str
    old: Any
    new: Any


class PlannedRecord(msgspec.Struct, frozen=True):
    """A record that is created or changed."""

    action: str
    resource: str
    record: str
    """The name that people know it by."""
    changes: tuple[PlannedField, ...]


class ImportPlan(msgspec.Struct):
    """All that an import does, or would do."""

    records: list[PlannedRecord] = []
    unchanged: int = 0
    notes: list[SaveNote] = []

    def count(self, action: str) -> int:
        """Return the number of records with an action."""
        return sum(each.action == action for each in self.records)


def planned(
    records: RecordsToBe,
    resource: AnyResource,
    old: Any,
    new: Any,
    more: tuple[PlannedField, ...] = (),
) -> PlannedRecord | None:
    """Return what becomes of a record; None if it stays as it is.

    `old` is None for a new one. Of that, all fields are listed that have no default.
    `more` are changes of what belongs to the record.
    """
    found = (*_differences(records, resource, old, new), *more)
    if old is not None and not found:
        return None
    values = {name: getattr(new, name) for name in resource.columns}
    action = CHANGED if old is not None else CREATED
    return PlannedRecord(action, resource.name, label_of(resource, values), found)


def _differences(
    records: RecordsToBe, resource: AnyResource, old: Any, new: Any
) -> Iterator[PlannedField]:
    names = exported_fields(resource)
    for name, column in resource.columns.items():
        if name not in names or resource.fields[name].field.readonly:
            continue
        before = resource.fields[name].default if old is None else column.get(old)
        after = column.get(new)
        if before != after:
            shown = _shown(records, column, before)
            yield PlannedField(name, shown, _shown(records, column, after))
    for declared in secret_fields(resource):
        before = "" if old is None else getattr(old, declared.name)
        after = getattr(new, declared.name)
        if before != after:
            yield PlannedField(
                declared.name,
                NOT_SHOWN if before else "",
                NOT_SHOWN if after else "",
            )


def _shown(records: RecordsToBe, column: Column, value: Any) -> object:
    """A value as people read it: of a reference, the name of what it leads to."""
    if value is None or column.related not in CONFIGURATION:
        return value
    other = CONFIGURATION[column.related]
    record = records.get(other.table, value)
    if record is None:
        return other.uri_of(value)
    return label_of(other, {name: getattr(record, name) for name in other.columns})
