"""PURE: how much of the disk is kept free, and when new work is refused.

A full disk is final for the store, so it is noticed before it is full. The reserve
pays for what has to go on meanwhile: answers that were decided, alarms, deletions, and
the compaction that may give back space: it writes a copy before it removes anything.
"""

from typing import NamedTuple

MIB = 1 << 20

LEAST = 64 * MIB
MOST = 1024 * MIB
"""Limits of the reserve, beside what compaction needs."""


class DiskSpace(NamedTuple):
    """Of the disk that a folder is on, in bytes; `free` is what we may use."""

    free: int
    total: int


def reserve_of(total: int) -> int:
    """What is kept free: a hundredth, within limits; less on a very small disk."""
    return min(max(LEAST, total // 100), MOST, total // 4)


class DiskReserve:
    """Remembers whether new work is refused: there are two levels, so that one record
    more or less does not make it change its mind."""

    def __init__(self, where: str, reserve: int | None = None) -> None:
        """`reserve`, in bytes, instead of what `reserve_of` says."""
        self._where = where
        self._reserve = reserve
        self.refusal = ""
        """Why new work is refused, for people; empty while it is taken."""

    def read(self, space: DiskSpace, for_compaction: int) -> bool:
        """Looks at the disk; returns whether that has changed `refusal`."""
        base = reserve_of(space.total) if self._reserve is None else self._reserve
        low = base + for_compaction
        enough = low + base // 4
        if not self.refusal and space.free < low:
            self.refusal = (
                f"The disk of {self._where} is nearly full: less than "
                f"{-(-low // MIB)} MiB is free. New work is not taken until there is "
                f"more than {-(-enough // MIB)} MiB: make room, or give it a larger "
                "disk. What is there is safe and can be read."
            )
            return True
        if self.refusal and space.free >= enough:
            self.refusal = ""
            return True
        return False
