"""Random faults: a share of all calls, the same ones for the same seed."""

import random  # noqa: TID251 - the same every time, on purpose
from collections.abc import Callable

import msgspec

from pexschedd.sandbox.faults.fault import Fault


class RandomFaults(msgspec.Struct, forbid_unknown_fields=True):
    """The settings of random faults."""

    rate: float
    """The share of calls that get a fault, from 0 to 1."""
    faults: list[Fault]
    """The faults to choose from; only those that fit the call are considered."""
    seed: int = 0
    for_s: float | None = None
    """Seconds; None: until something else is configured."""


class RandomFaultSource:
    """A source of random faults, asked once for each call."""

    def __init__(self, settings: RandomFaults, seconds: Callable[[], float]) -> None:
        self.settings = settings
        # The same every time is what is wanted: no secret comes of it.
        self._random = random.Random(settings.seed)  # noqa: S311
        self._seconds = seconds
        self._until = (
            None if settings.for_s is None else self._seconds() + settings.for_s
        )

    def draw(self, operation: str, mailbox: str) -> Fault | None:
        """Return a fault for this call, or None in most cases."""
        if self._until is not None and self._seconds() >= self._until:
            return None
        if self._random.random() >= self.settings.rate:
            return None
        fitting = [f for f in self.settings.faults if f.fits(operation, mailbox)]
        return self._random.choice(fitting) if fitting else None
