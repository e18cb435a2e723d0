"""A disk that takes no writes for a while: memory answers, and nothing is lost."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pexschedd.errors import StoreError, StoreFull, StoreReadOnly
from pexschedd.model.fields.declaration import Record
from pexschedd.model.table import Table
from pexschedd.store.disk.reserve import StoreState, advice
from tests.store.refusing_disk import (
    STATE,
    RefusingDisk,
    in_memory,
    look,
    outcome,
    state_of,
)
from tests.store.store_disk import Disk
from tests.store.store_support import ROOM, SETTING, VISIT, Opened, Room, Setting
from tests.thorough import THOROUGH

SOME = 1 if THOROUGH else 5

ERRORS = [
    (errno.ENOSPC, 1),
    (errno.EROFS, 1),
    (errno.EDQUOT, SOME),
    (errno.EMFILE, SOME),
]
"""Each with the distance of the calls from which on it is tried. Some are enough where
the same calls are refused as on a full disk."""


@pytest.mark.parametrize(("error", "step"), ERRORS)
@pytest.mark.usefixtures("kept")
def test_from_the_nth_call_on_nothing_is_written(error: int, step: int) -> None:
    """For every n: `failed` is never called, a commit is durable or fails at once,
    what is acknowledged is on the disk all the time, memory has everything; and when
    the disk takes writes again all of it becomes durable, in order."""
    number = 0
    reached_end = False
    while not reached_end:
        fs = RefusingDisk(error)
        opened = Opened(STATE, fs=fs)
        fs.left = number
        acknowledged: dict[str, set[int]] = {"room": set(), "setting": set()}
        for id in range(1, 6):
            records: list[tuple[Table[Any], Record]] = [
                (ROOM, Room(id=id, name="r")),
                (SETTING, Setting(id=id, name="s")),
            ]
            for table, record in records:
                with opened.store.transaction(deferrable=True) as change:
                    change.put(table, record)
                    failure = outcome(opened, change.commit())
                if failure is None:
                    acknowledged[table.name].add(id)
                else:
                    assert isinstance(failure, StoreReadOnly)
                    assert os.strerror(error) in str(failure)
                    assert state_of(opened) is StoreState.READ_ONLY
            if id in (2, 4):
                opened.store.roll()
        look(opened)
        reached_end = not fs.has_refused
        content = opened.content()
        assert len(content["room"]) == len(content["setting"]) == 5
        for found in fs.after_a_crash():
            for name, ids in acknowledged.items():
                assert ids <= set(found[name])
        fs.heal()
        look(opened)
        assert state_of(opened) is StoreState.WRITABLE
        opened.wait(opened.put(ROOM, Room(id=9, name="after")))
        opened.settle()
        content = opened.content()
        opened.close()
        again = Opened(STATE, fs=fs)
        assert again.content() == content
        again.close()
        number += step
    assert number > 20


@pytest.mark.parametrize(("error", "step"), ERRORS)
@pytest.mark.usefixtures("kept")
def test_from_the_nth_call_of_a_compaction_on(error: int, step: int) -> None:
    """For every n: it is given up, or finished when the disk takes writes again, even
    if that was between its new file's name and its manifest."""
    number = 0
    reached_end = False
    while not reached_end:
        fs = RefusingDisk(error)
        opened = Opened(STATE, fs=fs)
        for id in range(1, 6):
            opened.wait(opened.put(ROOM, Room(id=id % 2 + 1, name=f"{id}")))
        opened.wait(opened.store.roll())
        opened.wait(opened.put(VISIT, Room(id=1, name="v")))
        opened.wait(opened.store.roll())
        opened.settle()
        content = opened.content()
        fs.left = number
        compacted = Deferred.fromCoroutine(opened.store.compact())
        compacted.addErrback(lambda failure: failure.trap(StoreFull))
        for _ in range(20):
            look(opened)
        reached_end = not fs.has_refused
        assert all(found == content for found in fs.after_a_crash())
        fs.heal()
        look(opened)
        opened.wait(compacted)
        opened.compact()
        opened.wait(opened.put(VISIT, Room(id=2, name="after")))
        opened.settle()
        content = opened.content()
        opened.close()
        again = Opened(STATE, fs=fs)
        assert again.content() == content
        again.close()
        number += step
    assert number > 8


def torn(fs: Disk) -> None:
    """What a crash leaves that a start puts in order: a torn line, a temporary file,
    a new segment that is not listed yet, and the release before."""
    opened = Opened(STATE, fs=fs, version="1")
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.wait(opened.put(SETTING, Setting(id=1, name="s")))
    opened.wait(opened.store.roll())
    opened.wait(opened.put(ROOM, Room(id=2, name="b")))
    opened.close()
    journal = STATE / "journal"
    fs.write(fs.append(journal / "00000002.jsonl"), TORN)
    fs.write(fs.create(journal / ".MANIFEST-00000003.json.tmp"), b"{")
    fs.create(journal / "00000003.jsonl")


TORN = b'{"seq":3,"put"'


@pytest.mark.parametrize(("error", "step"), ERRORS)
@pytest.mark.usefixtures("kept")
def test_a_start_from_the_nth_call_on(error: int, step: int) -> None:
    """For every n: it starts and everything is there; what it could not put in order
    is made up for when the disk takes writes again, before anything else is written."""
    number = 0
    reached_end = False
    while not reached_end:
        fs = RefusingDisk(error)
        torn(fs)
        fs.left = number
        opened = Opened(STATE, fs=fs, version="2")
        reached_end = not fs.has_refused
        assert [room.name for room in opened.store.all(ROOM)] == ["a", "b"]
        assert opened.store.count(SETTING) == 1
        fs.left = 0
        assert outcome(opened, in_memory(opened, Room(id=3, name="c"))) is not None
        assert opened.store.count(ROOM) == 3
        fs.heal()
        look(opened)
        assert state_of(opened) is StoreState.WRITABLE
        opened.close()
        assert fs.read(STATE / "journal" / "00000002.jsonl.torn") == TORN
        again = Opened(STATE, fs=fs, version="2")
        assert [room.name for room in again.store.all(ROOM)] == ["a", "b", "c"]
        again.close()
        number += step
    assert number > 8


def test_what_a_failed_sync_has_lost_is_written_again() -> None:
    """After a sync without room the data is cut off and written once more: another
    sync alone may report success for what the system has dropped."""
    fs = RefusingDisk(errno.ENOSPC)
    opened = Opened(STATE, fs=fs)
    fs.left = 1
    assert outcome(opened, in_memory(opened, Room(id=1, name="a"))) is not None
    fs.heal()
    fs.calls.clear()
    look(opened)
    assert fs.calls == ["truncate", "sync", "write", "datasync"]
    opened.close()


def test_everything_is_refused_but_alarms() -> None:
    """Read-only: deletions and essential transactions are refused before memory
    changes, and say why and what to do; a deferrable one is seen at once."""
    fs = RefusingDisk(errno.ENOSPC)
    opened = Opened(STATE, fs=fs)
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.store.require_writable()
    fs.left = 0
    assert outcome(opened, opened.put(ROOM, Room(id=2, name="b"))) is not None
    before = opened.content()
    with pytest.raises(StoreReadOnly, match="make room"):
        opened.delete(ROOM, 1)
    for essential in (True, False):
        with (
            pytest.raises(StoreReadOnly, match="/state is full"),
            opened.store.transaction(essential=essential) as change,
        ):
            change.put(ROOM, Room(id=3, name="c"))
    with pytest.raises(StoreReadOnly):
        opened.store.require_writable()
    with pytest.raises(StoreFull):
        opened.store.require_space()
    assert opened.content() == before
    assert outcome(opened, in_memory(opened, Room(id=4, name="d"))) is not None
    assert opened.store.get(ROOM, 4) == Room(id=4, name="d")
    opened.close()


def test_nobody_waits_for_a_copy_or_a_compaction(tmp_path: Path) -> None:
    """Both fail at once and say why; a look that comes with the refused commit is
    answered, too."""
    fs = RefusingDisk(errno.ENOSPC)
    opened = Opened(STATE, fs=fs)
    fs.left = 0
    refused = opened.put(ROOM, Room(id=1, name="a"))
    look(opened)
    assert outcome(opened, refused) is not None
    with pytest.raises(StoreError, match=r"no copy was made .* is full"):
        opened.wait(Deferred.fromCoroutine(opened.store.snapshot(tmp_path / "copy")))
    with pytest.raises(StoreReadOnly):
        opened.compact()
    fs.heal()
    look(opened)
    opened.compact()
    opened.close()


def test_a_stop_does_not_wait_for_room() -> None:
    """It closes, unlocks the folder and reports no failure; what was acknowledged is
    there, what was not is not."""
    fs = RefusingDisk(errno.ENOSPC)
    opened = Opened(STATE, fs=fs)
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    fs.left = 0
    assert outcome(opened, opened.put(ROOM, Room(id=2, name="b"))) is not None
    rolled = opened.store.roll()
    failures: list[Failure] = []
    rolled.addErrback(failures.append)
    opened.close()
    (failure,) = failures
    assert "the store is closed" in str(failure.value)
    again = Opened(STATE, fs=fs)
    assert list(again.store.ids(ROOM)) == [1]
    again.close()


def test_a_broken_disk_is_still_final() -> None:
    """An error of the disk itself ends the store, also while it waits for room."""
    failures: list[StoreError] = []
    fs = RefusingDisk(errno.ENOSPC)
    opened = Opened(STATE, fs=fs, failed=failures.append)
    fs.left = 0
    assert outcome(opened, opened.put(ROOM, Room(id=1, name="a"))) is not None
    fs.error = errno.EIO
    look(opened)
    assert os.strerror(errno.EIO) in str(failures[0])
    with pytest.raises(StoreError):
        opened.wait(in_memory(opened, Room(id=2, name="b")))
    opened.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.ENOSPC, "/state is full .* make room on it"),
        (errno.EDQUOT, "quota for /state is used up .* raise the quota"),
        (errno.EROFS, "/state is mounted read-only .* mount it for writing"),
        (errno.EMFILE, "/state cannot be written at the moment .* short of"),
    ],
)
def test_the_text_says_which_disk_and_what_to_do(error: int, words: str) -> None:
    """Each cause has a remedy of its own, and the system's words."""
    text = advice(error, os.strerror(error), "/state")
    assert os.strerror(error) in text
    with pytest.raises(StoreReadOnly, match=words):
        raise StoreReadOnly(text)
