"""Deleting old items over Graph: messages and events, without a word to anybody."""

import pytest
import pytest_twisted

from pexschedd.errors import MailboxUnreachable
from pexschedd.graph.removal import delete
from pexschedd.model.meeting import MessageRef
from pexschedd.sandbox import ItemKind
from pexschedd.scheduling.ports.mailbox import Action
from tests.graph.answering_support import DONE, FAILED, GONE, RETRY, Answering
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import BOB, EQUIPMENT, HOUR, MEETING


@pytest.fixture
def story(graph_world: GraphWorld) -> Answering:
    return Answering(graph_world)


async def kinds(story: Answering, *refs: MessageRef) -> list[str]:
    return [each.kind for each in await delete(story.client, refs)]


@pytest.mark.parametrize("recoverable", [True, False])
@pytest.mark.parametrize("permanent", [True, False])
@pytest_twisted.ensureDeferred
async def test_messages_and_events(
    story: Answering, recoverable: bool, permanent: bool
) -> None:
    """Both are deleted, whatever of it the cloud has; a second time they are gone."""
    story.sandbox.organisation(
        recoverable_items=recoverable, permanent_delete=permanent
    )
    refs = []
    for number in range(25):
        subject = f"Mail {number}"
        story.sandbox.exchange.send_message(BOB, to=[EQUIPMENT], subject=subject)
        refs.append(story.ref(story.message(subject, ItemKind.MESSAGE)))
    meeting = story.invite()
    await story.give(story.answer(Action.ACCEPT))
    entry = story.entry(meeting)
    assert entry is not None
    refs.append(story.ref(entry))
    heard = story.heard()
    assert await kinds(story, *refs) == [DONE] * 26
    assert story.left() == []
    assert story.entry(meeting) is None
    assert story.heard() == heard
    again = await kinds(story, *refs)
    assert again[:25] == [GONE] * 25
    assert again[25] in (DONE, GONE)


@pytest.mark.parametrize("permanent", [True, False])
@pytest_twisted.ensureDeferred
async def test_a_meeting_of_its_own(story: Answering, permanent: bool) -> None:
    """It is deleted only where that cancels nothing."""
    exchange = story.sandbox.exchange
    story.sandbox.organisation(permanent_delete=permanent)
    meeting = exchange.schedule(
        EQUIPMENT, subject="Mine", start=MEETING, end=MEETING + HOUR, required=[BOB]
    )
    (outcome,) = await delete(story.client, [story.ref(meeting)])
    if permanent:
        assert outcome.kind is DONE
    else:
        assert outcome.kind is FAILED
        assert "organizes" in outcome.reason
    assert len(exchange.mailbox(BOB).inbox()) == 1


@pytest_twisted.ensureDeferred
async def test_a_message_elsewhere_stays(story: Answering) -> None:
    """What a person has put into another folder is not there any more."""
    story.invite()
    item = story.message()
    ref = story.ref(item)
    story.mailbox.move(item, "junkemail")
    assert await kinds(story, ref) == [GONE]
    assert len(story.mailbox.items("junkemail")) == 1


@pytest_twisted.ensureDeferred
async def test_nothing_to_delete(story: Answering) -> None:
    """Without items nothing is sent."""
    assert await kinds(story) == []
    assert story.transport.batches == 0


@pytest_twisted.ensureDeferred
async def test_a_lost_connection(story: Answering) -> None:
    """What was deleted before counts; the rest is to be tried again. It is an error if
    nothing was."""
    refs = []
    for number in range(30):
        story.invite(f"Old {number}")
        refs.append(story.ref(story.message(f"Old {number}")))
    story.transport.lost = 4
    assert await kinds(story, *refs) == [DONE] * 20 + [RETRY] * 10
    story.transport.lost = 6
    with pytest.raises(MailboxUnreachable):
        await kinds(story, *refs[20:])
    assert await kinds(story, *refs) == [GONE] * 20 + [DONE] * 10
