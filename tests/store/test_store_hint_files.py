"""Hint files: a short cut for starts, and never more than that."""

import errno
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pexschedd.errors import StoreError
from pexschedd.store import hint_files
from pexschedd.store.compaction import Compaction
from pexschedd.store.fs import is_temporary
from pexschedd.store.manifest import hint_name
from pexschedd.store.space import MIB, Space
from tests.store.cold_support import JOURNAL, STATE, close, cold, hints
from tests.store.store_disk import Disk, few_cuts
from tests.store.store_support import (
    ROOM,
    ROOM_BY_NAME,
    ROOM_BY_OWNER,
    VISIT,
    WAIT,
    Opened,
    Room,
)


def test_a_small_store_has_no_hint_files(by_line: list[str]) -> None:
    """Of the newest lines, as many as are kept, nobody needs them: not one is ever
    begun, whatever is sealed, compacted and opened; with one line more there is one."""
    disk = Disk()
    for start in range(1, 40, 10):
        opened = Opened(STATE, fs=disk, kept=40, segment_size=300)
        for id in range(start, start + 10):
            opened.wait(opened.put(ROOM, Room(id=id, name="x")))
        if start == 21:
            opened.compact()
        close(opened)
        assert hints(disk) == []
    opened = Opened(STATE, fs=disk, kept=40, segment_size=300)
    opened.wait(opened.put(ROOM, Room(id=41, name="x")))
    opened.wait(opened.store.roll())
    close(opened)
    assert len(hints(disk)) == 1
    by_line.clear()
    Opened(STATE, fs=disk, kept=40).close()
    segments = {name for name in disk.listdir(JOURNAL) if name.endswith(".jsonl")}
    assert set(by_line) < segments


def test_a_start_reads_no_lines_that_have_hints(
    by_line: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the segment that grows; and all of them when the hints are of another
    release, of another Unicode, damaged or gone, which are then written again."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, kept=0, version="1")
    for id in range(1, 31):
        opened.put(ROOM, Room(id=id, name=f"r{id}"))
        if id % 10 == 0:
            opened.wait(opened.store.roll())
    content = opened.content()
    close(opened)
    sealed = [f"{number:08}.jsonl" for number in (1, 2, 3)]
    written = [disk.read(JOURNAL / name) for name in hints(disk)]
    assert len(written) == 3

    def start(**options: Any) -> list[str]:
        by_line.clear()
        again = Opened(STATE, fs=disk, kept=0, **{"version": "1"} | options)
        assert again.content() == content
        assert again.store.find(ROOM_BY_NAME, "r7") == Room(id=7, name="r7")
        close(again)
        return [name for name in by_line if name in sealed]

    assert start() == []
    assert start(version="2") == sealed
    assert start(version="2") == []
    assert start() == sealed
    with monkeypatch.context() as patched:
        patched.setattr(hint_files, "unidata_version", "99.0.0")
        assert start() == sealed
        assert start() == []
    assert start() == sealed
    assert [disk.read(JOURNAL / name) for name in hints(disk)] == written
    disk.unlink(JOURNAL / "00000002.hint")
    assert start() == sealed[1:2]
    disk._file(JOURNAL / "00000003.hint").data = written[2][:-1]
    assert start() == sealed[2:]
    disk._file(JOURNAL / "00000001.hint").data = b""
    assert start() == sealed[:1]
    assert [disk.read(JOURNAL / name) for name in hints(disk)] == written
    # A line that is not what it was, in the segment itself, is still seen.
    file = disk._file(JOURNAL / "00000002.jsonl")
    file.data = file.data.replace(b"r15", b"r16")
    with pytest.raises(StoreError, match=r"00000002\.jsonl, line 5: the checksum"):
        start()


def test_what_a_crash_has_left_is_not_in_the_hints(by_line: list[str]) -> None:
    """The segment of a torn tail, when it is full, has hints that fit it."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, kept=0)
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.close()
    handle = disk.append(JOURNAL / "00000001.jsonl")
    disk.write(handle, b'{"seq":2,"tx":[1,2],"put":"ro')
    disk.close(handle)
    opened = Opened(STATE, fs=disk, kept=0)
    opened.wait(opened.put(ROOM, Room(id=2, name="b"), Room(id=3, name="c")))
    content = opened.content()
    opened.wait(opened.store.roll())
    close(opened)
    by_line.clear()
    opened = Opened(STATE, fs=disk, kept=0)
    assert by_line == ["00000002.jsonl"]
    assert opened.content() == content
    opened.close()


def test_hint_files_go_with_their_segments() -> None:
    """What compaction has replaced takes its hint file along, and a start removes one
    whose segment is not there, but nothing that only looks like one."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, kept=0, segment_size=300)
    for number in range(60):
        opened.wait(opened.put(ROOM, Room(id=number % 5 + 1, name=f"{number}")))
    opened.settle()
    replaced = hints(disk)
    assert len(replaced) > 5
    opened.compact()
    opened.settle()
    opened.wait(opened.store._journal.call(partial(opened.store._segments.forget, 1)))
    (left,) = hints(disk)
    assert left.startswith("c")
    content = opened.content()
    opened.close()
    for name in (replaced[0], "c00000099.hint", "00000099.hint", "mine.hint"):
        disk.close(disk.create(JOURNAL / name))
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.content() == content
    close(opened)
    assert hints(disk) == [left, "mine.hint"]


def _damage_last_block(hint: bytes) -> bytes:
    """What comes before it seems to be as it was."""
    end = hint.index(b'{"format"')
    return hint[: end - 1] + bytes([hint[end - 1] ^ 1]) + hint[end:]


@pytest.mark.parametrize(
    "damage",
    [None, lambda hint: b"lost", lambda hint: hint[:-1], _damage_last_block],
    ids=["sound", "other", "cut", "last block"],
)
def test_a_compacted_segment_gets_the_hints_of_its_lines(
    damage: Callable[[bytes], bytes] | None, by_line: list[str]
) -> None:
    """Copied from the files of what was compacted, they are what reading the segment
    line by line gives, byte for byte; if one of those is damaged it is read so."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, kept=0)
    for number in range(40):
        opened.put(ROOM, Room(id=number % 25 + 1, name=f"{number}", owner=number % 3))
        opened.put(VISIT, Room(id=number + 1, name="v"))
        if number % 10 == 5:
            opened.delete(VISIT, number - 2, number - 3)
            opened.delete(ROOM, number % 4 + 1)
        if number % 10 == 9:
            opened.wait(opened.store.roll())
    close(opened)
    opened = Opened(STATE, fs=disk, kept=0)
    assert all(lines.hints is None for lines in opened.store._ledger.segments[:-1])
    if damage:  # while it runs
        file = disk._file(JOURNAL / "00000002.hint")
        file.data = damage(file.data)
    content = opened.content()
    opened.compact()
    segment = opened.store._segments.manifest.segments[0]
    assert segment.compacted
    compacted, hint = segment.name, JOURNAL / hint_name(segment.name)
    # Nothing of it is kept in memory, not even for now, nor what was begun of a file.
    assert opened.store._ledger.segments[0].hints is None
    assert not any(is_temporary(name) for name in disk.listdir(JOURNAL))
    assert (hint.name in hints(disk)) == (damage is None)
    close(opened)
    if damage is None:
        copied = disk.read(hint)
        disk.unlink(hint)
    by_line.clear()
    opened = Opened(STATE, fs=disk, kept=0)
    assert compacted in by_line
    assert opened.content() == content
    close(opened)
    if damage is None:
        assert disk.read(hint) == copied
    by_line.clear()
    opened = Opened(STATE, fs=disk, kept=0)
    assert compacted not in by_line
    assert opened.content() == content
    opened.close()
    assert not any(is_temporary(name) for name in disk.listdir(JOURNAL))


def test_what_was_copied_of_damaged_hints_is_not_used() -> None:
    """That they are damaged is known when the last block is read, of which nothing may
    be needed."""
    disk = Disk()
    opened = cold(disk, count=6)
    opened.wait(opened.delete(ROOM, 4, 5, 6))
    owned = opened.store.find_all(ROOM_BY_OWNER, 1)
    assert [room.id for room in owned] == [1]
    file = disk._file(JOURNAL / "00000001.hint")
    end_of_first_block = file.data.index(b'{"format"') // 2
    damaged = bytearray(file.data)
    for place in range(end_of_first_block - 3 * 16, end_of_first_block):
        damaged[place] ^= 0xFF
    file.data = bytes(damaged)
    opened.compact()
    close(opened)
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.store.find_all(ROOM_BY_OWNER, 1) == owned
    close(opened)


def test_hints_of_another_copy_of_the_folder_are_not_used(by_line: list[str]) -> None:
    """They may be for a segment of the same name, numbers and size with other lines:
    neither a compaction believes them, nor a start."""
    disk, other = Disk(), Disk()
    for each, owner in ((disk, 1), (other, 2)):
        opened = Opened(STATE, fs=each, random=bytes)
        for id in range(1, 8):
            opened.put(ROOM, Room(id=id, name="x", owner=owner))
        opened.wait(opened.store.roll())
        opened.close()
        close(Opened(STATE, fs=each, kept=0))
    hint = JOURNAL / "00000001.hint"
    mine, its = disk.read(hint), other.read(hint)
    assert len(mine) == len(its)
    disk._file(hint).data = its
    by_line.clear()
    opened = Opened(STATE, fs=disk, kept=0)
    assert "00000001.jsonl" in by_line
    close(opened)
    assert disk.read(hint) == mine
    opened = Opened(STATE, fs=disk, kept=0)
    owned = opened.store.find_all(ROOM_BY_OWNER, 1)
    assert len(owned) == 7
    disk._file(hint).data = its
    opened.compact()
    close(opened)
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.store.find_all(ROOM_BY_OWNER, 1) == owned
    opened.close()


def test_hints_survive_a_time_without_records() -> None:
    """A compacted segment without a line has no hints, and takes none away."""
    disk = Disk()
    opened = cold(disk, count=6)
    opened.wait(opened.delete(ROOM, *range(1, 7)))
    opened.compact()
    assert opened.store._segments.manifest.segments[0].lines == 0
    close(opened)
    opened = Opened(STATE, fs=disk, kept=0)
    opened.wait(opened.put(ROOM, Room(id=7, name="again")))
    opened.wait(opened.store.roll())
    opened.settle()
    assert opened.store._ledger.segments[0].hints is None
    opened.compact()
    close(opened)
    segment = opened.store._segments.manifest.segments[0]
    assert segment.lines == 1
    assert hint_name(segment.name) in hints(disk)


@pytest.mark.parametrize("kept", [0, 20, 100])
def test_a_compaction_keeps_few_hints_in_memory(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than are of use to nobody, and a block. What is beyond that is written
    down while lines are still copied."""
    most, plain = 0, Compaction.step

    def step(self: Compaction) -> bool:
        nonlocal most
        more = plain(self)
        if self.lines.hints is not None:
            most = max(most, self.lines.hints.count)
        return more

    monkeypatch.setattr(Compaction, "step", step)
    monkeypatch.setattr(Compaction.__init__, "__defaults__", (100,))
    opened = Opened(STATE, fs=Disk(), kept=kept)
    for id in range(1, 81):
        opened.put(ROOM, Room(id=id, name="x" * 30))
    opened.compact()
    assert len(opened.store._ledger.segments[0].sizes) == 80
    left = opened.store._ledger.segments[0].hints
    assert left is None if kept < 80 else left is not None
    assert min(kept, 80) <= most <= kept + 3
    close(opened)


def test_without_room_a_compaction_writes_no_hints() -> None:
    """Nor keeps them; the segment is read line by line at the next start."""
    disk = Disk()
    opened = cold(disk)
    disk.free = Space(100 * MIB, 400 * MIB)
    content = opened.content()
    opened.compact()
    assert opened.store._ledger.segments[0].hints is None
    assert not any(name.startswith("c") for name in hints(disk))
    close(opened)
    disk.free = Space(300 * MIB, 400 * MIB)
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.content() == content
    close(opened)
    assert any(name.startswith("c") for name in hints(disk))


SHORT_OF = [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENOMEM]


class NoHints(Disk):
    """The n-th thing that is done to a hint file, or what becomes one, fails."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 1 << 30
        self.error = 0
        self._hints: set[int] = set()

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0 and self.error:
            error, self.error = self.error, 0
            raise OSError(error, os.strerror(error))

    def space(self, path: Path) -> Space:
        if path == JOURNAL:
            self._count()
        return super().space(path)

    def create(self, path: Path) -> int:
        if "hint" in path.name:
            self._count()
        handle = super().create(path)
        if "hint" in path.name:
            self._hints.add(handle)
        return handle

    def write(self, handle: int, data: bytes) -> int:
        if handle in self._hints:
            self._count()
        return super().write(handle, data)

    def datasync(self, handle: int) -> None:
        if handle in self._hints:
            self._count()
        super().datasync(handle)

    def rename(self, old: Path, new: Path) -> None:
        if "hint" in old.name:
            self._count()
        super().rename(old, new)


@pytest.mark.parametrize("error", SHORT_OF, ids=errno.errorcode.get)
def test_a_compaction_does_without_hints(error: int) -> None:
    """Whatever it is that there is no room for, at whichever call: the lines are copied
    all the same, and of the hints nothing is left, neither a file nor in memory."""
    number, without = 0, True
    while without:
        disk = NoHints()
        opened = cold(disk)
        opened.wait(opened.delete(ROOM, 3))
        opened.wait(opened.store.roll())
        opened.settle()
        content = opened.content()
        disk.left, disk.error = number, error
        opened.compact()
        without = not disk.error
        compacted = opened.store._ledger.segments[0]
        assert len(compacted.sizes) == 19
        assert compacted.hints is None
        assert not any(is_temporary(name) for name in disk.listdir(JOURNAL))
        assert (hint_name(compacted.name) in hints(disk)) == (not without)
        close(opened)
        opened = Opened(STATE, fs=disk, kept=0)
        assert opened.content() == content
        close(opened)
        assert hint_name(compacted.name) in hints(disk)
        number += 1
    assert number > 10


def test_a_disk_that_breaks_over_hints_is_broken() -> None:
    """At whichever call but the question how full it is: the store fails, once, and who
    waits for the compaction is not told that all is well."""
    number, broken = 0, True
    while broken:
        number += 1
        disk = NoHints()
        failures: list[StoreError] = []
        opened = cold(disk, failed=failures.append)
        content = opened.content()
        disk.left, disk.error = number, errno.EIO
        problem = ""
        try:
            opened.compact()
        except StoreError as caught:
            problem = str(caught)
        broken = not disk.error
        assert len(failures) == broken
        assert (os.strerror(errno.EIO) in problem) == broken
        opened.close()
        opened = Opened(STATE, fs=disk, kept=0)
        assert opened.content() == content
        close(opened)
    assert number > 10


@pytest.mark.parametrize("error", SHORT_OF, ids=errno.errorcode.get)
def test_hints_that_there_is_no_room_for_leave_nothing(error: int) -> None:
    """At whichever call it is noticed: the store goes on, without a file."""
    number, without = 0, True
    while without:
        disk = NoHints()
        close(cold(disk, count=7))
        disk.unlink(JOURNAL / "00000001.hint")
        disk.left, disk.error = number, error
        opened = Opened(STATE, fs=disk, kept=0)
        opened.settle()
        without = not disk.error
        assert hints(disk) == [] if without else ["00000001.hint"]
        opened.wait(opened.put(ROOM, Room(id=1, name="goes on")))
        opened.close()
        number += 1
    assert number > 8


def test_hints_of_what_is_compacted_away_are_given_up() -> None:
    """At once, however many are left to be written, and the file with them."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, kept=1000)
    for id in range(1, 21):
        opened.put(ROOM, Room(id=id, name="x"))
    opened.wait(opened.store.roll())
    keeper, segment = opened.store._keeper, opened.store._ledger.segments[0]
    writing = keeper._hint_files.writing(opened.store._segments, segment)
    assert writing.step()
    assert hints(disk) == ["00000001.hint"]
    opened.compact()
    assert not writing.step()
    assert not writing.complete
    assert hints(disk) == []
    opened.close()


def test_how_full_the_disk_is_need_not_be_known() -> None:
    """Where that cannot be found out no hints are written, and that is all."""
    disk = NoHints()
    opened = cold(disk)
    disk.left, disk.error = 0, errno.EIO
    opened.compact()
    assert not any(name.startswith("c") for name in hints(disk))
    close(opened)
    disk.left, disk.error = 0, errno.EIO
    close(Opened(STATE, fs=disk, kept=0))
    assert len(hints(disk)) == 1
    close(Opened(STATE, fs=disk, kept=0))
    assert len(hints(disk)) == 2


def test_a_compaction_that_is_stopped_leaves_nothing() -> None:
    """Neither what it has copied nor what it has noted of that, at whichever step."""
    disk = Disk()
    opened = cold(disk)
    store = opened.store
    files, begun = store._keeper._hint_files, 0
    for steps in range(60):
        sources, dead = store._ledger.segments[:1], store._ledger.compacting()
        compaction = Compaction(disk, store._segments, sources, dead, files, 100)
        for _ in range(steps):
            compaction.step()
        begun += ".compaction-hints.tmp" in disk.listdir(JOURNAL)
        compaction.stop("it is closed")
        assert compaction.problem == "it is closed"
        assert not any(is_temporary(name) for name in disk.listdir(JOURNAL))
        store._ledger.abandoned()
    assert begun > 20
    assert compaction.complete
    opened.compact()
    opened.close()


def test_a_step_of_a_compaction_does_one_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit waits for a slice, or for a block of hints to be read or written, and
    never for two of these."""
    done: list[str] = []
    steps: list[list[str]] = []

    class Noting(Disk):
        def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
            done.append(path.suffix)
            return super().read(path, offset, size)

    def note(call: str) -> None:
        if call in ("sync", "datasync"):
            done.append("sync")

    plain = Compaction.step

    def step(self: Compaction) -> bool:
        done.clear()
        more = plain(self)
        steps.append([*done])
        return more

    monkeypatch.setattr(Compaction, "step", step)
    monkeypatch.setattr(Compaction.__init__, "__defaults__", (100,))
    disk = Noting()
    opened = cold(disk)
    disk.before = note
    opened.compact()
    disk.before = lambda call: None
    copied = [each for each in steps if ".jsonl" in each]
    learned = [each for each in steps if ".hint" in each]
    written = [each for each in steps if each == ["sync"]]
    assert len(copied) == 20
    assert len(learned) == 7
    assert len(written) == 8  # and the copy itself in the end
    assert len(steps) == 35
    assert all(each.count("sync") <= 1 for each in steps)
    close(opened)


def test_hints_are_read_a_slice_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compaction that needs a large file of them keeps no commit waiting for it."""
    monkeypatch.setattr(hint_files, "BLOCK", 2)
    read: list[int] = []

    class Noting(Disk):
        def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
            data = super().read(path, offset, size)
            if path.suffix == ".hint":
                read.append(len(data))
            return data

    disk = Noting()
    opened = Opened(STATE, fs=disk, kept=0)
    for id in range(1, 31):
        opened.put(ROOM, Room(id=id, name=f"r{id}"))
    opened.wait(opened.store.roll())
    opened.settle()
    (hint,) = hints(disk)
    opened.delete(ROOM, 1)
    opened.compact()
    close(opened)
    assert sum(read) == disk.size(JOURNAL / hint)
    _end, *blocks = read
    assert len(blocks) == 15
    assert len(set(blocks)) == 1


def test_a_crash_while_hints_are_written_is_harmless(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it leaves of a hint file, of any size: all is there, and the file comes
    to be as it has to be."""
    monkeypatch.setattr(hint_files, "BLOCK", 1)
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    for id in range(1, 12):
        opened.put(ROOM, Room(id=id, name=f"r{id}", owner=id % 3))
    opened.wait(opened.store.roll())
    content = opened.content()
    opened.close()
    left: list[Disk] = []
    disk.before = lambda call: left.extend(disk.crashes(few_cuts))
    opened = Opened(STATE, fs=disk, kept=0)
    close(opened)
    disk.before = lambda call: None
    whole = disk.read(JOURNAL / "00000001.hint")
    found = {each.read(JOURNAL / name) for each in left for name in hints(each)}
    assert len(found) > 40
    for crashed in left:
        again = Opened(STATE, fs=crashed, kept=0)
        assert again.content() == content
        owned = [room.id for room in again.store.find_all(ROOM_BY_OWNER, 2)]
        assert owned == [2, 5, 8, 11]
        close(again)
        assert crashed.read(JOURNAL / "00000001.hint") == whole


def test_closing_does_not_wait_for_hint_files(
    monkeypatch: pytest.MonkeyPatch, by_line: list[str]
) -> None:
    """They are written one after the other: what was finished then is a short cut from
    now on, what is half written is not looked at, and is written again."""
    monkeypatch.setattr(hint_files, "BLOCK", 2)
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    for id in range(1, 121):
        opened.put(ROOM, Room(id=id, name=f"r{id}"))
        if id % 40 == 0:
            opened.wait(opened.store.roll())
    content = opened.content()
    opened.close()
    second = JOURNAL / "00000002.hint"
    half_written: Deferred[None] = Deferred()
    may_go_on = Event()

    def hold(call: str) -> None:
        if second.name in hints(disk) and disk.size(second) > 300:
            if not may_go_on.is_set():
                opened.calls.callFromThread(half_written.callback, None)
            assert may_go_on.wait(WAIT)

    disk.before = hold
    opened = Opened(STATE, fs=disk, kept=0)
    opened.wait(half_written)
    closing = opened.store.close()
    may_go_on.set()
    opened.wait(closing)
    disk.before = lambda call: None
    assert hints(disk) == ["00000001.hint", second.name]
    assert 300 < disk.size(second) < 500
    for unfinished in (["00000002.jsonl", "00000003.jsonl"], []):
        by_line.clear()
        opened = Opened(STATE, fs=disk, kept=0)
        assert by_line == [*unfinished, "00000004.jsonl"]
        assert opened.content() == content
        close(opened)
        assert disk.size(second) > 900


def test_hint_files_do_not_fill_the_disk() -> None:
    """While there is little room none is written, and nothing else is the worse for
    it; when there is room again those that are missing are."""
    disk = Disk()
    opened = cold(disk)
    disk.unlink(JOURNAL / "00000001.hint")
    opened.close()
    disk.free = Space(100 * MIB, 400 * MIB)
    opened = Opened(STATE, fs=disk, kept=0)
    for id in range(1, 5):
        opened.wait(opened.put(ROOM, Room(id=id, name="tight")))
        opened.wait(opened.store.roll())
        opened.settle()
        assert hints(disk) == []
    content = opened.content()
    disk.free = Space(300 * MIB, 400 * MIB)
    opened.wait(opened.put(VISIT, Room(id=1, name="more")))
    opened.wait(opened.store.roll())
    close(opened)
    assert len(hints(disk)) == 6
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.content()["room"] == content["room"]
    opened.close()


def test_a_lost_segment_is_refused_though_its_hints_are_there(tmp_path: Path) -> None:
    """With the file's name and the remedy, as without hints."""
    close(cold(None, state=tmp_path / "state"))
    (tmp_path / "state" / "journal" / "00000001.jsonl").unlink()
    with pytest.raises(StoreError, match=r"00000001.jsonl is missing.*backup"):
        Opened(tmp_path / "state", kept=0)


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
@pytest.mark.parametrize("tool", ["cp", "tar"])
def test_a_copied_folder_opens(
    tmp_path: Path, tool: str, running: bool, by_line: list[str]
) -> None:
    """With its hint files, which are good there, too: they say nothing of where."""
    state, copy = tmp_path / "state", tmp_path / "copy"
    opened = cold(None, state=state)
    opened.settle()
    content = opened.content()
    if not running:
        opened.close()
    if tool == "cp":
        subprocess.run(["cp", "-a", state, copy], check=True)
    else:
        copy.mkdir(mode=0o700)
        tar = subprocess.run(
            ["tar", "-cf", "-", "-C", state, "."], check=True, capture_output=True
        )
        subprocess.run(["tar", "-xf", "-", "-C", copy], check=True, input=tar.stdout)
    if running:
        opened.close()
    by_line.clear()
    opened = Opened(copy, kept=0)
    assert by_line == ["00000002.jsonl"]
    assert opened.content() == content
    opened.wait(opened.put(ROOM, Room(id=1, name="goes on")))
    opened.close()
