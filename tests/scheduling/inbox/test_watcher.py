"""The watcher tells every organizer once, whatever fails or dies on the way."""

import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.errors import MailboxBusy, MailboxError, MailboxUnreachable
from pexschedd.model import tables
from pexschedd.scheduling.admission import Admission, Open
from pexschedd.scheduling.ports.mailbox import Action, Answer, Outcome
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    CONNECTOR,
    NOW,
    Crash,
    Process,
    Unsteady,
    one_life,
    raised,
    request,
    tag,
    turn,
)


@pytest_twisted.ensureDeferred
async def test_requests_become_rooms(process: Process, inbox: MemoryInbox) -> None:
    """Every waiting request is accepted and its room opens with the meeting."""
    for number in range(1, 21):
        inbox.deliver(request(number))
    await process.settle()
    assert not inbox.messages
    assert len(inbox.told) == 20
    assert {action for _, action, _ in inbox.told} == {Action.ACCEPT}
    assert process.store.count(tables.CONFERENCE) == 20
    assert process.store.count(tables.OUTBOX) == 0
    room = Admission(process.store, lambda: NOW + timedelta(hours=1)).ask("55507")
    assert isinstance(room, Open)
    assert room.conference.name == "Meeting 7 (Alice)"


@pytest_twisted.ensureDeferred
async def test_new_messages_are_found_while_running(
    process: Process, inbox: MemoryInbox
) -> None:
    """A message that arrives later is answered at the next look, or when woken."""
    await process.settle(2)
    inbox.deliver(request(1))
    await turn(process.store)
    assert not inbox.told
    process.watcher.wake()
    await turn(process.store)
    assert len(inbox.told) == 1
    inbox.deliver(request(2))
    process.clock.advance(CONNECTOR.poll_interval)
    await turn(process.store)
    assert len(inbox.told) == 2


@pytest_twisted.ensureDeferred
async def test_one_bad_message_does_not_stop_the_others(
    process: Process, inbox: MemoryInbox
) -> None:
    """What cannot be understood is declined with a correlation id; the rest goes on."""
    inbox.deliver(request(1))
    inbox.deliver(request(2, end=NOW - timedelta(days=1)))
    inbox.deliver(request(3))
    await process.settle(3)
    actions = {item: (action, body) for item, action, body in inbox.told}
    assert actions["item-1"][0] is actions["item-3"][0] is Action.ACCEPT
    action, body = actions["item-2"]
    assert action is Action.DECLINE
    assert "CorrelationID" in body
    assert "00000000-0000-4000-8000-" in body


@pytest_twisted.ensureDeferred
async def test_only_what_may_have_been_told_is_unsure(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """After a lost answer and after a restart the mailbox is told to look first."""
    unsure: list[tuple[str, bool]] = []
    trouble = [MailboxUnreachable("Connection lost.")]

    class Asked(MemoryMailbox):
        async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
            unsure.extend((each.ref.item_id, each.unsure) for each in answers)
            if trouble:
                raise trouble[0]
            return await super().answer(answers)

    process = Process(tmp_path / "state", Asked(inbox))
    await process.book(tag(1), tag(2))
    inbox.deliver(request(1))
    await process.settle(1)
    assert unsure[:2] == [("item-1", False), ("item-1", True)]
    await process.end()
    unsure.clear()
    trouble.clear()
    process = Process(tmp_path / "state", Asked(inbox))
    inbox.deliver(request(2))
    await process.settle(1)
    await process.end()
    assert unsure == [("item-1", True), ("item-2", False)]


@pytest_twisted.ensureDeferred
async def test_the_servers_pause_is_kept(tmp_path: Path, inbox: MemoryInbox) -> None:
    """Neither a wake-up nor news ends it; when it is over, the next look follows."""
    calls: list[float] = []
    busy: list[MailboxError] = [MailboxBusy("Not now.", retry_after=200)]

    def disturb(call: str, when: str) -> None:
        if (call, when) == ("changes", "before"):
            calls.append(process.clock.seconds())
            if busy:
                raise busy[0]

    process = Process(tmp_path / "state", Unsteady(inbox, disturb))
    await process.book()
    process.watcher.start()
    await turn(process.store)
    for _ in range(3):
        process.watcher.wake()
        process.watcher.arrived()
        process.clock.advance(60)
        await turn(process.store)
    assert calls == [0]
    busy.clear()
    process.clock.advance(20)
    await turn(process.store)
    assert calls == [0, 200]
    assert not raised(process)
    await process.end()


@pytest_twisted.ensureDeferred
async def test_a_lost_cursor_starts_over_without_answering_twice(
    process: Process, inbox: MemoryInbox
) -> None:
    """When Exchange has forgotten the cursor, the inbox is read again."""
    inbox.deliver(request(1))
    await process.settle(2)
    process.watcher._reader._cursor = "forgotten"
    inbox.deliver(request(2))
    for _ in range(10):
        process.clock.advance(1)
        await turn(process.store)
    assert [item for item, _, _ in inbox.told] == ["item-1", "item-2"]


def points() -> list[tuple[str, str, int]]:
    """Every place where a life with two pages of three requests can be disturbed."""
    return [
        (call, when, nth)
        for call in ("changes", "fetch", "answer")
        for when in ("before", "after")
        for nth in (1, 2)
    ]


@pytest.mark.parametrize("crash", [True, False], ids=["killed", "connection lost"])
@pytest.mark.parametrize(("call", "when", "nth"), points())
@pytest_twisted.ensureDeferred
async def test_disturbed_anywhere_nothing_is_lost_or_said_twice(
    tmp_path: Path, inbox: MemoryInbox, call: str, when: str, nth: int, crash: bool
) -> None:
    """Killed or cut off at any call: each request is told once, in the same words."""
    left = nth

    def disturb(called: str, at: str) -> None:
        nonlocal left
        if (called, at) == (call, when):
            left -= 1
            if left == 0:
                raise Crash if crash else MailboxUnreachable("Connection lost.")

    first = Process(tmp_path / "first", Unsteady(inbox, disturb, page=3), batch_size=3)
    await first.book(*(tag(n) for n in range(1, 6)))
    for number in range(1, 6):
        inbox.deliver(request(number))
    inbox.deliver(request(6, text="no tag at all"))
    folder = tmp_path / "first"
    if crash:
        # What is on the disk at that moment is all that the next life gets.
        folder = tmp_path / "second"
        with pytest.raises(Crash):
            await one_life(first)
        shutil.copytree(tmp_path / "first", folder)
        await first.store.close()
        last = Process(folder, MemoryMailbox(inbox, page=3), batch_size=3)
    else:
        last = first
    await last.settle(12)
    await last.end()

    assert not inbox.messages
    assert sorted(item for item, _, _ in inbox.told) == [
        f"item-{n}" for n in range(1, 7)
    ]
    said: dict[str, set[tuple[Action, str]]] = {}
    for item, action, body in inbox.tried:
        said.setdefault(item, set()).add((action, body))
    assert all(len(words) == 1 for words in said.values()), said
