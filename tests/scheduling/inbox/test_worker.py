"""A watcher that is told of what arrives does not forget what it has to do itself."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_twisted

from pexschedd.errors import MailboxUnreachable
from pexschedd.scheduling.ports.mailbox import Answer, Outcome, OutcomeKind
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    CONNECTOR,
    Process,
    Unsteady,
    request,
    tag,
    turn,
)

HOUR = 3600.0


class Hesitant(MemoryMailbox):
    """Takes an answer at the third try; a look makes two."""

    refusals = 2

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        if self.refusals:
            self.refusals -= 1
            return [Outcome(OutcomeKind.RETRY, "later") for _ in answers]
        return await super().answer(answers)


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


class Told(Process):
    """Is told of what arrives, and looks by itself once an hour."""

    def listen(self) -> None:
        self.watcher._looked = lambda connector: HOUR
        self.watcher.start()


@pytest_twisted.async_yield_fixture
async def process(tmp_path: Path, inbox: MemoryInbox) -> AsyncIterator[Told]:
    process = Told(tmp_path / "state", Hesitant(inbox))
    await process.book(tag(1), tag(2))
    yield process
    await process.end()


@pytest_twisted.ensureDeferred
async def test_an_answer_that_was_not_taken(process: Told, inbox: MemoryInbox) -> None:
    """It is given again after the poll interval, although nothing arrives."""
    inbox.deliver(request(1))
    process.listen()
    await turn(process.store)
    assert not inbox.told
    process.clock.advance(CONNECTOR.poll_interval)
    await turn(process.store)
    assert len(inbox.told) == 1
    calls = [call.getTime() for call in process.clock.getDelayedCalls()]
    assert process.clock.seconds() + HOUR in calls, "then it has an hour"


@pytest_twisted.ensureDeferred
async def test_news_while_looking(process: Told, inbox: MemoryInbox) -> None:
    """What arrives during a look is looked for right after it."""
    mailbox = process.watcher._mailbox
    assert isinstance(mailbox, Hesitant)
    mailbox.refusals = 0

    async def answer(answers: Sequence[Answer]) -> list[Outcome]:
        if not inbox.told:
            inbox.deliver(request(2))
            process.watcher.arrived()
        return await MemoryMailbox.answer(mailbox, answers)

    mailbox.answer = answer  # type: ignore[method-assign]  # this one only
    inbox.deliver(request(1))
    process.listen()
    await turn(process.store)
    assert len(inbox.told) == 2


@pytest_twisted.ensureDeferred
async def test_news_do_not_shorten_a_pause(tmp_path: Path, inbox: MemoryInbox) -> None:
    """A server in trouble is not asked more often because it tells of news."""

    def disturb(call: str, when: str) -> None:
        raise MailboxUnreachable("Nothing answers.")

    process = Told(tmp_path / "other", Unsteady(inbox, disturb))
    await process.book(tag(1))
    process.listen()
    for _ in range(20):
        process.watcher.arrived()
        await turn(process.store)
    mailbox = process.watcher._mailbox
    assert isinstance(mailbox, Unsteady)
    naps = len(process.clock.getDelayedCalls())
    assert naps >= 1
    assert process.watcher._failures == 1
    await process.end()
