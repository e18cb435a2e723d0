"""Archives of a store that goes on being written, or is killed meanwhile."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from pexschedd.store.archive.live import StoreArchives
from pexschedd.store.archive.reader import RestoreKeys
from pexschedd.store.store import Store
from tests.store.archive_support import unpacked
from tests.store.store_support import ROOM, TABLES, VISIT, Opened, Room, must_not_fail


@pytest_twisted.async_yield_fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(
        tmp_path / "state",
        TABLES,
        reactor=cast(Any, reactor),
        failed=must_not_fail,
        segment_size=10_000,
        compact_from=15_000,
    )
    yield store
    await store.close()


@pytest_twisted.ensureDeferred
async def test_archives_beside_writes(store: Store, tmp_path: Path) -> None:
    """Beside commits, rolls and compactions each archive is a store of one moment: with
    all that was acknowledged before it was begun, and whole transactions only. Nothing
    is left of the copies."""
    written = 0
    making = True

    async def write() -> None:
        nonlocal written
        while making:
            with store.transaction() as change:
                change.put(ROOM, Room(id=written % 50 + 1, name="x" * 100))
                change.put(VISIT, Room(id=1, name=f"{written + 1}"))
                change.put(ROOM, Room(id=1000, name=f"{written + 1}"))
                durable = change.commit()
            await durable
            written += 1

    writing = Deferred.fromCoroutine(write())
    archives = StoreArchives(
        store, tmp_path / "state", deferToThread, release="1", random=os.urandom
    )
    key = RestoreKeys(key=(tmp_path / "state" / "secret.key").read_bytes())
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    for number in range(8):
        before = written
        made = await archives.begin(moment, "")
        data = b""
        while piece := await made.next():
            data += piece
        await made.close()
        to = tmp_path / f"restored{number}"
        await deferToThread(unpacked, data, to, key)
        restored = Opened(to)
        visit = restored.store.get(VISIT, 1)
        count = int(visit.name) if visit else 0
        room = restored.store.get(ROOM, 1000)
        assert (int(room.name) if room else 0) == count >= before
        restored.close()
    making = False
    await writing
    assert list((tmp_path / "state" / "backups").iterdir()) == []


CHILD = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from twisted.internet.defer import Deferred
from pexschedd.store.archive.writer import KeyWish
from pexschedd.store.fs import RealFileSystem
from pexschedd.tools.archive_commands import make_archive
from datetime import datetime
from tests.store.store_support import ROOM, VISIT, Opened, Room

state, to = Path(sys.argv[1]), Path(sys.argv[2])
opened = Opened(state, segment_size=4000)
count = len(opened.store.ids(ROOM))
print("open", flush=True)
number = 0

async def pause():
    pass

while True:
    for _ in range(30):
        count += 1
        with opened.store.transaction() as change:
            change.put(ROOM, Room(id=count, name="x" * 40))
            change.put(VISIT, Room(id=1, name=str(count)))
            done = change.commit()
        opened.wait(done)
    making = make_archive(
        RealFileSystem(), state, to / f"{os.getpid()}-{number}.tar.gz",
        KeyWish(in_plain_text=True), datetime(2026, 11, 21), opened.store.snapshot,
        os.urandom, pause,
    )
    opened.wait(Deferred.fromCoroutine(making))
    number += 1
    print(number, count, flush=True)
"""


def test_killed_while_archives_are_made(tmp_path: Path) -> None:
    """After SIGKILL at any moment each file with an archive's name is a whole one, and
    the store has lost nothing; its next start removes the unfinished copy."""
    state, to = tmp_path / "state", tmp_path / "archives"
    to.mkdir()
    path = str(Path(__file__).parents[2])
    acknowledged = 0
    for run_ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(state), str(to)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"open\n"
            said = [child.stdout.readline() for _ in range(2 + run_)]
            child.send_signal(signal.SIGKILL)
            said += child.stdout.readlines()
        acknowledged = max(int(line.split()[1]) for line in said if line[-1:] == b"\n")
        opened = Opened(state)
        assert len(opened.store.ids(ROOM)) >= acknowledged
        opened.close()
        assert list((state / "backups").iterdir()) == []
    made = sorted(to.glob("[0-9]*.tar.gz"))
    assert len(made) > 10
    for number, each in enumerate(made[::5]):
        restored = tmp_path / f"r{number}"
        unpacked(each.read_bytes(), restored)
        opened = Opened(restored)
        ids = list(opened.store.ids(ROOM))
        assert ids == list(range(1, len(ids) + 1))
        visit = opened.store.get(VISIT, 1)
        assert visit is not None
        assert int(visit.name) == len(ids)
        opened.close()
