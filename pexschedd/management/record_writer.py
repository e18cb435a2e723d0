"""Creating and changing records for administrators.

Every request is checked as a whole and then carried out in one transaction.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from msgspec.structs import replace
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import MOST_PROBLEMS, InvalidFields
from pexschedd.management.access.hashed_passwords import MakeHash, no_hash, with_hashes
from pexschedd.management.access.issued_secrets import Issue, issue_nothing
from pexschedd.management.change_set import (
    ChangeSet,
    too_many_records,
)
from pexschedd.management.guards.entity_tag import (
    Expectation,
    expect_nothing,
    shown_record,
    tables_shown,
)
from pexschedd.management.guards.keyed_requests import (
    KeyedRequests,
    Remember,
    RequestKey,
)
from pexschedd.management.lists.column_indexes import ColumnIndexes
from pexschedd.management.payload_references import existing_reference, id_of
from pexschedd.management.record_deleter import RecordDeleter
from pexschedd.management.record_queries import expected_record
from pexschedd.management.record_saver import (
    RecordSaver,
    SaveTools,
    numbered_problems,
)
from pexschedd.management.resource import MOST_RECORDS, Payload
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.management.save_notes import (
    MOST_NOTES,
    Review,
    Saved,
    no_review,
    numbered,
)
from pexschedd.model import tables
from pexschedd.model.fields.validation import Problems, TemplateChecker
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import Pauses

T = TypeVar("T")

_TRIES_IN_TURNS = 3
"""Checks of a request, while others change what it was checked against; the next one
gives way to nothing."""


class RecordWriter:
    """The writing use cases; each returns when its changes are durable.

    They raise `InvalidFields` that names every wrong field, `NotFound` for a record
    that the resource does not have, and `RecordInUse` for one that cannot be deleted.
    `uuid4` makes the random ids of new records; `review` has the notes on those that
    are saved, `make_hash` the hashes of passwords, `issue` the secrets that are shown
    once; by the indexes of `columns` its `deleter` finds what is to be deleted.
    """

    def __init__(
        self,
        store: Store,
        templates: TemplateChecker,
        *,
        clock: IReactorTime,
        now: Now,
        uuid4: Callable[[], str],
        review: Review = no_review,
        make_hash: MakeHash = no_hash,
        issue: Issue = issue_nothing,
        columns: ColumnIndexes | None = None,
    ) -> None:
        self._store = store
        self._templates = templates
        self._make_hash = make_hash
        self._clock = clock
        self._now = now
        self.tools = SaveTools(templates, store.vault, now, uuid4, review, issue)
        """Check and complete records; others that save them use the same ones."""
        self.deleter = RecordDeleter(
            store, columns, clock=clock, now=now, review=review
        )
        self._keyed = KeyedRequests(store, now)
        self._commits: Counter[str] = Counter()
        """Changed records, by table."""
        for resource in CONFIGURATION.values():
            store.subscribe(resource.table, partial(self._count, resource.table.name))

    def _count(self, table: str, old: object, new: object) -> None:
        self._commits[table] += 1

    async def create(
        self, resource: AnyResource, payload: Payload, key: RequestKey | None = None
    ) -> Saved:
        """Create what `payload` stands for; the id is the first of several.

        With a key, once only: see `KeyedRequests`.
        """
        if key is None:
            return await self._create(resource, payload)
        work = partial(self._create, resource, payload)
        return await self._keyed.once(resource, payload, key, work)

    async def _create(
        self,
        resource: AnyResource,
        payload: Payload,
        remember: Remember = lambda transaction, saved: None,
    ) -> Saved:
        payload = await self._hashed(resource, payload)

        async def save(changes: ChangeSet, pauses: Pauses) -> int:
            record = await self._saver(changes, pauses).save_new(resource, payload)
            return int(record.id)

        changes, id = await self._checked(save)
        return await self._commit(changes, resource, id, remember)

    async def update(
        self,
        resource: AnyResource,
        id: int,
        payload: Payload,
        expect: Expectation = expect_nothing,
    ) -> Saved:
        """Change one record; what `payload` leaves out stays as it is.

        `expect` is asked about the record as it is; see `Expectation`.
        """
        payload = await self._hashed(resource, payload)

        async def save(changes: ChangeSet, pauses: Pauses) -> None:
            for table in tables_shown(resource):
                changes.look_at(table)
            current = expected_record(self._store, resource, id, expect)
            saver = self._saver(changes, pauses)
            await saver.save(resource, payload, current)

        changes, _ = await self._checked(save)
        return await self._commit(changes, resource, id)

    async def _commit(
        self,
        changes: ChangeSet,
        resource: AnyResource,
        id: int,
        remember: Remember = lambda transaction, saved: None,
    ) -> Saved:
        """Make the changes; the tag is that of the record `id` just after them, and
        before anybody else's."""
        saved = Saved(id, tuple(changes.notes[:MOST_NOTES]), shown=changes.shown)

        def within(transaction: Transaction) -> None:
            nonlocal saved
            record = self._store.get(resource.table, id)
            tag = shown_record(self._store, resource, record).tag
            saved = replace(saved, tag=tag)
            remember(transaction, saved)

        await changes.commit(self._now(), self._clock, within)
        return saved

    async def _checked(
        self, check: Callable[[ChangeSet, Pauses], Awaitable[T]]
    ) -> tuple[ChangeSet, T]:
        """Return the changes of a request that `check` adds, and what it returns.

        Other work has its turn while the records are checked. If that changes a table
        that was looked at, they are checked again, the last time in one go.
        """
        for clock in (*[self._clock] * _TRIES_IN_TURNS, None):
            changes = ChangeSet(self._store)
            commits = self._commits.copy()
            pauses = Pauses(clock)
            result = await check(changes, pauses)
            await changes.prepare(pauses)
            if all(self._commits[name] == commits[name] for name in changes.tables):
                break
        return changes, result

    async def _hashed(self, resource: AnyResource, payload: Payload) -> Payload:
        return await with_hashes(resource, payload, self._templates, self._make_hash)

    def _saver(self, changes: ChangeSet, pauses: Pauses) -> RecordSaver:
        return RecordSaver(changes, self.tools, pauses)

    async def bulk(
        self, resource: AnyResource, payload: Payload, *, is_confirmed: bool = False
    ) -> Saved:
        """Create, change and delete many records: all of them or none.

        `objects` are changed if they carry a `resource_uri` or `id`, and created
        otherwise; `deleted_objects` are URIs. Only integrations are deleted afterwards,
        one by one; those with rooms only if that `is_confirmed`.
        """
        payload = await self._hashed(resource, payload)
        named = _list(payload, "deleted_objects", {})
        ids = {id_ for each in named if (id_ := id_of(resource, each)) is not None}
        await self.deleter.confirm(resource, ids, is_confirmed=is_confirmed)
        changes, deleted = await self._checked(
            partial(self._check_all, resource=resource, payload=payload)
        )
        await changes.commit(self._now(), self._clock)
        if deleted and resource.table is tables.CONNECTOR:
            await self.deleter.delete_all(resource, deleted)
        return Saved(0, tuple(changes.notes[:MOST_NOTES]))

    async def _check_all(
        self,
        changes: ChangeSet,
        pauses: Pauses,
        *,
        resource: AnyResource,
        payload: Payload,
    ) -> list[int]:
        """Add all that `payload` lists; return what it deletes.

        The checks of each list end after `MOST_PROBLEMS`.
        """
        if all(name in _LISTS and items == [] for name, items in payload.items()):
            text = "Send objects to be made or changed, deleted_objects, or both."
            raise InvalidFields({"objects": [text]})
        unknown = (n for n in payload if n not in _LISTS)
        problems: Problems = {
            name: ["There is no such field."]
            for name in islice(unknown, MOST_PROBLEMS + 1)
        }
        deleted = await self._deleted(changes, pauses, resource, payload, problems)
        if resource.table is not tables.CONNECTOR:
            for id_ in deleted:
                changes.delete(resource, id_)
                await pauses.item_done()
        texts: list[str] = []
        saver = self._saver(changes, pauses)
        for number, item in enumerate(_list(payload, "objects", problems), 1):
            noted = len(changes.notes)
            try:
                await saver.save_item(resource, item)
                changes.notes[noted:] = numbered(changes.notes[noted:], number)
            except InvalidFields as error:
                texts += numbered_problems(number, error)
                if len(texts) > MOST_PROBLEMS:
                    break
            await pauses.item_done()
        if texts:
            problems["objects"] = texts
        if problems:
            raise InvalidFields(problems)
        return deleted

    async def _deleted(
        self,
        changes: ChangeSet,
        pauses: Pauses,
        resource: AnyResource,
        payload: Payload,
        problems: Problems,
    ) -> list[int]:
        """Return the ids that `payload` deletes, and add to `problems`."""
        ids = []
        texts: list[str] = []
        for number, value in enumerate(_list(payload, "deleted_objects", problems), 1):
            try:
                id_ = existing_reference(changes, resource, value)
                kept = changes.kept(resource.table, id_)
                if kept:
                    raise InvalidFields({"": [kept]})
                ids.append(id_)
            except InvalidFields as error:
                texts += numbered_problems(number, error)
                if len(texts) > MOST_PROBLEMS:
                    break
            await pauses.item_done()
        if texts:
            problems["deleted_objects"] = texts
        return ids


_LISTS = ("objects", "deleted_objects")


def _list(payload: Payload, name: str, problems: Problems) -> Sequence[object]:
    items = payload.get(name, [])
    if isinstance(items, list):
        if len(items) <= MOST_RECORDS:
            return items
        problems[name] = [too_many_records("are listed")]
        return []
    problems[name] = ["This must be a list."]
    return []
