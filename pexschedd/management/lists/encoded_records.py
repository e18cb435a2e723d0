"""The JSON of records that were shown before, until they change."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

import msgspec

from pexschedd.management.representation import RecordReads, represent
from pexschedd.management.resource import Children, Resource
from pexschedd.management.resources import BY_KIND, CONFIGURATION, AnyResource
from pexschedd.model.table import R, Table

MOST_BYTES = 48 << 20
"""JSON that is kept: that of some 25,000 rooms with their aliases."""
_OVERHEAD = 150
"""Bytes that an entry takes beside its JSON."""

_encode = msgspec.json.Encoder().encode


class RecordChanges(RecordReads, Protocol):
    """The part of the store that reading records, and hearing of changes, needs."""

    def subscribe(
        self, table: Table[R], changed: Callable[[R | None, R | None], None]
    ) -> None:
        """Call `changed(old, new)` for each record that a commit changes."""


class EncodedRecords:
    """Encodes records as the API shows them, and remembers the result.

    It is forgotten when the record changes, or one that is shown within it. What a
    role sees less of is encoded each time. At most
    `most` bytes are kept: once half of that is new, all that was not asked for in the
    meantime is dropped.
    """

    def __init__(self, store: RecordChanges, most: int = MOST_BYTES) -> None:
        self._store = store
        self._half = most // 2
        self._size = 0
        self._resources = [r for kind in BY_KIND.values() for r in kind.values()]
        self._new = self._nothing()
        self._old = self._nothing()
        for resource in self._resources:
            self._follow(resource)

    def _nothing(self) -> dict[AnyResource, dict[int, bytes]]:
        return {resource: {} for resource in self._resources}

    def find_all(self, resource: AnyResource, ids: Iterable[int]) -> list[bytes | None]:
        """Return the JSON of each record, None where it has to be encoded.

        Everything that is found is a record that the resource has.
        """
        remembered = self._new.get(resource, {})
        return list(map(remembered.get, ids))

    def encode(self, resource: Resource[R], record: R) -> bytes:
        """Return the JSON of a record that the resource has, as it is in the store."""
        if resource not in self._new:
            return _encode(represent(self._store, resource, record))
        found = self._new[resource].get(record.id)
        if found is None:
            found = self._old[resource].pop(record.id, None)
            if found is None:
                found = _encode(represent(self._store, resource, record))
            self._keep(resource, record.id, found)
        return found

    def _keep(self, resource: AnyResource, id: int, data: bytes) -> None:
        self._new[resource][id] = data
        self._size += len(data) + _OVERHEAD
        if self._size > self._half:
            self._old, self._new, self._size = self._new, self._nothing(), 0

    def _forget(self, resource: AnyResource, id: int) -> None:
        data = self._new[resource].pop(id, None)
        if data is not None:
            self._size -= len(data) + _OVERHEAD
        self._old[resource].pop(id, None)

    def _follow(self, resource: AnyResource) -> None:
        """Forget the records of a resource when what they show changes."""
        subscribe = self._store.subscribe
        subscribe(resource.table, partial(self._changed, resource))
        for child in resource.children.values():
            table = CONFIGURATION[child.resource].table
            subscribe(table, partial(self._child_changed, resource, child))
        for referrer in resource.referrers:
            if referrer.shown:
                changed = partial(self._referrer_changed, resource, referrer.field)
                subscribe(referrer.index.table, changed)
        for column in resource.columns.values():
            if column.nested and column.related in CONFIGURATION:
                table = CONFIGURATION[column.related].table
                subscribe(table, partial(self._referred_changed, resource))

    def _changed(self, resource: AnyResource, old: Any, new: Any) -> None:
        self._forget(resource, (new if old is None else old).id)

    def _child_changed(
        self, resource: AnyResource, child: Children, old: Any, new: Any
    ) -> None:
        for each in (old, new):
            parent = None if each is None else getattr(each, child.parent)
            if parent is not None:
                self._forget(resource, parent)

    def _referrer_changed(
        self, resource: AnyResource, field: str, old: Any, new: Any
    ) -> None:
        for each in (old, new):
            id_ = None if each is None else getattr(each, field)
            if id_ is not None:
                self._forget(resource, id_)

    def _referred_changed(self, resource: AnyResource, old: Any, new: Any) -> None:
        """Forget all records of a resource: which of them refer to it is not known."""
        for id_ in [*self._new[resource], *self._old[resource]]:
            self._forget(resource, id_)
