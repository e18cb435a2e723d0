"""The calls with a deployment, counted over restarts."""

from pexschedd.clock import Now
from pexschedd.errors import StoreError, StoreFull
from pexschedd.model.onetouch.calendar_calls import CalendarCalls
from pexschedd.onetouch.calendars.quota import CallCount
from pexschedd.onetouch.deployments import DeploymentKey
from pexschedd.store.store import Store


class CallCounter:
    """Counts the calls with a deployment that its quota is for, over restarts."""

    def __init__(self, deployment: DeploymentKey, store: Store, now: Now) -> None:
        self._deployment = deployment
        self._store = store
        self._now = now
        stored = store.get(deployment.kind.calls, deployment.id)
        self._count = CallCount(stored.quarters if stored else ())
        self.total = 0
        """The calls for lists since the start: those that every reading takes."""
        self._all = 0
        self._stored = 0

    def add(self) -> None:
        """Count one call for a list."""
        self.total += 1
        self.add_other()

    def add_other(self, calls: int = 1) -> None:
        """Count calls that only what has changed leads to: the quota has them, and the
        interval of the readings does not follow from them."""
        self._all += calls
        self._count.add(self._now(), calls)

    def used(self) -> int:
        """Return the calls of the last 24 hours."""
        return self._count.used(self._now())

    def seconds_until_free(self, quota: int) -> float:
        """Return the seconds until a call may be made; 0: now."""
        return self._count.seconds_until_free(self._now(), quota)

    async def store(self) -> None:
        """Make the count durable, if it has changed and the disk takes it."""
        if self._stored == self._all:
            return
        stored = self._all
        quarters = self._count.quarters(self._now())
        record = CalendarCalls(id=self._deployment.id, quarters=quarters)
        try:
            with self._store.transaction() as change:
                change.put(self._deployment.kind.calls, record)
                durable = change.commit()
            await durable
        except (StoreFull, StoreError):
            return  # an alarm says so
        self._stored = stored
