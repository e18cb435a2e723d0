"""A small file system of its own, for what happens when a disk gets full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KIB = 1 << 10


class SmallDisk:
    """`ballast` is the file that fills it up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ballast = path / "ballast"

    def fill(self, leave: int) -> None:
        """Leaves only so many bytes."""
        self.free()
        with self.ballast.open("wb") as file:
            # Not all at once: the daemon beside it writes, too.
            while self._space() > leave:
                file.write(bytes(4 * KIB))
                file.flush()

    def free(self) -> None:
        self.ballast.unlink(missing_ok=True)

    def remount(self, how: str) -> None:
        """`ro`, as the kernel does when a disk fails, or `rw` again."""
        subprocess.run(["mount", "-o", f"remount,{how}", self.path], check=True)

    def _space(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize


@contextmanager
def small_disk(path: Path, size: int) -> Iterator[SmallDisk]:
    """A tmpfs of so many bytes; only root can make one, others skip."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    try:
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system can only be mounted by root")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
