"""Creating, changing and deleting records for administrators.

Every request is checked as a whole and then carried out in one transaction. Only the
deletion of many records, or of an integration, takes several.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import MOST_PROBLEMS, InvalidFields
from pexschedd.management.admin_log import note_deletion
from pexschedd.management.change_set import (
    MOST_RECORDS,
    ChangeSet,
    too_many_records,
)
from pexschedd.management.list_query import ListQuery, matches
from pexschedd.management.listing import matching
from pexschedd.management.payload_references import (
    FixedReference,
    existing_reference,
    id_of,
    own_values,
)
from pexschedd.management.record_queries import existing_record
from pexschedd.management.resource import Children, Payload
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.management.save_notes import (
    MOST_NOTES,
    Review,
    Saved,
    no_review,
    numbered,
)
from pexschedd.management.server_fields import (
    own_defaults,
    with_sealed_secrets,
    with_server_fields,
)
from pexschedd.model import tables
from pexschedd.model.fields.validation import (
    Problems,
    TemplateChecker,
    validate,
)
from pexschedd.scheduling.records.deletion import remove_connector
from pexschedd.store.store import Store
from pexschedd.util.cooperate import TimeSlice, pause

_DELETED_AT_ONCE = 50
"""Records in one transaction; most of the time goes to those that belong to them, and
to the commit."""


class RecordWriter:
    """The writing use cases; each returns when its changes are durable.

    They raise `InvalidFields` that names every wrong field, and `NotFound` for a record
    that the resource does not have. `uuid4` makes the random ids of new records;
    `review` has the notes on those that are saved.
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
    ) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._now = now
        self._uuid4 = uuid4
        self._review = review
        self._commits = 0
        for resource in CONFIGURATION.values():
            store.subscribe(resource.table, self._count)

    def _count(self, old: object, new: object) -> None:
        self._commits += 1

    async def create(self, resource: AnyResource, payload: Payload) -> Saved:
        """Create what `payload` stands for; the id is the first of several."""
        changes = ChangeSet(self._store)
        record = self._save_new(changes, resource, payload)
        await changes.commit(self._now())
        return _saved(changes, int(record.id))

    async def update(
        self,
        resource: AnyResource,
        id: int,
        payload: Payload,
        *,
        whole: bool,
    ) -> Saved:
        """Change one record.

        With `whole`, fields that are left out get their default values.
        """
        changes = ChangeSet(self._store)
        current = existing_record(self._store, resource, id)
        self._save(changes, resource, payload, current, whole=whole)
        await changes.commit(self._now())
        return _saved(changes, id)

    async def delete(self, resource: AnyResource, id: int) -> None:
        """Delete one record and those that belong to it."""
        existing_record(self._store, resource, id)
        await self._delete_all(resource, [id])

    async def delete_matching(self, resource: AnyResource, query: ListQuery) -> None:
        """Delete all records that pass the filters of `query`, page or not."""
        found = matching(self._store, resource, query, self._clock)
        ids = [record.id async for record in found]
        await self._delete_all(
            resource, ids, partial(matches, self._store, resource, query)
        )

    async def _delete_all(
        self,
        resource: AnyResource,
        ids: Iterable[int],
        is_wanted: Callable[[Any], bool] = lambda record: True,
    ) -> None:
        """Delete records, many of them in several transactions.

        Other work has its turn in between, so `is_wanted` looks at each record again.
        """
        changes = ChangeSet(self._store)
        time_slice = TimeSlice(self._clock, _DELETED_AT_ONCE)
        for id_ in ids:
            record = self._store.get(resource.table, id_)
            if record is not None and is_wanted(record):
                if resource.table is tables.CONNECTOR:
                    await remove_connector(self._store, id_, self._now(), self._clock)
                    note_deletion(resource.name, record)
                else:
                    changes.delete(resource, id_)
            if time_slice.is_over():
                await changes.commit(self._now())
                await pause(self._clock)
                changes = ChangeSet(self._store)
                time_slice = TimeSlice(self._clock, _DELETED_AT_ONCE)
        await changes.commit(self._now())

    async def bulk(self, resource: AnyResource, payload: Payload) -> Saved:
        """Create, change and delete many records: all of them or none.

        `objects` are changed if they carry a `resource_uri` or `id`, and created
        otherwise; `deleted_objects` are URIs. Only integrations are deleted afterwards,
        one by one. Other work has its turn while the records are checked; if that
        changes any record, they are checked again, in one go.
        """
        later = resource.table is tables.CONNECTOR
        for clock in (self._clock, None):
            commits = self._commits
            changes = ChangeSet(self._store)
            deleted = await self._check_all(changes, resource, payload, clock)
            if commits == self._commits:
                break
        await changes.commit(self._now())
        if later and deleted:
            await self._delete_all(resource, deleted)
        return _saved(changes)

    async def _check_all(
        self,
        changes: ChangeSet,
        resource: AnyResource,
        payload: Payload,
        clock: IReactorTime | None,
    ) -> list[int]:
        """Add all that `payload` lists; return what it deletes.

        With a `clock`, with pauses. The checks end after `MOST_PROBLEMS`.
        """
        problems: Problems = {
            name: ["There is no such field."]
            for name in sorted(set(payload) - {"objects", "deleted_objects"})
        }
        deleted = self._deleted(changes, resource, payload, problems)
        if resource.table is not tables.CONNECTOR:
            for id_ in deleted:
                changes.delete(resource, id_)
        texts: list[str] = []
        time_slice = TimeSlice(clock) if clock else None
        for number, item in enumerate(_list(payload, "objects", problems), 1):
            noted = len(changes.notes)
            try:
                self._save_item(changes, resource, item)
                changes.notes[noted:] = numbered(changes.notes[noted:], number)
            except InvalidFields as error:
                texts += _numbered(number, error)
                if len(texts) > MOST_PROBLEMS:
                    break
            if clock and time_slice and time_slice.is_over():
                await pause(clock)
                time_slice = TimeSlice(clock)
        if texts:
            problems["objects"] = texts
        if problems:
            raise InvalidFields(problems)
        return deleted

    def _deleted(
        self,
        changes: ChangeSet,
        resource: AnyResource,
        payload: Payload,
        problems: Problems,
    ) -> list[int]:
        ids = []
        texts: list[str] = []
        for number, value in enumerate(_list(payload, "deleted_objects", problems), 1):
            try:
                ids.append(existing_reference(changes, resource, value))
            except InvalidFields as error:
                texts += _numbered(number, error)
        if texts:
            problems["deleted_objects"] = texts
        return ids

    def _save_item(
        self, changes: ChangeSet, resource: AnyResource, item: object
    ) -> Any:
        """Add one item of a list: a record, new or not, or just a URI."""
        if not isinstance(item, dict):
            return changes.get(
                resource.table, existing_reference(changes, resource, item)
            )
        named = item.get("resource_uri") or item.get("id")
        if named is None:
            return self._save_new(changes, resource, item)
        current = changes.get(
            resource.table, existing_reference(changes, resource, named)
        )
        return self._save(changes, resource, item, current)

    def _save_new(
        self, changes: ChangeSet, resource: AnyResource, payload: Payload
    ) -> Any:
        """Add all that `payload` stands for; returns the first record."""
        parts = resource.split_payload(payload)
        if len(parts) == 1:
            return self._save(changes, resource, parts[0])
        records = []
        problems: Problems = {}
        for number, part in enumerate(parts, 1):
            try:
                records.append(self._save(changes, resource, part))
            except InvalidFields as error:
                for field, texts in error.problems.items():
                    numbered = [f"Number {number}: {text}" for text in texts]
                    problems.setdefault(field, []).extend(numbered)
        if problems:
            raise InvalidFields(problems)
        return records[0]

    def _save(
        self,
        changes: ChangeSet,
        resource: AnyResource,
        payload: Payload,
        current: Any = None,
        *,
        whole: bool = False,
    ) -> Any:
        """Add one record and those that are nested in it."""
        uuid4 = self._uuid4()
        values, problems = own_values(changes, resource, payload)
        if current is None:
            values = own_defaults(resource, uuid4) | values
        try:
            record = validate(
                resource.table.record,
                values,
                current=current,
                templates=self._templates,
                replace=whole,
            )
        except InvalidFields as error:
            record = None
            # A problem that an unreadable reference has caused is named already.
            problems = {**error.problems, **problems}
        if record is not None:
            if current is None:
                record = replace(record, id=changes.new_id(resource.table))
            for field, text in changes.clashes(resource.table, record).items():
                problems.setdefault(field, []).append(text)
            record = with_server_fields(record, current, self._now(), uuid4)
            record = with_sealed_secrets(resource, record, values, self._store.vault)
            if not problems:
                notes = self._review(record)
                changes.notes += [note for note in notes if note.field in values]
            if record != current:
                changes.put(resource.table, record)
        parent = 0 if record is None else record.id
        for children in resource.children.values():
            if children.name in payload:
                texts = self._save_children(changes, children, parent, payload)
                if texts:
                    problems[children.name] = texts
        if problems:
            raise InvalidFields(problems)
        return record

    def _save_children(
        self, changes: ChangeSet, children: Children, parent: int, payload: Payload
    ) -> list[str]:
        """Make the listed records all that belong to `parent`; returns problems.

        A parent of 0 is wrong itself: its children are only checked.
        """
        resource = CONFIGURATION[children.resource]
        items = payload[children.name]
        if not isinstance(items, list):
            return ["This must be a list."]
        if len(items) > MOST_RECORDS:
            return [too_many_records("are listed")]
        kept = {id_of(resource, item) for item in items}
        for child in changes.children(children, parent):
            if child not in kept:
                changes.delete(resource, child)
        texts: list[str] = []
        for number, item in enumerate(items, 1):
            try:
                if isinstance(item, dict):
                    item = {**item, children.parent: FixedReference(parent)}
                    self._save_item(changes, resource, item)
                else:
                    child = self._save_item(changes, resource, item)
                    changes.put(
                        resource.table, replace(child, **{children.parent: parent})
                    )
            except InvalidFields as error:
                texts += _numbered(number, error)
        return texts


def _saved(changes: ChangeSet, id: int = 0) -> Saved:
    return Saved(id, tuple(changes.notes[:MOST_NOTES]))


def _list(payload: Payload, name: str, problems: Problems) -> Sequence[object]:
    items = payload.get(name, [])
    if isinstance(items, list):
        if len(items) <= MOST_RECORDS:
            return items
        problems[name] = [too_many_records("are listed")]
        return []
    problems[name] = ["This must be a list."]
    return []


def _numbered(number: int, error: InvalidFields) -> list[str]:
    return [
        f"{number}: {field}: {text}" if field else f"{number}: {text}"
        for field, texts in error.problems.items()
        for text in texts
    ]
