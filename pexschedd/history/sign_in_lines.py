"""The sign-ins that one file of the audit log is still to have.

They are kept nowhere else, so they wait here for a disk that takes none, up to a bound.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from pexschedd.history.audit_entries import SignInEntry, encode_line
from pexschedd.history.audit_file import AuditFile
from pexschedd.history.repeated_sign_ins import MOST, RepeatedSignIns

AT_ONCE = 200
"""Lines that are encoded in one go, which takes some milliseconds."""
MOST_WAITING = 10_000
"""Lines that wait; later ones are counted only."""

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class SignInLines:
    """One file of sign-ins, and those that wait for it. `most_kinds`: see
    `RepeatedSignIns`."""

    _log = Logger()

    def __init__(
        self, path: Path, most_bytes: int, kept: int, most_kinds: int = MOST
    ) -> None:
        self._file = AuditFile(path, most_bytes, kept)
        self._repeated = RepeatedSignIns(most_kinds)
        self._waiting: list[SignInEntry] = []
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + self._dropped

    def take(self, entry: SignInEntry, seconds: float) -> bool:
        """Take a sign-in at the time `seconds`; return whether a line is to be
        written now."""
        return self._hear(self._repeated.take(entry, seconds))

    def take_due(self, seconds: float) -> None:
        """Let the counts whose time is over be written."""
        self._hear(self._repeated.due(seconds))

    def take_all(self) -> None:
        """Let all counts be written: the daemon ends."""
        self._hear(self._repeated.all())

    def _hear(self, entries: list[SignInEntry]) -> bool:
        room = MOST_WAITING - len(self._waiting)
        self._waiting += entries[:room]
        self._dropped += len(entries[room:])
        return bool(entries)

    async def write(self, in_thread: InThread) -> None:
        """Write what waits. Raises `OSError`; what was not written goes on waiting."""
        entries = self._waiting[:AT_ONCE]
        while entries:
            lines = b"".join(map(encode_line, entries))
            await in_thread(partial(self._file.append, lines))
            del self._waiting[: len(entries)]
            entries = self._waiting[:AT_ONCE]
        if self._dropped:
            self._log.error(
                "audit log dropped sign-ins count={count}", count=self._dropped
            )
            self._dropped = 0
