"""Log output from a thread of its own, so that a reader that stops reading does not
block the daemon.

A pipe holds 64 KiB, and a terminal after Ctrl-S nothing: a write then blocks for as
long as the reader likes. Lines wait in a bounded queue instead. When it is half full,
access lines are dropped; when it is full, all others are. What was dropped is counted
and reported as soon as there is room.
"""

import atexit
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Condition, Thread
from typing import TextIO

MOST_BYTES = 8 * 1024 * 1024

AT_ONCE = 64 * 1024
"""Bytes handed to the system in one call, at the most."""

DRAIN_SECONDS = 2.0
"""Seconds that the end of the process waits for a reader."""


Write = Callable[[bytes], int]


def log_writer_of(
    out: TextIO,
    notice: Callable[[int, int], str],
    through: Callable[[Write], Write] | None = None,
) -> "LogWriter":
    """Return a writer to a file, which is written out when Python exits.

    It writes to the descriptor, behind what the file itself has buffered; to the file
    if that has none. `through` returns another destination that may use this one.
    """
    out.flush()
    try:
        write: Write = partial(os.write, out.fileno())
    except OSError:

        def write(data: bytes) -> int:
            out.write(data.decode())
            return len(data)

    writer = LogWriter(through(write) if through else write, notice)
    atexit.register(writer.drain)
    return writer


class LogWriter:
    """A bounded queue of log lines, and the thread that writes them.

    The `write` that it is given takes some bytes, may block, and returns how many it
    took. Its own `write` and `access` may be called from any thread and never block.
    `notice` words a line about so many dropped access lines and others. The thread
    starts with the first line.
    """

    def __init__(
        self,
        write: Write,
        notice: Callable[[int, int], str],
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._write = write
        self._notice = notice
        self._most = most_bytes
        self._lines: deque[bytes] = deque()
        self._queued = 0
        self._dropped_access = self._dropped = 0
        self._changed = Condition()
        self._thread: Thread | None = None
        self._is_writing = self._is_broken = False

    def write(self, text: str) -> int:
        """Queue text that ends with a newline; return its length, as files do."""
        self._put(text, self._most, "_dropped")
        return len(text)

    def access(self, text: str) -> None:
        """Queue access lines, which are the first to be dropped."""
        self._put(text, self._most // 2, "_dropped_access")

    def flush(self) -> None:
        """Do nothing: lines are written as soon as the reader takes them."""

    def _put(self, text: str, most: int, counter: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._queued + len(data) > most or self._is_broken:
                dropped = text.count("\n")
                setattr(self, counter, getattr(self, counter) + dropped)
                return
            self._lines.append(data)
            self._queued += len(data)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, seconds: float = DRAIN_SECONDS) -> bool:
        """Wait until everything is written; return False if the reader does not take
        it."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._lines and not self._is_writing, seconds
            )

    # From here on: on the thread.

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines)
                data = self._take()
                self._is_writing = True
            try:
                while data:
                    data = data[self._write(data[:AT_ONCE]) :]
            except OSError:  # the reader is gone, and there is nobody to tell
                with self._changed:
                    self._is_broken, self._is_writing = True, False
                    self._lines.clear()
                    self._queued = 0
                    self._changed.notify_all()
                return

    def _take(self) -> bytes:
        """Take some of the queued lines, after a notice about lines dropped before
        them."""
        parts: list[bytes] = []
        size = 0
        while self._lines and size < AT_ONCE:
            parts.append(self._lines.popleft())
            size += len(parts[-1])
        self._queued -= size
        if (self._dropped or self._dropped_access) and self._queued < self._most // 4:
            notice = self._notice(self._dropped_access, self._dropped)
            parts.append(notice.encode())
            self._dropped = self._dropped_access = 0
        return b"".join(parts)
