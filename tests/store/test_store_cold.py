"""Records that are not in memory: read where they lie, as if they were."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred

from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.store import hint_files, recovery
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.index import Hashing
from pexschedd.store.manifest import hint_name
from pexschedd.store.replay import replay
from pexschedd.store.space import MIB, Space
from tests.store.store_disk import Disk, few_cuts
from tests.store.store_support import (
    ROOM,
    ROOM_BY_NAME,
    ROOM_BY_OWNER,
    SETTING,
    VISIT,
    WAIT,
    Opened,
    Room,
    Setting,
)

STATE = Path("/state")
JOURNAL = STATE / "journal"

BOTH: list[Table[Any]] = [ROOM, VISIT]


def _hints(disk: Disk) -> list[str]:
    return sorted(name for name in disk.listdir(JOURNAL) if name.endswith(".hint"))


def _close(opened: Opened) -> None:
    opened.settle()
    opened.close()


@pytest.fixture
def by_line(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The segments that starts have read line by line."""
    names: list[str] = []

    def noted(fs: Any, path: Path, *rest: Any, **options: Any) -> Any:
        names.append(path.name)
        return replay(fs, path, *rest, **options)

    monkeypatch.setattr(recovery, "replay", noted)
    return names


# Whatever is done, beside a plain dict.

ids = st.integers(1, 12)
rooms = st.builds(
    Room,
    id=ids,
    name=st.sampled_from(["a", "b", "c", "\u00e9"]),
    owner=st.integers(0, 3),
)
changes = st.tuples(st.sampled_from(BOTH), st.one_of(rooms, ids))
how_many = st.sampled_from([0, 1, 3, 1000])


class ColdMachine(RuleBasedStateMachine):
    """A store beside a dict for each table."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.model: dict[str, dict[int, Room]] = {table.name: {} for table in BOTH}
        self.given = 0

    @initialize(kept=how_many)
    def open(self, kept: int, version: str = "1") -> None:
        self.opened = Opened(
            STATE,
            fs=self.disk,
            kept=kept,
            segment_size=500,
            compact_from=1500,
            version=version,
        )

    def _change(self, transaction: Any, its: Sequence[tuple[Any, Any]]) -> None:
        for table, what in its:
            if isinstance(what, int):
                transaction.delete(table, what)
                self.model[table.name].pop(what, None)
            else:
                transaction.put(table, what)
                self.model[table.name][what.id] = what

    @rule(its=st.lists(changes, min_size=1, max_size=4), wait=st.booleans())
    def transact(self, its: list[tuple[Any, Any]], wait: bool) -> None:
        with self.opened.store.transaction() as transaction:
            self._change(transaction, its)
            self.agrees()
            done = transaction.commit()
        if wait:
            self.opened.wait(done)

    @rule(its=st.lists(changes, min_size=1, max_size=4))
    def undo(self, its: list[tuple[Any, Any]]) -> None:
        before = {name: dict(content) for name, content in self.model.items()}
        with self.opened.store.transaction() as transaction:
            self._change(transaction, its)
            self.agrees()
        self.model = before

    @rule()
    def new(self) -> None:
        with self.opened.store.transaction() as transaction:
            id = transaction.new_id(VISIT)
            assert id > self.given
            self.given = id
            self._change(transaction, [(VISIT, Room(id=id, name="new"))])
            self._change(transaction, [(VISIT, id)])
            transaction.commit()

    @rule(id=ids, times=st.integers(1, 3))
    def look_at(self, id: int, times: int) -> None:
        for _ in range(times):
            assert self.opened.store.get(ROOM, id) == self.model["room"].get(id)

    @rule(wait=st.booleans())
    def roll(self, wait: bool) -> None:
        done = self.opened.store.roll()
        if wait:
            self.opened.wait(done)

    @rule(wait=st.booleans())
    def compact(self, wait: bool) -> None:
        done = Deferred.fromCoroutine(self.opened.store.compact())
        if wait:
            assert self.opened.wait(done) == ""

    @rule()
    def settle(self) -> None:
        self.opened.settle()

    @rule(kept=how_many, settle=st.booleans())
    def reopen(self, kept: int, settle: bool) -> None:
        if settle:
            self.opened.settle()
        self.opened.close()
        self.open(kept)

    @rule(kept=how_many)
    def another_release(self, kept: int) -> None:
        _close(self.opened)
        self.open(kept, version="2")

    @rule(kept=how_many, data=st.data())
    def lose_hints(self, kept: int, data: st.DataObject) -> None:
        """Some hint files are gone or damaged when it is opened again."""
        _close(self.opened)
        for name in _hints(self.disk):
            what = data.draw(st.sampled_from(["keep", "remove", "damage", "cut"]))
            file = self.disk._file(JOURNAL / name)
            at = data.draw(st.integers(0, max(0, len(file.data) - 1)))
            if what == "remove":
                self.disk.unlink(JOURNAL / name)
            elif what == "damage" and file.data:
                byte = bytes([file.data[at] ^ 0x10])
                file.data = file.data[:at] + byte + file.data[at + 1 :]
            elif what == "cut":
                file.data = file.data[:at]
        self.open(kept)

    @invariant()
    def agrees(self) -> None:
        store = self.opened.store
        for table in BOTH:
            model = self.model[table.name]
            assert list(store.all(table)) == [model[id] for id in sorted(model)]
            assert list(store.ids(table)) == sorted(model)
            assert store.count(table) == len(model)
        its = [room for _, room in sorted(self.model["room"].items())]
        for name in ("a", "b", "c", "\u00e9", "new"):
            named = [room for room in its if room.name == name]
            assert store.find_all(ROOM_BY_NAME, name) == named
            assert store.find(ROOM_BY_NAME, name) == (named[0] if named else None)
        for owner in range(4):
            owned = [room for room in its if room.owner == owner != 0]
            assert store.find_all(ROOM_BY_OWNER, owner) == owned
        for table in BOTH:
            for id in range(14):
                assert store.get(table, id) == self.model[table.name].get(id)

    def teardown(self) -> None:
        _close(self.opened)


def test_it_makes_no_difference_where_records_are() -> None:
    """Puts, deletions, transactions, some of them undone, rolls and compactions, starts
    with another number of records in memory, without hint files or with damaged ones
    or those of another release: every way to read says what a dict says, each time."""
    steps = settings(
        max_examples=80,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(ColdMachine, settings=steps)


# What has to be in memory.


def _cold(disk: Any, count: int = 20, state: Path = STATE, **options: Any) -> Opened:
    """A store with rooms that are only on the disk."""
    opened = Opened(state, fs=disk, kept=0)
    for id in range(1, count + 1):
        opened.put(ROOM, Room(id=id, name=f"r{id}", owner=id % 3))
    opened.wait(opened.store.roll())
    _close(opened)
    opened = Opened(state, fs=disk, kept=0, **options)
    collection = opened.store._collections["room"]
    assert not any(collection.in_memory(id) for id in range(1, count + 1))
    return opened


def _stir(opened: Opened, count: int = 20) -> None:
    """Reads so much that memory would forget whatever it may."""
    for _ in range(3):
        for id in range(1, count + 1):
            assert opened.store.get(ROOM, id) is not None
    assert len(opened.store.find_all(ROOM_BY_OWNER, 1)) > 0


def test_what_is_not_committed_is_not_forgotten() -> None:
    """Puts and deletions of open transactions are what is read, until the end."""
    opened = _cold(Disk())
    new = [Room(id=id, name="new") for id in range(31, 41)]
    changed = [Room(id=id, name="changed") for id in range(1, 6)]
    with opened.store.transaction() as transaction:
        for room in (*new, *changed):
            transaction.put(ROOM, room)
        for id in range(10, 15):
            transaction.delete(ROOM, id)
        for id in (*range(1, 10), *range(15, 21)):
            opened.store.get(ROOM, id)
        for room in (*new, *changed):
            assert opened.store.get(ROOM, room.id) is room
        assert opened.store.find_all(ROOM_BY_NAME, "changed") == changed
        for id in range(10, 15):
            assert opened.store.get(ROOM, id) is None
            assert opened.store.find(ROOM_BY_NAME, f"r{id}") is None
        assert opened.store.count(ROOM) == 25
        durable = transaction.commit()
    opened.wait(durable)
    opened.close()


def test_what_is_deleted_and_put_again_is_not_forgotten() -> None:
    """In one transaction, with records on the disk and new ones: the last put counts,
    at once and when the disk has it."""
    opened = _cold(Disk())
    with opened.store.transaction() as transaction:
        for id in (1, 2, 21):
            transaction.put(ROOM, Room(id=id, name="first"))
            transaction.delete(ROOM, id)
            transaction.put(ROOM, Room(id=id, name="last"))
        transaction.delete(ROOM, 2)
        durable = transaction.commit()
    for waiting in (opened.store.roll(), opened.put(ROOM, Room(id=3, name="r3"))):
        for id in range(3, 21):
            opened.store.get(ROOM, id)
        assert opened.store.get(ROOM, 1) == Room(id=1, name="last")
        assert opened.store.get(ROOM, 2) is None
        assert [r.id for r in opened.store.find_all(ROOM_BY_NAME, "last")] == [1, 21]
        opened.wait(waiting)
    assert durable.called
    opened.close()


class HeldUp(Disk):
    """A disk that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = Event()
        self.may_go_on.set()
        self.before = lambda call: self._hold()

    def _hold(self) -> None:
        assert self.may_go_on.wait(WAIT)


def test_what_the_disk_has_not_got_yet_is_not_forgotten() -> None:
    """While a disk takes long to write, and to seal a segment, everything is read as it
    was put; afterwards it is read from there."""
    disk = HeldUp()
    opened = _cold(disk, segment_size=300)
    disk.may_go_on.clear()
    rooms = [Room(id=id, name="held up") for id in range(21, 51)]
    for room in rooms:
        done = opened.put(ROOM, room)
    deleted = opened.delete(ROOM, 7)
    rolled = opened.store.roll()
    assert len(opened.store._ledger.segments) > 5
    for _ in range(3):
        for id in (*range(1, 7), *range(8, 21)):
            assert opened.store.get(ROOM, id) is not None
        for room in rooms:
            assert opened.store.get(ROOM, room.id) is room
    assert opened.store.get(ROOM, 7) is None
    assert opened.store.find_all(ROOM_BY_NAME, "held up") == rooms
    assert not done.called
    disk.may_go_on.set()
    opened.wait(rolled)
    assert done.called
    assert deleted.called
    for _ in range(30):
        opened.wait(opened.put(ROOM, Room(id=1, name="and so on")))
    assert len(opened.store._collections["room"]._records) < 5
    for room in rooms:
        assert opened.store.get(ROOM, room.id) == room
    opened.close()


def test_memory_keeps_what_was_asked_for_last() -> None:
    """And no more than it is told to, whatever is read, written and sealed."""
    opened = _cold(Disk(), 100)
    opened.close()
    opened = Opened(STATE, fs=opened.store._fs, kept=10, segment_size=400)
    records = opened.store._collections["room"]._records
    for id in range(100, 0, -1):
        opened.store.get(ROOM, id)
        assert len(records) <= 10
    assert sorted(records) == list(range(1, 11))
    assert len(list(opened.store.all(ROOM))) == 100
    assert sorted(records) == list(range(1, 11)), "a look at all must not push out"
    for id in range(1, 101):
        opened.wait(opened.put(ROOM, Room(id=id, name="x" * 20)))
        assert len(records) <= 10 + 400 // 90 + 2, "what is not sealed comes on top"
    opened.close()


# Undo.


def test_undo_brings_cold_records_back() -> None:
    """Replaced, deleted, or both, more than once: all is as it was, in every index, and
    what was read for it may be forgotten again."""
    opened = _cold(Disk())
    before = opened.content()
    with opened.store.transaction() as transaction:
        transaction.put(ROOM, Room(id=1, name="r2", owner=2))
        transaction.put(ROOM, Room(id=1, name="once more"))
        transaction.delete(ROOM, 1)
        transaction.delete(ROOM, 2)
        transaction.put(ROOM, Room(id=2, name="back"))
        transaction.delete(ROOM, 3)
        transaction.put(ROOM, Room(id=99, name="new"))
        transaction.put(ROOM, Room(id=98, name="new"))
        transaction.delete(ROOM, 98)
        assert opened.store.count(ROOM) == 19
    for _ in range(2):
        assert opened.content() == before
        assert opened.store.count(ROOM) == 20
        for id in range(1, 21):
            (room,) = opened.store.find_all(ROOM_BY_NAME, f"r{id}")
            assert room == Room(id=id, name=f"r{id}", owner=id % 3)
        for name in ("once more", "back", "new"):
            assert opened.store.find(ROOM_BY_NAME, name) is None
        assert opened.store.get(ROOM, 99) is None
        _stir(opened)
        collection = opened.store._collections["room"]
        assert len(collection._records) <= 1
        assert not collection._unwritten
    opened.close()


def test_undo_of_what_is_on_its_way() -> None:
    """What was committed a moment ago, and is not on the disk yet, comes back, too."""
    disk = HeldUp()
    opened = _cold(disk)
    disk.may_go_on.clear()
    waiting = Room(id=5, name="waiting")
    done = opened.put(ROOM, waiting)
    opened.delete(ROOM, 6)
    with opened.store.transaction() as transaction:
        transaction.put(ROOM, Room(id=5, name="never"))
        transaction.put(ROOM, Room(id=6, name="never"))
    for id in (*range(1, 6), *range(7, 21)):
        assert opened.store.get(ROOM, id) is not None
    assert opened.store.get(ROOM, 5) is waiting
    assert opened.store.get(ROOM, 6) is None
    assert opened.store.find(ROOM_BY_NAME, "never") is None
    disk.may_go_on.set()
    opened.wait(done)
    opened.close()


# Hashes that collide.


@pytest.mark.parametrize("count", [20, 400])
def test_keys_with_one_hash_are_told_apart(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were all hashes the same: still exactly the right records, before and after a
    change, a deletion and a start with hint files."""
    monkeypatch.setattr(
        Hashing, "__call__", lambda self, key: 0 if key is None else 7 << 36
    )
    disk = Disk()
    opened = _cold(disk, count)
    for _ in range(2):
        for id in range(1, count + 1, 7):
            assert [r.id for r in opened.store.find_all(ROOM_BY_NAME, f"r{id}")] == [id]
        assert opened.store.find(ROOM_BY_NAME, "r0") is None
        owned = [room.id for room in opened.store.find_all(ROOM_BY_OWNER, 2)]
        assert owned == list(range(2, count + 1, 3))
        opened.wait(opened.put(ROOM, Room(id=2, name="other", owner=2)))
        assert opened.store.find(ROOM_BY_NAME, "r2") is None
        assert opened.store.find(ROOM_BY_NAME, "other") is not None
        opened.wait(opened.put(ROOM, Room(id=2, name="r2", owner=2)))
        opened.wait(opened.delete(ROOM, 1))
        assert opened.store.find(ROOM_BY_NAME, "r1") is None
        opened.wait(opened.put(ROOM, Room(id=1, name="r1", owner=1)))
        opened.wait(opened.store.roll())
        _close(opened)
        assert len(_hints(disk)) > 1
        opened = Opened(STATE, fs=disk, kept=0)
    opened.close()


# Damage, errors and short reads while it runs.


class Bad(Disk):
    """Reads of single records go wrong, in the way that is set."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: Callable[[bytes], bytes] = bytes

    def read_at(self, handle: int, offset: int, size: int) -> bytes:
        return self.wrong(super().read_at(handle, offset, size))


def _eio(data: bytes) -> bytes:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


READS: dict[str, Callable[[Opened], object]] = {
    "get": lambda opened: opened.store.get(ROOM, 5),
    "all": lambda opened: list(opened.store.all(ROOM)),
    "find": lambda opened: opened.store.find(ROOM_BY_NAME, "r5"),
    "find_all": lambda opened: opened.store.find_all(ROOM_BY_OWNER, 2),
    "put": lambda opened: opened.put(ROOM, Room(id=5, name="x")),
    "delete": lambda opened: opened.delete(ROOM, 5),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda data: data.replace(b"r", b"R", 1), "the checksum"),
        (lambda data: data[:-5], "the checksum"),
        (lambda data: b"", "the checksum"),
        (_eio, os.strerror(errno.EIO)),
    ],
    ids=["changed", "short", "nothing", "EIO"],
)
def test_a_record_that_cannot_be_read_is_the_end(
    read: str, wrong: Callable[[bytes], bytes], why: str
) -> None:
    """StoreError names the file; `failed` is told once, nothing is changed or written
    any more, and the next start is not the worse for it."""
    disk = Bad()
    failures: list[StoreError] = []
    opened = _cold(disk, failed=failures.append)
    content = opened.content()
    before = opened.put(VISIT, Room(id=1, name="before"))
    opened.wait(before)
    disk.wrong = wrong
    for _ in range(2):
        with pytest.raises(StoreError, match=rf"00000001\.jsonl.*{why}"):
            READS[read](opened)
    calls: list[str] = []
    disk.before = calls.append
    for _ in range(2):
        with pytest.raises(StoreError, match=r"00000001\.jsonl"):
            opened.wait(opened.put(VISIT, Room(id=2, name="late")))
    assert len(failures) == 1
    assert "00000001.jsonl" in str(failures[0])
    disk.wrong = bytes
    assert opened.content()["room"] == content["room"]
    opened.close()
    assert not calls
    disk.before = lambda call: None
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.content() == {**content, "visit": {1: Room(id=1, name="before")}}
    opened.close()


def test_a_sound_line_of_another_record_is_not_taken() -> None:
    """A disk that gives back a neighbour, with its checksum, gives no wrong data."""
    disk = Bad()
    failures: list[StoreError] = []
    opened = _cold(disk, 9, failed=failures.append)
    lines = disk.read(JOURNAL / "00000001.jsonl").splitlines(keepends=True)
    for other in lines[1:]:
        disk.wrong = lambda data, other=other: other  # type: ignore[misc]
        with pytest.raises(StoreError, match=r"00000001\.jsonl: operation 1 "):
            opened.store.get(ROOM, 1)
    opened.close()


# Handles.


class Counted(RealFileSystem):
    """Knows what is open for reading; opens nothing more when told so."""

    def __init__(self) -> None:
        self.files: dict[int, Path] = {}
        self.full = False

    def open(self, path: Path) -> int:
        if self.full:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        handle = super().open(path)
        self.files[handle] = path
        return handle

    def close(self, handle: int) -> None:
        self.files.pop(handle, None)
        super().close(handle)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_no_more_files_are_open_than_there_are_segments(tmp_path: Path) -> None:
    """However often the list of segments changes; and none when it is closed."""
    fs = Counted()
    state = tmp_path / "state"
    begun = _descriptors()
    opened = Opened(state, fs=fs, kept=0, segment_size=300, compact_from=2000)
    for number in range(400):
        opened.wait(opened.put(ROOM, Room(id=number % 9 + 1, name=f"{number}")))
        opened.store.get(ROOM, (number * 4) % 9 + 1)
        if number % 40 == 0:
            opened.compact()
        if number % 25 == 0:
            opened.settle()
            opened.wait(opened.store._journal.call(lambda: None))
            ledger = opened.store._ledger
            live = {lines.name for lines in ledger.segments if lines.sealed}
            assert {path.name for path in fs.files.values()} == live
            assert len(fs.files) == len(live)
    opened.compact()
    assert len(fs.files) == 1
    opened.close()
    assert not fs.files
    assert _descriptors() == begun


def test_it_reads_when_nothing_more_can_be_opened(tmp_path: Path) -> None:
    """Every segment has been open from the start, or from when it was sealed."""
    fs = Counted()
    opened = _cold(fs, state=tmp_path / "state")
    opened.wait(opened.put(ROOM, Room(id=21, name="r21", owner=1)))
    opened.wait(opened.store.roll())
    opened.settle()
    fs.full = True
    _stir(opened, 21)
    opened.wait(opened.put(ROOM, Room(id=22, name="r22")))
    assert opened.store.count(ROOM) == 22
    fs.full = False
    opened.close()


WITHOUT = """
import os, resource, sys
from pathlib import Path
from tests.store.store_support import ROOM, ROOM_BY_NAME, Opened, Room

opened = Opened(Path(sys.argv[1]), kept=0)
opened.settle()
files = []
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
try:
    while True:
        files.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print(error.errno)
for id in range(1, 21):
    assert opened.store.get(ROOM, id).name == f"r{id}"
    assert opened.store.find(ROOM_BY_NAME, f"r{id}").id == id
opened.wait(opened.put(ROOM, Room(id=21, name="r21")))
print(len(list(opened.store.all(ROOM))))
opened.close()
"""


def test_it_reads_without_a_descriptor_left(tmp_path: Path) -> None:
    """At the real limit of a real process: records are read, and written."""
    _cold(None, state=tmp_path / "state").close()
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert child.stdout.split() == [str(errno.EMFILE), "21"], child.stderr


# Hint files.


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
        _close(opened)
        assert _hints(disk) == []
    opened = Opened(STATE, fs=disk, kept=40, segment_size=300)
    opened.wait(opened.put(ROOM, Room(id=41, name="x")))
    opened.wait(opened.store.roll())
    _close(opened)
    assert len(_hints(disk)) == 1
    by_line.clear()
    Opened(STATE, fs=disk, kept=40).close()
    segments = {name for name in disk.listdir(JOURNAL) if name.endswith(".jsonl")}
    assert set(by_line) < segments


def test_a_start_reads_no_lines_that_have_hints(by_line: list[str]) -> None:
    """Only the segment that grows; and all of them when the hints are of another
    release, of other tables, damaged or gone, which are then written again."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, kept=0, version="1")
    for id in range(1, 31):
        opened.put(ROOM, Room(id=id, name=f"r{id}"))
        if id % 10 == 0:
            opened.wait(opened.store.roll())
    content = opened.content()
    _close(opened)
    sealed = [f"{number:08}.jsonl" for number in (1, 2, 3)]
    written = [disk.read(JOURNAL / name) for name in _hints(disk)]
    assert len(written) == 3

    def start(**options: Any) -> list[str]:
        by_line.clear()
        again = Opened(STATE, fs=disk, kept=0, **{"version": "1"} | options)
        assert again.content() == content
        assert again.store.find(ROOM_BY_NAME, "r7") == Room(id=7, name="r7")
        _close(again)
        return [name for name in by_line if name in sealed]

    assert start() == []
    assert start(version="2") == sealed
    assert start(version="2") == []
    assert start() == sealed
    assert [disk.read(JOURNAL / name) for name in _hints(disk)] == written
    disk.unlink(JOURNAL / "00000002.hint")
    assert start() == sealed[1:2]
    disk._file(JOURNAL / "00000003.hint").data = written[2][:-1]
    assert start() == sealed[2:]
    disk._file(JOURNAL / "00000001.hint").data = b""
    assert start() == sealed[:1]
    assert [disk.read(JOURNAL / name) for name in _hints(disk)] == written
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
    _close(opened)
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
    replaced = _hints(disk)
    assert len(replaced) > 5
    opened.compact()
    opened.settle()
    opened.wait(opened.store._journal.call(partial(opened.store._segments.forget, 1)))
    (left,) = _hints(disk)
    assert left.startswith("c")
    content = opened.content()
    opened.close()
    for name in (replaced[0], "c00000099.hint", "00000099.hint", "mine.hint"):
        disk.close(disk.create(JOURNAL / name))
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.content() == content
    _close(opened)
    assert _hints(disk) == [left, "mine.hint"]


@pytest.mark.parametrize("lost", [None, "00000002.hint"])
def test_a_compacted_segment_gets_the_hints_of_its_lines(
    lost: str | None, by_line: list[str]
) -> None:
    """Copied from the files of what was compacted, they are what reading the segment
    line by line gives, byte for byte; without one of those it is read so."""
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
    _close(opened)
    if lost:
        file = disk._file(JOURNAL / lost)
    opened = Opened(STATE, fs=disk, kept=0)
    assert all(lines.hints is None for lines in opened.store._ledger.segments[:-1])
    if lost:
        file.data = b"lost while it runs"
    content = opened.content()
    opened.compact()
    _close(opened)
    segment = opened.store._segments.manifest.segments[0]
    assert segment.compacted
    compacted, hint = segment.name, JOURNAL / hint_name(segment.name)
    if lost:
        assert hint.name not in _hints(disk)
    else:
        copied = disk.read(hint)
        disk.unlink(hint)
    by_line.clear()
    opened = Opened(STATE, fs=disk, kept=0)
    assert compacted in by_line
    assert opened.content() == content
    _close(opened)
    if not lost:
        assert disk.read(hint) == copied
    by_line.clear()
    opened = Opened(STATE, fs=disk, kept=0)
    assert compacted not in by_line
    assert opened.content() == content
    opened.close()


def test_a_crash_while_hints_are_written_is_harmless(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it leaves of a hint file, of any size: all is there, and the file comes
    to be as it has to be."""
    monkeypatch.setattr(hint_files, "SLICE", 64)
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
    _close(opened)
    disk.before = lambda call: None
    whole = disk.read(JOURNAL / "00000001.hint")
    found = {each.read(JOURNAL / name) for each in left for name in _hints(each)}
    assert len(found) > 40
    for crashed in left:
        again = Opened(STATE, fs=crashed, kept=0)
        assert again.content() == content
        owned = [room.id for room in again.store.find_all(ROOM_BY_OWNER, 2)]
        assert owned == [2, 5, 8, 11]
        _close(again)
        assert crashed.read(JOURNAL / "00000001.hint") == whole


def test_closing_does_not_wait_for_hint_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is half written then is not looked at, and written again."""
    monkeypatch.setattr(hint_files, "SLICE", 64)
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    for id in range(1, 40):
        opened.put(ROOM, Room(id=id, name=f"r{id}"))
    opened.wait(opened.store.roll())
    content = opened.content()
    opened.close()
    begun, may_go_on = Event(), Event()

    def hold(call: str) -> None:
        names = disk.listdir(JOURNAL)
        if "00000001.hint" in names and disk.size(JOURNAL / "00000001.hint") > 300:
            begun.set()
            assert may_go_on.wait(WAIT)

    disk.before = hold
    opened = Opened(STATE, fs=disk, kept=0)
    assert begun.wait(WAIT)
    closing = opened.store.close()
    may_go_on.set()
    opened.wait(closing)
    disk.before = lambda call: None
    half = disk.read(JOURNAL / "00000001.hint")
    assert 300 < len(half) < 500
    for _ in range(2):
        opened = Opened(STATE, fs=disk, kept=0)
        assert opened.content() == content
        _close(opened)
        assert len(disk.read(JOURNAL / "00000001.hint")) > 900


def test_hint_files_do_not_fill_the_disk() -> None:
    """While there is little room none is written, and nothing else is the worse for
    it; when there is room again those that are missing are."""
    disk = Disk()
    opened = _cold(disk)
    disk.unlink(JOURNAL / "00000001.hint")
    opened.close()
    disk.free = Space(100 * MIB, 400 * MIB)
    opened = Opened(STATE, fs=disk, kept=0)
    for id in range(1, 5):
        opened.wait(opened.put(ROOM, Room(id=id, name="tight")))
        opened.wait(opened.store.roll())
        opened.settle()
        assert _hints(disk) == []
    content = opened.content()
    disk.free = Space(300 * MIB, 400 * MIB)
    opened.wait(opened.put(VISIT, Room(id=1, name="more")))
    opened.wait(opened.store.roll())
    _close(opened)
    assert len(_hints(disk)) == 6
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.content()["room"] == content["room"]
    opened.close()


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
@pytest.mark.parametrize("tool", ["cp", "tar"])
def test_a_copied_folder_opens(
    tmp_path: Path, tool: str, running: bool, by_line: list[str]
) -> None:
    """With its hint files, which are good there, too: they say nothing of where."""
    state, copy = tmp_path / "state", tmp_path / "copy"
    opened = _cold(None, state=state)
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


# Reading and writing at the same time.


def test_reading_all_goes_on_through_compactions() -> None:
    """Whoever reads one record after the other, with changes, rolls and compactions in
    between, gets each that is there all the time, as it is then."""
    disk = Disk()
    opened = _cold(disk, 60)
    reading = opened.store.all(ROOM)
    seen: list[Room] = []
    for room in reading:
        seen.append(room)
        number = len(seen)
        opened.wait(opened.put(ROOM, Room(id=room.id, name="seen")))
        opened.wait(opened.put(ROOM, Room(id=60, name=f"{number}")))
        if number % 7 == 0:
            opened.compact()
        elif number % 3 == 0:
            opened.wait(opened.store.roll())
    assert [room.id for room in seen] == list(range(1, 61))
    assert [room.name for room in seen] == [*(f"r{id}" for id in range(1, 60)), "59"]
    opened.close()


def test_documents_are_in_memory() -> None:
    """What is kept in a document is small, and is not in the journal."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, kept=0)
    settings = [Setting(id=id, name=f"s{id}") for id in range(1, 40)]
    opened.wait(opened.put(SETTING, *settings))
    for setting in settings:
        assert opened.store.get(SETTING, setting.id) is setting
    opened.close()
    opened = Opened(STATE, fs=disk, kept=0)
    assert list(opened.store.all(SETTING)) == settings
    opened.close()


class Full(RealFileSystem):
    """Opens nothing more for reading when told so."""

    full = False

    def open(self, path: Path) -> int:
        if self.full:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().open(path)


def test_a_start_without_descriptors_is_refused(tmp_path: Path) -> None:
    """As any other error of a start: StoreError with the reason, folder unlocked."""
    _cold(None, state=tmp_path / "state").close()
    fs = Full()
    fs.full = True
    with pytest.raises(StoreError, match=os.strerror(errno.EMFILE)):
        Opened(tmp_path / "state", fs=fs, kept=0)
    Opened(tmp_path / "state", kept=0).close()


@pytest.mark.parametrize("do", ["roll", "compact"])
def test_what_cannot_be_opened_again_is_final_or_harmless(
    tmp_path: Path, do: str
) -> None:
    """A segment that is sealed or compacted and cannot be opened for reading: either
    `failed` is told, as always, or it goes on; but no OSError comes out of the store,
    and what was acknowledged is read or refused by StoreError."""
    fs = Full()
    failures: list[StoreError] = []
    opened = _cold(fs, state=tmp_path / "state", failed=failures.append)
    opened.wait(opened.put(ROOM, Room(id=21, name="r21")))
    opened.wait(opened.put(ROOM, Room(id=1, name="r1")))
    fs.full = True
    try:
        if do == "compact":
            opened.compact()
        else:
            opened.wait(opened.store.roll())
    except StoreError:
        assert failures
    if not failures:
        for id in range(1, 22):
            room = opened.store.get(ROOM, id)
            assert room is not None
            assert room.name == f"r{id}"
    opened.close()


def test_undo_inside_another_transaction() -> None:
    """A change in an open transaction that another one has replaced and undone is
    still there, and can be committed."""
    opened = _cold(Disk())
    with opened.store.transaction() as outer:
        new, changed = Room(id=30, name="new"), Room(id=1, name="changed")
        outer.put(ROOM, new)
        outer.put(ROOM, changed)
        outer.delete(ROOM, 2)
        with opened.store.transaction() as inner:
            inner.put(ROOM, Room(id=30, name="never"))
            inner.put(ROOM, Room(id=1, name="never"))
            inner.put(ROOM, Room(id=2, name="never"))
        for id in range(3, 21):
            opened.store.get(ROOM, id)
        assert opened.store.get(ROOM, 30) is new
        assert opened.store.get(ROOM, 1) is changed
        assert opened.store.get(ROOM, 2) is None
        assert opened.store.count(ROOM) == 20
        assert opened.store.ids(ROOM) == [1, *range(3, 21), 30]
        durable = outer.commit()
    opened.wait(durable)
    opened.close()
