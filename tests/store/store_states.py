"""Every state that a crash may leave of a short workload: found, recovered, checked.

    python -m tests.store.store_states [OPERATIONS]

Workloads are all sequences of up to OPERATIONS (default 3) operations from `OPERATIONS`
on a small store with two segments, and on an empty disk. Before every single system
call, and after the last one, the disk is asked for every state that a crash would leave
there: each unsynced write lost, cut or kept, each unsynced name lost or kept, all
independently of each other. Only after a sync it is not asked: there were those states
before it already. Each state is recovered, and recovery is itself crashed
before each of its calls, until nothing new is found. A state that was met before, in
whatever workload, is not recovered again; what is asserted of it is.

Where records are not kept in memory, an operation ends when the hint files that it
leads to are written: so what is crashed includes them, and the states that a crash
leaves of them.

The content of a temporary file is not told apart: a start removes it unread.

Where a write is cut: after its first byte, in the middle, before its last one (so
before the newline of a line), and in a transaction of several lines after the first
line. With `every_byte`, an append is cut at every byte; recovery is then not crashed.

Asserted of each state: it can be recovered; the content is that after all acknowledged
operations, or with the one that was going on, and nothing in between; a crash in
recovery leads to the same content; a second recovery finds nothing left to do.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.store.fs import is_temporary
from tests.store.store_disk import SYNCS, Disk, File, Folder, few_cuts
from tests.store.store_support import (
    LABEL,
    OTHER,
    ROOM,
    SETTING,
    VISIT,
    WAIT,
    Calls,
    Opened,
    Room,
    Setting,
)

STATE = Path("/var/state")

ROOM_2 = Table(
    "room",
    Room,
    version=2,
    upgrades={1: lambda value: {**value, "owner": value.get("owner", 0) + 100}},
)
"""A later release of the same table."""

OLD: list[Table[Any]] = [ROOM, VISIT, SETTING, LABEL, OTHER]
NEW: list[Table[Any]] = [ROOM_2, VISIT, SETTING, LABEL, OTHER]

Content = tuple[Any, ...]
Tree = tuple[Any, ...]


class Failed(AssertionError):
    """A state that is not as it has to be."""


class Counts:
    def __init__(self) -> None:
        self.workloads = 0
        self.calls = 0
        self.states = 0
        self.recovered = 0

    def __str__(self) -> str:
        return (
            f"{self.workloads} workloads, a crash before each of {self.calls} changing "
            f"calls: {self.states} states checked, {self.recovered} different ones "
            "recovered"
        )


class Recovery(NamedTuple):
    content: Content
    after: Tree
    """The disk after the recovery."""


class InStep(Calls):
    """The thread goes on when the reactor has done what it was told: what comes first
    never depends on which of them is faster, and each run has the same states."""

    def callFromThread(
        self,
        callable: Callable[..., Any],  # noqa: A002 - the interface's name
        *args: object,
        **kwargs: object,
    ) -> None:
        done = Event()

        def call() -> None:
            try:
                callable(*args, **kwargs)
            finally:
                done.set()

        super().callFromThread(call)
        if callable.__name__ != "_ended":  # which waits for the thread
            assert done.wait(WAIT)


class Bench:
    """A store on a disk that is photographed before each call."""

    def __init__(self, disk: Disk, tables: list[Table[Any]] = OLD) -> None:
        self.disk = disk
        self.tables = tables
        self.opened: Opened | None = None

    def open(self) -> None:
        # Always the same key, so that equal states are equal.
        version = "1" if self.tables is OLD else "2"
        self.opened = Opened(
            STATE,
            self.tables,
            calls=InStep(),
            fs=self.disk,
            version=version,
            random=bytes,
        )

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()
            self.opened = None

    def content(self) -> Content:
        assert self.opened is not None
        store = self.opened.store
        found = []
        for table in self.tables:
            records = list(store.all(table))
            if table is ROOM:  # as the later release would see them
                upgrade = ROOM_2.upgrades[1]
                owners = [upgrade({"owner": r.owner})["owner"] for r in records]
                records = [
                    Room(id=r.id, name=r.name, owner=owner)
                    for r, owner in zip(records, owners, strict=True)
                ]
            found.append((table.name, tuple(records)))
        return tuple(found)


Operation = Callable[[Bench, int], None]
"""Does something and waits until it is durable; the number makes it differ."""


def _put(bench: Bench, n: int) -> None:
    opened = _opened(bench)
    opened.wait(opened.put(bench.tables[0], Room(id=10 + n, name=f"n{n}")))


def _replace(bench: Bench, n: int) -> None:
    opened = _opened(bench)
    opened.wait(opened.put(bench.tables[0], Room(id=1, name=f"r{n}")))


def _delete(bench: Bench, n: int) -> None:
    opened = _opened(bench)
    ids = opened.store.ids(bench.tables[0])
    if ids:
        opened.wait(opened.delete(bench.tables[0], ids[0]))


def _transaction(bench: Bench, n: int) -> None:
    opened = _opened(bench)
    with opened.store.transaction() as change:
        change.put(bench.tables[0], Room(id=2, name=f"t{n}"))
        change.delete(VISIT, 1)
        change.put(VISIT, Room(id=2 + n, name=f"v{n}"))
        durable = change.commit()
    opened.wait(durable)


def _document(bench: Bench, n: int) -> None:
    opened = _opened(bench)
    opened.wait(opened.put(SETTING, Setting(id=1, name=f"s{n}")))


def _roll(bench: Bench, n: int) -> None:
    opened = _opened(bench)
    opened.wait(opened.store.roll())


def _compact(bench: Bench, n: int) -> None:
    _opened(bench).compact()


def _upgrade(bench: Bench, n: int) -> None:
    """The next release starts on what this one has written, and changes a record."""
    bench.close()
    bench.tables = NEW
    bench.open()


def _opened(bench: Bench) -> Opened:
    assert bench.opened is not None
    return bench.opened


OPERATIONS: dict[str, Operation] = {
    "put": _put,
    "replace": _replace,
    "delete": _delete,
    "transaction": _transaction,
    "document": _document,
    "roll": _roll,
    "compact": _compact,
    "upgrade": _upgrade,
}


def few(data: bytes) -> Sequence[int]:
    """Where a write is cut, unless it is at every byte."""
    ends = {1, len(data) // 2, len(data) - 1}
    if data.startswith(b'{"seq"'):
        ends.add(data.find(b"\n") + 1)
    return sorted(end for end in ends if 0 < end < len(data))


def every(data: bytes) -> Sequence[int]:
    """Each byte of what is appended; what is written to a temporary file is not seen
    by anybody before it is synced."""
    return range(1, len(data)) if data.startswith(b'{"seq"') else few(data)


class Enumeration:
    """Remembers every state that it has recovered."""

    def __init__(self, *, every_byte: bool = False, broken: str = "") -> None:
        """`broken`: a call that the disk only pretends to do, in the workloads."""
        self._broken = broken
        self.counts = Counts()
        self._cuts = every if every_byte else few
        self._crash_recovery = not every_byte
        self._known: dict[tuple[Tree, bool], Recovery] = {}

    def first_start(self, operations: Sequence[str]) -> None:
        """The workload that begins with an empty disk."""
        bench = Bench(Disk())
        self._watch(bench, Bench.open, bench, ())
        for number, name in enumerate(operations):
            bench.content()
            self._operation(bench, name, number, last=number == len(operations) - 1)
        bench.close()
        self.counts.workloads += 1

    def run(self, operations: Sequence[str]) -> None:
        """Only the last operation is crashed: the others are in shorter workloads."""
        bench = base()
        bench.open()
        for number, name in enumerate(operations):
            self._operation(bench, name, number, last=number == len(operations) - 1)
        bench.close()
        self.counts.workloads += 1

    def _operation(self, bench: Bench, name: str, number: int, *, last: bool) -> None:
        operation = OPERATIONS[name]
        if last:
            self._watch(bench, operation, bench, bench.content(), number)
        else:
            operation(bench, number)
            _opened(bench).settle()

    def _watch(
        self, bench: Bench, operation: Callable[..., None], *arguments: Any
    ) -> None:
        """Does an operation, with a photograph before each of its calls."""
        photographs: list[tuple[list[Tree], bool]] = []
        newer = operation is _upgrade
        before = arguments[1] if len(arguments) > 1 else ()

        def photograph() -> None:
            photographs.append((list(_crashes(bench.disk, self._cuts)), newer))

        bench.disk.before = _unless_synced(photograph)
        bench.disk.broken = self._broken
        operation(arguments[0], *arguments[2:])
        _opened(bench).settle()
        bench.disk.before = lambda call: None
        after = bench.content()
        allowed = [before or _EMPTY, after]
        for trees, by_newer in photographs:
            self.counts.calls += 1
            newest = by_newer or bench.tables is NEW
            for tree in trees:
                self._check(tree, newest, allowed)
        for tree in _crashes(bench.disk, self._cuts):
            self._check(tree, bench.tables is NEW, [after])

    def _check(self, tree: Tree, newer: bool, allowed: Sequence[Content]) -> None:
        self.counts.states += 1
        found = self._recover(tree, newer)
        if found.content not in allowed:
            raise Failed(f"found {found.content}, and not one of {allowed}, in {tree}")

    def _recover(self, tree: Tree, newer: bool) -> Recovery:
        """Recovers a state, and every state that a crash meanwhile may leave."""
        known = self._known.get((tree, newer))
        if known is not None:
            return known
        disk = Disk(_grown(tree))
        bench = Bench(disk, NEW if newer else OLD)
        left: set[Tree] = set()

        def photograph() -> None:
            if self._crash_recovery:
                left.update(_crashes(disk, self._cuts))

        disk.before = _unless_synced(photograph)
        try:
            bench.open()
        except StoreError as error:
            raise Failed(f"not recovered: {error}; from {tree}") from error
        _opened(bench).settle()
        photograph()
        disk.before = lambda call: None
        result = Recovery(bench.content(), ())
        bench.close()
        disk.root.sync()
        result = result._replace(after=_frozen(disk.root))
        self.counts.recovered += 1
        self._known[tree, newer] = result
        left.discard(tree)
        for state in left:
            found = self._recover(state, newer)
            if found.content != result.content:
                raise Failed(f"a crash in recovery changed the content of {tree}")
        if self._crash_recovery:
            again = self._recover(result.after, newer)
            if again != result:
                raise Failed(f"recovering twice changed something of {tree}")
        return result


def base() -> Bench:
    """A closed store with a sealed segment, an active one, and a document."""
    bench = Bench(Disk())
    bench.open()
    opened = _opened(bench)
    opened.wait(opened.put(ROOM, Room(id=1, name="a"), Room(id=2, name="b")))
    opened.wait(opened.put(ROOM, Room(id=1, name="c")))
    opened.wait(opened.store.roll())
    opened.wait(opened.put(VISIT, Room(id=1, name="d")))
    opened.settle()
    bench.close()
    return bench


def workloads(size: int, longest: int = 1) -> Iterator[tuple[str, ...]]:
    """All of up to `size` operations; an upgrade happens once. Of those with `size`
    operations only each `longest`-th."""
    for length in range(1, size + 1):
        every_nth = longest if length == size else 1
        for number, names in enumerate(product(OPERATIONS, repeat=length)):
            if names.count("upgrade") <= 1 and number % every_nth == 0:
                yield names


def enumerate_all(size: int, *, every_byte: bool = False, longest: int = 1) -> Counts:
    """Everything of up to `size` operations, the first start counted as one; of the
    longest workloads each `longest`-th, and each single one."""
    enumeration = Enumeration(every_byte=every_byte)
    enumeration.first_start(())
    for names in workloads(size - 1, longest if size > 2 else 1):
        enumeration.first_start(names)
    for names in workloads(size, longest):
        enumeration.run(names)
    return enumeration.counts


_EMPTY: Content = tuple((table.name, ()) for table in OLD)


def _unless_synced(photograph: Callable[[], None]) -> Callable[[str], None]:
    """Return what a disk calls before each call: it takes a photograph, unless the
    call before was a sync."""
    previous = ""

    def before(call: str) -> None:
        nonlocal previous
        if previous not in SYNCS:
            photograph()
        previous = call

    return before


def _crashes(disk: Disk, cuts: Callable[[bytes], Sequence[int]]) -> Iterator[Tree]:
    """As `Disk.crashes`, without making a disk of each: there are a million of them."""
    return _crashed(disk.root, cuts)


def _crashed(folder: Folder, cuts: Callable[[bytes], Sequence[int]]) -> Iterator[Tree]:
    survivors: dict[tuple[str, int], list[tuple[str, bytes | Tree]]] = {}
    for names in folder.survivors():
        choices = []
        for name, node in sorted(names.items()):
            key = name, id(node)
            if key not in survivors:
                survivors[key] = [(name, left) for left in _left(name, node, cuts)]
            choices.append(survivors[key])
        yield from product(*choices)


def _left(
    name: str, node: File | Folder, cuts: Callable[[bytes], Sequence[int]]
) -> Sequence[bytes | Tree]:
    if isinstance(node, Folder):
        return list(_crashed(node, cuts))
    if is_temporary(name):
        return [b""] * len(node.survivors(few_cuts))
    return sorted(node.survivors(cuts))


def _frozen(folder: Folder) -> Tree:
    return tuple(
        (name, _content(name, node) if isinstance(node, File) else _frozen(node))
        for name, node in sorted(folder.names.items())
    )


def _content(name: str, file: File) -> bytes:
    return b"" if is_temporary(name) else file.data


def _grown(tree: Tree) -> Folder:
    folder = Folder()
    for name, content in tree:
        folder.names[name] = (
            File(content) if isinstance(content, bytes) else _grown(content)
        )
    folder.sync()
    return folder


if __name__ == "__main__":
    sys.stdout.write(f"{enumerate_all(int((*sys.argv[1:], '3')[0]))}\n")
