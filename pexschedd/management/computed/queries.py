"""Reading records that are worked out: one, or a page of a list."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import NotFound
from pexschedd.management.computed.live import LiveRecords
from pexschedd.management.computed.resources import ComputedResource
from pexschedd.management.computed.source import RecordSource
from pexschedd.management.list_query import ListQuery, matches
from pexschedd.management.representation import represent
from pexschedd.util.cooperate import in_slices


class ComputedPage(msgspec.Struct, frozen=True):
    """One page of a list."""

    objects: Sequence[object]
    """The records as the API shows them."""
    total: int
    """Records on all pages."""


class ComputedQueries:
    """The reading use cases; they show what `representation` does."""

    def __init__(
        self,
        store: RecordSource,
        clock: IReactorTime,
        now: Now,
        live: LiveRecords | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._now = now
        self._live = live or {}

    async def get(self, computed: ComputedResource, id: int) -> object:
        """Return one record; raises `NotFound`."""
        records = self._records(computed)
        async for record in in_slices(records, self._clock):
            if record is not None and record.id == id:
                return represent(self._store, computed.resource, record)
        raise NotFound(computed.absence_of(id))

    async def page(self, computed: ComputedResource, query: ListQuery) -> ComputedPage:
        """Return the page that `query` asks for: by id, if it asks for no order."""
        records = self._records(computed)
        found = [
            record
            async for record in in_slices(records, self._clock)
            if record is not None
            and matches(self._store, computed.resource, query, record)
        ]
        found.sort(key=lambda record: record.id)
        for column, descends in reversed(query.order):
            found.sort(key=lambda r: tuple(_key(column.get(r))), reverse=descends)
        shown = found[query.offset : query.offset + query.limit]
        objects = [represent(self._store, computed.resource, each) for each in shown]
        return ComputedPage(objects, len(found))

    def _records(self, computed: ComputedResource) -> Iterable[Any]:
        if computed.records is not None:
            return computed.records(self._store, self._now())
        look_up = self._live.get(computed.resource.name)
        return () if look_up is None else look_up()


def _key(value: Any) -> Iterator[Any]:
    """The value as it is ordered by; none comes before all others."""
    yield value is not None
    if value is not None:
        yield value
