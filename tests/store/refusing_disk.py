"""A disk that refuses changes for a while, and what is asked of stores on it."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from pexschedd.errors import StoreFull
from pexschedd.store.disk.reserve import StoreState
from tests.store.store_disk import Disk, few_cuts
from tests.store.store_support import ROOM, Opened, Room

STATE = Path("/state")


class RefusingDisk(Disk):
    """Refuses every change from the n-th on, until it is `healed`."""

    def __init__(self, error: int) -> None:
        super().__init__()
        self.error = error
        self.left: float = float("inf")
        self.calls: list[str] = []
        self.has_refused = False
        self.before = self._change

    def heal(self) -> None:
        self.left = float("inf")

    def mkdir(self, path: Path) -> None:
        if path.name in self.listdir(path.parent):  # that is noticed first
            raise FileExistsError(errno.EEXIST, "exists", str(path))
        super().mkdir(path)

    def append(self, path: Path) -> int:
        self._change("append")
        return super().append(path)

    def _change(self, call: str) -> None:
        self.calls.append(call)
        if self.error != errno.EROFS and call in ("append", "unlink"):
            return  # these need no room
        if self.left <= 0:
            self.has_refused = True
            raise OSError(self.error, os.strerror(self.error))
        self.left -= 1

    def after_a_crash(self) -> Iterator[dict[str, Any]]:
        """What a start would find if the power failed now: with all that was not
        synced, and with none of it."""
        for place in (0, -1):
            crashed = self.crash(few_cuts, lambda among, at=place: among[at])
            opened = Opened(STATE, fs=crashed)
            yield opened.content()
            opened.close()


def outcome(opened: Opened, deferred: Deferred[Any]) -> Exception | None:
    """What a commit fails with; None if it is durable."""
    try:
        opened.wait(deferred)
    except StoreFull as error:
        return error
    return None


def in_memory(opened: Opened, *rooms: Room) -> Deferred[None]:
    with opened.store.transaction(deferrable=True) as change:
        for room in rooms:
            change.put(ROOM, room)
        return change.commit()


def state_of(opened: Opened) -> StoreState:
    return opened.store.state


def look(opened: Opened) -> None:
    opened.wait(opened.store.look_at_disk())
