"""Changes of several documents and the journal, made as a whole.

The store makes a transaction durable as a whole if all of it is in the journal, or in
one document. It also keeps the order: what is durable comes after all that was
committed before it. So a change of several parts is written into the journal first, as
one record; then its parts are made, and the last one removes the record. After a crash
in between, the next start makes the change again from the record.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pexschedd.history.actor import Actor, acting_as, current_actor
from pexschedd.history.recorder import NOTHING_KNOWN, VersionDifferences, record_changes
from pexschedd.management.resource import AnyTable
from pexschedd.model.fields.declaration import Record
from pexschedd.model.tables import TABLES, UNFINISHED_CHANGE
from pexschedd.model.transfer.unfinished_change import StoredRecord, UnfinishedChange
from pexschedd.store.collection import Prepared
from pexschedd.store.records import RecordFormat
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

_log = Logger()


class PreparedPut(NamedTuple):
    """A record to be put into a table, and what was prepared for it."""

    table: AnyTable
    record: Any
    prepared: Prepared


def put_together(
    store: Store,
    puts: Iterable[PreparedPut],
    now: datetime,
    within: Callable[[Transaction], object] = lambda transaction: None,
    known: Mapping[tuple[str, int], VersionDifferences] = NOTHING_KNOWN,
) -> Deferred[None]:
    """Put records of any tables at once; fires when all are durable.

    After a crash there are all of them or none, in the history, too. `within` may add
    to the last part: the journal's, or the only one. `known` is the history's. Raises
    StoreFull before anything is changed.
    """
    parts = _parts(puts)
    record = partial(record_changes, store, now=now, known=known)
    if len(parts) == 1:
        (only,) = parts.values()
        return _put(store, only, record, within)
    stored = tuple(_stored(each) for part in parts.values() for each in part)
    journal, actor = parts.pop("", []), current_actor.get()
    with store.transaction() as transaction:
        change = UnfinishedChange(
            id=transaction.new_id(UNFINISHED_CHANGE),
            time=now,
            administrator=actor.name,
            address=actor.address,
            correlation_id=actor.correlation_id,
            records=stored,
        )
        transaction.put(UNFINISHED_CHANGE, change)
        transaction.commit().addErrback(lambda _: None)  # the last part fails, too
    for part in parts.values():
        _put(store, part, record).addErrback(lambda _: None)

    def finish(transaction: Transaction) -> None:
        transaction.delete(UNFINISHED_CHANGE, change.id)
        within(transaction)

    return _put(store, journal, record, finish)


def _parts(puts: Iterable[PreparedPut]) -> dict[str, list[PreparedPut]]:
    """The records by their document, empty for the journal."""
    parts: dict[str, list[PreparedPut]] = {}
    for put in puts:
        parts.setdefault(put.table.document, []).append(put)
    return parts


def _stored(put: PreparedPut) -> StoredRecord:
    text = put.prepared.value.decode()
    return StoredRecord(put.table.name, put.table.version, text)


def _put(
    store: Store,
    puts: Iterable[PreparedPut],
    record: Callable[[Transaction], None],
    within: Callable[[Transaction], object] = lambda transaction: None,
) -> Deferred[None]:
    # Room for the rest was there when the change was begun.
    with store.transaction() as transaction:
        for put in puts:
            transaction.put(*put)
        within(transaction)
        record(transaction)
        return transaction.commit()


def finish_changes(store: Store) -> None:
    """Make again what a process that was killed had not finished.

    To be called when the store has just been opened, before anything else changes it.
    """
    tables = {table.name: table for table in TABLES}
    for change in list(store.all(UNFINISHED_CHANGE)):
        parts = _parts(
            _read(store, tables[each.table], each) for each in change.records
        )
        journal = parts.pop("", [])
        actor = Actor(change.administrator, change.address, change.correlation_id)
        with acting_as(actor):
            for part in parts.values():
                _put_again(store, part, change).addErrback(lambda _: None)
            made = _put_again(store, journal, change, is_last=True)
        made.addErrback(lambda _: None)
        _log.info(
            "store finished change records={records}", records=len(change.records)
        )


def _read(store: Store, table: AnyTable, stored: StoredRecord) -> PreparedPut:
    record: Record = RecordFormat(table).decode(stored.version, stored.record.encode())
    return PreparedPut(table, record, store.prepare(table, record))


def _put_again(
    store: Store,
    puts: Iterable[PreparedPut],
    change: UnfinishedChange,
    *,
    is_last: bool = False,
) -> Deferred[None]:
    with store.transaction(deferrable=True) as transaction:
        for put in puts:
            transaction.put(*put)
        if is_last:
            transaction.delete(UNFINISHED_CHANGE, change.id)
        record_changes(store, transaction, change.time)
        return transaction.commit()
