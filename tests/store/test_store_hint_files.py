"""Hint files: a short cut for starts, and never more than that."""

import errno
import subprocess
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pexschedd.errors import StoreError
from pexschedd.store.disk.reserve import MIB, DiskSpace
from pexschedd.store.hints import code_fingerprint, hint_files
from tests.store.cold_support import (
    JOURNAL,
    SHORT_OF,
    STATE,
    NoHints,
    close,
    cold,
    hints,
)
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
    program, of another Unicode, damaged or gone, which are then written again; each
    time when nobody knows the program. That only the release has another name makes no
    other program."""
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
    assert start(version="2") == []
    with monkeypatch.context() as patched:
        patched.setattr(code_fingerprint, "digest", lambda: "another")
        assert start() == sealed
        assert start() == []
        patched.setattr(code_fingerprint, "digest", lambda: "")
        assert start() == start() == sealed
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
        assert hints(disk) == ([] if without else ["00000001.hint"])
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
    keeper, segment = (
        opened.store._sealed_segments,
        opened.store._line_index.segments[0],
    )
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
    disk.free = DiskSpace(100 * MIB, 400 * MIB)
    opened = Opened(STATE, fs=disk, kept=0)
    for id in range(1, 5):
        opened.wait(opened.put(ROOM, Room(id=id, name="tight")))
        opened.wait(opened.store.roll())
        opened.settle()
        assert hints(disk) == []
    content = opened.content()
    disk.free = DiskSpace(300 * MIB, 400 * MIB)
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
