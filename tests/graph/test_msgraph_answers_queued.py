"""Several answers about one meeting over Graph, which has one event for all of them."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import MailboxError
from pexschedd.graph.answering.answer_lookup import ACCEPTING
from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.graph.removal import delete
from pexschedd.sandbox import ItemKind
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from pexschedd.scheduling.ports.mailbox import Action, Answer, Blame
from tests.graph.answering_support import ACCEPT, DECLINE, DONE, GONE, RETRY, Answering
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import ALICE, BOB


def told(story: Answering, address: str = ALICE) -> list[str]:
    """The words of the answers that a person got, in their order."""
    inbox = story.sandbox.exchange.mailbox(address).inbox()[::-1]
    return [
        " ".join(each.body.text.split())
        for each in inbox
        if each.kind is ItemKind.RESPONSE
    ]


def two_requests(story: Answering, words: str = "<p>Two</p>") -> tuple[Answer, Answer]:
    """Answers to a request and to an update that arrived before it was answered."""
    meeting = story.invite()
    first = story.answer(ACCEPT, "<p>One</p>")
    story.sandbox.later(minutes=1)
    story.sandbox.exchange.update(meeting, body="<p>Other</p>")
    second = story.answer(ACCEPT, words)
    assert first.ref != second.ref
    story.sandbox.later(minutes=1)
    return first, second


def unsure(answer: Answer) -> Answer:
    return msgspec.structs.replace(answer, unsure=True)


@pytest_twisted.ensureDeferred
async def test_both_are_accepted(graph_world: GraphWorld) -> None:
    """Each in its turn, with its own words."""
    story = Answering(graph_world)
    first, second = two_requests(story)
    assert await story.kinds(first) == [DONE]
    assert await story.kinds(second) == [DONE]
    assert told(story) == ["One", "Two"]
    assert story.left() == []


@pytest_twisted.ensureDeferred
async def test_an_unsure_second_one(graph_world: GraphWorld) -> None:
    """The first answer is not taken for the second one, which was never given."""
    story = Answering(graph_world)
    first, second = two_requests(story)
    assert await story.kinds(first) == [DONE]
    story.sandbox.later(minutes=1)
    assert await story.kinds(unsure(second)) == [DONE]
    assert told(story) == ["One", "Two"]


@pytest.mark.parametrize("after", [False, True], ids=["unsent", "done"])
@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest_twisted.ensureDeferred
async def test_a_lost_second_one(
    graph_world: GraphWorld, batch: int, after: bool
) -> None:
    """Whichever of its steps is lost, it is given once in the end: look-up, mark,
    acceptance, removal."""
    story = Answering(graph_world)
    story.profile = MailboxProfile()
    first, second = two_requests(story)
    assert await story.kinds(first) == [DONE]
    story.sandbox.later(minutes=1)
    story.transport.lost = story.transport.batches + batch
    story.transport.after = after
    try:
        (outcome,) = await story.give(second)
        assert outcome.remaining is Action.DISCARD
        second = msgspec.structs.replace(second, action=Action.DISCARD)
    except MailboxError:
        pass
    graph_world.clock.advance(1000)
    assert (await story.kinds(unsure(second)))[0] in (DONE, GONE)
    assert told(story) == ["One", "Two"]
    assert story.left() == []


@pytest_twisted.ensureDeferred
async def test_the_mark(graph_world: GraphWorld) -> None:
    """Only what may be mistaken is marked: a first request is not."""
    story = Answering(graph_world)
    first, second = two_requests(story)
    await story.give(first)
    marks = [r for r in story.transport.sent if r["method"] == "PATCH"]
    assert marks == []
    await story.give(second)
    (mark,) = [r for r in story.transport.sent if r["method"] == "PATCH"]
    (category,) = mark["body"]["categories"]
    assert category.startswith(ACCEPTING + "20")


@pytest_twisted.ensureDeferred
async def test_accepted_after_a_decline(graph_world: GraphWorld) -> None:
    """The event is that of the second message by then: the decline of the first one
    goes by mail and leaves it alone."""
    story = Answering(graph_world)
    first, second = two_requests(story)
    declined = msgspec.structs.replace(first, action=DECLINE)
    assert await story.kinds(declined) == [DONE]
    assert len(story.mailbox.calendar()) == 1
    assert await story.kinds(second) == [DONE]
    assert told(story) == ["One", "Two"]
    assert story.left() == []


async def without_event(story: Answering) -> Answer:
    """An answer to a request whose event a person has deleted, in a mailbox that makes
    events."""
    story.profile = MailboxProfile()
    first, second = two_requests(story)
    assert await story.kinds(first) == [DONE]
    (entry,) = story.mailbox.calendar()
    story.mailbox.remove(entry)
    return second


@pytest_twisted.ensureDeferred
async def test_accepted_without_an_event(graph_world: GraphWorld) -> None:
    """When no other event comes in five minutes, the acceptance goes by mail, once."""
    story = Answering(graph_world)
    answer = await without_event(story)
    (waiting,) = await story.give(answer)
    assert (waiting.kind, waiting.blame) == (RETRY, Blame.SERVER)
    story.sandbox.later(minutes=6)
    graph_world.misbehave(kind="http-500", operation="GraphSendMail", after=True)
    with pytest.raises(MailboxError):
        await story.give(answer)
    graph_world.clock.advance(1000)
    assert await story.kinds(unsure(answer)) == [DONE]
    assert told(story) == ["One", "Two"]
    assert story.left() == []


@pytest_twisted.ensureDeferred
async def test_no_mail_either(graph_world: GraphWorld) -> None:
    """Without the permission to send mail both are named, and nothing is given."""
    story = Answering(graph_world)
    answer = await without_event(story)
    story.sandbox.later(minutes=6)
    graph_world.sandbox.add(
        MailboxGrant("Mail.ReadWrite"), MailboxGrant("Calendars.ReadWrite")
    )
    (outcome,) = await story.give(answer)
    assert (outcome.kind, outcome.blame) == (RETRY, Blame.DOUBT)
    assert "AutomateProcessing" in outcome.reason
    assert "Application Mail.Send" in outcome.reason
    assert told(story) == ["One"]


@pytest_twisted.ensureDeferred
async def test_an_event_of_somebody_else(graph_world: GraphWorld) -> None:
    """Bob's message about Alice's meeting has changed the event: her answer does not go
    to him."""
    story = Answering(graph_world)
    meeting = story.invite()
    answer = story.answer(ACCEPT, "<p>Yes</p>")
    entry = story.entry(meeting)
    assert entry is not None
    assert entry.meeting is not None
    bob = story.sandbox.exchange.person(BOB)
    entry.meeting = msgspec.structs.replace(entry.meeting, organizer=bob)
    assert await story.kinds(answer) == [DONE]
    assert told(story) == ["Yes"]
    assert told(story, BOB) == []
    assert story.left() == []


# Folders whose ids change


def other_ids(story: Answering) -> None:
    for name in ("inbox", "deleteditems"):
        folder = story.mailbox.folders[name]
        folder.id = folder.id[::-1]


async def known(story: Answering) -> list[Answer]:
    """Three answers, by a process that knows the folders."""
    story.profile = MailboxProfile()
    for number in range(4):
        story.invite(f"Yes {number}")
    answers = [story.answer(ACCEPT, "<p>Yes</p>", f"Yes {n}") for n in range(4)]
    assert await story.kinds(answers.pop()) == [DONE]
    other_ids(story)
    return answers


@pytest_twisted.ensureDeferred
async def test_folders_with_other_ids(graph_world: GraphWorld) -> None:
    """After the mailbox was moved nothing is taken for gone; what is gone still is."""
    story = Answering(graph_world)
    answers = await known(story)
    story.mailbox.move(story.message("Yes 1"), "drafts")
    assert await story.kinds(*answers) == [DONE, GONE, DONE]
    assert sum(story.heard().values()) == 3


@pytest_twisted.ensureDeferred
async def test_deleting_in_folders_with_other_ids(graph_world: GraphWorld) -> None:
    """The same for items that are deleted without an answer."""
    story = Answering(graph_world)
    answers = await known(story)
    found: list[Any] = await delete(
        story.client, [each.ref for each in answers], profile=story.profile
    )
    assert [each.kind for each in found] == [DONE] * 3
    assert story.left() == []


@pytest.mark.parametrize("code", ["ErrorItemNotFound", "ErrorAccessDenied"])
@pytest_twisted.ensureDeferred
async def test_folders_that_cannot_be_found(graph_world: GraphWorld, code: str) -> None:
    """While the folders cannot be told, nothing is gone because of them."""
    story = Answering(graph_world)
    answers = await known(story)
    graph_world.misbehave(
        kind=f"graph-{code}", operation="GraphGetMailFolder", times=None
    )
    with suppress(MailboxError):
        assert await story.kinds(*answers) == [RETRY] * 3
    graph_world.misbehave(kind="reset", operation="none")
    graph_world.clock.advance(1000)
    assert await story.kinds(*answers) == [DONE] * 3
