"""Progress and result of an administrator's long-running command."""

from collections.abc import Callable
from typing import Protocol

KeepGoing = Callable[[], bool]
"""Returns False when the work is to stop at the next safe place."""

_MOST_REASONS = 20


class ProgressListener(Protocol):
    """The receiver of progress reports."""

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        """Report that `done` items of `total` are done, as often as convenient."""

    def note(self, text: str) -> None:
        """Report a line for the administrator, which names meetings by uid alone."""


class WorkTally:
    """Counts of what was done, and of failures with their reasons."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.failures = 0
        self.reasons: list[str] = []
        """The first different reasons of failures; not more than a few."""

    def add(self, what: str, count: int = 1) -> None:
        """Count things that were done, by a plural phrase that describes them."""
        self.counts[what] = self.counts.get(what, 0) + count

    def failed(self, reason: str) -> None:
        """Count a failure."""
        self.failures += 1
        if len(self.reasons) < _MOST_REASONS and reason not in self.reasons:
            self.reasons.append(reason)
