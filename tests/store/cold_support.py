"""Stores whose records are not in memory, and what is beside their journal."""

from pathlib import Path
from typing import Any

from tests.store.store_disk import Disk
from tests.store.store_support import ROOM, ROOM_BY_OWNER, Opened, Room

STATE = Path("/state")
JOURNAL = STATE / "journal"


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
