"""The file with the sandbox's mailboxes, so that they survive the demo being killed.

Written at most twice a second, and only after changes: a snapshot of the demo's few
mailboxes is some hundred kilobytes.
"""

from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pexschedd.util.atomic_file import replace_file

PAUSE = 0.5


class SnapshotFile:
    """A file that gets the result of `snapshot` some time after each `touch`."""

    def __init__(
        self, path: Path, snapshot: Callable[[], bytes], clock: IReactorTime
    ) -> None:
        self._path = path
        self._snapshot = snapshot
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._last = -PAUSE

    def touch(self) -> None:
        """Note that something has changed. This is cheap, and called often."""
        if self._call is None:
            # Half a second after the last writing, or at once in the next turn.
            wait = max(0.0, self._last + PAUSE - self._clock.seconds())
            self._call = self._clock.callLater(wait, self._write)

    def flush(self) -> None:
        """Write at once if there is something to be written."""
        if self._call is not None:
            self._call.cancel()
            self._write()

    def _write(self) -> None:
        self._call = None
        self._last = self._clock.seconds()
        replace_file(self._path, self._snapshot())
