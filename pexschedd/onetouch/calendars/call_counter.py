"""The calls with a deployment, counted over restarts."""

from pexschedd.clock import Now
from pexschedd.errors import StoreError, StoreFull
from pexschedd.model import tables
from pexschedd.model.onetouch.calendar_calls import CalendarCalls
from pexschedd.onetouch.calendars.quota import CallCount
from pexschedd.store.store import Store


class CallCounter:
    """Counts the FindItem calls with a deployment, over restarts."""

    def __init__(self, deployment: int, store: Store, now: Now) -> None:
        self._deployment = deployment
        self._store = store
        self._now = now
        stored = store.get(tables.CALENDAR_CALLS, deployment)
        self._count = CallCount(stored.quarters if stored else ())
        self.total = 0
        """Since the start."""
        self._stored = 0

    def add(self) -> None:
        """Count one call."""
        self.total += 1
        self._count.add(self._now())

    def used(self) -> int:
        """Return the calls of the last 24 hours."""
        return self._count.used(self._now())

    def seconds_until_free(self, quota: int) -> float:
        """Return the seconds until a call may be made; 0: now."""
        return self._count.seconds_until_free(self._now(), quota)

    async def store(self) -> None:
        """Make the count durable, if it has changed and the disk takes it."""
        if self._stored == self.total:
            return
        stored = self.total
        quarters = self._count.quarters(self._now())
        record = CalendarCalls(id=self._deployment, quarters=quarters)
        try:
            with self._store.transaction() as change:
                change.put(tables.CALENDAR_CALLS, record)
                durable = change.commit()
            await durable
        except (StoreFull, StoreError):
            return  # an alarm says so
        self._stored = stored
