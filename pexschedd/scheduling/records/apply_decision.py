"""The changes of a decision, made within a transaction."""

from collections.abc import Iterable
from datetime import datetime

from pexschedd.model import tables
from pexschedd.model.schedule import RecurringConference
from pexschedd.scheduling.decisions.decision import Change, Delete, Put, RemoveRoom
from pexschedd.scheduling.records import occurrence_window
from pexschedd.scheduling.records.deletion import remove_conference
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction


def apply_decision(
    change: Transaction, store: Store, steps: Iterable[Change], now: datetime
) -> None:
    """Makes the changes of a decision, and all that follows from them.

    A room is deleted with everything that belongs to it, and the occurrences that
    administrators see follow their series.
    """
    for step in steps:
        match step:
            case RemoveRoom(conference):
                remove_conference(change, store, conference, now)
            case Delete(tables.RECURRING_CONFERENCE, id):
                series = store.get(tables.RECURRING_CONFERENCE, id)
                if series is not None:
                    occurrence_window.forget(change, store, series)
            case Delete(table, id):
                change.delete(table, id)
            case Put(table, record):
                change.put(table, record)
                if isinstance(record, RecurringConference):
                    occurrence_window.refresh(change, store, record, now)
