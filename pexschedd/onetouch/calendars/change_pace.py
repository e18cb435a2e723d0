"""The times at which rooms are read because they have changed. Pure.

Notifications come in bursts, and a single room must not use up the quota of all.
"""

from pexschedd.onetouch.calendars.pace import DAY

COLLECTED_FOR = 1.0
"""Seconds from a change to the reading: Exchange changes an item several times while a
room accepts a meeting."""
CHANGES_APART = 3.0
"""Seconds between the beginnings of two readings that changes lead to."""
CHANGES_AT_ONCE = 10
"""Readings that a room's changes may lead to in quick succession."""


class ChangeAllowance:
    """The readings that one room's changes may lead to: `CHANGES_AT_ONCE` in quick
    succession, and then one for each share of time. It bounds what a single room can
    take of the quota."""

    def __init__(self) -> None:
        self._spent_until = 0.0
        """The time at which all that was used is available again."""

    def free_at(self, share: float) -> float:
        """Return the time of the next reading, which may be past."""
        return self._spent_until - (CHANGES_AT_ONCE - 1) * share

    def use(self, now: float, share: float) -> None:
        """Note a reading."""
        self._spent_until = max(self._spent_until, now) + share


def share_of(calls: float, quota: int) -> float:
    """Return the seconds for one reading, if a room's part of half the quota is spent
    on the readings that changes lead to."""
    return 2 * calls * DAY / quota


def time_after_change(
    now: float, started: float | None, allowance: ChangeAllowance, share: float
) -> float:
    """Return when a room is read that has changed now: soon, with all changes until
    then.

    started: the beginning of its last reading, if there was one.
    """
    soon = now + COLLECTED_FOR
    if started is not None:
        soon = max(soon, started + CHANGES_APART)
    return max(soon, allowance.free_at(share))
