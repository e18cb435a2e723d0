"""Records as the management API shows them. Pure."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Protocol

import msgspec

from pexschedd.management.resource import (
    MOST_REFERRERS,
    Column,
    Referrer,
    Resource,
    uri_of,
)
from pexschedd.management.resources import AnyResource
from pexschedd.model.fields.declaration import Record
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


def represent(store: RecordReads, resource: Resource[R], record: R) -> msgspec.Struct:
    """Return everything of a record but its secrets, with what belongs to it: a struct
    whose JSON is what the API answers."""
    return _shape(resource).whole(store, record)


def represent_own(resource: Resource[R], record: R) -> msgspec.Struct:
    """Return a record's own fields but its secrets, with references as URIs."""
    return _shape(resource).own(record)


class _Shape:
    """The way in which a resource's records are shown, worked out once.

    Structs of the resource's own are made and encoded in a small part of the time that
    dictionaries of fifty fields take.
    """

    def __init__(self, resource: AnyResource) -> None:
        self._resource = resource
        columns = [*resource.columns.values()]
        self._getters = [column.get for column in columns]
        self._conversions = [
            (place, convert)
            for place, column in enumerate(columns)
            if (convert := _conversion(column)) is not None
        ]
        self._nested = [(n, c.related) for n, c in enumerate(columns) if c.nested]
        names = [*resource.columns, "resource_uri"]
        self._own = _struct(resource, names)
        for child in resource.children.values():
            names += [child.name, child.count] if child.count else [child.name]
        self._referrers = [each for each in resource.referrers if each.shown]
        names += [each.shown for each in self._referrers]
        self._whole = _struct(resource, [*names, *resource.missing])

    def own(self, record: Any) -> msgspec.Struct:
        """Return the record's own fields."""
        return self._own(*self._values(record))

    def whole(self, store: RecordReads, record: Any) -> msgspec.Struct:
        """Return the record's own fields, and what belongs to it."""
        values = self._values(record)
        for place, related in self._nested:
            if values[place] is not None:
                id_ = self._getters[place](record)
                values[place] = referred(store, self._resource, related, id_)
        for child in self._resource.children.values():
            records = store.find_all(child.index, record.id)
            other = self._resource.others[child.resource]
            show = _shape(other).own if child.nested else _uri(other)
            values.append([show(each) for each in records])
            if child.count:
                values.append(len(records))
        for referrer in self._referrers:
            values.append(referring(store, self._resource, referrer, record))
        values += [[] for _ in self._resource.missing]
        return self._whole(*values)

    def _values(self, record: Any) -> list[Any]:
        values = [get(record) for get in self._getters]
        for place, convert in self._conversions:
            if values[place] is not None:
                values[place] = convert(values[place])
        values.append(self._resource.uri_of(record.id))
        return values


@lru_cache(maxsize=200)
def _shape(resource: AnyResource) -> _Shape:
    return _Shape(resource)


def _struct(resource: AnyResource, names: list[str]) -> Callable[..., msgspec.Struct]:
    return msgspec.defstruct(resource.name, names, gc=False)


def _conversion(column: Column) -> Callable[[Any], str] | None:
    if column.related:
        return partial(uri_of, column.related)
    return format_time if column.type is datetime else None


def referred(store: RecordReads, resource: AnyResource, name: str, id: int) -> object:
    """Return the record that is referred to; its address alone if it is another
    system's."""
    other = resource.others.get(name)
    found = None if other is None else store.get(other.table, id)
    if other is not None and found is not None:
        return _shape(other).own(found)
    return {"id": id, "resource_uri": uri_of(name, id)}


def referring(
    store: RecordReads, resource: AnyResource, referrer: Referrer, record: Record
) -> list[object]:
    """Return the first records that refer to one, as they are shown with it."""
    other = resource.others[referrer.resource]
    show = _shape(other).own if referrer.nested else _uri(other)
    found = store.find_each(referrer.index, record.id)
    return [show(each) for each in islice(found, MOST_REFERRERS)]


def _uri(resource: AnyResource) -> Callable[[Any], str]:
    return lambda record: resource.uri_of(record.id)
