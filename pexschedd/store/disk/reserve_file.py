"""A file that is given up on a full disk, so that the last writes have room.

The disk is noticed to be nearly full long before it is, see `reserve.py`. But it
may be filled by others within seconds, and a quota does not show in the disk's free
space. Then this file is removed: what has to be stored still, such as that an answer
was given, has its space.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pexschedd.store.disk.reserve import DiskSpace
from pexschedd.store.fs import FileSystem, write_all

NAME = "disk-reserve"

SIZE = 4 << 20
"""Bytes: some ten thousand changes."""

_SHARE = 64
"""On a small disk it is only this part of it, so that it does not fill the disk."""


class ReserveFile:
    """The reserve in a state folder. To be used on the journal's thread."""

    def __init__(
        self, fs: FileSystem, folder: Path, random: Callable[[int], bytes]
    ) -> None:
        self._fs = fs
        self._path = folder / NAME
        self._random = random
        self.missing = ""
        """The reason why it is not there, though it should be; empty if it is."""

    def give_up(self) -> bool:
        """Remove the file; return whether it has freed anything."""
        try:
            freed = self._fs.size(self._path) > 0
            self._fs.unlink(self._path)
            self.missing = "the disk was full, and it was given up"
        except OSError:  # it is not there, or the disk cannot be written at all
            return False
        return freed

    def renew(self) -> None:
        """Write the file again, unless it is there; `missing` says how that went."""
        try:
            size = size_of(self._fs.space(self._path.parent))
            if self._size() != size:
                self._write(size)
        except OSError as error:
            self.missing = error.strerror or str(error)
            with suppress(OSError):
                self._fs.unlink(self._path)
        else:
            self.missing = ""

    def _size(self) -> int:
        try:
            return self._fs.size(self._path)
        except FileNotFoundError:
            return -1

    def _write(self, size: int) -> None:
        handle = self._fs.create(self._path)
        try:
            # Not zeros, for which some file systems need no space.
            write_all(self._fs, handle, self._random(size))
            self._fs.sync(handle)
        finally:
            self._fs.close(handle)
        self._fs.sync_dir(self._path.parent)


def size_of(space: DiskSpace) -> int:
    """Return the size of the reserve on a disk, in bytes."""
    return min(SIZE, space.total // _SHARE)
