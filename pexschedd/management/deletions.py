"""Deletions of records, with those that belong to them."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.history.recorder import record_changes, settle
from pexschedd.management.resource import AnyIndex
from pexschedd.management.resources import AnyResource
from pexschedd.model import tables
from pexschedd.scheduling.records.deletion import remove_conference, remove_connector
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

_TOKENS_OF: Mapping[str, AnyIndex] = {
    tables.ADMINISTRATOR.name: tables.API_TOKEN_BY_ADMINISTRATOR,
    tables.MJX_ENDPOINT.name: tables.SCREEN_TOKEN_BY_ENDPOINT,
}
"""The tokens that are deleted with a record."""


async def remove_integration(
    store: Store, id: int, now: datetime, clock: IReactorTime
) -> None:
    """Remove an integration with all that it made; see `remove_connector`.

    Its domains are in the history as usual, and what it made without values.
    """
    await remove_connector(
        store,
        id,
        now,
        clock,
        finish=lambda transaction: record_changes(store, transaction, now),
        finish_slice=lambda transaction: record_changes(
            store, transaction, now, went_along=True
        ),
    )
    await settle(store, tables.CONNECTOR.document)


def delete_record(
    transaction: Transaction,
    store: Store,
    resource: AnyResource,
    id: int,
    now: datetime,
) -> None:
    """Delete a record and those that belong to it, if it is there."""
    table = resource.table
    if store.get(table, id) is None:
        return
    if table is tables.CONFERENCE:
        remove_conference(transaction, store, id, now)
        return
    tokens = _TOKENS_OF.get(table.name)
    if tokens is not None:
        for token in store.find_all(tokens, id):
            transaction.delete(tokens.table, token.id)
    if table is tables.SCHEDULED_ALIAS:
        for meeting in store.find_all(tables.SCHEDULED_BY_ALIAS, id):
            meeting = msgspec.structs.replace(meeting, scheduled_alias=None)
            transaction.put(tables.SCHEDULED_CONFERENCE, meeting)
        for series in store.find_all(tables.RECURRING_BY_ALIAS, id):
            series = msgspec.structs.replace(series, scheduled_alias=None)
            transaction.put(tables.RECURRING_CONFERENCE, series)
    for children in resource.children.values():
        for child in store.find_all(children.index, id):
            transaction.delete(children.index.table, child.id)
    transaction.delete(table, id)
