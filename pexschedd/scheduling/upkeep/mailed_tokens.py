"""The removal of what is remembered of identity tokens that have come by mail.

It goes when the token has expired. There are no more than `MOST`: anybody can send
made-up tokens. Those beyond that go first that expire first.
"""

from datetime import datetime

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.scheduling.upkeep.progress import KeepGoing
from pexschedd.scheduling.upkeep.removal import Remove, removal_from
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices

MOST = 10_000
"""Tokens that are remembered. A message has twenty at most, and one as a rule."""

_REMOVE = removal_from(tables.MAILED_TOKEN)


class MailedTokenExpiry:
    """Forgets mailed tokens, those that have expired and those that are too many."""

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
        now = self._now()
        alive: list[tuple[datetime, int]] = []
        expired: list[int] = []
        everything = self._store.all(tables.MAILED_TOKEN)
        async for each in in_slices(everything, self._clock, at_once):
            if not keep_going():
                return
            if each.expires < now:
                expired.append(each.id)
            else:
                alive.append((each.expires, each.id))
        too_many = max(0, len(alive) - most)
        beyond = [id for _, id in sorted(alive)[:too_many]]
        await remove([*expired, *beyond], _REMOVE)
