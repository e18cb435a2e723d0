"""A disk that fails: nothing false is acknowledged, and nothing is tried again."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.python.failure import Failure

from pexschedd.errors import StoreError
from pexschedd.model import tables
from pexschedd.model.table import Table
from pexschedd.store.fs import FileSystem, RealFileSystem
from tests import forked
from tests.store.store_programs import DAEMON, LIMITED
from tests.store.store_support import ROOM, SETTING, VISIT, Opened, Room, Setting
from tests.thorough import THOROUGH


class FailingFileSystem(RealFileSystem):
    """Counts the calls that change something, or read; the n-th one fails."""

    def __init__(self, failing: int, error: int = errno.EIO) -> None:
        self.left = failing
        self.error = error
        self.calls_after = 0
        self.failed = Path()
        """What the call was about."""
        self.was_read = False
        self._paths: dict[int, Path] = {}

    def _count(self, what: Path | int) -> None:
        if self.left < 0:
            self.calls_after += 1
        if self.left == 0:
            self.left -= 1
            self.failed = what if isinstance(what, Path) else self._paths[what]
            raise OSError(self.error, os.strerror(self.error))
        self.left -= 1

    def create(self, path: Path) -> int:
        self._count(path)
        handle = super().create(path)
        self._paths[handle] = path
        return handle

    def write(self, handle: int, data: bytes) -> int:
        self._count(handle)
        return super().write(handle, data)

    def sync(self, handle: int) -> None:
        self._count(handle)
        super().sync(handle)

    def datasync(self, handle: int) -> None:
        self._count(handle)
        super().datasync(handle)

    def rename(self, old: Path, new: Path) -> None:
        self._count(new)
        super().rename(old, new)

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        try:
            self._count(path)
        except OSError:
            self.was_read = True
            raise
        return super().read(path, offset, size)

    def append(self, path: Path) -> int:
        self._count(path)
        handle = super().append(path)
        self._paths[handle] = path
        return handle

    def truncate(self, handle: int, size: int) -> None:
        self._count(handle)
        super().truncate(handle, size)

    def mkdir(self, path: Path) -> None:
        self._count(path)
        super().mkdir(path)

    def sync_dir(self, path: Path) -> None:
        self._count(path)
        super().sync_dir(path)


@pytest.mark.parametrize(
    ("error", "step"), [(errno.EIO, 1), (errno.EFBIG, 1 if THOROUGH else 5)]
)
@pytest.mark.usefixtures("kept")
def test_the_nth_call_fails(tmp_path: Path, error: int, step: int) -> None:
    """For every n, or every fifth where another error has the same consequences: what
    was acknowledged is there after a restart, `failed` is called once, everything
    afterwards fails, and nothing more is written."""
    reached_end = False
    number = 0
    while not reached_end:
        state = tmp_path / str(number)
        Opened(state).close()
        fs = FailingFileSystem(10**9, error)
        failures: list[StoreError] = []
        opened = Opened(state, fs=fs, failed=failures.append)
        fs.left = number
        fs.calls_after = 0
        acknowledged: list[int] = []
        failed_at = 0
        texts: set[str] = set()
        for id in range(1, 8):
            try:
                opened.wait(opened.put(ROOM, Room(id=id, name="r")))
                opened.wait(opened.put(SETTING, Setting(id=id, name="s")))
                if id in (2, 4):
                    opened.wait(opened.store.roll())
                opened.settle()
            except StoreError as caught:
                failed_at = failed_at or id
                texts.add(str(caught))
            else:
                assert not failed_at
                acknowledged.append(id)
        opened.close()
        reached_end = fs.left >= 0
        assert len(failures) == bool(failed_at)
        assert bool(failed_at) == (not reached_end)
        assert all(os.strerror(error) in text for text in texts)
        assert fs.calls_after == 0
        again = Opened(state)
        both: list[Table[Any]] = [ROOM, SETTING]
        for table in both:
            found = list(again.store.ids(table))
            # The one that failed may be there: that its sync failed says nothing.
            assert found[: len(acknowledged)] == acknowledged
            assert len(found) <= len(acknowledged) + 1
        again.close()
        number += step
    assert number > 30


@pytest.mark.usefixtures("kept")
def test_the_nth_call_of_a_compaction_fails(tmp_path: Path) -> None:
    """For every n: a broken disk ends the store, unless it was a read, which is mended;
    whatever happens, everything acknowledged is there, and who waits is never told that
    it was compacted when the store has failed."""
    error = errno.EIO
    number = finished = 0
    ended: set[bool] = set()
    while not finished:
        state = tmp_path / str(number)
        fs = FailingFileSystem(10**9, error)
        failures: list[StoreError] = []
        opened = Opened(state, fs=fs, failed=failures.append)
        for id in range(1, 6):
            opened.wait(opened.put(ROOM, Room(id=id % 2 + 1, name=f"{id}")))
        opened.wait(opened.store.roll())
        opened.wait(opened.put(VISIT, Room(id=1, name="v")))
        opened.settle()
        content = opened.content()
        fs.left = number
        fs.calls_after = 0
        problem = ""
        try:
            opened.compact()
            opened.settle()
            finished = fs.left >= 0
        except StoreError as caught:
            problem = str(caught)
        if failures:
            assert os.strerror(error) in str(failures[0])
            assert problem == str(failures[0])
        else:
            assert not problem or os.strerror(error) in problem
        if fs.failed.suffix == ".hint" and fs.was_read:
            assert not failures
            assert not problem
        ended.add(bool(failures))
        assert failures or finished or not problem
        if failures:
            assert fs.calls_after == 0
        elif not finished:
            fs.left = 10**9
            opened.compact()
        opened.close()
        again = Opened(state)
        assert again.content() == content
        again.close()
        number += 1
    assert number > 8
    assert ended == {True, False}


@pytest.mark.usefixtures("kept")
def test_the_nth_call_of_a_start_fails(tmp_path: Path) -> None:
    """For every n: the start is refused with the system's reason, the folder is
    unlocked, and the next start finds everything, a torn tail set aside. Without a
    hint file it goes on."""
    error = errno.EIO
    number = 0
    reached_end = False
    while not reached_end:
        state = tmp_path / str(number)
        opened = Opened(state)
        opened.wait(opened.put(ROOM, Room(id=1, name="a")))
        opened.wait(opened.put(SETTING, Setting(id=1, name="s")))
        opened.wait(opened.store.roll())
        opened.wait(opened.put(ROOM, Room(id=2, name="b")))
        opened.settle()
        content = opened.content()
        opened.close()
        with (state / "journal" / "00000002.jsonl").open("ab") as file:
            file.write(b'{"seq":3,"put"')
        problem = ""
        fs = FailingFileSystem(number, error)
        try:
            opened = Opened(state, fs=fs)
        except StoreError as caught:
            problem = str(caught)
            opened = Opened(state)
        reached_end = fs.left >= 0
        assert bool(problem) == (not reached_end and fs.failed.suffix != ".hint")
        assert os.strerror(error) in problem or not problem
        assert opened.content() == content
        opened.close()
        number += 1
    assert number > 10


def test_a_lonely_commit_is_one_write_and_one_sync(tmp_path: Path) -> None:
    """Nothing else: no second sync, no folder, no other file."""

    class Counting(RealFileSystem):
        calls: list[str] = []

        def __getattribute__(self, name: str) -> Any:
            if name in FileSystem.__dict__ and not name.startswith("_"):
                Counting.calls.append(name)
            return super().__getattribute__(name)

    opened = Opened(tmp_path / "state", fs=Counting())
    opened.wait(opened.put(ROOM, Room(id=1, name="first")))
    Counting.calls.clear()
    opened.wait(opened.put(ROOM, Room(id=1, name="alone")))
    opened.wait(opened.delete(ROOM, 1))
    assert Counting.calls == ["write", "datasync"] * 2
    opened.close()


@pytest.mark.usefixtures("kept")
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


def test_a_full_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """The system's own short write and error, at a limit in the middle of a line."""
    state = tmp_path / "state"
    status, said, _ = forked.run(LIMITED, [str(state)], cwd=tmp_path)
    assert status == 0
    *acknowledged, last = said.split()
    assert last == "failed"
    assert len(acknowledged) > 50
    opened = Opened(tmp_path / "state")
    found = [str(id) for id in opened.store.ids(ROOM)]
    assert found == acknowledged
    opened.close()


def test_the_daemon_exits_when_the_disk_fails(tmp_path: Path) -> None:
    """It says why, ends with a status that makes a supervisor start it again, and what
    it had acknowledged is there."""
    config = tmp_path / "config.json"
    some = '["tcp:0:interface=127.0.0.1"]'
    endpoints = f'{{"addin": {some}, "admin": {some}}}'
    config.write_text(f'{{"state_dir": "state", "endpoints": {endpoints}}}')
    (tmp_path / "state").mkdir(mode=0o700)
    status, said, wrong = forked.run(DAEMON, [str(config)], cwd=tmp_path)
    # First the reason: whatever else goes wrong in that program ends with 1, too.
    assert os.strerror(errno.EFBIG) in wrong, wrong
    assert "Traceback" not in wrong
    assert status == 1
    acknowledged = [int(word) for word in said.split() if word.isdecimal()]
    assert len(acknowledged) > 20, wrong
    opened = Opened(tmp_path / "state", list(tables.TABLES))
    assert set(acknowledged) <= set(opened.store.ids(tables.CONFERENCE))
    opened.close()
