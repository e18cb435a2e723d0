"""The watcher tells every organizer once, whatever fails or dies on the way."""

import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.errors import MailboxRefused, MailboxUnreachable
from pexschedd.model import tables
from pexschedd.model.meeting import (
    MeetingMessage,
    MessageRef,
)
from pexschedd.scheduling.admission import Admission, Open
from pexschedd.scheduling.mailbox import (
    Action,
    Answer,
    Outcome,
    OutcomeKind,
    Unreadable,
)
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    CONNECTOR,
    NOW,
    Crash,
    Process,
    Unsteady,
    calm,
    one_life,
    request,
    tag,
    turn,
)


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


@pytest_twisted.async_yield_fixture
async def process(tmp_path: Path, inbox: MemoryInbox) -> AsyncIterator[Process]:
    process = Process(tmp_path / "state", Unsteady(inbox, calm, page=7))
    await process.book(*(tag(n) for n in range(1, 21)))
    yield process
    await process.end()


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
    await turn()
    assert not inbox.told
    process.watcher.wake()
    await turn()
    assert len(inbox.told) == 1
    inbox.deliver(request(2))
    process.clock.advance(CONNECTOR.poll_interval)
    await turn()
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
async def test_a_request_that_the_server_cannot_show_is_declined(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """An unreadable message gets the general error, too: nobody waits in vain."""

    class Damaged(MemoryMailbox):
        async def fetch(
            self, refs: Sequence[MessageRef]
        ) -> list[MeetingMessage | Unreadable]:
            return [Unreadable(ref, "ErrorItemCorrupt") for ref in refs]

    process = Process(tmp_path / "state", Damaged(inbox))
    await process.book()
    inbox.deliver(request(1))
    await process.settle(3)
    await process.end()
    ((_, action, body),) = inbox.told
    assert action is Action.DECLINE
    assert "CorrelationID" in body


@pytest_twisted.ensureDeferred
async def test_trouble_raises_an_alarm_that_is_lowered_when_it_is_over(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """The alarm says what the error said; a look that works lowers it."""
    trouble: list[Exception] = [
        MailboxRefused("Exchange refused the password of svc."),
        MailboxUnreachable("Nothing answers."),
    ]

    def disturb(call: str, when: str) -> None:
        if trouble and call == "changes":
            raise trouble[0]

    process = Process(tmp_path / "state", Unsteady(inbox, disturb))
    await process.book(tag(1))
    inbox.deliver(request(1))
    await process.settle(1)
    alarms = [a for a in process.store.all(tables.ALARM) if a.time_lowered is None]
    assert [(a.instance, a.details) for a in alarms] == [
        ("Head office", "Exchange refused the password of svc.")
    ]
    del trouble[0]
    process.clock.advance(1000)
    await turn()
    (alarm,) = (a for a in process.store.all(tables.ALARM) if a.time_lowered is None)
    assert alarm.details == "Nothing answers."
    trouble.clear()
    process.clock.advance(1000)
    await turn()
    assert all(a.time_lowered for a in process.store.all(tables.ALARM))
    assert len(inbox.told) == 1
    await process.end()


@pytest_twisted.ensureDeferred
async def test_a_lost_cursor_starts_over_without_answering_twice(
    process: Process, inbox: MemoryInbox
) -> None:
    """When Exchange has forgotten the cursor, the inbox is read again."""
    inbox.deliver(request(1))
    await process.settle(2)
    process.watcher._cursor = "forgotten"
    inbox.deliver(request(2))
    for _ in range(10):
        process.clock.advance(1)
        await turn()
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

    first = Process(tmp_path / "first", Unsteady(inbox, disturb, page=3), at_once=3)
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
        last = Process(folder, MemoryMailbox(inbox, page=3), at_once=3)
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


@pytest_twisted.ensureDeferred
async def test_a_refused_answer_is_an_alarm_until_one_is_taken(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """The message does not stay in the inbox; the next good answer ends the alarm."""

    class Refusing(MemoryMailbox):
        def _answer(self, answer: Answer) -> Outcome:
            if answer.ref.item_id == "item-1" and answer.action is Action.ACCEPT:
                return Outcome(OutcomeKind.FAILED, "ErrorSomething")
            return super()._answer(answer)

    process = Process(tmp_path / "state", Refusing(inbox))
    await process.book(tag(1), tag(2))
    inbox.deliver(request(1))
    await process.settle(3)
    alarms = [a for a in process.store.all(tables.ALARM) if a.time_lowered is None]
    assert [alarm.name for alarm in alarms] == ["scheduling_answer_failed"]
    assert inbox.told == [("item-1", Action.DISCARD, "")]
    inbox.deliver(request(2))
    process.watcher.wake()
    await turn()
    assert inbox.told[-1][1] is Action.ACCEPT
    assert all(a.time_lowered for a in process.store.all(tables.ALARM))
    await process.end()
