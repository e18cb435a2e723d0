"""Reading records for administrators: one, or a page of a list."""

from collections.abc import Sequence

import msgspec
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import NotFound
from pexschedd.management.guards.entity_tag import (
    Expectation,
    ShownRecord,
    expect_nothing,
    shown_record,
)
from pexschedd.management.list_query import ListQuery, matches
from pexschedd.management.listing import Listing, RecordScans
from pexschedd.management.lists.column_indexes import ColumnIndexes
from pexschedd.management.lists.encoded_records import MOST_BYTES, EncodedRecords
from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import Resource
from pexschedd.model.table import R
from pexschedd.util.cooperate import Pauses, pause

_AT_ONCE = 2
"""Pages that are put together at the same time."""
_FOUND_AT_ONCE = 256
"""Records that are looked up among those that were shown before, in one go."""


class RecordPage(msgspec.Struct, frozen=True):
    """One page of a list."""

    objects: Sequence[bytes]
    """The records as the API shows them, in JSON."""
    total: int
    """Records on all pages."""


class RecordQueries:
    """The reading use cases; they show what `representation` does.

    `columns` are the indexes that others use as well; `most_encoded` is the number of
    bytes that are kept of what was shown.
    """

    def __init__(
        self,
        store: RecordScans,
        clock: IReactorTime,
        *,
        columns: ColumnIndexes | None = None,
        most_encoded: int = MOST_BYTES,
    ) -> None:
        self._store = store
        self._clock = clock
        self._listing = Listing(store, clock, columns)
        self._at_work = DeferredSemaphore(_AT_ONCE)
        self._encoded = EncodedRecords(store, most_encoded)

    def get(self, resource: Resource[R], id: int) -> ShownRecord:
        """Return one record; raises `NotFound`."""
        return shown_record(
            self._store, resource, existing_record(self._store, resource, id)
        )

    async def page(self, resource: Resource[R], query: ListQuery) -> RecordPage:
        """Return the page that `query` asks for.

        A long page is put together in slices of the reactor's time, and each record is
        encoded in its slice. Only so many are put together at once that their slices
        leave the reactor time for others; the rest wait for their turn.
        """
        has_to_wait = not self._at_work.tokens
        await self._at_work.acquire()
        try:
            if has_to_wait:
                # Otherwise all that wait would be served in one turn of the reactor.
                await pause(self._clock)
            return await self._page(resource, query)
        finally:
            self._at_work.release()

    async def _page(self, resource: Resource[R], query: ListQuery) -> RecordPage:
        ids, total = await self._listing.select(resource, query)
        encoded = self._encoded
        objects: list[bytes | None] = []
        pauses = Pauses(self._clock)
        for start in range(0, len(ids), _FOUND_AT_ONCE):
            some = ids[start : start + _FOUND_AT_ONCE]
            # Those that pass filters are looked at once more below.
            found = encoded.find_all(resource, some) if not query.filters else []
            found = found or [None] * len(some)
            for place, shown in enumerate(found):
                if shown is None:
                    found[place] = self._encode(resource, query, some[place])
                    await pauses.item_done()
            objects += found
            await pauses.item_done()
        return RecordPage([*filter(None, objects)], total)

    def _encode(self, resource: Resource[R], query: ListQuery, id: int) -> bytes | None:
        """Return the JSON of a record, None if it has changed since it was selected."""
        record = self._store.get(resource.table, id)
        if record is None or not matches(self._store, resource, query, record):
            return None
        return self._encoded.encode(resource, record)


def existing_record(store: RecordReads, resource: Resource[R], id: int) -> R:
    """Return a record that the resource has; raises `NotFound`."""
    record = store.get(resource.table, id)
    if record is None or (resource.is_visible and not resource.is_visible(record)):
        raise NotFound(f"There is no {resource.name} {id}.")
    return record


def expected_record(
    store: RecordReads, resource: Resource[R], id: int, expect: Expectation
) -> R:
    """Return a record that is as it is expected to be; raises `NotFound`, and
    `RecordChanged` from `expect`."""
    record = existing_record(store, resource, id)
    if expect is not expect_nothing:
        expect(shown_record(store, resource, record).tag)
    return record
