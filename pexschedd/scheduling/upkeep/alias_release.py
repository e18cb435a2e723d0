"""The early release of unused aliases of ranges that run low.

Nothing is released of an integration whose mailbox may hold meetings that are not
scheduled yet: while an alarm is raised for it, or a message is tried again.
"""

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.scheduling.decisions.alias_release import (
    UnusedAlias,
    given_up,
    missing,
)
from pexschedd.scheduling.upkeep.progress import KeepGoing
from pexschedd.scheduling.upkeep.removal import Remove
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction
from pexschedd.util.cooperate import in_slices


class _Range(msgspec.Struct):
    """The aliases with one prefix and one number of digits."""

    prefix: str
    digits: int
    taken: int = 0
    unused: list[UnusedAlias] = msgspec.field(default_factory=list)

    def has(self, numeric: str) -> bool:
        fits = len(numeric) == len(self.prefix) + self.digits
        return fits and numeric.startswith(self.prefix)


class AliasRelease:
    """Finds the ranges that run low, and releases unused aliases of theirs."""

    def __init__(self, store: Store, clock: IReactorTime, now: Now) -> None:
        self._store = store
        self._clock = clock
        self._now = now

    async def release(self, remove: Remove, keep_going: KeepGoing, at_once: int) -> int:
        """Make one round; return the number of aliases that were released.

        Releases nothing when `keep_going` returns False.
        """
        ranges = self._perhaps_low()
        if not ranges:
            return 0
        behind = self._behind()
        everything = self._store.all(tables.SCHEDULED_ALIAS)
        async for alias in in_slices(everything, self._clock, at_once):
            if not keep_going():
                return 0
            for each in ranges:
                if each.has(alias.numeric_alias):
                    each.taken += 1
                    if alias.exchange_connector not in behind and self._may_go(alias):
                        unused = UnusedAlias(
                            alias.id, alias.booked_by, alias.creation_time
                        )
                        each.unused.append(unused)
        count = 0
        for each in ranges:
            wanted = missing(each.digits, each.taken)
            ids = given_up(each.unused, wanted, self._now())
            count += await remove(ids, self._remove)
        return count

    def _perhaps_low(self) -> list[_Range]:
        """The ranges that may run low, by the number of all aliases there are."""
        total = self._store.count(tables.SCHEDULED_ALIAS)
        keys = {
            (each.scheduled_alias_prefix or "", each.scheduled_alias_suffix_length)
            for each in self._store.all(tables.CONNECTOR)
        }
        return [
            _Range(prefix, digits)
            for prefix, digits in sorted(keys)
            if prefix and missing(digits, total)
        ]

    def _may_go(self, alias: ScheduledAlias) -> bool:
        """Return whether no meeting uses the alias, or may be about to."""
        if alias.is_used or alias.ews_item_uid or not alias.booked_by:
            return False
        if alias.conference_deletion_time is not None or alias.vacancy is not None:
            return False
        find = self._store.find
        if find(tables.SCHEDULED_BY_ALIAS, alias.id) is not None:
            return False
        return find(tables.RECURRING_BY_ALIAS, alias.id) is None

    def _behind(self) -> set[int]:
        """The integrations whose mailbox may hold meetings that are not scheduled."""
        raised = {
            alarm.instance
            for alarm in self._store.all(tables.ALARM)
            if alarm.time_lowered is None
        }
        tried_again = {
            message.exchange_connector
            for message in self._store.all(tables.TROUBLED)
            if message.set_aside_time is None
        }
        return tried_again | {
            connector.id
            for connector in self._store.all(tables.CONNECTOR)
            if connector.name in raised
        }

    def _remove(self, change: Transaction, id: int) -> bool:
        # It may have been used since it was looked at.
        alias = self._store.get(tables.SCHEDULED_ALIAS, id)
        if alias is None or not self._may_go(alias):
            return False
        change.delete(tables.SCHEDULED_ALIAS, id)
        return True
