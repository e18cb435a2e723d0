"""The removal of old entries from the history of the configuration.

An entry goes after `KEPT`. There are `MOST` of them, and `MOST_WENT_ALONG` beside those
for records that went with an integration: the deletion of a large one makes very many,
and does not push out what else has happened.
"""

from datetime import timedelta

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.history.recorder import drop_settled, settle
from pexschedd.model import tables
from pexschedd.scheduling.upkeep.progress import KeepGoing
from pexschedd.scheduling.upkeep.removal import Remove, removal_from
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices

KEPT = timedelta(days=400)
"""A year, and the time to look into it."""
MOST = 50_000
MOST_WENT_ALONG = 25_000
"""Each takes up to 1 kB of memory."""

_REMOVE = removal_from(tables.CONFIGURATION_CHANGE)


class ChangeExpiry:
    """Forgets changes, those that are old and those that are too many."""

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
        most_went_along: int = MOST_WENT_ALONG,
    ) -> None:
        """Make one round; it stops early when `keep_going` returns False.

        What a full disk has kept in a document moves into the journal first.
        """
        await settle(self._store)
        await drop_settled(self._store)
        await remove(await self._old(keep_going, at_once), _REMOVE)
        along = self._store.find_each(tables.CHANGE_WENT_ALONG, tables.WENT_ALONG)
        went_along = [each.id async for each in in_slices(along, self._clock, at_once)]
        beyond = max(0, len(went_along) - most_went_along)
        await remove(went_along[:beyond], _REMOVE)
        others = self._store.count(tables.CONFIGURATION_CHANGE)
        others -= len(went_along) - beyond
        if others > most:
            await remove(await self._first(others - most, at_once), _REMOVE)

    async def _old(self, keep_going: KeepGoing, at_once: int) -> list[int]:
        """The ids of entries past their time: the first ones, as they came in order."""
        oldest = self._now() - KEPT
        found: list[int] = []
        everything = self._store.all(tables.CONFIGURATION_CHANGE)
        async for each in in_slices(everything, self._clock, at_once):
            if each.time >= oldest or not keep_going():
                break
            found.append(each.id)
        return found

    async def _first(self, count: int, at_once: int) -> list[int]:
        """The ids of the first entries that did not go with an integration."""
        found: list[int] = []
        everything = self._store.all(tables.CONFIGURATION_CHANGE)
        async for each in in_slices(everything, self._clock, at_once):
            if len(found) == count:
                break
            if not each.went_along:
                found.append(each.id)
        return found
