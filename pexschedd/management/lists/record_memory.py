"""Memory for parts of records, by resource and id, within a number of bytes. Pure.

What is given up is freed little by little, with what is added: freeing a hundred
thousand values at once would take many milliseconds.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from pexschedd.management.resources import AnyResource

T = TypeVar("T")

_OVERHEAD = 220
"""Bytes that an entry takes beside its content: its id, its place, its objects."""
_FREED_AT_ONCE = 3
"""Entries that are freed with each one that is added: more than one."""


class _Memory(Generic[T]):
    """Entries by resource and id, with the bytes that they take."""

    def __init__(
        self, resources: Iterable[AnyResource], size_of: Callable[[T], int]
    ) -> None:
        self.entries: OrderedDict[AnyResource, dict[int, T]] = OrderedDict(
            (resource, {}) for resource in resources
        )
        self._sizes = dict.fromkeys(self.entries, 0)
        self._size_of = size_of
        self._given_up: list[dict[int, T]] = []
        self.size = 0
        """Bytes of the entries."""
        self.pending = 0
        """Bytes of what is still to be freed."""

    def add(self, resource: AnyResource, id: int, value: T) -> None:
        """Add an entry that is not there."""
        self.entries[resource][id] = value
        self._count(resource, self._size_of(value) + _OVERHEAD)
        self.free()

    def remove(self, resource: AnyResource, id: int) -> None:
        """Remove an entry, if it is there."""
        value = self.entries[resource].pop(id, None)
        if value is not None:
            self._count(resource, -self._size_of(value) - _OVERHEAD)

    def give_up(self, resource: AnyResource) -> None:
        """Remove all entries of a resource."""
        if self.entries[resource]:
            self._given_up.append(self.entries[resource])
            self.entries[resource] = {}
            self.pending += self._sizes[resource]
            self._count(resource, -self._sizes[resource])

    def free(self) -> None:
        """Free some of what was given up."""
        for _ in range(_FREED_AT_ONCE):
            if not self._given_up:
                return
            entries = self._given_up[-1]
            if entries:
                _, value = entries.popitem()
                self.pending -= self._size_of(value) + _OVERHEAD
            else:
                self._given_up.pop()

    def _count(self, resource: AnyResource, size: int) -> None:
        self._sizes[resource] += size
        self.size += size


class SteadyMemory(Generic[T]):
    """Keeps what came first, so that a walk through more than there is room for finds
    as much as there is room for, each time.

    What was kept for a resource that was asked for least lately makes room for others.
    """

    def __init__(
        self,
        resources: Iterable[AnyResource],
        most: int,
        size_of: Callable[[T], int],
    ) -> None:
        self._most = most
        self._memory: _Memory[T] = _Memory(resources, size_of)

    def find(self, resource: AnyResource, id: int) -> T | None:
        """Return what is kept of a record, or None."""
        return self._memory.entries[resource].get(id)

    def keep(self, resource: AnyResource, id: int, value: T) -> None:
        """Keep something of a record, if there is room."""
        memory = self._memory
        memory.entries.move_to_end(resource)
        if memory.size + memory.pending < self._most:
            memory.add(resource, id, value)
            return
        memory.free()
        for other, entries in memory.entries.items():
            if entries and other is not resource:
                memory.give_up(other)
                return

    def forget(self, resource: AnyResource, id: int) -> None:
        """Forget a record."""
        self._memory.remove(resource, id)

    def forget_all(self, resource: AnyResource) -> None:
        """Forget all records of a resource."""
        self._memory.give_up(resource)


class RecentMemory(Generic[T]):
    """Keeps what was asked for lately: once half of the room is taken by what is new,
    all that was not asked for in the meantime is given up."""

    def __init__(
        self,
        resources: Iterable[AnyResource],
        most: int,
        size_of: Callable[[T], int],
    ) -> None:
        self._half = most // 2
        self._new: _Memory[T] = _Memory([*resources], size_of)
        self._old: _Memory[T] = _Memory([*resources], size_of)

    def find_all(self, resource: AnyResource, ids: Iterable[int]) -> list[T | None]:
        """Return what was kept lately of each record, None for others."""
        return [*map(self._new.entries[resource].get, ids)]

    def find(self, resource: AnyResource, id: int) -> T | None:
        """Return what is kept of a record, or None."""
        found = self._new.entries[resource].get(id)
        if found is None:
            found = self._old.entries[resource].get(id)
            if found is not None:
                self._old.remove(resource, id)
                self.keep(resource, id, found)
        return found

    def keep(self, resource: AnyResource, id: int, value: T) -> None:
        """Keep something of a record that nothing is kept of."""
        self._new.add(resource, id, value)
        self._old.free()
        if self._new.size > self._half:
            self._new, self._old = self._old, self._new
            for each in self._new.entries:
                self._new.give_up(each)

    def forget(self, resource: AnyResource, id: int) -> None:
        """Forget a record."""
        self._new.remove(resource, id)
        self._old.remove(resource, id)

    def forget_all(self, resource: AnyResource) -> None:
        """Forget all records of a resource."""
        self._new.give_up(resource)
        self._old.give_up(resource)
