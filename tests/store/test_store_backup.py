"""Backups while the daemon runs: a snapshot in one call, and plain tar."""

import errno
import io
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from pexschedd.control.executor import Executor
from pexschedd.control.socket import ControlSocket
from pexschedd.errors import StoreError
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.store import Store
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.tools.store_command import run
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

pytestmark = pytest.mark.usefixtures("kept")


def _fill(opened: Opened, first: int = 1) -> None:
    for number in range(first, first + 20):
        opened.wait(opened.put(ROOM, Room(id=number, name="x"), Room(id=1, name="y")))
    opened.wait(opened.put(SETTING, Setting(id=1, name=f"{first}")))


class OtherDisk(RealFileSystem):
    """Where nothing can be linked to."""

    def link(self, old: Path, new: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


@pytest.mark.parametrize("fs", [RealFileSystem(), OtherDisk()], ids=["link", "copy"])
def test_a_snapshot_is_a_store(tmp_path: Path, fs: RealFileSystem) -> None:
    """It has exactly what was acknowledged; what is written, compacted and removed
    later does not change it; it can be opened and written, and the original not
    minds."""
    state, to = tmp_path / "state", tmp_path / "backups" / "one"
    opened = Opened(state, segment_size=600, fs=fs)
    (state / "icons").mkdir()
    (state / "icons" / "1.png").write_bytes(b"png")
    _fill(opened)
    opened.compact()
    _fill(opened, 21)
    before = opened.content()
    opened.wait(Deferred.fromCoroutine(opened.store.snapshot(to)))
    copied = {path: path.read_bytes() for path in files(to)}
    for first in range(41, 200, 20):
        _fill(opened, first)
    opened.compact()
    after = opened.content()
    assert {path: path.read_bytes() for path in files(to)} == copied
    assert (to / "icons" / "1.png").read_bytes() == b"png"
    assert all(path.stat().st_mode & 0o077 == 0 for path in [to, *to.rglob("*")])
    restored = Opened(to)
    assert restored.content() == before
    _fill(restored, 300)
    restored.compact()
    restored.close()
    opened.close()
    opened = Opened(state)
    assert opened.content() == after
    opened.close()


def test_a_snapshot_that_fails_harms_nobody(tmp_path: Path) -> None:
    """Where there is something already nothing is overwritten; the store goes on."""
    opened = Opened(tmp_path / "state")
    with pytest.raises(StoreError, match="no copy was made"):
        opened.wait(Deferred.fromCoroutine(opened.store.snapshot(tmp_path / "state")))
    _fill(opened)
    opened.close()


async def _backup(state: Path, to: Path) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    arguments = ["--state-dir", str(state), "backup", str(to)]
    status = await run(arguments, out, err, reactor, tables=TABLES)
    return status, out.getvalue() + err.getvalue()


@pytest_twisted.ensureDeferred
async def test_a_snapshot_is_made_by_the_tool(tmp_path: Path) -> None:
    """`pexschedd-store backup` without a daemon works on the folder itself."""
    opened = Opened(tmp_path / "state")
    _fill(opened)
    before = opened.content()
    opened.close()
    status, text = await _backup(tmp_path / "state", tmp_path / "b")
    assert status == ExitStatus.DONE, text
    restored = Opened(tmp_path / "b")
    assert restored.content() == before
    restored.close()


@pytest_twisted.ensureDeferred
async def test_a_snapshot_is_made_by_the_daemon(store: Store, tmp_path: Path) -> None:
    """With one it is asked to over its control socket; it says what is in the way."""
    nothing = cast(Any, None)
    workshop = Executor(store, nothing, now=nothing)
    control = ControlSocket(tmp_path / "state", workshop, cast(Any, reactor))
    control.startService()
    with store.transaction() as change:
        change.put(ROOM, Room(id=1, name="x"))
        durable = change.commit()
    await durable
    status, text = await _backup(tmp_path / "state", tmp_path / "b")
    assert status == ExitStatus.DONE, text
    restored = Opened(tmp_path / "b")
    assert restored.store.ids(ROOM) == [1]
    restored.close()
    status, text = await _backup(tmp_path / "state", tmp_path / "b")
    assert status == ExitStatus.USAGE
    assert "exists already" in text
    (tmp_path / "file").write_text("")
    status, text = await _backup(tmp_path / "state", tmp_path / "file" / "b")
    assert status == ExitStatus.USAGE
    assert "below what is not a folder" in text
    stopped = control.stopService()
    if stopped is not None:
        await stopped


@pytest_twisted.async_yield_fixture
async def store(tmp_path: Path, kept: int) -> AsyncIterator[Store]:
    store = Store.open(
        tmp_path / "state",
        TABLES,
        reactor=cast(Any, reactor),
        failed=must_not_fail,
        segment_size=10_000,
        compact_from=15_000,
        kept=kept,
    )
    yield store
    await store.close()


@pytest_twisted.ensureDeferred
async def test_tar_makes_a_backup_while_writes_go_on(
    store: Store, tmp_path: Path
) -> None:
    """Real tar in a loop, beside commits, rolls and compactions: each archive opens as
    a store that has everything acknowledged before tar began, whole transactions only,
    and goes on from there."""
    written = 0
    tarring = True

    async def write() -> None:
        nonlocal written
        while tarring:
            with store.transaction() as change:
                change.put(ROOM, Room(id=written % 50 + 1, name="x" * 100))
                change.put(VISIT, Room(id=1, name=f"{written + 1}"))
                change.put(ROOM, Room(id=1000, name=f"{written + 1}"))
                durable = change.commit()
            await durable
            written += 1

    writing = Deferred.fromCoroutine(write())
    state = tmp_path / "state"
    number = 0
    while number < 15 or written < 300:
        number += 1
        before = written
        archive = tmp_path / f"{number}.tar"
        status = await deferToThread(_tar, ["-cf", str(archive), "-C", state, "."])
        assert status in (0, 1), "1: some file has changed while it was read"
        copy = tmp_path / f"copy{number}"
        copy.mkdir()
        assert await deferToThread(_tar, ["-xf", str(archive), "-C", copy]) == 0
        restored = Opened(copy)
        visit = restored.store.get(VISIT, 1)
        count = int(visit.name) if visit else 0
        assert before <= count
        room = restored.store.get(ROOM, 1000)
        assert (int(room.name) if room else 0) == count
        restored.wait(restored.put(ROOM, Room(id=9, name="after")))
        restored.close()
    tarring = False
    await writing
    assert store._segments.manifest.segments[0].compacted


def _tar(arguments: Sequence[object]) -> int:
    return subprocess.run(
        ["tar", "--warning=no-file-changed", *map(str, arguments)],
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode
