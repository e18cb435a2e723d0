"""Stores whose records are not in memory, and what is beside their journal."""

import errno
import os
from pathlib import Path
from typing import Any

from pexschedd.store.disk.reserve import DiskSpace
from tests.store.store_disk import Disk
from tests.store.store_support import ROOM, ROOM_BY_OWNER, Opened, Room

STATE = Path("/state")
JOURNAL = STATE / "journal"

SHORT_OF = [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENOMEM]


class NoHints(Disk):
    """The n-th thing that is done to a hint file, or what becomes one, fails."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 1 << 30
        self.error = 0
        self._hints: set[int] = set()

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0 and self.error:
            error, self.error = self.error, 0
            raise OSError(error, os.strerror(error))

    def space(self, path: Path) -> DiskSpace:
        if path == JOURNAL:
            self._count()
        return super().space(path)

    def create(self, path: Path) -> int:
        if "hint" in path.name:
            self._count()
        handle = super().create(path)
        if "hint" in path.name:
            self._hints.add(handle)
        return handle

    def write(self, handle: int, data: bytes) -> int:
        if handle in self._hints:
            self._count()
        return super().write(handle, data)

    def datasync(self, handle: int) -> None:
        if handle in self._hints:
            self._count()
        super().datasync(handle)

    def rename(self, old: Path, new: Path) -> None:
        if "hint" in old.name:
            self._count()
        super().rename(old, new)


def hints(disk: Disk) -> list[str]:
    return sorted(name for name in disk.listdir(JOURNAL) if name.endswith(".hint"))


def close(opened: Opened) -> None:
    opened.settle()
    opened.close()


def cold(disk: Any, count: int = 20, state: Path = STATE, **options: Any) -> Opened:
    """A store with rooms that are only on the disk."""
    opened = Opened(state, fs=disk, kept=0)
    for id in range(1, count + 1):
        opened.put(ROOM, Room(id=id, name=f"r{id}", owner=id % 3))
    opened.wait(opened.store.roll())
    close(opened)
    opened = Opened(state, fs=disk, kept=0, **options)
    collection = opened.store._collections["room"]
    assert not any(collection.in_memory(id) for id in range(1, count + 1))
    return opened


def stir(opened: Opened, count: int = 20) -> None:
    """Reads so much that memory would forget whatever it may."""
    for _ in range(3):
        for id in range(1, count + 1):
            assert opened.store.get(ROOM, id) is not None
    assert len(opened.store.find_all(ROOM_BY_OWNER, 1)) > 0
