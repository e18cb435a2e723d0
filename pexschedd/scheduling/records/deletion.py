"""The deletion of a conference or an integration, with all that belongs to it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.model import tables
from pexschedd.model.schedule import MeetingRecord
from pexschedd.model.table import Table
from pexschedd.scheduling.records.lookup import all_meeting_records
from pexschedd.scheduling.recurrence.series_dates import last_end
from pexschedd.store.change_in_slices import change_in_slices
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

_ITS_TABLES: tuple[Table[Any], ...] = (
    tables.SCHEDULED_ALIAS,
    tables.OUTBOX,
    tables.REWRITE,
    tables.TROUBLED,
    tables.CANCELLED_OCCURRENCE,
    tables.MAILBOX_COMMAND_RUN,
)
"""Records of an integration besides its rooms: aliases handed out, pending work, and
what was done with its mailbox."""


def remove_conference(
    transaction: Transaction,
    store: Store,
    conference: int,
    now: datetime,
    *,
    past: bool = False,
) -> None:
    """Remove a conference with its aliases and its schedule.

    The aliases that were handed out for it stay, marked as deleted at `now`: a meeting
    request that still uses one is declined from then on. With `past` they also keep
    when their last meeting was to end, and what it leaves to a successor.
    """
    for meeting in store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference):
        transaction.delete(tables.SCHEDULED_CONFERENCE, meeting.id)
        end = meeting.end_time if past else None
        _mark_deleted(transaction, store, meeting.scheduled_alias, now, end)
    for series in store.find_all(tables.RECURRING_BY_CONFERENCE, conference):
        transaction.delete(tables.RECURRING_CONFERENCE, series.id)
        end = last_end(series.recurrence) if past else None
        _mark_deleted(transaction, store, series.scheduled_alias, now, end)
    for alias in store.find_all(tables.ALIAS_BY_CONFERENCE, conference):
        transaction.delete(tables.CONFERENCE_ALIAS, alias.id)
    if store.get(tables.CONFERENCE, conference) is not None:
        transaction.delete(tables.CONFERENCE, conference)


def _mark_deleted(
    transaction: Transaction,
    store: Store,
    alias: int | None,
    now: datetime,
    room_end: datetime | None,
) -> None:
    booked = None if alias is None else store.get(tables.SCHEDULED_ALIAS, alias)
    if booked is not None and booked.conference_deletion_time is None:
        booked = msgspec.structs.replace(
            booked,
            conference_deletion_time=now,
            room_end=room_end,
            vacancy=booked.vacancy if room_end is not None else None,
        )
        transaction.put(tables.SCHEDULED_ALIAS, booked)


Finish = Callable[[Transaction], object]
"""Adds to a transaction just before it is committed."""


async def remove_connector(
    store: Store,
    connector: int,
    now: datetime,
    clock: IReactorTime,
    *,
    finish: Finish = lambda transaction: None,
    finish_slice: Finish = lambda transaction: None,
) -> None:
    """Remove an integration with all that it made; durable when this returns.

    `finish` is called with the transaction that removes the integration itself,
    `finish_slice` with each one that removes what it made.

    The integration itself goes last: after a crash it is still there and can be
    removed again, instead of leaving rooms behind without an integration.
    """
    await _remove_what_it_made(store, connector, now, clock, finish_slice)
    document = store.transaction(essential=True)
    for domain in store.find_all(tables.DOMAIN_BY_CONNECTOR, connector):
        document.delete(tables.EXCHANGE_DOMAIN, domain.id)
    if store.get(tables.CONNECTOR, connector) is not None:
        document.delete(tables.CONNECTOR, connector)
    finish(document)
    await document.commit()
    # Meetings may have been scheduled meanwhile; from now on there are no new ones.
    while await _remove_what_it_made(store, connector, now, clock, finish_slice):
        pass


async def _remove_what_it_made(
    store: Store, connector: int, now: datetime, clock: IReactorTime, finish: Finish
) -> int:
    """Return the number of removals.

    Whole tables are looked through, in time slices: an index by integration would have
    a good part of all records under one key.
    """

    def remove_room(transaction: Transaction, meeting: MeetingRecord) -> bool:
        if meeting.exchange_connector != connector:
            return False
        remove_conference(transaction, store, meeting.conference, now)
        return True

    meetings = all_meeting_records(store)
    removed = await change_in_slices(store, meetings, remove_room, clock, finish=finish)
    for table in _ITS_TABLES:
        remove = partial(_remove_if_its, connector, table)
        removed += await change_in_slices(
            store, store.all(table), remove, clock, finish=finish
        )
    transaction = store.transaction(essential=True)
    transaction.delete(tables.CURSOR, connector)
    await transaction.commit()
    return removed


def _remove_if_its(
    connector: int, table: Table[Any], transaction: Transaction, record: Any
) -> bool:
    if record.exchange_connector != connector:
        return False
    transaction.delete(table, record.id)
    return True
