"""Keeps the sandbox Exchange in a file, so that a killed demo finds everything again.

Written at most twice a second, and only when something has changed: a snapshot of the
demo's few mailboxes is some hundred kilobytes.
"""

import os
from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import IDelayedCall, IReactorTime

PAUSE = 0.5


class Keeper:
    """Writes what `snapshot` gives, some time after each `touch`."""

    def __init__(
        self, path: Path, snapshot: Callable[[], bytes], clock: IReactorTime
    ) -> None:
        self._path = path
        self._snapshot = snapshot
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._last = -PAUSE

    def touch(self) -> None:
        """Something has changed. Cheap, and called often."""
        if self._call is None:
            # Half a second after the last writing, or at once in the next turn.
            wait = max(0.0, self._last + PAUSE - self._clock.seconds())
            self._call = self._clock.callLater(wait, self._write)

    def flush(self) -> None:
        """Writes now what is waiting to be written."""
        if self._call is not None:
            self._call.cancel()
            self._write()

    def _write(self) -> None:
        self._call = None
        self._last = self._clock.seconds()
        write_atomically(self._path, self._snapshot())


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces a file: after a crash it holds the old content or the new.

    Readable by its owner alone. Raises OSError.
    """
    temporary = path.with_name(path.name + ".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
