"""Records as the management API shows them. Pure."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from pexschedd.management.resource import MOST_REFERRERS, Column, Resource, uri_of
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model.fields.times import format_time
from pexschedd.model.table import Index, R, Table


class RecordReads(Protocol):
    """The part of the store that reading single records needs."""

    def get(self, table: Table[R], id: int) -> R | None:
        """Return a record, or None."""

    def find_all(self, index: Index[R], key: Any) -> list[R]:
        """Return all records that an index has under a key."""

    def find_each(self, index: Index[R], key: Any) -> Iterable[R]:
        """Return what `find_all` does, read one after the other."""


def represent(store: RecordReads, resource: Resource[R], record: R) -> dict[str, Any]:
    """Return everything of a record but its secrets, with what belongs to it."""
    result = _own(resource, record)
    for column in resource.columns.values():
        id_ = column.get(record) if column.nested else None
        if id_ is not None:
            result[column.name] = _referred(store, column.related, id_)
    for child in resource.children.values():
        records = store.find_all(child.index, record.id)
        other = CONFIGURATION[child.resource]
        result[child.name] = [
            _own(other, each) if child.nested else other.uri_of(each.id)
            for each in records
        ]
        if child.count:
            result[child.count] = len(records)
    for referrer in resource.referrers:
        if referrer.shown:
            other = CONFIGURATION[referrer.resource]
            found = store.find_each(referrer.index, record.id)
            result[referrer.shown] = [
                other.uri_of(each.id) for each in islice(found, MOST_REFERRERS)
            ]
    result.update({name: [] for name in resource.missing})
    return result


def _referred(store: RecordReads, name: str, id: int) -> dict[str, Any]:
    """The record that is referred to; its address alone if it is another system's."""
    other = CONFIGURATION.get(name)
    found = None if other is None else store.get(other.table, id)
    if other is not None and found is not None:
        return _own(other, found)
    return {"id": id, "resource_uri": uri_of(name, id)}


def _own(resource: AnyResource, record: Any) -> dict[str, Any]:
    result = {
        column.name: _value(column, column.get(record))
        for column in resource.columns.values()
    }
    result["resource_uri"] = resource.uri_of(record.id)
    return result


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.related:
        return uri_of(column.related, value)
    return format_time(value) if isinstance(value, datetime) else value
