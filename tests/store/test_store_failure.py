"""A disk that fails: nothing false is acknowledged, and nothing is tried again."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.python.failure import Failure

from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.store.fs import RealFileSystem
from tests.store.store_support import ROOM, SETTING, Opened, Room, Setting


class FailingFileSystem(RealFileSystem):
    """Counts the calls that change something; the n-th one fails."""

    def __init__(self, failing: int, error: int = errno.EIO) -> None:
        self.left = failing
        self.error = error
        self.calls_after = 0

    def _count(self) -> None:
        if self.left < 0:
            self.calls_after += 1
        if self.left == 0:
            self.left -= 1
            raise OSError(self.error, os.strerror(self.error))
        self.left -= 1

    def create(self, path: Path) -> int:
        self._count()
        return super().create(path)

    def write(self, handle: int, data: bytes) -> int:
        self._count()
        return super().write(handle, data)

    def sync(self, handle: int) -> None:
        self._count()
        super().sync(handle)

    def datasync(self, handle: int) -> None:
        self._count()
        super().datasync(handle)

    def rename(self, old: Path, new: Path) -> None:
        self._count()
        super().rename(old, new)

    def sync_dir(self, path: Path) -> None:
        self._count()
        super().sync_dir(path)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_the_nth_call_fails(tmp_path: Path, error: int) -> None:
    """For every n: what was acknowledged is there after a restart, `failed` is called
    once, everything afterwards fails, and nothing more is written."""
    reached_end = False
    number = 0
    while not reached_end:
        state = tmp_path / str(number)
        Opened(state).close()
        fs = FailingFileSystem(10**9, error)
        failures: list[StoreError] = []
        opened = Opened(state, fs=fs, failed=failures.append)
        fs.left = number
        acknowledged: list[int] = []
        failed_at = 0
        texts: set[str] = set()
        for id in range(1, 8):
            try:
                opened.wait(opened.put(ROOM, Room(id=id, name="r")))
                opened.wait(opened.put(SETTING, Setting(id=id, name="s")))
                if id in (2, 4):
                    opened.wait(opened.store.roll())
            except StoreError as caught:
                failed_at = failed_at or id
                texts.add(str(caught))
            else:
                assert not failed_at
                acknowledged.append(id)
        opened.close()
        assert len(failures) == bool(failed_at)
        assert all(os.strerror(error) in text for text in texts)
        assert fs.calls_after == 0
        again = Opened(state)
        tables: list[Table[Any]] = [ROOM, SETTING]
        for table in tables:
            found = list(again.store.ids(table))
            # The one that failed may be there: that its sync failed says nothing.
            assert found[: len(acknowledged)] == acknowledged
            assert len(found) <= len(acknowledged) + 1
        again.close()
        reached_end = not failed_at
        number += 1
    assert number > 30


def test_all_waiting_commits_fail(tmp_path: Path) -> None:
    """Commits that wait when the disk fails all fail, and so do later ones; `failed`
    is told first, and once."""
    fs = FailingFileSystem(10**9)
    told: list[str] = []
    opened = Opened(
        tmp_path / "state", fs=fs, failed=lambda error: told.append("store")
    )
    fs.left = 0
    commits = [opened.put(ROOM, Room(id=id, name="r")) for id in range(1, 20)]
    commits.append(opened.put(SETTING, Setting(id=1, name="s")))

    def failed(reason: Failure) -> None:
        told.append(type(reason.value).__name__)

    for commit in commits:
        commit.addErrback(failed)
        opened.wait(commit)
    assert told == ["store", *["StoreError"] * 20]
    with pytest.raises(StoreError, match="cannot be written"):
        opened.wait(opened.put(ROOM, Room(id=50, name="late")))
    opened.close()


class ShortFileSystem(RealFileSystem):
    """Writes at most three bytes at a time."""

    def write(self, handle: int, data: bytes) -> int:
        return super().write(handle, data[:3])


def test_short_writes_are_continued(tmp_path: Path) -> None:
    """A call that writes only a part is followed by one for the rest."""
    opened = Opened(tmp_path / "state", fs=ShortFileSystem())
    opened.wait(opened.put(ROOM, Room(id=1, name="a long name")))
    opened.wait(opened.put(SETTING, Setting(id=1, name="another")))
    before = opened.content()
    opened.close()
    again = Opened(tmp_path / "state")
    assert again.content() == before
    again.close()


LIMITED = """
import resource, sys
from pathlib import Path
from typing import Any
from tests.store.store_support import ROOM, Opened, Room
from twisted.python.failure import Failure

from pexschedd.errors import StoreError

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
opened = Opened(Path(sys.argv[1]), failed=lambda error: print("failed", flush=True))
try:
    for id in range(1, 1000):
        opened.wait(opened.put(ROOM, Room(id=id, name="x" * 50)))
        print(id, flush=True)
except StoreError:
    opened.close()
"""


def test_a_full_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """The system's own short write and error, at a limit in the middle of a line."""
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "state")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*_PATH])},
    )
    *acknowledged, last = child.stdout.split()
    assert last == "failed"
    assert len(acknowledged) > 50
    opened = Opened(tmp_path / "state")
    found = [str(id) for id in opened.store.ids(ROOM)]
    assert found == acknowledged
    opened.close()


_PATH = (str(Path(__file__).parents[2]),)
