"""File descriptors: how many this process may have, and those that are held back.

Too many open files says nothing about the disk: a thousand strangers' connections must
not make the store give up. When no descriptor is left, opening a file takes one of the
spare ones; when these are used up, too, threads other than the main one wait.
"""

import errno
import os
import resource
from collections.abc import Callable
from threading import Event, Lock, current_thread, main_thread

WANTED = 65_536

COUNT = 8
"""Far more than the store opens at the same time."""

WAIT = 0.1
TRIES = 600
"""A minute, in seconds and tries: until then connections time out."""

_NONE_LEFT = (errno.EMFILE, errno.ENFILE)


def raise_limit(wanted: int = WANTED) -> int:
    """Raise the soft limit as far as the system allows; return what it is then.

    systemd starts services with 1,024 although the hard limit is far higher.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft if soft != resource.RLIM_INFINITY else wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


class SpareDescriptors:
    """Opens files with one of a few descriptors in reserve.

    Nothing is held back before `hold` is called, as a short-lived tool has no need.
    """

    def __init__(self, wait: Callable[[float], object] | None = None) -> None:
        self._wait = wait or Event().wait
        self._lock = Lock()
        self._spare: list[int] = []
        self._most = 0

    def hold(self, count: int = COUNT) -> None:
        """Hold so many descriptors back from now on."""
        self._most = count
        self.refill()

    def open(self, path: str | os.PathLike[str], flags: int, mode: int = 0o777) -> int:
        """Open a file as `os.open` does, if need be with a spare descriptor."""
        for _ in range(TRIES):
            try:
                return os.open(path, flags, mode)
            except OSError as error:
                if error.errno not in _NONE_LEFT:
                    raise
            if not self._release() and current_thread() is main_thread():
                break
        return os.open(path, flags, mode)

    def refill(self) -> None:
        """Take descriptors back after some were used, as far as there are any."""
        with self._lock:
            while len(self._spare) < self._most:
                try:
                    self._spare.append(os.open(os.devnull, os.O_RDONLY))
                except OSError:
                    return

    def _release(self) -> bool:
        """Close a spare descriptor; wait a moment instead if there is none."""
        with self._lock:
            if self._spare:
                os.close(self._spare.pop())
                return True
        if current_thread() is not main_thread():
            self._wait(WAIT)
        return False


SPARE = SpareDescriptors()
"""The spare descriptors of this process."""
