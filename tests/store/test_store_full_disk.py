"""A small file system that is really full, and one that is kept from it."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pexschedd.store.disk.reserve import StoreState
from tests.store.refusing_disk import in_memory, look, outcome, state_of
from tests.store.store_support import ROOM, Opened, Room
from tests.system.disk_support import KIB, SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 300 * KIB) as disk:
        yield disk


def fill(opened: Opened) -> int:
    """Commits rooms until one fails; returns how many are durable."""
    id = 0
    while outcome(opened, opened.put(ROOM, Room(id=id + 1, name="x" * 700))) is None:
        id += 1
    return id


def test_a_really_full_disk(disk: SmallDisk) -> None:
    """The system's own ENOSPC, with no space watched: it is read-only, starts on the
    full disk with everything acknowledged, and goes on when there is room."""
    state = disk.path / "state"
    disk.fill(150 * KIB)
    opened = Opened(state, reserve=0, segment_size=50_000)
    acknowledged = fill(opened)
    assert acknowledged > 100
    assert os.strerror(errno.ENOSPC) in opened.store.refusal
    opened.close()
    disk.fill(0)
    opened = Opened(state, reserve=0)
    assert opened.store.ids(ROOM) == list(range(1, acknowledged + 1))
    assert outcome(opened, in_memory(opened, Room(id=999, name="x" * 9000))) is not None
    assert state_of(opened) is StoreState.READ_ONLY
    opened.close()
    opened = Opened(state, reserve=0)
    assert opened.store.ids(ROOM) == list(range(1, acknowledged + 1))
    disk.free()
    look(opened)
    assert state_of(opened) is StoreState.WRITABLE
    opened.wait(opened.delete(ROOM, *range(1, 50)))
    opened.wait(opened.put(ROOM, Room(id=1000, name="after")))
    opened.close()


def test_the_space_kept_free_prevents_it(disk: SmallDisk) -> None:
    """With the usual reserve new work is refused before the disk is full, and
    compaction still has room."""
    opened = Opened(disk.path / "state", segment_size=20_000)
    count = 0
    while opened.store.accepts_writes:
        opened.wait(opened.put(ROOM, Room(id=count % 30 + 1, name="x" * 700)))
        look(opened)
        count += 1
        if count > 2000:
            break
    while opened.store._compactor.running:
        look(opened)
    opened.compact()
    assert opened.store.count(ROOM) == 30
    assert count > 100
    opened.close()
