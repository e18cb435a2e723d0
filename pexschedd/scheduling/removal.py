"""What goes with a conference, and with an integration."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

import msgspec

from pexschedd.model import tables
from pexschedd.model.table import R, Table
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

_AT_ONCE = 500
"""Conferences removed in one transaction; between two, the process does other work."""


def remove_conference(
    change: Transaction, store: Store, conference: int, now: datetime
) -> None:
    """Removes a conference with its aliases and its schedule.

    The aliases that were handed out for it stay, marked with `now`: a meeting request
    that still uses one is declined from then on.
    """
    for meeting in store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference):
        change.delete(tables.SCHEDULED_CONFERENCE, meeting.id)
        _mark_deleted(change, store, meeting.scheduled_alias, now)
    for series in store.find_all(tables.RECURRING_BY_CONFERENCE, conference):
        change.delete(tables.RECURRING_CONFERENCE, series.id)
        _mark_deleted(change, store, series.scheduled_alias, now)
    for alias in store.find_all(tables.ALIAS_BY_CONFERENCE, conference):
        change.delete(tables.CONFERENCE_ALIAS, alias.id)
    if store.get(tables.CONFERENCE, conference) is not None:
        change.delete(tables.CONFERENCE, conference)


def _mark_deleted(
    change: Transaction, store: Store, alias: int | None, now: datetime
) -> None:
    booked = None if alias is None else store.get(tables.SCHEDULED_ALIAS, alias)
    if booked is not None and booked.conference_deletion_time is None:
        booked = msgspec.structs.replace(booked, conference_deletion_time=now)
        change.put(tables.SCHEDULED_ALIAS, booked)


async def remove_connector(store: Store, connector: int, now: datetime) -> None:
    """Removes an integration with all that it made; durable when this returns.

    The integration itself goes last: after a crash it is still there and can be
    removed again, instead of leaving rooms behind that nobody looks after.
    """
    await _remove_what_it_made(store, connector, now)
    document = store.transaction(essential=True)
    for domain in store.find_all(tables.DOMAIN_BY_CONNECTOR, connector):
        document.delete(tables.EXCHANGE_DOMAIN, domain.id)
    if store.get(tables.CONNECTOR, connector) is not None:
        document.delete(tables.CONNECTOR, connector)
    await document.commit()
    # Meetings may have been scheduled while the first round was being written.
    await _remove_what_it_made(store, connector, now)


async def _remove_what_it_made(store: Store, connector: int, now: datetime) -> None:
    singles = store.all(tables.SCHEDULED_CONFERENCE)
    series = store.all(tables.RECURRING_CONFERENCE)
    made = {m.conference for m in singles if m.exchange_connector == connector}
    made |= {s.conference for s in series if s.exchange_connector == connector}
    conferences = iter(made)
    while chunk := list(islice(conferences, _AT_ONCE)):
        change = store.transaction(essential=True)
        for conference in chunk:
            remove_conference(change, store, conference, now)
        await change.commit()
    await _remove_the_rest(store, connector)


async def _remove_the_rest(store: Store, connector: int) -> None:
    """Aliases handed out, pending answers and how far the mailbox was read."""
    await _remove(
        store,
        tables.SCHEDULED_ALIAS,
        store.find_all(tables.SCHEDULED_ALIAS_BY_CONNECTOR, connector),
    )
    await _remove(
        store, tables.OUTBOX, store.find_all(tables.OUTBOX_BY_CONNECTOR, connector)
    )
    await _remove(
        store, tables.REWRITE, store.find_all(tables.REWRITE_BY_CONNECTOR, connector)
    )
    await _remove(
        store, tables.TROUBLED, store.find_all(tables.TROUBLED_BY_CONNECTOR, connector)
    )
    cancelled = store.all(tables.CANCELLED_OCCURRENCE)
    mine = [each for each in cancelled if each.exchange_connector == connector]
    await _remove(store, tables.CANCELLED_OCCURRENCE, mine)
    cursor = store.get(tables.CURSOR, connector)
    await _remove(store, tables.CURSOR, [] if cursor is None else [cursor])


async def _remove(store: Store, table: Table[R], records: Sequence[R]) -> None:
    for start in range(0, len(records), _AT_ONCE):
        change = store.transaction(essential=True)
        for record in records[start : start + _AT_ONCE]:
            # Others may have removed it while the last part was being written.
            if store.get(table, record.id) is not None:
                change.delete(table, record.id)
        await change.commit()
