"""The times at which scripts' credentials were last used, kept with their records."""

from collections import OrderedDict
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.errors import StoreError, StoreFull
from pexschedd.model.table import Table
from pexschedd.store.store import Store

NOTED_EVERY = timedelta(minutes=10)
_MOST_NOTED = 1_000


class LastUse:
    """Writes the `last_used_time` of a table's records, seldom, and soon rather than
    now."""

    def __init__(self, store: Store, table: Table[Any], now: Now) -> None:
        self._store = store
        self._table = table
        self._now = now
        self._noted: OrderedDict[int, float] = OrderedDict()

    def note(self, record: Any) -> None:
        """Note that a record is used now. A disk that takes no writes keeps no one
        out."""
        now = self._now()
        noted = self._noted.get(record.id, 0.0)
        if 0 <= now.timestamp() - noted < NOTED_EVERY.total_seconds():
            return
        self._noted[record.id] = now.timestamp()
        self._noted.move_to_end(record.id)
        if len(self._noted) > _MOST_NOTED:
            self._noted.popitem(last=False)
        with self._store.transaction(deferrable=True) as transaction:
            transaction.put(self._table, replace(record, last_used_time=now))
            durable = transaction.commit()
        durable.addErrback(lambda failure: failure.trap(StoreError, StoreFull) and None)
