"""Says so when people wait for their answers, whatever may be the reason."""

from datetime import timedelta

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.scheduling import alarms as names
from pexschedd.scheduling.alarms import Alarms
from pexschedd.store.store import Store

LONG = timedelta(minutes=10)


class QueueAlarm:
    """One integration's: of what is decided but not told, and what is not decided."""

    def __init__(
        self,
        connector_id: int,
        store: Store,
        alarms: Alarms,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._connector_id = connector_id
        self._store = store
        self._alarms = alarms
        self._clock = clock
        self._now = now
        self._undecided_since: float | None = None

    def look(self, instance: str, undecided: int = 0) -> None:
        """`undecided` messages are still to be decided about."""
        waiting, reason = self._long_waiting()
        if not undecided:
            self._undecided_since = None
        elif self._undecided_since is None:
            self._undecided_since = self._clock.seconds()
        elif self._clock.seconds() - self._undecided_since > LONG.total_seconds():
            waiting += undecided
        if not waiting:
            self._alarms.lower(instance, names.QUEUE)
        elif self._alarms.active(names.QUEUE, instance) is None:
            # How many they are changes all the time: said once.
            self._alarms.raise_(
                names.QUEUE,
                instance,
                f"{waiting} meeting messages have waited for their answers for more "
                f"than {LONG.total_seconds() / 60:g} minutes. "
                + (reason or "Another alarm or the log says why."),
            )

    def _long_waiting(self) -> tuple[int, str]:
        """How many, and what was said of one the last time, if anything was."""
        before = self._now() - LONG
        id, find = self._connector_id, self._store.find_all
        troubled = [
            each
            for each in find(tables.TROUBLED_BY_CONNECTOR, id)
            if each.set_aside_time is None and each.first_time < before
        ]
        answers = find(tables.OUTBOX_BY_CONNECTOR, id)
        rewrites = find(tables.REWRITE_BY_CONNECTOR, id)
        items = {each.item_id for each in troubled}
        items |= {each.item_id for each in answers if each.created < before}
        items |= {each.item_id for each in rewrites if each.created < before}
        if not troubled:
            return len(items), ""
        last = max(troubled, key=lambda each: (each.last_time, each.id))
        return len(items), f"Of the last one that was tried: {last.reason}"
