"""The reserve file: given up for the last writes, and made again."""

import errno
import os
from pathlib import Path

import pytest

from pexschedd.errors import StoreFull, StoreReadOnly
from pexschedd.store.disk import reserve_file
from pexschedd.store.disk.reserve import DiskSpace, StoreState
from pexschedd.store.disk.reserve_file import NAME, SIZE, size_of
from pexschedd.store.fs import RealFileSystem
from tests.store.refusing_disk import look, outcome, state_of
from tests.store.store_support import ROOM, Opened, Room


class Quota(RealFileSystem):
    """The files of a folder may have so many bytes; no free space shows it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.limit = 1 << 30

    def space(self, path: Path) -> DiskSpace:
        return DiskSpace(1 << 40, 1 << 40)

    def write(self, handle: int, data: bytes) -> int:
        used = sum(p.stat().st_size for p in self._folder.rglob("*") if p.is_file())
        if used + len(data) > self.limit:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return super().write(handle, data)

    @property
    def used(self) -> int:
        return sum(p.stat().st_size for p in self._folder.rglob("*") if p.is_file())


def renewed(opened: Opened) -> None:
    look(opened)
    done = opened.store.renew_reserve()
    if done is not None:
        opened.wait(done)


def test_the_reserve_lets_the_last_writes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reserve file is given up without a commit failing; then nothing new is
    taken, what is essential goes on until that is used up, too; and with room again
    the file is there again and everything is taken. It has the product's own size."""
    monkeypatch.setattr(reserve_file, "SIZE", SIZE)
    state = tmp_path / "state"
    fs = Quota(state)
    opened = Opened(state, fs=fs)
    renewed(opened)
    reserve = state / NAME
    assert reserve.stat().st_size == SIZE
    assert reserve.stat().st_mode & 0o777 == 0o600
    fs.limit = fs.used + 100
    opened.wait(opened.put(ROOM, Room(id=1, name="x" * 1000)))
    assert not reserve.exists()
    assert state_of(opened) is StoreState.NEARLY_FULL
    with pytest.raises(StoreFull, match="reserve") as caught:
        opened.put(ROOM, Room(id=2, name="b"))
    assert not isinstance(caught.value, StoreReadOnly)
    renewed(opened)
    assert not reserve.exists()
    written = 0
    while state_of(opened) is not StoreState.READ_ONLY:
        with opened.store.transaction(essential=True) as change:
            change.put(ROOM, Room(id=1, name="x" * 100_000))
            written += outcome(opened, change.commit()) is None
    assert written > 30
    renewed(opened)
    assert state_of(opened) is StoreState.READ_ONLY
    fs.limit = 1 << 30
    renewed(opened)
    assert state_of(opened) is StoreState.WRITABLE
    assert reserve.stat().st_size == SIZE
    opened.wait(opened.put(ROOM, Room(id=2, name="b")))
    opened.close()


def test_an_unfinished_reserve_is_written_again(tmp_path: Path) -> None:
    """A file of another size, as a crash leaves it, is none."""
    opened = Opened(tmp_path / "state")
    (tmp_path / "state" / NAME).write_bytes(b"x")
    size = size_of(RealFileSystem().space(tmp_path))
    renewed(opened)
    assert (tmp_path / "state" / NAME).stat().st_size == size
    assert state_of(opened) is StoreState.WRITABLE
    opened.close()
