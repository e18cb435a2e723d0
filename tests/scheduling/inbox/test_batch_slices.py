"""A batch in slices, each of which is decided about and committed in one turn."""

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater

from pexschedd.errors import StoreFull
from pexschedd.model import tables
from pexschedd.model.meeting import MessageRef, Person
from pexschedd.scheduling.inbox.batch_processor import AT_ONCE, LONGEST
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.store.fs import FileSystem, RealFileSystem
from tests.conftest import Failures
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    CONNECTOR,
    NOW,
    Process,
    request,
    tag,
    turn,
)
from tests.util.cooperate_support import Turns

MANY = 2 * AT_ONCE + 10
"""Messages of three slices."""
ADDRESSES = ("alice@example.test", "alice.smith@example.test")


async def waiting(
    folder: Path, mailbox: MemoryMailbox, fs: FileSystem | None = None
) -> Process:
    """A process with a batch of three slices in its mailbox."""
    process = Process(folder, mailbox, fs=fs, clock=Turns())
    await process.book(*(tag(n) for n in range(1, MANY + 1)))
    for number in range(1, MANY + 1):
        mailbox.inbox.deliver(request(number))
    return process


@pytest_twisted.async_yield_fixture
async def process(tmp_path: Path, inbox: MemoryInbox) -> AsyncIterator[Process]:
    process = await waiting(tmp_path / "state", MemoryMailbox(inbox))
    yield process
    for _ in range(3):
        await next_slice(process)  # a batch that has begun ends
    await process.end()


def rooms(process: Process) -> int:
    return process.store.count(tables.CONFERENCE)


async def next_slice(process: Process) -> None:
    """Let the reactor have one more turn."""
    assert isinstance(process.clock, Turns)
    process.clock.turn()
    await turn(process.store)


@pytest_twisted.ensureDeferred
async def test_slices_of_a_batch(process: Process, inbox: MemoryInbox) -> None:
    """The reactor has its turn after each slice; the answers are given, and the cursor
    is stored, when the whole batch is decided about."""
    process.watcher.start()
    decided = []
    await turn(process.store)
    while rooms(process) < MANY:
        decided.append(rooms(process))
        assert not inbox.told
        assert process.store.get(tables.CURSOR, 1) is None
        await next_slice(process)
    assert decided == [AT_ONCE, 2 * AT_ONCE]
    assert process.store.get(tables.CURSOR, 1) is not None
    assert len(inbox.told) == MANY
    assert {action for _, action, _ in inbox.told} == {Action.ACCEPT}


class SlowDisk(RealFileSystem):
    """Nothing becomes durable until it `may_go_on`."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = Event()
        self.may_go_on.set()

    def datasync(self, handle: int) -> None:
        self.may_go_on.wait()
        super().datasync(handle)


@pytest_twisted.ensureDeferred
async def test_a_slow_disk(inbox: MemoryInbox, tmp_path: Path) -> None:
    """The slices do not wait for it one by one, but the answers do for all of them."""
    disk = SlowDisk()
    process = await waiting(tmp_path / "other", MemoryMailbox(inbox), disk)
    disk.may_go_on.clear()
    process.watcher.start()
    for _ in range(10):
        await deferLater(cast(Any, reactor), 0)
        process.clock.advance(1)
    assert rooms(process) == MANY
    assert not inbox.tried
    disk.may_go_on.set()
    await turn(process.store)
    assert len(inbox.told) == MANY
    await process.end()


def timed(process: Process, seconds: float) -> Callable[..., str]:
    """The handler, with messages that take so long to decide about."""
    handle = process.handler.handle

    def slowly(*given: Any, **options: Any) -> str:
        process.clock.rightNow += seconds
        return handle(*given, **options)

    return slowly


@pytest_twisted.ensureDeferred
async def test_messages_that_take_long(
    process: Process, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice ends with the message that makes it last too long, and there is at least
    one message to each."""
    monkeypatch.setattr(process.handler, "handle", timed(process, LONGEST * 0.4))
    process.watcher.start()
    await turn(process.store)
    assert rooms(process) == 3
    monkeypatch.setattr(process.handler, "handle", timed(process, LONGEST * 3))
    await next_slice(process)
    assert rooms(process) == 3 + 1
    monkeypatch.undo()
    for _ in range(3):
        await next_slice(process)
    assert rooms(process) == MANY
    assert len(inbox.told) == MANY


@pytest_twisted.ensureDeferred
async def test_what_is_written_between_slices(
    process: Process, inbox: MemoryInbox
) -> None:
    """A decision sees it: the alias of a later message is given back meanwhile, and its
    organizer is told that there is no room."""
    process.watcher.start()
    await turn(process.store)
    last = process.store.find(tables.SCHEDULED_ALIAS_BY_UUID, tag(MANY))
    assert last is not None
    with process.store.transaction() as change:
        change.delete(tables.SCHEDULED_ALIAS, last.id)
        durable = change.commit()
    await durable
    for _ in range(2):
        await next_slice(process)
    assert rooms(process) == MANY - 1
    told = {item: action for item, action, _ in inbox.told}
    assert told.pop(f"item-{MANY}") is Action.DECLINE
    assert set(told.values()) == {Action.ACCEPT}


@pytest_twisted.ensureDeferred
async def test_an_integration_deleted_between_slices(
    process: Process, inbox: MemoryInbox
) -> None:
    """Nothing more is scheduled for it, and its position is not stored again."""
    process.watcher.start()
    await turn(process.store)
    change = process.store.transaction()
    change.delete(tables.CONNECTOR, 1)
    await change.commit()
    await next_slice(process)
    assert rooms(process) == AT_ONCE
    assert process.store.get(tables.CURSOR, 1) is None


@pytest.mark.parametrize("slices", [1, 2])
@pytest_twisted.ensureDeferred
async def test_killed_between_slices(
    process: Process, inbox: MemoryInbox, tmp_path: Path, slices: int
) -> None:
    """The next process answers what was decided, decides about the rest, and tells
    every organizer once."""
    process.watcher.start()
    await turn(process.store)
    for _ in range(slices - 1):
        await next_slice(process)
    shutil.copytree(tmp_path / "state", tmp_path / "second")
    second = Process(tmp_path / "second", MemoryMailbox(inbox))
    assert rooms(second) == slices * AT_ONCE
    await second.settle()
    assert rooms(second) == MANY
    assert sorted(item for item, _, _ in inbox.told) == sorted(
        f"item-{n}" for n in range(1, MANY + 1)
    )
    assert {action for _, action, _ in inbox.told} == {Action.ACCEPT}
    await second.end()


@pytest_twisted.ensureDeferred
async def test_a_slice_that_cannot_be_stored(
    process: Process, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices before it stand and are answered; the rest follows when there is space."""
    handle = process.handler.handle
    left = AT_ONCE + 5

    def full(*given: Any, **options: Any) -> str:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreFull("The disk is nearly full.")
        return handle(*given, **options)

    monkeypatch.setattr(process.handler, "handle", full)
    process.watcher.start()
    await turn(process.store)
    await next_slice(process)
    assert rooms(process) == AT_ONCE, "nothing of the slice that was begun"
    monkeypatch.undo()
    for _ in range(CONNECTOR.poll_interval + 3):
        await next_slice(process)
    assert rooms(process) == MANY
    assert len(inbox.told) == MANY


@pytest_twisted.ensureDeferred
async def test_a_message_that_fails_in_the_second_slice(
    process: Process,
    inbox: MemoryInbox,
    logged_failures: Failures,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It alone is quarantined; its slice is decided about message by message, and the
    slice after it as usual."""
    handle = process.handler.handle
    bad = f"item-{AT_ONCE + 3}"

    def failing(transaction: Any, connector: Any, message: Any, **options: Any) -> str:
        if message.ref.item_id == bad:
            raise RuntimeError("a bug")
        return handle(transaction, connector, message, **options)

    monkeypatch.setattr(process.handler, "handle", failing)
    process.watcher.start()
    await turn(process.store)
    for _ in range(2):
        await next_slice(process)
    assert rooms(process) == MANY - 1
    (quarantined,) = process.store.all(tables.TROUBLED)
    assert quarantined.item_id == bad
    assert len(inbox.told) == MANY - 1
    assert process.store.get(tables.CURSOR, 1) is not None
    assert len(logged_failures) == 1
    logged_failures.clear()


@pytest_twisted.ensureDeferred
async def test_an_organizer_with_two_addresses(
    process: Process, inbox: MemoryInbox
) -> None:
    """The directory is asked once for a batch about each of them, although messages
    from both are in several slices."""
    inbox.directory = dict.fromkeys(ADDRESSES, ADDRESSES[0])
    for number in (1, 2):
        inbox.deliver(
            request(
                1,
                ref=MessageRef(f"again-{number}"),
                received=NOW + timedelta(seconds=number * AT_ONCE + 5),
                changed=NOW + timedelta(seconds=number),
                organizer=Person("Alice", ADDRESSES[number % 2]),
            )
        )
    process.watcher.start()
    for _ in range(3):
        await next_slice(process)
    assert process.mailbox.calls.count("primary_address") == len(ADDRESSES)
    assert rooms(process) == MANY
    assert len(inbox.told) == MANY + 2
    assert {action for _, action, _ in inbox.told} == {Action.ACCEPT}
