"""The JSON of records that were shown before, until they change."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Protocol

from pexschedd.management.lists.record_forms import RecordForms, Spliced, joined
from pexschedd.management.lists.record_memory import RecentMemory, SteadyMemory
from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import Children, Resource
from pexschedd.management.resources import BY_KIND, CONFIGURATION, AnyResource
from pexschedd.model.table import R, Table

MOST_BYTES = 48 << 20
"""Memory for what is kept: some 100,000 rooms with their aliases, in parts, and a few
thousand of those that are shown often, in one piece."""


_KEPT_OF_JOINED = 4
"""One of so many records that were put together is kept in one piece."""


class RecordChanges(RecordReads, Protocol):
    """The part of the store that reading records, and hearing of changes, needs."""

    def subscribe(
        self, table: Table[R], changed: Callable[[R | None, R | None], None]
    ) -> None:
        """Call `changed(old, new)` for each record that a commit changes."""


class EncodedRecords:
    """Encodes records as the API shows them, and remembers the result.

    It is forgotten when the record changes, or one that is shown within it. What a
    role sees less of is encoded each time. At most `most` bytes are kept: a sixth of
    them for what was shown twice lately, in one piece.
    """

    def __init__(self, store: RecordChanges, most: int = MOST_BYTES) -> None:
        self._store = store
        resources = [r for kind in BY_KIND.values() for r in kind.values()]
        self._whole: RecentMemory[bytes] = RecentMemory(resources, most // 6, len)
        self._spliced: SteadyMemory[Spliced] = SteadyMemory(
            resources, most - most // 6, lambda spliced: len(spliced[1])
        )
        self._remembered = frozenset(resources)
        self._joined = 0
        """The number of times that a record was put together."""
        self._forms = lru_cache(maxsize=200)(partial(RecordForms, store))
        for resource in resources:
            self._follow(resource)

    def find_all(self, resource: AnyResource, ids: Sequence[int]) -> list[bytes | None]:
        """Return the JSON of each record, None where it has to be encoded.

        Everything that is found is a record that the resource has. It takes two or
        three microseconds for each.
        """
        if resource not in self._remembered:
            return [None] * len(ids)
        found = self._whole.find_all(resource, ids)
        if None in found:
            for place, id_ in enumerate(ids):
                if found[place] is None:
                    found[place] = self._find(resource, id_)
        return found

    def _find(self, resource: AnyResource, id: int) -> bytes | None:
        spliced = self._spliced.find(resource, id)
        if spliced is None:
            return None
        found = joined(spliced)
        self._joined += 1
        # A walk through all records is not slowed down by each of them; what is shown
        # again and again has its turn soon.
        if self._joined % _KEPT_OF_JOINED == 0:
            self._whole.keep(resource, id, found)
        return found

    def encode(self, resource: Resource[R], record: R) -> bytes:
        """Return the JSON of a record that the resource has, as it is in the store."""
        if resource not in self._remembered:
            return joined(self._forms(resource).splice(record))
        spliced = self._spliced.find(resource, record.id)
        if spliced is None:
            spliced = self._forms(resource).splice(record)
            self._spliced.keep(resource, record.id, spliced)
        return joined(spliced)

    def _forget(self, resource: AnyResource, id: int) -> None:
        self._whole.forget(resource, id)
        self._spliced.forget(resource, id)

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
        self._whole.forget_all(resource)
        self._spliced.forget_all(resource)
