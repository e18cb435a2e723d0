"""What was decided about each message is recorded with the decision itself."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.outbox import ProcessedMessage
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import NOW, Process, request, tag


@pytest_twisted.async_yield_fixture
async def process(tmp_path: Path, inbox: MemoryInbox) -> AsyncIterator[Process]:
    process = Process(tmp_path / "state", MemoryMailbox(inbox))
    await process.book(tag(1), tag(2))
    yield process
    await process.end()


async def recorded(
    process: Process, inbox: MemoryInbox, *messages: MeetingMessage
) -> list[ProcessedMessage]:
    for message in messages:
        inbox.deliver(message)
        await process.settle()
    return sorted(process.store.all(tables.PROCESSED_MESSAGE), key=lambda m: m.id)


@pytest_twisted.ensureDeferred
async def test_a_meetings_life(process: Process, inbox: MemoryInbox) -> None:
    """Each message leads to the same room, also the one that ends it; with its alias,
    its organizer, and the correlation id that the answer had."""
    later = NOW + timedelta(minutes=5)
    found = await recorded(
        process,
        inbox,
        request(1),
        request(1, ref=request(3).ref, sequence=1, changed=later),
        request(
            1,
            ref=request(4).ref,
            kind=MessageKind.CANCELLATION,
            sequence=2,
            changed=later,
        ),
    )
    assert [each.action for each in found] == ["accept", "accept", "remove"]
    assert len({each.correlation_id for each in found}) == 3
    assert {each.conference for each in found} == {1}
    assert {each.organizer for each in found} == {"alice@example.test"}
    assert {each.uid for each in found} == {request(1).uid}
    (alias,) = {each.alias for each in found}
    assert "555" in alias
    assert process.store.get(tables.CONFERENCE, 1) is None


@pytest_twisted.ensureDeferred
async def test_a_request_without_a_room(process: Process, inbox: MemoryInbox) -> None:
    """What is declined is recorded with the reason and no room; an old message with
    what became of it; what is not about a meeting, not at all."""
    found = await recorded(
        process,
        inbox,
        request(9),
        request(7, kind=MessageKind.OTHER),
        request(1),
        request(1, ref=request(5).ref, changed=NOW - timedelta(days=1)),
    )
    assert [(each.action, each.conference) for each in found] == [
        ("decline", 0),
        ("accept", 1),
        ("discard", 1),
    ]
    assert found[0].note.startswith("declined: ")


@pytest_twisted.ensureDeferred
async def test_hidden_messages_of_others(process: Process, inbox: MemoryInbox) -> None:
    """What lies among the deleted items is recorded only if it concerns a room here."""
    foreign = request(9, hidden=True)
    assert await recorded(process, inbox, foreign) == []
    (found,) = await recorded(process, inbox, request(1, hidden=True))
    assert found.action == "accept"
