"""A watcher that is told of what arrives does not forget what it has to do itself."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.errors import MailboxUnreachable
from pexschedd.model import tables
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.inbox.quarantine import TRIES
from pexschedd.scheduling.ports.mailbox import (
    Answer,
    Outcome,
    OutcomeKind,
    Unreadable,
)
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    CONNECTOR,
    Crash,
    MemoryOrganizers,
    Process,
    Unsteady,
    request,
    tag,
    turn,
)

HOUR = 3600.0
"""Much longer than the poll interval."""


class Hesitant(MemoryMailbox):
    """Takes an answer at the third try; a look makes two."""

    refusals = 2

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        if self.refusals:
            self.refusals -= 1
            return [Outcome(OutcomeKind.RETRY, "later") for _ in answers]
        return await super().answer(answers)


class Damaged(MemoryMailbox):
    """Cannot show any message."""

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        return [Unreadable(ref, "ErrorItemCorrupt") for ref in refs]


class Unclosable(MemoryMailbox):
    """Fails when it is closed."""

    async def close(self) -> None:
        raise ZeroDivisionError


def next_look(process: Process) -> float:
    """Seconds until the watcher looks again."""
    (call,) = process.clock.getDelayedCalls()
    return call.getTime() - process.clock.seconds()


def notified(folder: Path, mailbox: MemoryMailbox) -> Process:
    """A process that gets notifications, and looks by itself once an hour."""
    return Process(folder, mailbox, next_delay=lambda _: HOUR)


@pytest_twisted.async_yield_fixture
async def process(tmp_path: Path, inbox: MemoryInbox) -> AsyncIterator[Process]:
    process = notified(tmp_path / "state", Hesitant(inbox))
    await process.book(tag(1), tag(2))
    yield process
    await process.end()


@pytest_twisted.ensureDeferred
async def test_an_answer_that_was_not_taken(
    process: Process, inbox: MemoryInbox
) -> None:
    """It is given again after the poll interval, although nothing arrives."""
    inbox.deliver(request(1))
    process.watcher.start()
    await turn(process.store)
    assert not inbox.told
    process.clock.advance(CONNECTOR.poll_interval)
    await turn(process.store)
    assert len(inbox.told) == 1
    assert next_look(process) == HOUR, "nothing is left to do"


@pytest_twisted.ensureDeferred
async def test_a_message_that_is_to_be_tried_again(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """It is looked for at the poll interval, and not any more once it is set aside."""
    process = notified(tmp_path / "other", Damaged(inbox))
    await process.book(tag(1))
    inbox.deliver(request(1))
    process.watcher.start()
    await turn(process.store)
    while not (
        quarantined := next(iter(process.store.all(tables.TROUBLED)))
    ).set_aside_time:
        assert next_look(process) == CONNECTOR.poll_interval
        process.clock.advance(CONNECTOR.poll_interval)
        await turn(process.store)
    assert quarantined.attempts == TRIES
    if next_look(process) != HOUR:
        process.clock.advance(CONNECTOR.poll_interval)
        await turn(process.store)
    assert not inbox.messages
    assert next_look(process) == HOUR
    await process.end()


@pytest_twisted.ensureDeferred
async def test_news_while_looking(process: Process, inbox: MemoryInbox) -> None:
    """What arrives during a look is looked for right after it."""
    mailbox = process.mailbox
    assert isinstance(mailbox, Hesitant)
    mailbox.refusals = 0

    async def answer(answers: Sequence[Answer]) -> list[Outcome]:
        if not inbox.told:
            inbox.deliver(request(2))
            process.watcher.arrived()
        return await MemoryMailbox.answer(mailbox, answers)

    mailbox.answer = answer  # type: ignore[method-assign]  # this one only
    inbox.deliver(request(1))
    process.watcher.start()
    await turn(process.store)
    assert len(inbox.told) == 2


@pytest_twisted.ensureDeferred
async def test_news_do_not_shorten_a_pause(tmp_path: Path, inbox: MemoryInbox) -> None:
    """A server in trouble is not asked more often because it tells of news."""

    def disturb(call: str, when: str) -> None:
        raise MailboxUnreachable("Nothing answers.")

    process = notified(tmp_path / "other", Unsteady(inbox, disturb))
    await process.book(tag(1))
    process.watcher.start()
    for _ in range(20):
        process.watcher.arrived()
        await turn(process.store)
    mailbox = process.mailbox
    assert isinstance(mailbox, Unsteady)
    naps = len(process.clock.getDelayedCalls())
    assert naps >= 1
    assert process.watcher._failures == 1
    await process.end()


@pytest_twisted.ensureDeferred
async def test_stopping_with_a_mailbox_that_cannot_be_closed(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """The organizers' calendars are closed all the same, and nothing is left behind."""
    closed: list[str] = []

    class Organizers(MemoryOrganizers):
        async def close(self) -> None:
            closed.append("organizers")

    process = Process(tmp_path / "other", Unclosable(inbox), Organizers(inbox))
    await process.book()
    process.watcher.start()
    await turn(process.store)
    with pytest.raises(ZeroDivisionError):
        await process.watcher.stop()
    assert closed == ["organizers"]
    assert not process.clock.getDelayedCalls()
    await process.store.close()


@pytest_twisted.ensureDeferred
async def test_stopping_after_a_death(tmp_path: Path, inbox: MemoryInbox) -> None:
    """A watcher that something has thrown out of its loop still gives up its
    connections, and says so."""

    def disturb(call: str, when: str) -> None:
        raise Crash

    process = Process(tmp_path / "other", Unsteady(inbox, disturb))
    await process.book()
    process.watcher.start()
    await turn(process.store)
    with pytest.raises(Crash):
        await process.watcher.stop()
    assert process.mailbox.calls[-1] == "close"
    assert not process.clock.getDelayedCalls()
    await process.store.close()
