"""Deleting records for administrators.

A request is checked as a whole. The deletion of many records, or of an integration,
takes several transactions.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import MOST_PROBLEMS, InvalidFields
from pexschedd.management.admin_log import note_deletion
from pexschedd.management.change_set import ChangeSet
from pexschedd.management.deletions import remove_integration
from pexschedd.management.guards.deletion_counts import (
    require_confirmed_integrations,
    require_confirmed_list,
    require_confirmed_profiles,
)
from pexschedd.management.guards.entity_tag import Expectation, expect_nothing
from pexschedd.management.guards.generated_aliases import kept_alias
from pexschedd.management.list_query import ListQuery, matches
from pexschedd.management.listing import matching
from pexschedd.management.lists.column_indexes import ColumnIndexes
from pexschedd.management.record_queries import existing_record, expected_record
from pexschedd.management.resources import AnyResource
from pexschedd.management.save_notes import Review, Revision, SaveNote
from pexschedd.model import tables
from pexschedd.model.integration.connector import ExchangeDomain
from pexschedd.store.store import Store
from pexschedd.util.cooperate import TimeSlice, in_slices, pause

_DELETED_AT_ONCE = 50
"""Records in one transaction; most of the time goes to those that belong to them, and
to the commit."""


class RecordDeleter:
    """The deleting use cases; each returns when its changes are durable.

    They raise `InvalidFields`, `NotFound` for a record that the resource does not have,
    and `RecordInUse` for one that cannot be deleted. `columns` has indexes by which
    records are found; `review` has the notes on an integration that is left behind.
    """

    def __init__(
        self,
        store: Store,
        columns: ColumnIndexes | None,
        *,
        clock: IReactorTime,
        now: Now,
        review: Review,
    ) -> None:
        self._store = store
        self._columns = columns
        self._clock = clock
        self._now = now
        self._review = review

    async def delete(
        self,
        resource: AnyResource,
        id: int,
        expect: Expectation = expect_nothing,
        *,
        is_confirmed: bool = False,
    ) -> Sequence[SaveNote]:
        """Delete one record and those that belong to it; return notes on what is left.

        An integration with rooms only if that `is_confirmed`.
        """
        existing_record(self._store, resource, id)
        await self.confirm(resource, [id], is_confirmed=is_confirmed)
        await self._require_free(resource, [id])
        expected_record(self._store, resource, id, expect)
        return await self.delete_all(resource, [id])

    async def delete_matching(
        self, resource: AnyResource, query: ListQuery, *, is_confirmed: bool = False
    ) -> Sequence[SaveNote]:
        """Delete all records that pass the filters of `query`, page or not; return
        notes on what is left.

        Without filters, and integrations with rooms, only if that `is_confirmed`.
        """
        if not query.filters and not is_confirmed:
            await require_confirmed_list(self._store, resource, query, self._clock)
        found = matching(self._store, resource, query, self._clock, self._columns)
        ids = [record.id async for record in found]
        await self.confirm(resource, ids, is_confirmed=is_confirmed)
        await self._require_free(resource, ids)
        return await self.delete_all(
            resource, ids, partial(matches, self._store, resource, query)
        )

    async def confirm(
        self, resource: AnyResource, ids: Collection[int], *, is_confirmed: bool
    ) -> None:
        """Raise `InvalidFields` for integrations with rooms, and for profiles with
        rules, unless it `is_confirmed` that they may be deleted."""
        if not ids or is_confirmed:
            return
        if resource.table is tables.CONNECTOR:
            await require_confirmed_integrations(self._store, ids, self._clock)
        elif resource.table is tables.MJX_INTEGRATION:
            require_confirmed_profiles(self._store, ids)

    async def _require_free(self, resource: AnyResource, ids: Iterable[int]) -> None:
        """Raise `InvalidFields` for records that may not be deleted by themselves."""
        if resource.table is not tables.CONFERENCE_ALIAS:
            return
        texts: list[str] = []
        async for id_ in in_slices(ids, self._clock):
            kept = kept_alias(self._store, self._store.get(resource.table, id_))
            if kept:
                texts.append(kept)
            if len(texts) > MOST_PROBLEMS:
                break
        if texts:
            raise InvalidFields({"alias": texts})

    async def delete_all(
        self,
        resource: AnyResource,
        ids: Iterable[int],
        is_wanted: Callable[[Any], bool] = lambda record: True,
    ) -> Sequence[SaveNote]:
        """Delete records, many of them in several transactions; return notes on what
        is left.

        Other work has its turn in between, so `is_wanted` looks at each record again.
        """
        changes = ChangeSet(self._store)
        integrations: set[int] = set()
        time_slice = TimeSlice(self._clock, _DELETED_AT_ONCE)
        for id_ in ids:
            record = self._store.get(resource.table, id_)
            if record is not None and is_wanted(record):
                if resource.table is tables.CONNECTOR:
                    await remove_integration(self._store, id_, self._now(), self._clock)
                    note_deletion(resource.name, record)
                else:
                    changes.delete(resource, id_)
                if isinstance(record, ExchangeDomain):
                    integrations.add(record.exchange_connector)
            if time_slice.is_over():
                await changes.commit(self._now(), self._clock)
                await pause(self._clock)
                changes = ChangeSet(self._store)
                time_slice = TimeSlice(self._clock, _DELETED_AT_ONCE)
        await changes.commit(self._now(), self._clock)
        return [note for id_ in sorted(integrations) for note in self._notes_on(id_)]

    def _notes_on(self, integration: int) -> Iterable[SaveNote]:
        """The notes on an integration that has fewer domains now."""
        record = self._store.get(tables.CONNECTOR, integration)
        if record is None:
            return ()
        return self._review(Revision(record, self._store, record))
