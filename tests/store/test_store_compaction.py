"""Compaction: what matters stays, byte for byte; everything else goes; never an id."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pexschedd.errors import StoreError
from pexschedd.store import compactor
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.journal import line
from tests.store.store_disk import Disk
from tests.store.store_support import ROOM, SETTING, VISIT, Opened, Room, Setting

STATE = Path("/state")
JOURNAL = STATE / "journal"

pytestmark = pytest.mark.usefixtures("kept")


def _segments(disk: Disk) -> list[str]:
    """The names of the segments that count."""
    opened = Opened(STATE, fs=disk)
    names = [s.name for s in opened.store._segments.manifest.segments]
    opened.close()
    return names


def test_live_lines_are_copied_byte_for_byte() -> None:
    """The compacted segment has exactly the last line on each record, unchanged, and
    no deletion; memory, files and another start agree."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    for number in range(1, 6):
        opened.wait(
            opened.put(ROOM, Room(id=1, name=f"{number}"), Room(id=number, name="é"))
        )
    opened.wait(opened.put(VISIT, Room(id=4, name="x")))
    opened.wait(opened.delete(ROOM, 2, 3))
    before = opened.content()
    written = disk.read(JOURNAL / "00000001.jsonl").splitlines(keepends=True)
    opened.compact()
    assert opened.content() == before
    opened.close()
    compacted, active = _segments(disk)
    assert active == "00000002.jsonl"
    kept = disk.read(JOURNAL / compacted).splitlines(keepends=True)
    last: dict[Any, bytes] = {}
    for each in written:
        decoded = line.decode(each[:-1])
        last.pop((decoded.table, decoded.id), None)
        if decoded.put:
            last[decoded.table, decoded.id] = each
    assert kept == list(last.values())
    opened = Opened(STATE, fs=disk)
    assert opened.content() == before
    opened.close()


def test_ids_of_compacted_deletions_are_not_given_again() -> None:
    """When not a line is left that knows an id, it is still never given again."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    opened.wait(opened.put(ROOM, Room(id=41, name="a")))
    opened.wait(opened.delete(ROOM, 41))
    opened.compact()
    opened.close()
    for number in range(42, 54):
        opened = Opened(STATE, fs=disk)
        assert opened.store.transaction().new_id(ROOM) == number
        opened.wait(opened.put(VISIT, Room(id=1, name="n")))
        opened.compact()
        opened.close()


def test_it_begins_by_itself() -> None:
    """When more than half is dead, and no sooner; the folder stays small for ever."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, segment_size=2000, compact_from=3000)
    largest = 0
    for number in range(3000):
        opened.wait(opened.put(ROOM, Room(id=number % 20 + 1, name=f"{number}")))
        if number % 50 == 0:
            names = disk.listdir(JOURNAL)
            largest = max(largest, sum(disk.size(JOURNAL / name) for name in names))
    content = opened.content()
    opened.close()
    assert any(name.startswith("c") for name in _segments(disk))
    assert largest < 60_000, "3000 lines were some 250 kB"
    again = Opened(STATE, fs=disk)
    assert again.content() == content
    again.close()


def test_there_are_never_too_many_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many backups begin one, and though nothing is dead: each is an open file.
    Where there is no room for it, not each commit tries again."""
    monkeypatch.setattr(compactor, "MANY", 32)
    state = tmp_path / "state"
    fs = Full()
    fs.full = False
    opened = Opened(state, fs=fs, compact_from=1 << 40, reserve=0)
    most = 0
    for number in range(1, 161):
        opened.wait(opened.put(ROOM, Room(id=number, name=f"{number}")))
        opened.wait(opened.store.roll())
        while opened.store._compactor.running:
            opened.wait(opened.store._journal.call(lambda: None))
        segments = len(opened.store._line_index.segments)
        if number == 80:
            fs.full = True
            fs.attempts = 0
        if number <= 80:
            most = max(most, segments)
    assert most == 33
    assert segments > 80
    assert 2 < fs.attempts < 40
    fs.full = False
    opened.wait(opened.put(ROOM, Room(id=161, name="161")))
    opened.wait(opened.store.roll())
    opened.compact()
    opened.close()
    opened = Opened(state)
    assert [room.name for room in opened.store.all(ROOM)] == [
        f"{number}" for number in range(1, 162)
    ]
    opened.close()


def test_nothing_is_compacted_that_is_alive() -> None:
    """A journal without dead lines is left alone, however large."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, segment_size=2000, compact_from=0)
    for number in range(1, 500):
        opened.wait(opened.put(ROOM, Room(id=number, name="x")))
    opened.close()
    assert not any(name.startswith("c") for name in _segments(disk))


def test_commits_go_on_meanwhile() -> None:
    """Commits and rolls between the slices become durable before the compaction ends,
    and what they replace is not alive afterwards."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, segment_size=4000)
    for number in range(1, 200):
        opened.put(ROOM, Room(id=number, name="x" * 50))
    opened.wait(opened.put(ROOM, Room(id=1, name="y")))
    opened.store._compactor.consider()
    compaction = opened.store.compact()
    done = Deferred.fromCoroutine(compaction)
    for number in range(1, 150):
        opened.wait(opened.put(ROOM, Room(id=number, name="z" * 70)))
    assert opened.wait(done) == ""
    opened.compact()
    content = opened.content()
    opened.close()
    again = Opened(STATE, fs=disk)
    assert again.content() == content
    line_index = again.store._line_index
    assert line_index.dead == 0
    assert sum(sum(lines.alive) for lines in line_index.segments) == 199
    again.close()


class Full(RealFileSystem):
    """A disk that has no room for a copy."""

    full = True
    attempts = 0

    def create(self, path: Path) -> int:
        if "compaction" in path.name:
            self.attempts += 1
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return super().create(path)


def test_what_was_given_up_waits_for_more(tmp_path: Path) -> None:
    """No new attempt with each commit: as much as makes the first one has to die."""
    fs = Full()
    opened = Opened(
        tmp_path / "state", fs=fs, segment_size=2000, compact_from=4000, reserve=0
    )
    for number in range(100):
        opened.wait(opened.put(ROOM, Room(id=1, name="x" * 100)))
        opened.wait(opened.store.look_at_disk())
        assert fs.attempts <= 1 + number * 200 // 4000
    assert fs.attempts > 1
    opened.close()


@pytest.mark.parametrize("call", ["create", "write"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE])
def test_without_space_it_is_given_up(error: int, call: str) -> None:
    """A disk that has no room for the copy, or a machine that opens no more files,
    keeps the old segments; the store goes on and can compact later."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.wait(opened.put(ROOM, Room(id=1, name="b")))
    opened.wait(opened.store.roll())

    def full(now: str) -> None:
        if now == call:
            raise OSError(error, os.strerror(error))

    disk.before = full
    with pytest.raises(StoreError, match=f"just now: {os.strerror(error)}"):
        opened.compact()
    disk.before = lambda call: None
    assert ".compaction.tmp" not in disk.listdir(JOURNAL)
    opened.wait(opened.put(SETTING, Setting(id=1, name="goes on")))
    opened.compact()
    assert opened.store._line_index.dead == 0
    opened.close()


def test_closing_stops_it() -> None:
    """A store that is closed in the middle leaves nothing behind, and loses nothing."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, segment_size=1000)
    for number in range(100):
        opened.put(ROOM, Room(id=number % 7 + 1, name=f"{number}"))
    opened.wait(opened.store.roll())
    content = opened.content()
    opened.store._compactor.compact()
    opened.close()
    assert ".compaction.tmp" not in disk.listdir(JOURNAL)
    again = Opened(STATE, fs=disk)
    assert again.content() == content
    again.close()
