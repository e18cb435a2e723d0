"""Little space is noticed before it hurts: new work is refused, nothing is lost."""

import errno
from pathlib import Path

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from pexschedd.errors import StoreFull, Unavailable
from pexschedd.model import tables
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.disk_space import INSTANCE, INTERVAL, disk_watch
from pexschedd.scheduling.booking import Booking
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.disk.reserve import (
    LEAST,
    MIB,
    MOST,
    DiskReserve,
    DiskSpace,
    reserve_of,
)
from pexschedd.store.fs import RealFileSystem
from pexschedd.templates.engine import Templates
from pexschedd.web.routes import STATUS
from tests.scheduling.mailbox_support import MemoryInbox
from tests.scheduling.process_support import (
    CONNECTOR,
    Process,
    Unsteady,
    calm,
    now,
    request,
    tag,
    turn,
)
from tests.store.store_disk import Disk
from tests.store.store_support import ROOM, SETTING, Opened, Room, Setting

STATE = Path("/state")
TOTAL = 100 * MIB
PLENTY = DiskSpace(50 * MIB, TOTAL)
TIGHT = DiskSpace(20 * MIB, TOTAL)


@pytest.mark.parametrize(
    ("total", "reserve"),
    [
        (40 * MIB, 10 * MIB),
        (1000 * MIB, LEAST),
        (20_000 * MIB, 200 * MIB),
        (10_000_000 * MIB, MOST),
    ],
)
def test_the_reserve_fits_the_disk(total: int, reserve: int) -> None:
    """A hundredth, at least 64 MiB and at most 1 GiB; a quarter of a tiny disk."""
    assert reserve_of(total) == reserve


@given(st.lists(st.integers(0, 200), max_size=30), st.integers(0, 20))
def test_the_gauge_has_two_levels(frees: list[int], compaction: int) -> None:
    """Below the reserve it refuses, above reserve and a quarter it accepts, in between
    it stays as it is; it says when it has changed."""
    gauge = DiskReserve("/state", reserve=40)
    refused = False
    for free in frees:
        before = refused
        if free < 40 + compaction:
            refused = True
        elif free >= 50 + compaction:
            refused = False
        assert gauge.read(DiskSpace(free, 1000), compaction) == (before != refused)
        assert bool(gauge.refusal) == refused
        assert not refused or "/state" in gauge.refusal


def _look(opened: Opened) -> None:
    opened.wait(opened.store.look_at_disk())


def test_new_work_is_refused_before_memory_changes() -> None:
    """A put raises StoreFull, also after a delete of the same transaction, and memory
    is as it was; reads, deletes and what is essential go on."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    disk.free = PLENTY
    _look(opened)
    opened.wait(opened.put(ROOM, Room(id=1, name="a"), Room(id=2, name="b")))
    assert opened.store.accepts_writes
    disk.free = TIGHT
    _look(opened)
    before = opened.content()
    assert not opened.store.accepts_writes
    assert "nearly full" in opened.store.refusal
    with pytest.raises(StoreFull, match="nearly full"):
        opened.store.require_space()
    transaction = opened.store.transaction()
    transaction.delete(ROOM, 1)
    with pytest.raises(StoreFull, match="nearly full"):
        transaction.put(ROOM, Room(id=3, name="new"))
    with pytest.raises(StoreFull), opened.store.transaction() as transaction:
        transaction.put(SETTING, Setting(id=1, name="new"))
    assert opened.content() == before
    opened.wait(opened.delete(ROOM, 2))
    with opened.store.transaction(essential=True) as transaction:
        transaction.put(ROOM, Room(id=4, name="goes on"))
        durable = transaction.commit()
    opened.wait(durable)
    disk.free = PLENTY
    _look(opened)
    assert opened.store.refusal == ""
    opened.wait(opened.put(ROOM, Room(id=5, name="again")))
    assert opened.store.ids(ROOM) == [1, 4, 5]
    opened.close()


def test_a_start_on_a_full_disk_refuses_at_once() -> None:
    """It is known before the first request, and compaction makes room by itself."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    for number in range(50):
        opened.wait(opened.put(ROOM, Room(id=1, name=f"{number}")))
    opened.wait(opened.store.roll())
    opened.close()
    size = _on_disk(disk)
    disk.free = TIGHT
    opened = Opened(STATE, fs=disk)
    assert opened.store.refusal
    while opened.store._compactor.running:
        _look(opened)
    _look(opened)  # what was replaced goes
    opened.close()
    assert _on_disk(disk) < size / 3
    assert opened.store.get(ROOM, 1) == Room(id=1, name="49")


def _on_disk(disk: Disk) -> int:
    journal = STATE / "journal"
    return sum(disk.size(journal / name) for name in disk.listdir(journal))


def test_a_start_does_not_have_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that does not say how full the disk is has a store all the same; when it
    says so later, that counts."""
    disk = Disk()

    def space(path: Path) -> DiskSpace:
        raise OSError(errno.EIO, "it does not say")

    with monkeypatch.context() as patched:
        patched.setattr(disk, "space", space)
        opened = Opened(STATE, fs=disk)
        opened.wait(opened.put(ROOM, Room(id=1, name="a")))
        opened.wait(opened.store.look_at_disk())
        assert opened.store.accepts_writes
    disk.free = TIGHT
    opened.wait(opened.store.look_at_disk())
    assert not opened.store.accepts_writes
    opened.close()


def test_what_compaction_needs_is_part_of_the_reserve() -> None:
    """With much alive in the sealed segments more has to be free."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, reserve=1000)
    opened.wait(opened.put(ROOM, Room(id=1, name="x" * 5000)))
    disk.free = DiskSpace(3000, 10**9)
    _look(opened)
    assert opened.store.accepts_writes
    opened.wait(opened.store.roll())
    _look(opened)
    assert not opened.store.accepts_writes
    opened.close()


class Filling(RealFileSystem):
    """A disk that says how much is free."""

    free = PLENTY

    def space(self, path: Path) -> DiskSpace:
        return self.free


@pytest_twisted.ensureDeferred
async def test_requests_wait_for_space(tmp_path: Path) -> None:
    """With little space nothing is taken from the mailbox, and nobody is declined;
    the alarm is raised and stored, and lowered when there is space, and then the
    requests are answered."""
    inbox = MemoryInbox()
    process = Process(tmp_path / "state", Unsteady(inbox, calm))
    fs = Filling()
    process.store._guard._fs = fs
    await process.book(tag(1))
    clock = Clock()
    watch = disk_watch(process.store, process.alarms, clock)
    watch.startService()
    await turn(process.store)
    fs.free = TIGHT
    clock.advance(INTERVAL)
    await turn(process.store)
    inbox.deliver(request(1))
    await process.settle(3)
    assert inbox.messages
    assert not inbox.told
    assert process.alarms.active(names.DISK_LOW, INSTANCE) is not None
    assert process.alarms.active(names.INTERNAL, CONNECTOR.name) is None
    fs.free = PLENTY
    clock.advance(INTERVAL)
    await turn(process.store)
    assert process.alarms.active(names.DISK_LOW, INSTANCE) is None
    process.clock.advance(CONNECTOR.poll_interval)
    await turn(process.store)
    assert len(inbox.told) == 1
    stopped = watch.stopService()
    assert stopped is not None
    await stopped
    await process.end()


@pytest_twisted.ensureDeferred
async def test_damage_on_the_disk_is_an_alarm(tmp_path: Path) -> None:
    """Also if it was mended: the disk may be failing. The next start, which verifies
    everything, lowers it."""
    process = Process(tmp_path / "state", Unsteady(MemoryInbox(), calm))
    await process.book(tag(1))
    await process.store.roll()
    segment = tmp_path / "state" / "journal" / "00000001.jsonl"
    damaged = bytearray(segment.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    segment.write_bytes(damaged)
    assert await process.store.compact() == ""
    watch = disk_watch(process.store, process.alarms, Clock())
    watch.startService()
    await turn(process.store)
    alarm = process.alarms.active(names.STORE_DAMAGED, INSTANCE)
    assert alarm is not None
    assert "00000001.jsonl" in alarm.details
    assert "nothing is lost" in alarm.details
    stopped = watch.stopService()
    assert stopped is not None
    await stopped
    await process.end()
    process = Process(tmp_path / "state", Unsteady(MemoryInbox(), calm))
    assert process.alarms.active(names.STORE_DAMAGED, INSTANCE) is not None
    watch = disk_watch(process.store, process.alarms, Clock())
    watch.startService()
    await turn(process.store)
    assert process.alarms.active(names.STORE_DAMAGED, INSTANCE) is None
    stopped = watch.stopService()
    assert stopped is not None
    await stopped
    await process.end()


@pytest_twisted.ensureDeferred
async def test_the_add_in_is_told_to_come_back(tmp_path: Path) -> None:
    """No alias is handed out that could not be kept: 503, with the reason."""
    process = Process(tmp_path / "state", Unsteady(MemoryInbox(), calm))
    await process.book()
    fs = Filling()
    process.store._guard._fs = fs
    fs.free = TIGHT
    await process.store.look_at_disk()
    wording = MessageTexts(Templates(now, lambda: "u", lambda n: "1" * n))
    allocator = AliasAllocator(
        process.store, now=now, uuid4=lambda: "u", digits=lambda n: "1" * n
    )
    booking = Booking(process.store, wording, allocator, lambda: 0.0)
    with pytest.raises(Unavailable, match="nearly full") as caught:
        await booking.book(1, "alice")
    assert process.store.count(tables.SCHEDULED_ALIAS) == 0
    assert next(s for kind, s in STATUS if isinstance(caught.value, kind)) == 503
    await process.end()
