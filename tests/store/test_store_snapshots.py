"""Snapshots at any moment: each is the store as it was after some transaction."""

import errno
import os
import shutil
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList

from pexschedd.errors import (
    StoreCopyMisplaced,
    StoreCopyNotWritten,
    StoreError,
    StoreNotPermitted,
)
from pexschedd.model.fields.declaration import Record
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.snapshot import Snapshot
from pexschedd.store.store import Store
from tests.store.store_support import (
    ROOM,
    SETTING,
    TABLES,
    VISIT,
    Opened,
    Room,
    Setting,
    files,
    must_not_fail,
)

Content = dict[str, dict[int, Record]]


class OtherDisk(RealFileSystem):
    """Where nothing can be linked to."""

    def link(self, old: Path, new: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


class Writer:
    """Transactions one after another, as many as are wanted; number n is the same each
    time, so it is known what the store has after it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.committed = 0
        self.acknowledged = 0

    def commit(self) -> Deferred[None]:
        number = self.committed = self.committed + 1
        change = self._store.transaction()
        for record in self._of(number):
            change.put(ROOM, record)
        change.delete(ROOM, (number * 7) % 60 + 1)
        change.put(VISIT, Room(id=1, name=f"{number}"))
        return change.commit().addCallback(self._acknowledge, number)

    def _acknowledge(self, _: None, number: int) -> None:
        self.acknowledged = number

    def _of(self, number: int) -> list[Room]:
        return [
            Room(id=(number + place * 31) % 60 + 1, name=f"{number} " + "x" * 60)
            for place in range(number % 4)
        ]

    def after(self, number: int) -> dict[int, Record]:
        """The rooms there are then."""
        rooms: dict[int, Record] = {}
        for each in range(1, number + 1):
            for room in self._of(each):
                rooms[room.id] = room
            rooms.pop((each * 7) % 60 + 1, None)
        return rooms


@pytest.mark.parametrize(
    ("fs", "count"), [(RealFileSystem(), 50), (OtherDisk(), 15)], ids=["link", "copy"]
)
@pytest_twisted.ensureDeferred
async def test_snapshots_at_random_moments(
    tmp_path: Path, fs: RealFileSystem, count: int
) -> None:
    """While transactions, rolls and compactions go on, each copy opens and holds what
    all transactions up to some number have made, each one that was acknowledged before
    it was asked for included, and none that came after it was there."""
    store = _opened(tmp_path / "state", fs)
    writer = Writer(store)
    random = Random(4)  # noqa: S311 - moments, not secrets
    compacted = running = 0
    for turn in range(count):
        for _ in range(random.randint(0, 12)):
            await writer.commit()
        waiting = [writer.commit() for _ in range(random.randint(0, 30))]
        if random.random() < 0.3:
            waiting.append(store.roll())
        if random.random() < 0.4:
            compacting = Deferred.fromCoroutine(store.compact())
            while not store._compactor.running and not compacting.called:
                await writer.commit()
            waiting.append(cast(Any, compacting))
        running += store._compactor.running
        before = writer.acknowledged
        to = tmp_path / f"copy{turn}"
        copying = Deferred.fromCoroutine(store.snapshot(to))
        # What is committed while it is made, and may be in it or not.
        waiting += [writer.commit() for _ in range(random.randint(0, 5))]
        await copying
        last = writer.committed
        await DeferredList(waiting, fireOnOneErrback=True)
        copy = Opened(to)
        content = copy.content()
        copy.close()
        visit = cast(Room | None, content["visit"].get(1))
        number = int(visit.name) if visit else 0
        assert before <= number <= last
        assert content["room"] == writer.after(number)
        compacted += any(path.name.startswith("c0") for path in files(to))
    assert compacted > count // 4
    assert running > count // 5
    await store.close()


@pytest_twisted.ensureDeferred
async def test_files_copied_in_any_order(tmp_path: Path) -> None:
    """Whoever lists the folder and then copies file by file, however long it takes and
    in whatever order, gets all that was acknowledged before, and whole transactions
    only, while transactions go on and the list of segments changes seven times."""
    state = tmp_path / "state"
    store = _opened(state, RealFileSystem(), segment_size=1 << 20)
    writer = Writer(store)
    random = Random(5)  # noqa: S311 - an order, not a secret
    missed = 0
    for turn in range(40):
        for _ in range(random.randint(0, 40)):
            await writer.commit()
        before = writer.acknowledged
        changes = 0
        names = files(state)
        random.shuffle(names)
        to = tmp_path / f"copy{turn}"
        for source in names:
            target = to / source.relative_to(state)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                shutil.copy2(source, target)
            except FileNotFoundError:
                missed += 1
            for _ in range(random.randint(0, 4)):
                await writer.commit()
            first = store._segments.next_number
            if changes < 6 and random.random() < 0.3:
                await (store.roll() if random.random() < 0.5 else _compact(store))
            changes += store._segments.next_number - first
        to.chmod(0o700)
        copy = Opened(to)
        content = copy.content()
        copy.close()
        visit = cast(Room | None, content["visit"].get(1))
        number = int(visit.name) if visit else 0
        assert before <= number <= writer.committed
        assert content["room"] == writer.after(number)
    assert missed > 10, "files that were listed have been removed meanwhile"
    await store.close()


def _compact(store: Store) -> Deferred[str]:
    return Deferred.fromCoroutine(store.compact())


@pytest_twisted.ensureDeferred
async def test_a_copy_to_another_disk_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Commits become durable between the slices, and what is being copied stays there
    although compaction has replaced it and forgotten it."""
    store = _opened(tmp_path / "state", OtherDisk())
    writer = Writer(store)
    for _ in range(100):
        await writer.commit()
    await store.roll()
    sealed = [s.name for s in store._segments.manifest.segments[:-1]]
    copy = Snapshot(
        OtherDisk(), tmp_path / "state", store._segments, tmp_path / "copy", 8
    )
    copied = store._journal.begin(copy)
    first = writer.committed + 1
    while writer.committed < first + 10:
        await writer.commit()
    assert not copied.called
    await store.compact()
    await store._journal.call(lambda: store._segments.forget(1))
    assert not copied.called
    assert {name for name in sealed if (tmp_path / "state/journal" / name).exists()}
    await copied
    assert not copy.problem
    opened = Opened(tmp_path / "copy")
    assert len(opened.store.ids(ROOM)) == len(opened.content()["room"]) > 0
    opened.close()
    await store._journal.call(lambda: None)
    await store.close()
    again = Opened(tmp_path / "state")
    names = {path.name for path in (tmp_path / "state/journal").iterdir()}
    assert not names.intersection(sealed)
    again.close()


@pytest_twisted.ensureDeferred
async def test_a_copy_that_does_not_fit_is_removed(tmp_path: Path) -> None:
    """Nothing is left of it wherever it failed, the store goes on, and the next attempt
    at the same place succeeds."""

    class Full(OtherDisk):
        left = 1 << 30

        def write(self, handle: int, data: bytes) -> int:
            self.left -= len(data)
            if self.left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(handle, data)

    disk = Full()
    store = _opened(tmp_path / "state", RealFileSystem())
    (tmp_path / "state" / "icons").mkdir()
    (tmp_path / "state" / "icons" / "1.png").write_bytes(b"x" * 500)
    writer = Writer(store)
    for _ in range(100):
        await writer.commit()
    await store.roll()
    needed = _size(tmp_path / "state")
    for left in range(0, needed, needed // 16):
        disk.left = left
        copy = Snapshot(disk, tmp_path / "state", store._segments, tmp_path / "b" / "x")
        await store._journal.begin(copy)
        assert copy.problem == "No space left on device"
        assert copy.kind is StoreCopyNotWritten
        assert not list((tmp_path / "b").iterdir())
        await writer.commit()
    await store.snapshot(tmp_path / "b" / "x")
    with pytest.raises(StoreCopyMisplaced, match="exists already"):
        await store.snapshot(tmp_path / "b" / "x")
    assert (tmp_path / "b" / "x" / "icons" / "1.png").exists()
    await store.close()


@pytest.mark.parametrize(
    "to",
    [
        "/",
        "nul\0byte",
        "other/../state/secret.key/below",
        "state/copy",
        "state/backups",
        "state/journal/copy",
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_place_that_cannot_be_one(tmp_path: Path, to: str) -> None:
    """It is refused, nothing is left of it among the state's own files, and the store
    goes on."""
    store = _opened(tmp_path / "state", RealFileSystem())
    before = set((tmp_path / "state").iterdir())
    with pytest.raises(StoreError, match="no copy was made"):
        await store.snapshot(tmp_path / to)
    assert set((tmp_path / "state").iterdir()) == before
    await Writer(store).commit()
    await store.close()


@pytest_twisted.ensureDeferred
async def test_a_place_that_is_closed(tmp_path: Path) -> None:
    """It says where this user may not write, and nothing of the name that a copy has
    meanwhile."""

    class Closed(RealFileSystem):
        def mkdir(self, path: Path) -> None:
            if path.name.startswith("."):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            super().mkdir(path)

    store = _opened(tmp_path / "state", Closed())
    with pytest.raises(StoreNotPermitted) as raised:
        await store.snapshot(tmp_path / "b" / "x")
    assert f"may not write to {tmp_path / 'b'}. Choose" in raised.value.message
    assert ".x" not in raised.value.message
    await store.close()


@pytest_twisted.ensureDeferred
async def test_closing_ends_a_copy_and_a_compaction(tmp_path: Path) -> None:
    """Both are told that they will not be finished; the folder opens again."""
    store = _opened(tmp_path / "state", OtherDisk())
    writer = Writer(store)
    for _ in range(200):
        await writer.commit()
    await store.roll()
    copy = Snapshot(
        OtherDisk(), tmp_path / "state", store._segments, tmp_path / "copy", 16
    )
    copied = store._journal.begin(copy)
    compacted = Deferred.fromCoroutine(store.compact())
    await store.close()
    await copied
    assert copy.problem == "the store was closed"
    await compacted
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    again = Opened(tmp_path / "state")
    assert again.content()["room"] == writer.after(200)
    again.close()


@pytest_twisted.ensureDeferred
async def test_everything_that_is_state_is_in_a_snapshot(tmp_path: Path) -> None:
    """Documents, keys, icons and keytabs; no lock, no socket, no earlier backups, and
    no folder that an administrator has made among the keytabs."""
    state = tmp_path / "state"
    store = _opened(state, RealFileSystem())
    with store.transaction() as change:
        change.put(SETTING, Setting(id=1, name="here"))
        durable = change.commit()
    await durable
    for name in ("icons/1.png", "keytabs/1.keytab", "instance-id"):
        (state / name).parent.mkdir(exist_ok=True)
        (state / name).write_bytes(b"content")
    (state / "icons" / ".2.png.tmp").write_bytes(b"half")
    (state / "keytabs" / "old").mkdir()
    await store.snapshot(state / "backups" / "one")
    await store.snapshot(state / "backups" / "two")
    found = {
        str(path.relative_to(state / "backups" / "two"))
        for path in files(state / "backups" / "two")
        if path.suffix != ".jsonl" and not path.name.startswith("MANIFEST")
    }
    assert found == {
        "format.json",
        "icons/1.png",
        "instance-id",
        "keytabs/1.keytab",
        "others.json",
        "secret.key",
        "settings.json",
    }
    await store.close()


@pytest_twisted.ensureDeferred
async def test_of_a_copy_that_a_kill_interrupted_nothing_stays(tmp_path: Path) -> None:
    """Its links would keep what is compacted away on the disk. What is complete, and
    what lies elsewhere, is not touched."""
    state = tmp_path / "state"
    store = _opened(state, RealFileSystem())
    await store.snapshot(state / "backups" / "whole")
    await store.close()
    for folder in (state / "backups", tmp_path):
        shutil.copytree(state / "backups" / "whole", folder / ".killed.tmp")
    store = _opened(state, RealFileSystem())
    assert [path.name for path in (state / "backups").iterdir()] == ["whole"]
    with pytest.raises(StoreError, match="a backup that was not finished"):
        await store.snapshot(tmp_path / "killed")
    await store.close()
    assert (tmp_path / ".killed.tmp" / "format.json").exists()


def _opened(directory: Path, fs: RealFileSystem, *, segment_size: int = 4_000) -> Store:
    return Store.open(
        directory,
        TABLES,
        reactor=cast(Any, reactor),
        failed=must_not_fail,
        fs=fs,
        segment_size=segment_size,
        compact_from=1 << 40,
    )


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in files(directory))
