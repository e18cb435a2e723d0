"""A disk that takes no writes: Exchange is told of nothing that is not stored."""

import errno
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.model import tables
from pexschedd.scheduling.admission import Admission, Open
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.disk_space import INSTANCE, INTERVAL, disk_watch
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.store.disk.reserve import StoreState
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.store import Store
from tests.scheduling.mailbox_support import MemoryInbox
from tests.scheduling.process_support import (
    CONNECTOR,
    NOW,
    Process,
    Unsteady,
    calm,
    request,
    tag,
    turn,
)

REQUESTS = 5


class Full(RealFileSystem):
    """Takes no byte while it `is_full`."""

    is_full = False

    def write(self, handle: int, data: bytes) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(handle, data)


def state_of(store: Store) -> StoreState:
    return store.state


async def begun(folder: Path, mailbox: Unsteady, fs: Full) -> Process:
    process = Process(folder, mailbox, fs=fs)
    await process.book(*(tag(n) for n in range(1, REQUESTS + 1)))
    for number in range(1, REQUESTS + 1):
        mailbox.inbox.deliver(request(number))
    return process


async def rooms_of(folder: Path, to: Path) -> set[str]:
    """The rooms that a process would know that starts on the disk as it is."""
    shutil.copytree(folder, to)
    other = Process(to, Unsteady(MemoryInbox(), calm))
    found = {each.name for each in other.store.all(tables.CONFERENCE)}
    await other.end()
    return found


@pytest_twisted.ensureDeferred
async def test_a_disk_that_gets_full_at_any_call(tmp_path: Path) -> None:
    """For every call to the mailbox: an answer that was given is stored, the others
    wait; when there is room everybody has one answer, without a restart."""
    for moment in range(20):
        folder = tmp_path / str(moment)
        inbox, fs = MemoryInbox(), Full()
        left = moment

        def disturb(call: str, when: str, fs: Full = fs) -> None:
            nonlocal left
            left -= 1
            fs.is_full = fs.is_full or left < 0

        process = await begun(folder, Unsteady(inbox, disturb, page=2), fs)
        await process.settle(4)
        answered = [item for item, _, _ in inbox.told]
        stored = await rooms_of(folder, tmp_path / f"{moment}-copy")
        assert {f"Meeting {item[5:]} (Alice)" for item in answered} <= stored
        assert process.alarms.active(names.INTERNAL, CONNECTOR.name) is None
        if fs.is_full and len(answered) < REQUESTS:
            assert state_of(process.store) is StoreState.READ_ONLY
        left = 10**9
        fs.is_full = False
        for _ in range(4):
            await turn(process.store)
            process.clock.advance(CONNECTOR.poll_interval)
        await turn(process.store)
        assert sorted(item for item, _, _ in inbox.told) == [
            f"item-{n}" for n in range(1, REQUESTS + 1)
        ]
        assert {action for _, action, _ in inbox.told} == {Action.ACCEPT}
        assert process.store.count(tables.OUTBOX) == 0
        await process.end()


@pytest_twisted.ensureDeferred
async def test_a_daemon_that_starts_on_a_full_disk(tmp_path: Path) -> None:
    """Rooms are open and the alarm is shown, from memory; decided answers and new
    requests wait; with room the alarm is lowered, and both are stored."""
    inbox, fs = MemoryInbox(), Full()
    process = await begun(tmp_path / "state", Unsteady(inbox, calm), fs)
    await process.settle(3)
    assert len(inbox.told) == REQUESTS
    await process.end()

    fs.is_full = True
    process = Process(tmp_path / "state", Unsteady(inbox, calm), fs=fs)
    clock = Clock()
    watch = disk_watch(process.store, process.alarms, clock)
    watch.startService()
    process.alarms.raise_(names.CLOCK, "host", "An hour off.")
    inbox.deliver(request(9, text=""))
    await process.settle(3)
    for _ in range(50):
        clock.advance(INTERVAL)
        await turn(process.store)
        alarm = process.alarms.active(names.DISK_LOW, INSTANCE)
        if alarm is not None:
            break
    assert state_of(process.store) is StoreState.READ_ONLY
    assert alarm is not None
    assert "is full" in alarm.details
    assert process.alarms.active(names.CLOCK, "host") is not None
    assert len(inbox.told) == REQUESTS
    ask = Admission(process.store, lambda: NOW + timedelta(hours=1)).ask
    assert isinstance(ask("55501"), Open)

    fs.is_full = False
    for _ in range(2):
        clock.advance(INTERVAL)
        await turn(process.store)
    assert state_of(process.store) is StoreState.WRITABLE
    assert process.alarms.active(names.DISK_LOW, INSTANCE) is None
    process.clock.advance(CONNECTOR.poll_interval)
    await turn(process.store)
    assert len(inbox.told) == REQUESTS + 1
    stopped = watch.stopService()
    assert stopped is not None
    await stopped
    await process.end()

    process = Process(tmp_path / "state", Unsteady(inbox, calm), fs=fs)
    lowered = [a.name for a in process.store.all(tables.ALARM) if a.time_lowered]
    assert names.DISK_LOW in lowered
    assert process.alarms.active(names.CLOCK, "host") is not None
    await process.end()
