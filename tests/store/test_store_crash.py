"""The machine stops at any moment: what was acknowledged is there afterwards."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

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

from pexschedd.errors import StoreError
from pexschedd.store.store import Store
from tests.store.store_disk import SYNCS, Disk, Image, few_cuts, image
from tests.store.store_support import (
    ROOM,
    SETTING,
    TABLES,
    VISIT,
    Opened,
    Room,
    Setting,
)
from tests.thorough import examples

T = TypeVar("T")

pytestmark = pytest.mark.usefixtures("kept")

STATE = Path("/var/state")

Content = dict[str, dict[int, Any]]
Step = Any


class _Crash(OSError):
    """The machine has stopped: this call did not happen, and no later one."""


def _apply(opened: Opened, step: Step) -> None:
    """One step of a workload, until it is acknowledged."""
    kind, *records = step
    if kind == "roll":
        opened.wait(opened.store.roll())
        return
    if kind == "compact":
        opened.compact()
        return
    with opened.store.transaction() as transaction:
        for table, what in records:
            if isinstance(what, int):
                transaction.delete(table, what)
            else:
                transaction.put(table, what)
        done = transaction.commit()
    opened.wait(done)


def _ignore(error: StoreError) -> None:
    """A store that fails is what these tests are about."""


def _crash_at(disk: Disk, call: int) -> None:
    left = call

    def before(name: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _Crash(name)

    disk.before = before


class Starts:
    """The content that a store has when it starts from a disk.

    Many crashes leave the same, as there is no chance in the workloads: each disk is
    tried once.
    """

    def __init__(self) -> None:
        self._known: dict[Image, Content] = {}

    def content(self, disk: Disk) -> Content:
        """Opening it once more changes nothing, and it can be written."""
        before = image(disk.root)
        if before not in self._known:
            opened = Opened(STATE, fs=disk)
            found = self._known[before] = opened.content()
            opened.wait(opened.put(ROOM, Room(id=77, name="after")))
            opened.close()
            opened = Opened(STATE, fs=disk)
            after = {**found["room"], 77: Room(id=77, name="after")}
            assert opened.content() == found | {"room": after}
            opened.close()
        return self._known[before]


WORKLOADS: dict[str, list[Step]] = {
    "first start": [],
    "put, replace, delete": [
        ("do", (ROOM, Room(id=1, name="a"))),
        ("do", (ROOM, Room(id=1, name="b"))),
        ("do", (ROOM, 1)),
    ],
    "transactions": [
        ("do", (ROOM, Room(id=1, name="a")), (VISIT, Room(id=1, name="b"))),
        ("do", (ROOM, Room(id=2, name="c")), (ROOM, 1), (VISIT, 1)),
    ],
    "documents and journal": [
        ("do", (SETTING, Setting(id=1, name="a"))),
        ("do", (ROOM, Room(id=1, name="b"))),
        ("do", (SETTING, Setting(id=2, name="c")), (SETTING, 1)),
    ],
    "roll": [
        ("do", (ROOM, Room(id=1, name="a"))),
        ("roll",),
        ("do", (ROOM, Room(id=2, name="b"))),
        ("roll",),
        ("do", (ROOM, 1)),
    ],
    "compaction": [
        ("do", (ROOM, Room(id=1, name="a")), (ROOM, Room(id=2, name="b"))),
        ("do", (ROOM, Room(id=1, name="c")), (VISIT, Room(id=1, name="d"))),
        ("compact",),
        ("do", (ROOM, 2)),
        ("compact",),
    ],
    "old manifests go": [
        step
        for number in range(1, 10)
        for step in (("do", (ROOM, Room(id=1, name=f"{number}"))), ("roll",))
    ],
}


class Moment(NamedTuple):
    """What the disk is before one of a workload's calls, or after the last one."""

    disk: Disk
    step: int
    """The step that the call belongs to; it is acknowledged later."""


def _moments(steps: Sequence[Step]) -> tuple[list[Moment], list[Content]]:
    """Run a workload once; return its moments, and the content before each step and
    after the last one. A moment after a sync is left out where the one before it is of
    the same step: that may leave more."""
    disk = Disk()
    moments: list[Moment] = []
    contents: list[Content] = [{table.name: {} for table in TABLES}]
    previous = ""

    def before(name: str) -> None:
        nonlocal previous
        step = len(contents) - 1
        if previous not in SYNCS or moments[-1].step < step:
            moments.append(Moment(disk.copy(), step))
        previous = name

    disk.before = before
    opened = Opened(STATE, fs=disk, random=bytes)
    for step in steps:
        _apply(opened, step)
        contents.append(opened.content())
    opened.close()
    before("the end")
    return moments, contents


@pytest.fixture(scope="module")
def starts(kept: int) -> Starts:
    """What is known of the disks that a start was tried from: a start has no memory of
    the workload, only of how many records are kept in memory."""
    return Starts()


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_crash_keeps_what_was_acknowledged(name: str, starts: Starts) -> None:
    """After a crash at any call, in any state the disk may be in, the content is that
    after all acknowledged steps or after one more, opening it once more changes
    nothing, and it can be written."""
    moments, contents = _moments(WORKLOADS[name])
    states = 0
    for call, (disk, step) in enumerate(moments):
        allowed = contents[step : step + 2]
        for left in disk.crashes(few_cuts):
            states += 1
            assert starts.content(left) in allowed, f"crash before call {call}"
    assert states > len(moments), "the model has to have choices"


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_a_killed_process_left_is_made_durable(name: str, starts: Starts) -> None:
    """A kill leaves what was written but not synced. Once a start has read it, not
    even a power failure takes it back, nor what is acknowledged then."""
    moments, _ = _moments(WORKLOADS[name])
    for call, (disk, _) in enumerate(moments):
        opened = Opened(STATE, fs=disk)
        found = opened.content()
        opened.settle()
        for left in disk.crashes(few_cuts):
            assert starts.content(left) == found, f"killed before call {call}"
        opened.wait(opened.put(ROOM, Room(id=77, name="after")))
        found = opened.content()
        for left in disk.crashes(few_cuts):
            assert starts.content(left) == found, f"killed before call {call}"
        opened.close()


def test_every_crash_during_recovery_is_recovered_from() -> None:
    """A crash at any call of a recovery from a torn tail loses nothing either."""
    moments, contents = _moments(WORKLOADS["transactions"])
    torn = next(moments[-1].disk.crashes(few_cuts))
    journal = STATE / "journal" / "00000001.jsonl"
    handle = torn.append(journal)
    torn.write(handle, b'{"seq":6,"tx":[1,2],"put":"ro')
    torn.sync(handle)
    torn.close(handle)
    call = 0
    recovered = False
    while not recovered:
        (again,) = torn.crashes(few_cuts)
        _crash_at(again, call)
        try:
            Opened(STATE, fs=again).close()
            recovered = True
        except StoreError:
            pass
        for left in again.crashes(few_cuts):
            opened = Opened(STATE, fs=left)
            assert opened.content() == contents[-1]
            opened.close()
        call += 1
    assert call > 5


def test_a_line_cut_at_any_byte_is_never_half_there() -> None:
    """Whatever prefix of a transaction's bytes is left: all of it or nothing."""
    moments, contents = _moments(WORKLOADS["transactions"])
    (whole,) = moments[-1].disk.crashes(few_cuts)
    journal = STATE / "journal" / "00000001.jsonl"
    size = whole.size(journal)
    second = whole.read(journal).index(b'{"seq":3')
    for cut in range(second, size + 1):
        (left,) = whole.crashes(few_cuts)
        handle = left.append(journal)
        left.truncate(handle, cut)
        left.sync(handle)
        opened = Opened(STATE, fs=left)
        assert opened.content() == contents[-1 if cut == size else -2]
        opened.close()
        names = left.listdir(journal.parent)
        assert ("00000001.jsonl.torn" in names) == (second < cut < size)


ids = st.integers(1, 6)
rooms = st.builds(Room, id=ids, name=st.text(max_size=5), owner=st.integers(0, 2))
changes = st.one_of(
    st.tuples(st.sampled_from([ROOM, VISIT]), st.one_of(rooms, ids)),
)


class StoreMachine(RuleBasedStateMachine):
    """A store beside a plain dict, with crashes at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.opened: Opened | None = None
        self.model: Content = {table.name: {} for table in TABLES}
        self.given: dict[str, int] = {"room": 0, "visit": 0}

    @property
    def store(self) -> Store:
        assert self.opened is not None
        return self.opened.store

    @initialize()
    def open(self) -> None:
        self.opened = Opened(STATE, fs=self.disk, failed=_ignore, segment_size=600)

    def expected(self, records: list[tuple[Any, Any]]) -> Content:
        result = {name: dict(content) for name, content in self.model.items()}
        for table, what in records:
            if isinstance(what, int):
                result[table.name].pop(what, None)
            else:
                result[table.name][what.id] = what
        return result

    @rule(records=st.lists(changes, min_size=1, max_size=4))
    def transact(self, records: list[tuple[Any, Any]]) -> None:
        assert self.opened is not None
        _apply(self.opened, ("do", *records))
        self.model = self.expected(records)

    @rule(number=ids, name=st.text(max_size=3))
    def document(self, number: int, name: str) -> None:
        assert self.opened is not None
        setting = Setting(id=number, name=name)
        self.opened.wait(self.opened.put(SETTING, setting))
        self.model["setting"][number] = setting

    @rule(table=st.sampled_from([ROOM, VISIT]))
    def new(self, table: Any) -> None:
        """A new id is higher than all before it, across restarts and crashes."""
        assert self.opened is not None
        transaction = self.store.transaction()
        id = transaction.new_id(table)
        assert id > self.given[table.name]
        room = Room(id=id, name="new")
        transaction.put(table, room)
        self.opened.wait(transaction.commit())
        self.model[table.name][id] = room
        self.given[table.name] = id

    @rule()
    def roll(self) -> None:
        assert self.opened is not None
        self.opened.wait(self.store.roll())

    @rule()
    def compact(self) -> None:
        assert self.opened is not None
        self.opened.compact()

    @rule()
    def reopen(self) -> None:
        assert self.opened is not None
        self.opened.close()
        self.open()

    @rule(
        records=st.lists(changes, min_size=1, max_size=4),
        call=st.integers(0, 24),
        then=st.sampled_from(["roll", "compact"]),
        cut=st.integers(1, 300),
        choices=st.lists(st.integers(0, 255), min_size=1, max_size=60),
    )
    def crash(
        self,
        records: list[tuple[Any, Any]],
        call: int,
        then: str,
        cut: int,
        choices: list[int],
    ) -> None:
        """Stops at some call of a transaction and a roll; goes on from what is left.

        Everything is drawn beforehand: the store writes its hint files when it has
        time, so how many choices a crash has is not the same each time.
        """
        assert self.opened is not None
        self.opened.settle()
        _crash_at(self.disk, call)
        acknowledged = True
        try:
            _apply(self.opened, ("do", *records))
            self.model = self.expected(records)
            _apply(self.opened, (then,))
        except StoreError:
            acknowledged = self.model == self.expected(records)
        self.opened.close()
        chosen = itertools.cycle(choices)

        def choose(among: Sequence[T]) -> T:
            return among[next(chosen) % len(among)]

        self.disk = self.disk.crash(lambda data: [min(cut, len(data) - 1)], choose)
        before = self.model
        self.open()
        found = self.opened.content()
        if not acknowledged and found != before:
            assert found == self.expected(records)
        else:
            assert found == before
        self.model = found

    @invariant()
    def agrees(self) -> None:
        if self.opened is not None:
            assert self.opened.content() == self.model

    def teardown(self) -> None:
        if self.opened is not None:
            self.opened.close()


@pytest.mark.timeout(600)  # much work: a busy machine takes its time for it
def test_a_random_walk_with_crashes() -> None:
    """Whatever is done in whatever order, and wherever it is interrupted."""
    steps = settings(
        max_examples=examples(60),
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(StoreMachine, settings=steps)
