"""A file of lines that is only appended to, and begun anew when it is large.

`changes.jsonl` becomes `changes.jsonl.1`, that one `changes.jsonl.2`, and so on; beyond
the number that is kept the oldest is removed. The file is opened for each group of
lines, so it may be moved away at any time.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NEWLINE = b"\n"
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_AT_ONCE = 64 << 10


class AuditFile:
    """One such file. Everything blocks: call it in a thread, in one at a time."""

    def __init__(self, path: Path, most_bytes: int, kept: int) -> None:
        """Rotate above `most_bytes`; keep `kept` files beside the one that grows."""
        self._path = path
        self._most = most_bytes
        self._kept = kept

    def append(self, lines: bytes) -> None:
        """Append whole lines, durably, all or none of them. Raises `OSError`."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._opened() as handle:
            size = _end_of_lines(handle)
            os.ftruncate(handle, size)  # what a crash has cut off is no line
        if size and size + len(lines) > self._most:
            self._rotate()
            size = 0
        with self._opened() as handle:
            _write(handle, lines, size)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._path, flags, 0o600)
        try:
            yield handle
        finally:
            os.close(handle)

    def read_newest_first(self) -> Iterator[list[bytes]]:
        """Yield the lines of each file that is there, those of one file in order; a
        line that was not finished is left out."""
        for path in (self._path, *(self._numbered(n) for n in self._numbers())):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            yield data.split(_NEWLINE)[:-1]

    def _rotate(self) -> None:
        """Move all files on by one number, into the first gap; the last one goes."""
        taken = set(self._numbers())
        free = next(n for n in range(1, len(taken) + 2) if n not in taken)
        for number in range(free, 1, -1):
            os.rename(self._numbered(number - 1), self._numbered(number))
        os.rename(self._path, self._numbered(1))
        for number in self._numbers():
            if number > self._kept:
                self._numbered(number).unlink()
        _sync_folder(self._path.parent)

    def _numbers(self) -> list[int]:
        """The numbers of the files that have been moved on, ascending. Files that other
        programs have put beside them, such as `….20261130`, are none of these."""
        beginning = f"{self._path.name}."
        names = os.listdir(self._path.parent) if self._path.parent.is_dir() else []
        ends = [n.removeprefix(beginning) for n in names if n.startswith(beginning)]
        return sorted(int(end) for end in ends if _NUMBER.fullmatch(end))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _write(handle: int, lines: bytes, size: int) -> None:
    """Write after the first `size` bytes, or leave no more than those."""
    try:
        left = lines
        while left:
            left = left[os.write(handle, left) :]
        os.fdatasync(handle)
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise


def _end_of_lines(handle: int) -> int:
    """The size of a file up to its last newline."""
    end = os.fstat(handle).st_size
    while end:
        start = max(0, end - _AT_ONCE)
        found = os.pread(handle, end - start, start).rfind(_NEWLINE)
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
