"""The first start of another release keeps a copy of what the one before has left."""

import errno
import itertools
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from pexschedd.errors import StoreError, StoreNewer
from pexschedd.model.fields.declaration import Record
from pexschedd.model.table import Table
from pexschedd.store.fs import is_temporary
from pexschedd.store.release_change import superseded, unused_name
from tests.store.refusing_disk import STATE, RefusingDisk
from tests.store.store_disk import Disk, few_cuts
from tests.store.store_support import (
    ROOM,
    SETTING,
    TABLES,
    Opened,
    Room,
    Setting,
    files,
)

NEWER_ROOM = Table("room", Room, version=2, upgrades={1: lambda stored: stored})
NEWER = [NEWER_ROOM if table is ROOM else table for table in TABLES]


def _state(state: Path, version: str = "0.1.0") -> None:
    """A folder with a room and a setting, closed by this release."""
    opened = Opened(state, version=version, copies=3)
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.wait(opened.put(SETTING, Setting(id=1, name="s")))
    opened.close()


def _backups(state: Path) -> list[str]:
    backups = state / "backups"
    return sorted(path.name for path in backups.iterdir()) if backups.is_dir() else []


def test_the_copy_is_what_the_release_before_left(tmp_path: Path) -> None:
    """Byte for byte, its number in `format.json` included; it can be opened by that
    release, which sees nothing of what the new one has done."""
    state = tmp_path / "state"
    _state(state)
    left = {
        path.relative_to(state): path.read_bytes()
        for path in files(state)
        if path.name != "LOCK" and "reserve" not in path.name
    }
    opened = Opened(state, version="0.2.0", copies=3)
    opened.wait(opened.put(ROOM, Room(id=1, name="b")))
    opened.close()
    copy = state / "backups" / "before-0.2.0"
    assert {p.relative_to(copy): p.read_bytes() for p in files(copy)} == left
    back = Opened(copy, version="0.1.0")
    assert back.store.get(ROOM, 1) == Room(id=1, name="a")
    assert back.store.get(SETTING, 1) == Setting(id=1, name="s")
    back.close()


def test_the_log_says_what_was_taken_over(tmp_path: Path) -> None:
    """Both releases, the tables whose records were of an older version, the copy."""
    state = tmp_path / "state"
    _state(state)
    with capturedLogs() as events:
        Opened(state, NEWER, version="0.2.0", copies=3).close()
    (event,) = [each for each in events if "wrote" in each]
    assert (event["wrote"], event["this"]) == ("0.1.0", "0.2.0")
    assert event["tables"] == "room:1-2"
    assert event["copy"] == str(state / "backups" / "before-0.2.0")


def test_one_copy_for_one_change(tmp_path: Path) -> None:
    """Not at the first start, nor at the second one of the same release; who goes back
    and comes again has one more, and three are the most."""
    state = tmp_path / "state"
    _state(state)
    assert _backups(state) == []
    for version in ["0.2.0", "0.2.0", "0.1.0", "0.2.0"]:
        Opened(state, version=version, copies=3).close()
    assert _backups(state) == ["before-0.1.0", "before-0.2.0", "before-0.2.0-2"]
    (state / "backups" / "before-the-move").mkdir()
    for version in ["0.9.0", "0.10.0"]:
        Opened(state, version=version, copies=3).close()
    assert _backups(state) == [
        "before-0.10.0",
        "before-0.2.0-2",
        "before-0.9.0",
        "before-the-move",
    ]


def test_a_release_that_refuses_keeps_nothing(tmp_path: Path) -> None:
    """It changes nothing in the folder, however often it is started."""
    state = tmp_path / "state"
    Opened(state, NEWER, version="0.2.0").close()
    opened = Opened(state, NEWER, version="0.2.0")
    opened.wait(opened.put(NEWER_ROOM, Room(id=1, name="a")))
    opened.close()
    before = {path: path.read_bytes() for path in files(state)}
    with pytest.raises(StoreNewer):
        Opened(state, version="0.1.0", copies=3)
    assert {path: path.read_bytes() for path in files(state)} == before


T = TypeVar("T")
Content = dict[str, dict[int, Record]]


def _left_behind() -> tuple[Disk, Content]:
    """A disk as 0.1.0 has left it, with a sealed segment and a document, and what the
    store has in it."""
    disk = Disk()
    opened = Opened(STATE, version="0.1.0", fs=disk, reserve=0)
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.wait(opened.put(SETTING, Setting(id=1, name="s")))
    opened.wait(opened.store.roll())
    opened.wait(opened.put(ROOM, Room(id=2, name="b")))
    content = opened.content()
    opened.close()
    return disk, content


def _stop_before(disk: Disk, call: int) -> None:
    """Let so many calls that change something happen, and none after those."""
    left = itertools.count(call, -1)

    def before(name: str) -> None:
        if next(left) <= 0:
            raise OSError(errno.EIO, f"stopped before {name}")

    disk.before = before


def _content(disk: Disk, folder: Path, version: str = "0.1.0") -> Content:
    """What a release finds in a folder; the disk stays as it is."""
    opened = Opened(folder, version=version, fs=disk.killed(), reserve=0)
    content = opened.content()
    opened.close()
    return content


def _is_noted(disk: Disk) -> bool:
    return b'"version": "0.2.0"' in disk.read(STATE / "format.json")


def _copies(disk: Disk) -> list[str]:
    return list(disk.listdir(STATE / "backups")) if _has_backups(disk) else []


@pytest.mark.parametrize("power_fails", [True, False])
def test_an_upgrade_that_ends_anywhere(power_fails: bool) -> None:
    """Before each call of a first start the process is killed, or the power fails. The
    release before can go on with what is left; every copy with a final name is whole;
    once the new release is noted there is one; and its next start succeeds."""
    random = Random(7)  # noqa: S311 - which writes a failure keeps, not which secrets

    def chosen(among: Sequence[T]) -> T:
        return random.choice(among)

    call, ended, noted = 0, False, 0
    while not ended:
        disk, content = _left_behind()
        _stop_before(disk, call)
        try:
            opened = Opened(
                STATE, version="0.2.0", fs=disk, copies=3, reserve=0, failed=_ended
            )
            opened.close()
            ended = disk.before("is there any call left") is None
        except (StoreError, OSError):
            pass
        left = disk.crash(few_cuts, chosen) if power_fails else disk.killed()
        whole = [each for each in _copies(left) if not is_temporary(each)]
        for copy in whole:
            assert _content(left, STATE / "backups" / copy) == content, call
        assert whole or not _is_noted(left), call
        assert _content(left, STATE) == content, call
        noted += _is_noted(left)
        again = Opened(STATE, version="0.2.0", fs=left, copies=3, reserve=0)
        assert again.content() == content, call
        again.close()
        assert _is_noted(left)
        assert _copies(left), call
        assert not any(is_temporary(each) for each in _copies(left)), call
        call += 1
    assert call > 20
    assert noted


def _ended(error: StoreError) -> None:
    """A store that fails is what that test is about."""


class FullDisk(RefusingDisk):
    """Takes no data, and gives room up."""

    def rmdir(self, path: Path) -> None:
        before, self.before = self.before, lambda call: None
        super().rmdir(path)
        self.before = before


def _has_backups(disk: Disk) -> bool:
    return "backups" in disk.listdir(STATE)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_keeps_no_start_waiting(code: int) -> None:
    """Wherever in the copy it gets full: the start goes on, the log says that there is
    no copy, and nothing is left of it."""
    failed = 0
    for number in range(200):
        disk = FullDisk(code)
        opened = Opened(STATE, version="0.1.0", fs=disk, reserve=0)
        opened.wait(opened.put(ROOM, Room(id=1, name="a")))
        opened.close()
        disk.left = number
        with capturedLogs() as events:
            opened = Opened(STATE, version="0.2.0", fs=disk, copies=3, reserve=0)
        assert opened.store.get(ROOM, 1) == Room(id=1, name="a")
        copies = disk.listdir(STATE / "backups") if _has_backups(disk) else []
        is_there = not any("kept no copy" in each["log_format"] for each in events)
        assert "before-0.2.0" in copies or not is_there
        disk.heal()
        opened.close()
        Opened(STATE, version="0.2.0", fs=disk, copies=3).close()
        if is_there:
            break
        failed += 1
        assert set(copies) <= {"before-0.2.0"}  # whole, if the last sync was refused
    assert failed > 10


@given(st.lists(st.from_regex(r"before-[0-3]\.[0-3]\.0(-[2-3])?", fullmatch=True)))
def test_the_newest_is_never_removed(names: list[str]) -> None:
    """Whatever is there: its name is its own, and what stays is bounded."""
    newest = unused_name("1.1.0", names)
    assert newest not in names
    gone = superseded([*names, newest], newest, 3)
    assert newest not in gone
    assert len({*names, newest} - set(gone)) <= 3


def test_a_read_only_disk_keeps_no_start_waiting() -> None:
    """There is no copy, and everything can be read."""
    disk = RefusingDisk(errno.EROFS)
    opened = Opened(STATE, version="0.1.0", fs=disk, reserve=0)
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.close()
    disk.left = 0
    with capturedLogs() as events:
        opened = Opened(STATE, version="0.2.0", fs=disk, copies=3, reserve=0)
    assert opened.store.get(ROOM, 1) == Room(id=1, name="a")
    assert any("kept no copy" in each["log_format"] for each in events)
    disk.heal()
    opened.close()
