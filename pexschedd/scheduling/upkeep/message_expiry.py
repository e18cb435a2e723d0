"""The removal of what is remembered of processed messages.

It goes after `KEPT`, and earlier, the oldest first, if there are more than `MOST`:
anybody can send messages.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.outbox import ProcessedMessage
from pexschedd.scheduling.upkeep.progress import KeepGoing
from pexschedd.scheduling.upkeep.removal import Remove, removal_from
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices

KEPT = timedelta(days=30)
MOST = 50_000
"""Messages that are remembered."""

_REMOVE = removal_from(tables.PROCESSED_MESSAGE)


class MessageExpiry:
    """Forgets processed messages, those that are old and those that are too many."""

    def __init__(self, store: Store, clock: IReactorTime, now: Now) -> None:
        self._store = store
        self._clock = clock
        self._now = now

    async def forget(
        self,
        remove: Remove,
        keep_going: KeepGoing,
        at_once: int,
        *,
        most: int = MOST,
    ) -> None:
        """Make one round; it stops early when `keep_going` returns False."""
        since = self._now() - KEPT
        old: list[int] = []
        async for each in in_slices(self._up_to_then(), self._clock, at_once):
            if not keep_going():
                return
            if each.time < since:
                old.append(each.id)
        left = self._store.count(tables.PROCESSED_MESSAGE) - len(old)
        if left > most:
            # Ids are given in the order of time.
            gone = set(old)
            ids = sorted(self._store.ids(tables.PROCESSED_MESSAGE))
            old += islice((id_ for id_ in ids if id_ not in gone), left - most)
        await remove(old, _REMOVE)

    def _up_to_then(self) -> Iterator[ProcessedMessage]:
        for day in range(tables.day_of(self._now() - KEPT) + 1):
            yield from self._store.find_each(tables.PROCESSED_BY_DAY, day)
