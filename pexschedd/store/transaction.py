"""Changes that become durable together or not at all."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

from twisted.internet.defer import Deferred

from pexschedd.errors import StoreFull, StoreReadOnly
from pexschedd.model.fields.declaration import Record
from pexschedd.model.table import R, Table
from pexschedd.store.collection import Collection, Prepared
from pexschedd.store.index import MOST

_FURTHEST = 1_000
"""Ids that may be left out at once."""


class Operation(NamedTuple):
    """One put or delete of a record in a transaction."""

    collection: Collection[Any]
    id: int
    value: bytes | None
    """The record as JSON; None deletes it."""
    old: Record | None
    new: Record | None
    entries: tuple[int, ...]
    """The index entries of `new`."""


class Transaction:
    """A group of puts and deletes, either all in the journal or all in one document.

    Each of them changes memory at once, so that the next read sees it; `commit` makes
    them durable. Do not await anything in between: other code would read changes that
    may never become durable. Every transaction must be committed or undone; otherwise
    memory and disk differ until the next start. If anything may raise before the
    commit, use the transaction as a context manager, which undoes it unless it was
    committed:

        with store.transaction() as transaction:
            transaction.put(CONFERENCE, conference)
            transaction.put(CONFERENCE_ALIAS, alias)
            durable = transaction.commit()
        await durable
    """

    # There is one for each change, so it is worth being small.
    __slots__ = ("_collections", "_commit", "_open", "_refusal", "_unit", "operations")

    def __init__(
        self,
        collections: Mapping[str, Collection[Any]],
        commit: Callable[["Transaction"], Deferred[None]],
        refusal: StoreFull | None = None,
    ) -> None:
        """Create a transaction; `refusal`, if any, is raised by a put, and by a
        deletion if nothing at all can be stored."""
        self._collections = collections
        self._commit = commit
        self._refusal = refusal
        self._open = True
        self._unit: str | None = None
        self.operations: list[Operation] = []

    @property
    def document(self) -> str:
        """The name of the document that changes; empty for the journal."""
        return self._unit or ""

    def new_id(self, table: Table[R]) -> int:
        """Return an id that no record of the table has ever had.

        It is not given again, unless no committed transaction uses it and the daemon
        restarts: the disk does not know it then.
        """
        return self._collection(table).new_id()

    def is_new(self, table: Table[R], id: int) -> bool:
        """Return whether an id was never used, and may be reserved."""
        next_id = self._collection(table).next_id
        return next_id <= id < next_id + _FURTHEST

    def reserve(self, table: Table[R], id: int) -> bool:
        """Reserve an id that is new, as `new_id` does; return whether it was."""
        if not self.is_new(table, id):
            return False
        self._collection(table).used(id)
        return True

    def put(self, table: Table[R], record: R, prepared: Prepared | None = None) -> None:
        """Add a record, or replace the one with the same id.

        Of many records, prepare each before the first is put; see `Store.prepare`.
        Raises ValueError if the record cannot be stored or does not belong in this
        transaction, and StoreFull when the disk is nearly full; StoreFull undoes the
        whole transaction.
        """
        if self._refusal is not None:
            self._refuse(self._refusal)
        collection = self._begin(table)
        id = record.id
        if not 1 <= id <= MOST:
            raise ValueError(f"{table.name} {id}: ids are from 1 to {MOST}")
        if prepared is None:
            prepared = collection.prepare(record)
        value, entries = prepared
        old, _ = collection.put(record, entries)
        self._unit = table.document
        self.operations.append(Operation(collection, id, value, old, record, entries))

    def delete(self, table: Table[R], id: int) -> None:
        """Delete a record; does nothing if there is none with this id.

        Raises StoreReadOnly when nothing can be stored, which undoes the whole
        transaction.
        """
        if isinstance(self._refusal, StoreReadOnly):
            self._refuse(self._refusal)
        collection = self._begin(table)
        old = collection.delete(id)
        if old is not None:
            self._unit = table.document
            self.operations.append(Operation(collection, id, None, old, None, ()))

    def commit(self) -> Deferred[None]:
        """Make all changes durable; fires when they are, or fails with StoreError for
        good.

        It fails with StoreReadOnly if the disk takes no writes at the moment. Memory
        has the changes then, and they become durable as soon as it does, unless the
        process ends before.

        It cannot be cancelled. Later transactions never become durable without this
        one. Raises ValueError if another transaction has changed one of the records
        meanwhile.
        """
        self._check_open()
        for operation in self._last():
            if operation.collection.get(operation.id) is not operation.new:
                raise ValueError(
                    f"{operation.collection.table.name} {operation.id} was changed by "
                    "another transaction before this one was committed"
                )
        self._open = False
        return self._commit(self)

    def changes(self) -> list[Operation]:
        """Return one operation for each changed record, with its initial value as
        `old`."""
        if self._is_each_once():
            return [op for op in self.operations if op.old is not op.new]
        first: dict[tuple[str, int], Operation] = {}
        for operation in self.operations:
            first.setdefault((operation.collection.table.name, operation.id), operation)
        return [
            last._replace(old=begun.old)
            for begun, last in zip(first.values(), self._last(), strict=True)
            if begun.old is not last.new
        ]

    def undo(self) -> None:
        """Take back all changes, except to records that others have changed since."""
        self._check_open()
        self._open = False
        both = list(self.operations)
        for operation in reversed(self.operations):
            if operation.collection.get(operation.id) is not operation.new:
                continue
            both.append(operation)
            if operation.old is None:
                operation.collection.delete(operation.id)
            else:
                operation.collection.put(operation.old)
        # What was done and what has undone it.
        for operation in both:
            operation.collection.release(operation.id)

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._open:
            self.undo()

    def _last(self) -> list[Operation]:
        """Return the last operation on each record, in the order of the first ones."""
        if self._is_each_once():
            return self.operations
        last = {(op.collection.table.name, op.id): op for op in self.operations}
        return list(last.values())

    def _is_each_once(self) -> bool:
        """Return whether each record was put or deleted once, as is usual."""
        operations = self.operations
        return len({(op.collection, op.id) for op in operations}) == len(operations)

    def _refuse(self, refusal: StoreFull) -> NoReturn:
        if self._open:
            self.undo()
        raise refusal

    def _begin(self, table: Table[R]) -> Collection[R]:
        if not self._open:
            self._check_open()
        collection: Collection[R] = self._collections[table.name]
        if self._unit is not None and self._unit != table.document:
            raise ValueError(
                f"{table.name} is kept in {table.document or 'the journal'}, but this "
                f"transaction has changed {self._unit or 'the journal'}: they cannot "
                "change together"
            )
        return collection

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("this transaction has ended")

    def _collection(self, table: Table[R]) -> Collection[R]:
        return self._collections[table.name]
