"""Recorded changes of the configuration, as each role has them. Pure.

A role that may not see a resource, or a field of it, does not see it here either.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any

from msgspec.structs import replace

from pexschedd.history.recorded_tables import RECORDED
from pexschedd.management.resource import Resource, uri_of
from pexschedd.model import tables
from pexschedd.model.configuration_change import (
    CHANGED,
    ConfigurationChange,
    FieldChange,
)
from pexschedd.model.fields.declaration import Declared, Record, fields_of

_RECORDS: Mapping[str, type[Record]] = {
    RECORDED[table.name]: table.record
    for table in tables.TABLES
    if table.name in RECORDED
}

_FIELDS = {resource: fields_of(record) for resource, record in _RECORDS.items()}
"""The declared fields of each resource whose changes are recorded."""

Hidden = Mapping[str, Collection[str]]
"""The fields that a role does not see, of each resource that it does."""


def shown_changes(change: ConfigurationChange) -> Sequence[FieldChange]:
    """Return the fields that have changed, with references as addresses."""
    fields = _FIELDS.get(change.resource, {})
    return [_with_addresses(each, fields.get(each.field)) for each in change.changes]


def _with_addresses(change: FieldChange, declared: Declared | None) -> FieldChange:
    if declared is None or not declared.field.related:
        return change
    related = declared.field.related
    return replace(
        change, old=_address(related, change.old), new=_address(related, change.new)
    )


def _address(related: str, value: Any) -> Any:
    return uri_of(related, value) if isinstance(value, int) else value


def changes_of(
    resource: Resource[ConfigurationChange], seen: Mapping[str, Resource[Any]]
) -> Resource[ConfigurationChange]:
    """Return the resource for those who have only the resources that are `seen`.

    Accounts' own records, such as tokens, are not among them: whose one was is not
    remembered.
    """
    hidden = {
        name: frozenset(_recorded(name) - other.fields.keys())
        for name, other in seen.items()
        if name in _FIELDS and not other.owner
    }
    found = copy(resource)
    shown = replace(resource.columns["changes"], get=partial(_seen_changes, hidden))
    found.columns = {**resource.columns, "changes": shown}
    found.is_visible = partial(_is_visible, hidden)
    return found


def _recorded(resource: str) -> set[str]:
    """The fields of a resource that an entry may have."""
    fields = _FIELDS[resource].items()
    return {name for name, declared in fields if not declared.field.internal}


def _seen_changes(hidden: Hidden, change: ConfigurationChange) -> Sequence[FieldChange]:
    unseen = hidden.get(change.resource, ())
    return [each for each in shown_changes(change) if each.field not in unseen]


def _is_visible(hidden: Hidden, change: ConfigurationChange) -> bool:
    """Return whether a change is of anything that is seen."""
    # Asked of each entry there is, so every step counts.
    unseen = hidden.get(change.resource)
    if unseen is None:
        return False
    if not unseen or change.action != CHANGED:
        return True
    for each in change.changes:  # noqa: SIM110 - `any` takes three times as long
        if each.field not in unseen:
            return True
    return False
