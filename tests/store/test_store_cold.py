"""Records that are not in memory: read where they lie, as if they were."""

from collections.abc import Sequence
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

from pexschedd.model.table import Table
from pexschedd.store.hints import code_fingerprint
from pexschedd.store.index import KeyHashing
from tests.store.cold_support import JOURNAL, STATE, close, cold, hints, stir
from tests.store.store_disk import Disk
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
from tests.thorough import examples

BOTH: list[Table[Any]] = [ROOM, VISIT]


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
    def open(self, kept: int) -> None:
        self.opened = Opened(
            STATE,
            fs=self.disk,
            kept=kept,
            segment_size=500,
            compact_from=1500,
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
    def another_program(self, kept: int) -> None:
        close(self.opened)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(code_fingerprint, "digest", lambda: "another")
            self.open(kept)

    @rule(kept=how_many, data=st.data())
    def lose_hints(self, kept: int, data: st.DataObject) -> None:
        """Some hint files are gone or damaged when it is opened again."""
        close(self.opened)
        self._lose_hints(data)
        self.open(kept)

    @rule(data=st.data())
    def lose_hints_that_may_be_needed(self, data: st.DataObject) -> None:
        """By a compaction, while it runs."""
        self.opened.settle()
        self._lose_hints(data)

    def _lose_hints(self, data: st.DataObject) -> None:
        for name in hints(self.disk):
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
        close(self.opened)


def test_it_makes_no_difference_where_records_are() -> None:
    """Puts, deletions, transactions, some of them undone, rolls and compactions, starts
    with another number of records in memory, without hint files or with damaged ones
    or those of another program: every way to read says what a dict says, each time."""
    steps = settings(
        max_examples=examples(80),
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(ColdMachine, settings=steps)


# What has to be in memory.


def test_what_is_not_committed_is_not_forgotten() -> None:
    """Puts and deletions of open transactions are what is read, until the end."""
    opened = cold(Disk())
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
    opened = cold(Disk())
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
    opened = cold(disk, segment_size=300)
    disk.may_go_on.clear()
    rooms = [Room(id=id, name="held up") for id in range(21, 51)]
    for room in rooms:
        done = opened.put(ROOM, room)
    deleted = opened.delete(ROOM, 7)
    rolled = opened.store.roll()
    assert len(opened.store._line_index.segments) > 5
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
    opened = cold(Disk(), 100)
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
    opened = cold(Disk())
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
        stir(opened)
        collection = opened.store._collections["room"]
        assert len(collection._records) <= 1
        assert not collection._unwritten
    opened.close()


def test_undo_of_what_is_on_its_way() -> None:
    """What was committed a moment ago, and is not on the disk yet, comes back, too."""
    disk = HeldUp()
    opened = cold(disk)
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
        KeyHashing, "__call__", lambda self, key: 0 if key is None else 7 << 36
    )
    disk = Disk()
    opened = cold(disk, count)
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
        close(opened)
        assert len(hints(disk)) > 1
        opened = Opened(STATE, fs=disk, kept=0)
    opened.close()


# Reading and writing at the same time.


def test_reading_all_goes_on_through_compactions() -> None:
    """Whoever reads one record after the other, with changes, rolls and compactions in
    between, gets each that is there all the time, as it is then."""
    disk = Disk()
    opened = cold(disk, 60)
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


def test_undo_inside_another_transaction() -> None:
    """A change in an open transaction that another one has replaced and undone is
    still there, and can be committed."""
    opened = cold(Disk())
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
