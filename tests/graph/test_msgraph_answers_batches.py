"""Requests of answers over Graph: batches, look-ups, and what an odd server refuses."""

import pytest
import pytest_twisted

from pexschedd.graph.mailbox_profile import LookUpForm, MailboxProfile, RemovalWay
from pexschedd.scheduling.ports.mailbox import Action
from tests.graph.answering_support import ACCEPT, DONE, GONE, METHODS, Answering, paths
from tests.graph.msgraph_support import GraphWorld


@pytest_twisted.ensureDeferred
async def test_the_batches_of_twenty(graph_world: GraphWorld) -> None:
    """Twenty accepts take three batches once the folders are known; the words are
    plain text, as the comment of the response."""
    story = Answering(graph_world)
    story.profile = MailboxProfile()
    answers = []
    for number in range(20):
        story.invite(f"Yes {number}")
        words = "<p>Join <a href='https://a.test/'>here</a></p><p>Bye</p>"
        answers.append(story.answer(ACCEPT, words, f"Yes {number}"))
    assert await story.kinds(*answers) == [DONE] * 20
    assert story.transport.batches == 4
    accepts = [each["body"] for each in paths(story, "/accept")]
    comment = "Join here <https://a.test/>\n\nBye"
    assert accepts == [{"sendResponse": True, "comment": comment}] * 20
    story.invite("Last")
    assert await story.kinds(story.answer(ACCEPT, "", "Last")) == [DONE]
    assert story.transport.batches == 7
    assert paths(story, "/accept")[-1]["body"] == {"sendResponse": True}


@METHODS
@pytest.mark.parametrize("refused", [1, 2])
@pytest_twisted.ensureDeferred
async def test_a_look_up_that_is_refused(
    graph_world: GraphWorld, method: str, refused: int
) -> None:
    """Where properties may not be selected so, all of them are asked for; the second
    time at once."""
    story = Answering(graph_world, method)
    story.profile = MailboxProfile()
    for number in range(2):
        story.invite(f"Yes {number}")
    answers = [story.answer(ACCEPT, "<p>Yes</p>", f"Yes {n}") for n in range(2)]
    graph_world.sandbox.behaviour.configure(
        {
            "faults": [
                {
                    "kind": "graph-BadRequest",
                    "operation": "GraphGetMessage",
                    "times": refused,
                }
            ]
        }
    )
    assert await story.kinds(*answers) == [DONE, DONE]
    assert story.heard() == {(f"Accepted: Yes {n}", "Yes"): 1 for n in range(2)}
    assert story.profile.look_up is LookUpForm.WHOLE
    sent = len(story.transport.sent)
    story.invite("Last")
    assert await story.kinds(story.answer(ACCEPT, "<p>Yes</p>", "Last")) == [DONE]
    assert "select" not in story.transport.sent[sent]["url"]


@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize("count", [1, 3])
@pytest_twisted.ensureDeferred
async def test_a_cloud_without_soft_deletion(
    graph_world: GraphWorld, count: int, permanent: bool
) -> None:
    """Where messages cannot be moved there they are deleted for good; where that does
    not exist either, out of Deleted Items. The next ones at once."""
    story = Answering(graph_world)
    story.profile = MailboxProfile()
    graph_world.sandbox.organisation(
        recoverable_items=False, permanent_delete=permanent
    )
    for number in range(count):
        story.invite(f"Yes {number}")
    answers = [story.answer(ACCEPT, "", f"Yes {n}") for n in range(count)]
    assert await story.kinds(*answers) == [DONE] * count
    assert story.left() == []
    way = RemovalWay.PURGE if permanent else RemovalWay.DELETE
    assert story.profile.removal is way
    assert await story.kinds(*answers) == [GONE] * count
    sent = len(paths(story, "/move"))
    story.invite("Last")
    assert await story.kinds(story.answer(Action.DISCARD, "", "Last")) == [DONE]
    assert len(paths(story, "/move")) == sent
    assert story.left() == []


@pytest.mark.parametrize("code", ["ErrorItemNotFound", "ErrorFolderNotFound"])
@pytest_twisted.ensureDeferred
async def test_no_folder_of_soft_deletion(graph_world: GraphWorld, code: str) -> None:
    """A target that is not there looks as if the message were not there: it goes all
    the same."""
    story = Answering(graph_world)
    story.invite()
    graph_world.misbehave(kind=f"graph-{code}", operation="GraphMoveMessage")
    assert await story.kinds(story.answer(ACCEPT, "<p>Yes</p>")) == [DONE]
    assert story.left() == []
    assert story.heard() == {("Accepted: Weekly", "Yes"): 1}


@pytest_twisted.ensureDeferred
async def test_large_words_make_smaller_batches(graph_world: GraphWorld) -> None:
    """Words that are too many for one batch go in several, and none are lost."""
    story = Answering(graph_world)
    answers = []
    for number in range(20):
        story.invite(f"Yes {number}")
        words = f"<p>{number} {'word ' * 45_000}</p>"
        answers.append(story.answer(ACCEPT, words, f"Yes {number}"))
    assert await story.kinds(*answers) == [DONE] * 20
    assert story.transport.batches == 3 + 2
    assert {len(words) for _, words in story.heard()} <= {225_001, 225_002}


@pytest_twisted.ensureDeferred
async def test_nothing_to_answer(graph_world: GraphWorld) -> None:
    """Without answers nothing is sent."""
    story = Answering(graph_world)
    assert await story.give() == []
    assert story.transport.batches == 0
