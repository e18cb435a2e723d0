"""The changes of a decision, made within a transaction."""

from collections.abc import Iterable
from datetime import datetime

from pexschedd.model import tables
from pexschedd.model.schedule import RecurringConference
from pexschedd.scheduling.decisions.decision import (
    Delete,
    Put,
    RecordChange,
    RemoveRoom,
)
from pexschedd.scheduling.records import occurrence_window
from pexschedd.scheduling.records.deletion import remove_conference
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction


def apply_decision(
    transaction: Transaction,
    store: Store,
    changes: Iterable[RecordChange],
    now: datetime,
) -> None:
    """Make the changes of a decision, and all that follows from them.

    A room is deleted with everything that belongs to it, and the occurrences that
    administrators see follow their series.
    """
    for change in changes:
        match change:
            case RemoveRoom(conference):
                remove_conference(transaction, store, conference, now)
            case Delete(tables.RECURRING_CONFERENCE, id):
                series = store.get(tables.RECURRING_CONFERENCE, id)
                if series is not None:
                    occurrence_window.delete_series(transaction, store, series)
            case Delete(table, id):
                transaction.delete(table, id)
            case Put(table, record):
                transaction.put(table, record)
                if isinstance(record, RecurringConference):
                    occurrence_window.refresh(transaction, store, record, now)
