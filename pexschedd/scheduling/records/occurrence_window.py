"""The occurrences of series that administrators see.

A series is one record, however long it is. Its occurrences from 24 hours back until 48
hours ahead are `scheduled_conference` records as well (deployment guide, "Managing
scheduled conferences"). They change with the series' record in the same transaction,
and with the time in a sweep over all series.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.schedule import RecurringConference, ScheduledConference
from pexschedd.scheduling.recurrence import series_dates
from pexschedd.scheduling.recurrence.series_dates import Occurrence
from pexschedd.scheduling.recurrence.timezone_rules import UnknownZone
from pexschedd.store.change_in_slices import change_in_slices
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

BACK = timedelta(hours=24)
AHEAD = timedelta(hours=48)

_log = Logger()


def visible(series: RecurringConference, now: datetime) -> list[Occurrence]:
    """The occurrences that administrators see at `now`."""
    return list(series_dates.occurrences(series.recurrence, now - BACK, now + AHEAD))


def position(series: RecurringConference, now: datetime) -> tuple[int, bool]:
    """A series' `current_index` and `is_depleted` at `now`.

    When all is over the index is that of the last occurrence.
    """
    windows = series_dates.open_windows(
        series.recurrence,
        timedelta(minutes=series.join_before),
        timedelta(minutes=series.join_after),
        now,
    )
    window = windows.current or windows.upcoming
    if window is not None:
        return window.occurrence.index, False
    last = series_dates.last(series.recurrence)
    return last.index if last else series.current_index, True


def refresh(
    transaction: Transaction, store: Store, series: RecurringConference, now: datetime
) -> None:
    """Bring the records of a series' occurrences up to date with `now`."""
    index, depleted = position(series, now)
    if (index, depleted) != (series.current_index, series.is_depleted):
        series = msgspec.structs.replace(
            series, current_index=index, is_depleted=depleted
        )
        transaction.put(tables.RECURRING_CONFERENCE, series)
    there = {
        row.recurrence_id: row
        for row in store.find_all(tables.SCHEDULED_BY_SERIES, series.id)
    }
    for occurrence in visible(series, now):
        old = there.pop(occurrence.original, None)
        id = old.id if old else transaction.new_id(tables.SCHEDULED_CONFERENCE)
        row = _row(series, occurrence, id)
        if row != old:
            transaction.put(tables.SCHEDULED_CONFERENCE, row)
    for row in there.values():
        transaction.delete(tables.SCHEDULED_CONFERENCE, row.id)


def delete_series(
    transaction: Transaction, store: Store, series: RecurringConference
) -> None:
    """Remove the records of a series and its occurrences; the room stays."""
    for row in store.find_all(tables.SCHEDULED_BY_SERIES, series.id):
        transaction.delete(tables.SCHEDULED_CONFERENCE, row.id)
    transaction.delete(tables.RECURRING_CONFERENCE, series.id)


async def sweep(
    store: Store, clock: IReactorTime, now: Now, running: Callable[[], bool]
) -> None:
    """Bring the occurrences of all series up to date; durable when this returns.

    Stops early, at a safe place, when `running` returns False. A series whose time zone
    this system does not know keeps the occurrences that it has.
    """

    def update(transaction: Transaction, series: RecurringConference) -> bool:
        try:
            if not _is_outdated(store, series, now()):
                return False
        except UnknownZone:
            _log.warn(
                "sweep cannot compute a series, this system lacks its time zone "
                "integration={integration} series={series} zone={zone}",
                integration=series.exchange_connector,
                series=series.id,
                zone=series.recurrence.zone,
            )
            return False
        refresh(transaction, store, series, now())
        return True

    every = store.all(tables.RECURRING_CONFERENCE)
    await change_in_slices(store, every, update, clock, running=running)


def _is_outdated(store: Store, series: RecurringConference, now: datetime) -> bool:
    rows = store.find_all(tables.SCHEDULED_BY_SERIES, series.id)
    return position(series, now) != (series.current_index, series.is_depleted) or {
        occurrence.original for occurrence in visible(series, now)
    } != {row.recurrence_id for row in rows}


def _row(
    series: RecurringConference, occurrence: Occurrence, id: int
) -> ScheduledConference:
    return ScheduledConference(
        id=id,
        conference=series.conference,
        start_time=occurrence.start - timedelta(minutes=series.join_before),
        end_time=occurrence.end + timedelta(minutes=series.join_after),
        ews_item_id=series.ews_item_id,
        scheduled_alias=series.scheduled_alias,
        recurring_conference=series.id,
        subject=series.subject,
        exchange_connector=series.exchange_connector,
        meeting_start=occurrence.start,
        meeting_end=occurrence.end,
        recurrence_id=occurrence.original,
    )
