"""Writes that a start could not make, because the disk took none at that moment.

A start repairs what a crash has left, and that needs a disk that can be written. On a
full or read-only one the daemon starts all the same and reads; the repairs wait, and
are made before anything else is written.
"""

from collections.abc import Callable

from pexschedd.store.fs import may_pass


class PostponedWrites:
    """Writes in the order in which they have to be made."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], object]] = []
        self.error: OSError | None = None
        """The error of the first one that waits."""

    def add(self, write: Callable[[], object]) -> None:
        """Make a write now; if it fails for the moment, or others wait, postpone it.

        It may be called several times until it succeeds, so a part of it that was done
        must do no harm when it is done again. Raises the OSError of one that fails for
        good.
        """
        self._waiting.append(write)
        if self.error is None:
            try:
                self.make_up()
            except OSError as error:
                if not may_pass(error):
                    raise
                self.error = error

    def make_up(self) -> None:
        """Make all writes that wait. Raises OSError, and keeps those not made."""
        while self._waiting:
            self._waiting[0]()
            del self._waiting[0]
        self.error = None
