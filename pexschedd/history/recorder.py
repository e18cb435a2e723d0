"""The recording of changes, in the transaction that makes them.

A transaction changes the journal or one document, and the history is in the journal. So
a change in a document is recorded there first: whenever the daemon ends, there are the
change and its record or neither. `settle` then takes the record into the journal, and
the next change of the document drops it there.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from pexschedd.errors import StoreError, StoreFull
from pexschedd.history.actor import current_actor
from pexschedd.history.field_changes import field_changes, name_of
from pexschedd.history.recorded_tables import RECORDED
from pexschedd.model import tables
from pexschedd.model.configuration_change import (
    CHANGED,
    CREATED,
    DELETED,
    ConfigurationChange,
    FieldChange,
)
from pexschedd.model.fields.declaration import Record
from pexschedd.store.store import Store
from pexschedd.store.transaction import Operation, Transaction


class VersionDifferences(NamedTuple):
    """The fields in which two versions of a record differ; None is no record."""

    old: Record | None
    new: Record | None
    fields: tuple[FieldChange, ...]


NOTHING_KNOWN: Mapping[tuple[str, int], VersionDifferences] = {}


def record_changes(
    store: Store,
    transaction: Transaction,
    now: datetime,
    *,
    also: tuple[FieldChange, ...] = (),
    went_along: bool = False,
    known: Mapping[tuple[str, int], VersionDifferences] = NOTHING_KNOWN,
) -> None:
    """Add what a transaction changes to the history: one more record for each.

    Call it last, just before the commit. `also` are changes of files that belong to a
    changed record. What `went_along` with an integration is recorded without its
    values: there may be very many. `known` has what `differences` returned, by table
    and id.
    """
    document = transaction.document
    table = tables.UNSETTLED_CHANGES.get(document, tables.CONFIGURATION_CHANGE)
    actor = current_actor.get()
    changed = transaction.changes()
    if document in tables.UNSETTLED_CHANGES:
        _drop_settled(store, transaction, document)
    for each in changed:
        resource = RECORDED.get(each.collection.table.name, "")
        record = each.new or each.old
        if not resource or record is None:
            continue
        action = _action(each)
        # A deletion is to make room on a disk that is nearly full.
        is_brief = went_along or (action == DELETED and bool(store.refusal))
        changes: tuple[FieldChange, ...] = ()
        if not is_brief:
            found = known.get((each.collection.table.name, each.id))
            if found is None or found.old is not each.old or found.new is not each.new:
                found = differences(store, resource, each.old, each.new)
            changes = found.fields
        if action == CHANGED:
            changes += also
            if not changes:
                continue
        transaction.put(
            table,
            ConfigurationChange(
                id=transaction.new_id(table),
                time=now,
                administrator=actor.name,
                address=actor.address,
                resource=resource,
                object_id=each.id,
                object_name=name_of(record),
                action=action,
                changes=changes,
                correlation_id=actor.correlation_id,
                went_along=went_along,
            ),
        )


def differences(
    store: Store, resource: str, old: Record | None, new: Record | None
) -> VersionDifferences:
    """Return the fields in which two versions of a record differ, or those of the only
    one that there is."""
    record = new or old
    assert record is not None  # noqa: S101 - the caller has looked
    same = partial(_is_same_secret, store, resource, record)
    return VersionDifferences(old, new, field_changes(old, new, same))


async def settle(store: Store, document: str = "") -> None:
    """Take the changes that were recorded in a document into the journal, durably.

    All documents' without one. What a full disk does not take stays where it is, and
    is taken another time.
    """
    try:
        with store.transaction(essential=True) as transaction:
            for name, table in tables.UNSETTLED_CHANGES.items():
                if document in ("", name):
                    for change in store.all(table):
                        _take(store, transaction, name, change)
            durable = transaction.commit()
        await durable
    except (StoreError, StoreFull):
        return


async def drop_settled(store: Store) -> None:
    """Drop what the journal has from the documents, durably."""
    for name, table in tables.UNSETTLED_CHANGES.items():
        if store.count(table):
            with store.transaction(essential=True) as transaction:
                _drop_settled(store, transaction, name)
                durable = transaction.commit()
            await durable


def _take(
    store: Store, transaction: Transaction, document: str, change: ConfigurationChange
) -> None:
    if not _is_settled(store, document, change):
        journal = tables.CONFIGURATION_CHANGE
        settled = replace(
            change,
            id=transaction.new_id(journal),
            document=document,
            document_id=change.id,
        )
        transaction.put(journal, settled)


def _drop_settled(store: Store, transaction: Transaction, document: str) -> None:
    table = tables.UNSETTLED_CHANGES[document]
    for change in [*store.all(table)]:
        if _is_settled(store, document, change):
            transaction.delete(table, change.id)


def _is_settled(store: Store, document: str, change: ConfigurationChange) -> bool:
    key = document, change.id
    return store.find(tables.CHANGE_BY_DOCUMENT, key) is not None


def _action(operation: Operation) -> str:
    if operation.old is None:
        return CREATED
    return DELETED if operation.new is None else CHANGED


def _is_same_secret(
    store: Store, resource: str, record: Record, field: str, old: str, new: str
) -> bool:
    """Compare two sealed texts: each sealing of the same secret looks different."""
    owner = getattr(record, "uuid", record.id)
    context = f"{resource}/{owner}/{field}"
    try:
        return store.vault.unseal(old, context) == store.vault.unseal(new, context)
    except StoreError:
        return False
