"""Changes that have been checked, to be made all at once.

The store shows a change at once, so nothing may be put before everything has been
found right. Until then a change set is the store as it will be: a record that is
checked later in the same request is checked against those that were added before.
"""

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import islice, starmap
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import InvalidFields, RecordInUse
from pexschedd.history.recorder import record_changes, settle
from pexschedd.management.access.account_rules import (
    check_administrators,
    check_number,
    check_tokens,
)
from pexschedd.management.admin_log import (
    note_change,
    note_creation,
    note_deletion,
    note_warning,
)
from pexschedd.management.deletions import delete_record
from pexschedd.management.guards.generated_aliases import (
    changes_kept_alias,
    kept_alias,
)
from pexschedd.management.resource import (
    MOST_RECORDS,
    AnyTable,
    Children,
    Referrer,
    uri_of,
)
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.management.save_notes import SaveNote
from pexschedd.management.transfer.preparation import Preparation
from pexschedd.management.transfer.together import put_together
from pexschedd.model import tables
from pexschedd.model.conference import ConferenceAlias
from pexschedd.model.fields.declaration import Record
from pexschedd.model.table import Index, R, Table
from pexschedd.model.uniqueness import UNIQUE, Unique
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import Pauses, in_slices

Names = Container[str]
_HOLDERS_NAMED = 5
"""Records that are named when another one that they refer to cannot be deleted."""


class ChangeSet:
    """The records to be put and deleted by one request, over those in the store."""

    def __init__(self, store: Store, most: int = MOST_RECORDS) -> None:
        self._store = store
        self._most = most
        self._puts: dict[tuple[str, int], tuple[AnyTable, Any]] = {}
        self._preparation = Preparation(store)
        self._deletions: list[tuple[AnyResource, int]] = []
        self._gone: set[tuple[str, int]] = set()
        self._keys: dict[tuple[str, str, Hashable], int] = {}
        self.notes: list[SaveNote] = []
        """The notes on the records that were put."""
        self._warnings: list[Callable[[], None]] = []
        self.shown: Mapping[str, str] = {}
        """The secrets that were made for a new record, to be shown once."""
        self.tables: set[str] = set()
        """The tables that were looked at: what is right depends on their records."""

    def look_at(self, table: AnyTable) -> None:
        """Note that what is right depends on the records of a table."""
        self.tables.add(table.name)

    def new_id(self, table: AnyTable) -> int:
        """Return an id that no record of the table has had."""
        return self._store.transaction().new_id(table)

    def get(self, table: AnyTable, id: int) -> Any:
        """Return the record as it will be, or None."""
        self.look_at(table)
        key = table.name, id
        if key in self._gone:
            return None
        changed = self._puts.get(key)
        return self._store.get(table, id) if changed is None else changed[1]

    def all(self, table: AnyTable) -> Iterator[Any]:
        """Yield the records of a small table as they will be."""
        self.look_at(table)
        for record in self._store.all(table):
            key = table.name, record.id
            if key not in self._gone and key not in self._puts:
                yield record
        for (name, _), (_, record) in self._puts.items():
            if name == table.name:
                yield record

    def depends_on(self, table: AnyTable, old: Any, new: Any) -> bool:
        """Return whether a change that others have made may make these ones wrong:
        of a record that is put, or to a value that a record that is put has."""
        if (table.name, (new or old).id) in self._puts:
            return True
        return new is not None and any(
            (table.name, unique.field, unique.key(new)) in self._keys
            for unique in UNIQUE.get(table.name, ())
        )

    @property
    def size(self) -> int:
        """The number of records that are put."""
        return len(self._puts)

    def find_all(self, index: Index[Any], key: Hashable) -> Iterator[Any]:
        """Yield the records of a small table with a key of an index, as they will
        be."""
        return (each for each in self.all(index.table) if index.key(each) == key)

    def note(self, table: AnyTable, record: Record, notes: Iterable[SaveNote]) -> None:
        """Add notes on a record that was put."""
        for each in notes:
            self.notes.append(each)
            if each.is_logged:
                warning = partial(note_warning, table.name, record, each.text)
                self._warnings.append(warning)

    def put(self, table: AnyTable, record: Record) -> None:
        """Add a new or changed record, after its `clashes` have been looked at.

        Raises `InvalidFields` for more than `most`.
        """
        key = table.name, record.id
        if key not in self._puts and len(self._puts) >= self._most:
            raise InvalidFields({"": [too_many_records("are changed")]})
        self._puts[key] = table, record
        self._preparation.forget(table, record.id)
        for unique in UNIQUE.get(table.name, ()):
            value = unique.key(record)
            if value is not None:
                self._keys[table.name, unique.field, value] = record.id

    def delete(self, resource: AnyResource, id: int) -> None:
        """Add the deletion of a record and of those that belong to it."""
        self._deletions.append((resource, id))
        self._forget(resource, id)

    def _forget(self, resource: AnyResource, id: int) -> None:
        self.look_at(resource.table)
        self._gone.add((resource.table.name, id))
        self._puts.pop((resource.table.name, id), None)
        for children in resource.children.values():
            for child in self._store.find_all(children.index, id):
                self._forget(CONFIGURATION[children.resource], child.id)

    def _require_unreferred(self) -> None:
        """Raise `RecordInUse` if a record to be deleted is one that others refer to,
        and will do so still."""
        for resource, id_ in self._deletions:
            for referrer in resource.referrers:
                self._require_none(resource, id_, referrer)

    def _require_none(self, resource: AnyResource, id: int, referrer: Referrer) -> None:
        table = referrer.index.table
        holders = (
            name
            for record in self._store.find_each(referrer.index, id)
            if (now := self.get(table, record.id)) is not None
            and getattr(now, referrer.field) == id
            and (name := f'"{now.name}"')
        )
        named = list(islice(holders, _HOLDERS_NAMED + 1))
        if named:
            more = " and others" if len(named) > _HOLDERS_NAMED else ""
            raise RecordInUse(
                f"{resource.name} {id} is the {referrer.field} of {referrer.resource} "
                f"{', '.join(named[:_HOLDERS_NAMED])}{more}. Give those another one "
                "first, or null."
            )

    def children(self, children: Children, parent: int) -> list[int]:
        """Return the ids of the stored records that belong to `parent`."""
        self.look_at(children.index.table)
        return [child.id for child in self._store.find_all(children.index, parent)]

    def kept(self, table: AnyTable, id: int) -> str:
        """Return why a stored record may not be deleted by itself; empty if it may."""
        self._look_at_meetings(table)
        return kept_alias(self._store, self._store.get(table, id))

    def kept_as_it_is(self, table: AnyTable, record: Record) -> str:
        """Return why a stored record may not become `record`; empty if it may."""
        self._look_at_meetings(table)
        old = self._store.get(table, record.id)
        return changes_kept_alias(self._store, old, record)

    def _look_at_meetings(self, table: AnyTable) -> None:
        if table is tables.CONFERENCE_ALIAS:
            self.look_at(tables.SCHEDULED_CONFERENCE)
            self.look_at(tables.RECURRING_CONFERENCE)

    def clashes(self, table: AnyTable, record: Record, but: Names) -> dict[str, str]:
        """Return a problem for each field, save `but`, with a value that is taken."""
        self.look_at(table)
        return {
            unique.field: unique.taken(holder) or self._taken(table, holder)
            for unique in UNIQUE.get(table.name, ())
            if unique.field not in but
            and (holder := self._holder(table, unique, record)) is not None
        }

    def _taken(self, table: AnyTable, holder: Record) -> str:
        """The message that names the record that has a value already."""
        if self._store.get(table, holder.id) is None:
            return "This is in use already: another record of this request has it."
        text = f"This is in use already: {uri_of(table.name, holder.id)} has it"
        if isinstance(holder, ConferenceAlias):
            room = self.get(tables.CONFERENCE, holder.conference)
            name = "" if room is None else f' "{room.name}"'
            text += f", an alias of conference {holder.conference}{name}"
        return f"{text}."

    def _holder(self, table: AnyTable, unique: Unique, record: Record) -> Record | None:
        """Another record with the same key."""
        key = unique.key(record)
        if key is None:
            return None
        changed = self._keys.get((table.name, unique.field, key))
        if changed not in (None, record.id):
            _, holder = self._puts.get((table.name, changed or 0), (table, None))
            if isinstance(holder, Record) and unique.key(holder) == key:
                return holder
        stored: Iterable[Any] = (
            self._store.all(table)
            if unique.index is None
            else self._store.find_all(unique.index, key)
        )
        found: Record | None = next(
            (
                other
                for other in stored
                if other.id != record.id
                and (table.name, other.id) not in self._gone
                and (table.name, other.id) not in self._puts
                and unique.key(other) == key
            ),
            None,
        )
        return found

    def check(self) -> None:
        """Raise `InvalidFields` for changes to accounts that together cannot be, and
        `RecordInUse`."""
        self._require_unreferred()
        if tables.ADMINISTRATOR.name in self.tables:
            check_administrators(self._as_it_will_be(tables.ADMINISTRATOR))
        if tables.API_TOKEN.name in self.tables:
            check_tokens(self._as_it_will_be(tables.API_TOKEN))
        if tables.OAUTH2_CLIENT.name in self.tables:
            check_number(len(self._as_it_will_be(tables.OAUTH2_CLIENT)))

    async def prepare(self, pauses: Pauses) -> None:
        """Do what a commit needs that can be done before, with pauses.

        Raises ValueError for a record that cannot be stored.
        """
        for table, record in self._puts.values():
            self._preparation.prepare(table, record)
            await pauses.item_done()

    async def commit(
        self,
        now: datetime,
        clock: IReactorTime,
        within: Callable[[Transaction], object] = lambda transaction: None,
    ) -> None:
        """Make all changes at once; they are durable, and in the history and the
        administrator log, when this returns.

        All are made in one turn, so `prepare` many of them. `within` is called when the
        store has them, and may add to the transaction. Records of several documents
        can be put together, but nothing can be deleted with them. Raises what `check`
        does, before anything is changed.
        """
        self.check()
        events = list(self._events())
        # A change set that only deletes makes room on the disk, although it also
        # changes the records that refer to the deleted ones.
        only_deletes = not self._puts
        documents = {table.document for table, _ in self._puts.values()}
        if len(documents) > 1:
            if self._deletions:
                raise ValueError("nothing can be deleted together with this")
            puts = starmap(self._preparation.put, self._puts.values())
            known = self._preparation.differences
            await put_together(self._store, puts, now, within, known)
            await settle(self._store)
        else:
            with self._store.transaction(essential=only_deletes) as transaction:
                for resource, id_ in self._deletions:
                    delete_record(transaction, self._store, resource, id_, now)
                for put in starmap(self._preparation.put, self._puts.values()):
                    transaction.put(*put)
                within(transaction)
                known = self._preparation.differences
                record_changes(self._store, transaction, now, known=known)
                durable = transaction.commit()
            await durable
            if transaction.document:
                await settle(self._store, transaction.document)
        async for event in in_slices(events, clock):
            event()

    def _as_it_will_be(self, table: Table[R]) -> list[R]:
        """All records of a small table, with the changes."""
        ids = {*self._store.ids(table)}
        ids |= {id_ for name, id_ in self._puts if name == table.name}
        found = (self.get(table, id_) for id_ in sorted(ids))
        return [record for record in found if record is not None]

    def _events(self) -> Iterator[Callable[[], None]]:
        """The log events of the changes: records and fields, never their values."""
        for resource, id_ in self._deletions:
            old = self._store.get(resource.table, id_)
            if old is not None:
                yield partial(note_deletion, resource.name, old)
        for table, record in self._puts.values():
            old = self._store.get(table, record.id)
            if old is None:
                yield partial(note_creation, table.name, record)
            else:
                changed = _differences(old, record)
                yield partial(note_change, table.name, record, changed)
        yield from self._warnings


def too_many_records(what: str) -> str:
    """Return the problem of a request that lists too many records."""
    return f"More than {MOST_RECORDS} records {what} by one request; send several."


def _differences(old: Record, new: Record) -> list[str]:
    names = new.__struct_fields__
    return [name for name in names if getattr(old, name) != getattr(new, name)]
