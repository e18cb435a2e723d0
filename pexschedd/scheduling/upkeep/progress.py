"""What an administrator's long work says while it goes on, and when it is over."""

from collections.abc import Callable
from typing import Protocol

KeepGoing = Callable[[], bool]
"""False when the work is to stop at the next safe place."""

_NAMED = 20


class ProgressListener(Protocol):
    def progress(self, what: str, done: int, total: int | None = None) -> None:
        """How far it has come; may be said as often as one likes."""

    def note(self, text: str) -> None:
        """Something an administrator should read: names meetings by uid, not by
        subject."""


class WorkTally:
    """Counts what was done, by what it was."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.failures = 0
        self.reasons: list[str] = []
        """The first few."""

    def add(self, what: str, count: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + count

    def failed(self, reason: str) -> None:
        self.failures += 1
        if len(self.reasons) < _NAMED and reason not in self.reasons:
            self.reasons.append(reason)
