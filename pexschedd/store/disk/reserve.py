"""The space that is kept free on the disk, and the refusal of new work below it. Pure.

On a full disk the store can only be read, so new work is refused before the disk is
full. The reserve pays for the work that has to go on meanwhile: replies already decided
on, alarms, deletions, and the compaction that may free space, which writes a copy
before it removes anything.
"""

import errno
from enum import StrEnum
from typing import NamedTuple

MIB = 1 << 20

LEAST = 64 * MIB
MOST = 1024 * MIB
"""Limits of the reserve in bytes; the space that compaction needs is added."""


class StoreState(StrEnum):
    """The state of the store: which changes it takes."""

    WRITABLE = "writable"
    NEARLY_FULL = "nearly_full"
    """Nothing new; what follows from earlier decisions, and deletions."""
    READ_ONLY = "read_only"
    """Nothing: it is answered from memory, and tried again."""


class DiskSpace(NamedTuple):
    """Space on the disk that holds a folder, in bytes; `free` is the usable part."""

    free: int
    total: int


def reserve_of(total: int) -> int:
    """Return the default reserve in bytes for a disk of `total` bytes.

    It is a hundredth of the disk, from 64 MiB to 1 GiB, but at most a quarter.
    """
    return min(max(LEAST, total // 100), MOST, total // 4)


class DiskReserve:
    """Decides, with hysteresis, whether new work is refused.

    Work is accepted again only well above the level at which it was refused, so that a
    single record more or less does not change the decision.
    """

    def __init__(self, where: str, reserve: int | None = None) -> None:
        """Watch the disk of the folder `where`; `reserve` overrides `reserve_of`."""
        self._where = where
        self._reserve = reserve
        self.refusal = ""
        """The reason new work is refused, for people; empty while it is accepted."""

    def read(self, space: DiskSpace, for_compaction: int) -> bool:
        """Update `refusal` from the free space; return whether that changed it.

        `for_compaction` is the number of bytes that the next compaction may need.
        """
        base = reserve_of(space.total) if self._reserve is None else self._reserve
        low = base + for_compaction
        enough = low + base // 4
        if not self.refusal and space.free < low:
            self.refusal = (
                f"The disk of {self._where} is nearly full: less than {-(-low // MIB)} "
                "MiB is free. No new work is accepted until more than "
                f"{-(-enough // MIB)} MiB is free: free up space, or use a larger "
                "disk. Existing data is safe and can be read."
            )
            return True
        if self.refusal and space.free >= enough:
            self.refusal = ""
            return True
        return False


def advice(number: int, reason: str, folder: str) -> str:
    """Explain to an administrator why the disk of `folder` takes no writes.

    `number` is the system's error number, and `reason` its text.
    """
    if number == errno.ENOSPC:
        what = f"The disk of {folder} is full ({reason})"
        remedy = "make room on it, or give it a larger disk"
    elif number == errno.EDQUOT:
        what = f"The disk quota for {folder} is used up ({reason})"
        remedy = "raise the quota of the daemon's user, or remove files that count"
    elif number == errno.EROFS:
        what = f"The disk of {folder} is mounted read-only ({reason})"
        remedy = "look for the cause in the system's log, and mount it for writing"
    else:
        what = f"{folder} cannot be written at the moment ({reason})"
        remedy = "see what this machine is short of"
    return (
        f"{what}, so nothing can be changed: {remedy}. Everything is answered from "
        "memory meanwhile, rooms stay open, and requests wait in their mailboxes. It "
        "is tried again every few seconds, without a restart."
    )
