"""Random faults: a share of all calls, the same ones for the same seed."""

import random  # noqa: TID251 - the same every time, on purpose
from collections.abc import Callable

import msgspec

from pexschedd.sandbox.faults.fault import Fault


class RandomFaults(msgspec.Struct, forbid_unknown_fields=True):
    """The settings of random faults."""

    rate: float
    """Of all calls, from 0 to 1."""
    faults: list[Fault]
    """One is chosen of those that fit the call."""
    seed: int = 0
    for_s: float | None = None
    """None: until something else is configured."""


class RandomFaultSource:
    """A source of random faults, asked once for each call."""

    def __init__(self, chance: RandomFaults, seconds: Callable[[], float]) -> None:
        self.chance = chance
        # The same every time is what is wanted: no secret comes of it.
        self._random = random.Random(chance.seed)  # noqa: S311
        self._seconds = seconds
        self._until = None if chance.for_s is None else self._seconds() + chance.for_s

    def throw(self, operation: str, mailbox: str) -> Fault | None:
        """Return a fault for this call, or None in most cases."""
        if self._until is not None and self._seconds() >= self._until:
            return None
        if self._random.random() >= self.chance.rate:
            return None
        fitting = [f for f in self.chance.faults if f.fits(operation, mailbox)]
        return self._random.choice(fitting) if fitting else None
