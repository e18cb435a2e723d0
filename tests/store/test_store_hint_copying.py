"""Compaction gives the copy its hints, or does without, and nothing else suffers."""

import errno
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from pexschedd.errors import StoreError
from pexschedd.store.compaction import Compaction
from pexschedd.store.disk.reserve import MIB, DiskSpace
from pexschedd.store.fs import is_temporary
from pexschedd.store.hints import hint_files
from pexschedd.store.journal.manifest import hint_name
from tests.store.cold_support import (
    JOURNAL,
    SHORT_OF,
    STATE,
    NoHints,
    close,
    cold,
    hints,
)
from tests.store.store_disk import Disk
from tests.store.store_support import (
    ROOM,
    ROOM_BY_OWNER,
    VISIT,
    Opened,
    Room,
)


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
    assert all(lines.hints is None for lines in opened.store._line_index.segments[:-1])
    if damage:  # while it runs
        file = disk._file(JOURNAL / "00000002.hint")
        file.data = damage(file.data)
    content = opened.content()
    opened.compact()
    segment = opened.store._segments.manifest.segments[0]
    assert segment.compacted
    compacted, hint = segment.name, JOURNAL / hint_name(segment.name)
    # Nothing of it is kept in memory, not even for now, nor what was begun of a file.
    assert opened.store._line_index.segments[0].hints is None
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
    assert opened.store._line_index.segments[0].hints is None
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
    assert len(opened.store._line_index.segments[0].sizes) == 80
    left = opened.store._line_index.segments[0].hints
    assert left is None if kept < 80 else left is not None
    assert min(kept, 80) <= most <= kept + 3
    close(opened)


def test_without_room_a_compaction_writes_no_hints() -> None:
    """Nor keeps them; the segment is read line by line at the next start."""
    disk = Disk()
    opened = cold(disk)
    disk.free = DiskSpace(100 * MIB, 400 * MIB)
    content = opened.content()
    opened.compact()
    assert opened.store._line_index.segments[0].hints is None
    assert not any(name.startswith("c") for name in hints(disk))
    close(opened)
    disk.free = DiskSpace(300 * MIB, 400 * MIB)
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.content() == content
    close(opened)
    assert any(name.startswith("c") for name in hints(disk))


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
        compacted = opened.store._line_index.segments[0]
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


def test_a_compaction_that_is_stopped_leaves_nothing() -> None:
    """Neither what it has copied nor what it has noted of that, at whichever step."""
    disk = Disk()
    opened = cold(disk)
    store = opened.store
    files, begun = store._sealed_segments._hint_files, 0
    for steps in range(60):
        sources, dead = store._line_index.segments[:1], store._line_index.compacting()
        compaction = Compaction(disk, store._segments, sources, dead, files, 100)
        for _ in range(steps):
            compaction.step()
        begun += ".compaction-hints.tmp" in disk.listdir(JOURNAL)
        compaction.stop("it is closed")
        assert compaction.problem == "it is closed"
        assert not any(is_temporary(name) for name in disk.listdir(JOURNAL))
        store._line_index.abandoned()
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
    read: defaultdict[str, list[int]] = defaultdict(list)

    class Noting(Disk):
        def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
            data = super().read(path, offset, size)
            read[path.name].append(len(data))
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
    # The next segment's may be there in time as well.
    assert sum(read[hint]) == disk.size(JOURNAL / hint)
    _end, *blocks = read[hint]
    assert len(blocks) == 15
    assert len(set(blocks)) == 1
