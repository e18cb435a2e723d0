"""The calls within the last 24 hours, counted by the quarter of an hour. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime

Quarters = tuple[tuple[int, int], ...]
"""Pairs of a quarter's number, counted from 1970, and its calls; the oldest first."""

QUARTER = 900
_OF_A_DAY = 96
SOON_SPENT = 0.97
"""The part of the quota from which on an administrator is told."""
LONG_INTERVAL = 600.0
"""Seconds between two readings from which on the quota is too small for its rooms."""


class CallCount:
    """The calls of a day; of a quarter that is partly older, all calls count."""

    def __init__(self, quarters: Iterable[tuple[int, int]] = ()) -> None:
        self._quarters = dict(quarters)

    def add(self, now: datetime, calls: int = 1) -> None:
        """Count calls that are made now."""
        quarter = _quarter(now)
        self._quarters[quarter] = self._quarters.get(quarter, 0) + calls
        if len(self._quarters) > 2 * _OF_A_DAY:
            self._quarters = dict(self.quarters(now))

    def used(self, now: datetime) -> int:
        """Return the calls of the last 24 hours."""
        return sum(calls for _, calls in self.quarters(now))

    def quarters(self, now: datetime) -> Quarters:
        """Return what is worth storing. Quarters that are far in the future, from
        before a clock was set back, do not count."""
        this = _quarter(now)
        kept = (
            each
            for each in self._quarters.items()
            if this - _OF_A_DAY <= each[0] <= this + _OF_A_DAY
        )
        return tuple(sorted(kept))

    def seconds_until_free(self, now: datetime, quota: int) -> float:
        """Return the seconds until a call may be made; 0: now."""
        excess = self.used(now) - quota
        if excess < 0:
            return 0.0
        for quarter, calls in self.quarters(now):
            excess -= calls
            if excess < 0:
                free = (quarter + _OF_A_DAY + 1) * QUARTER
                return max(1.0, free - now.timestamp())
        return float(QUARTER)


def quota_problem(
    used: int, quota: int, rooms: int, interval: float, *, requests: str, field: str
) -> str:
    """Return what an administrator should know of a quota; empty if it suffices.

    requests: the requests that it is for. field: the deployment's field that has it.
    """
    raise_it = (
        f"Raise {field} as far as the server allows, or use another deployment for "
        "some of the rooms."
    )
    if used >= quota:
        return (
            f"The quota of {quota} {requests} in 24 hours is used up. No room is read "
            f"until some of it is free again. {raise_it}"
        )
    if interval >= LONG_INTERVAL:
        return (
            f"With {quota} {requests} in 24 hours, each of {rooms} rooms is read every "
            f"{interval / 60:.0f} minutes only: changes of meetings reach the screens "
            f"that late. {raise_it}"
        )
    if used >= SOON_SPENT * quota:
        return (
            f"The quota of {quota} {requests} in 24 hours is nearly used up: rooms are "
            f"read less often. {raise_it}"
        )
    return ""


def _quarter(now: datetime) -> int:
    return int(now.astimezone(UTC).timestamp()) // QUARTER
