"""The occurrences of series that administrators see.

A series is one record, however long it is. Of its occurrences, those from 24 hours back
until 48 hours ahead are `scheduled_conference` records, too (deployment guide,
"Managing scheduled conferences"). They follow the series' record within the same
transaction, and time by a sweep over all series.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from pexschedd.model import tables
from pexschedd.model.conference import RecurringConference, ScheduledConference
from pexschedd.scheduling import recurrence
from pexschedd.scheduling.recurrence import Occurrence
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

BACK = timedelta(hours=24)
AHEAD = timedelta(hours=48)


def visible(series: RecurringConference, now: datetime) -> list[Occurrence]:
    """The occurrences that administrators see now."""
    return list(recurrence.occurrences(series.recurrence, now - BACK, now + AHEAD))


def position(series: RecurringConference, now: datetime) -> tuple[int, bool]:
    """`current_index` and `is_depleted`."""
    windows = recurrence.open_windows(
        series.recurrence,
        timedelta(minutes=series.join_before),
        timedelta(minutes=series.join_after),
        now,
    )
    window = windows.current or windows.upcoming
    if window is None:
        return series.current_index, True
    return window.occurrence.index, False


def refresh(
    change: Transaction, store: Store, series: RecurringConference, now: datetime
) -> None:
    """Makes the records of a series' occurrences what they should be now."""
    index, depleted = position(series, now)
    if (index, depleted) != (series.current_index, series.is_depleted):
        series = msgspec.structs.replace(
            series, current_index=index, is_depleted=depleted
        )
        change.put(tables.RECURRING_CONFERENCE, series)
    there = {
        row.recurrence_id: row
        for row in store.find_all(tables.SCHEDULED_BY_SERIES, series.id)
    }
    for occurrence in visible(series, now):
        old = there.pop(occurrence.original, None)
        id = old.id if old else change.new_id(tables.SCHEDULED_CONFERENCE)
        row = _row(series, occurrence, id)
        if row != old:
            change.put(tables.SCHEDULED_CONFERENCE, row)
    for row in there.values():
        change.delete(tables.SCHEDULED_CONFERENCE, row.id)


def forget(change: Transaction, store: Store, series: RecurringConference) -> None:
    """Removes a series' record and those of its occurrences; the room stays."""
    for row in store.find_all(tables.SCHEDULED_BY_SERIES, series.id):
        change.delete(tables.SCHEDULED_CONFERENCE, row.id)
    change.delete(tables.RECURRING_CONFERENCE, series.id)


def stale(store: Store, now: datetime) -> Iterator[RecurringConference]:
    """The series whose records time has overtaken."""
    for series in store.all(tables.RECURRING_CONFERENCE):
        rows = store.find_all(tables.SCHEDULED_BY_SERIES, series.id)
        shown = {row.recurrence_id for row in rows}
        if (
            position(series, now) != (series.current_index, series.is_depleted)
            or {o.original for o in visible(series, now)} != shown
        ):
            yield series


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
