"""Answers over Graph, case by case: late events, odd messages, and odd mailboxes."""

import pytest
import pytest_twisted

from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.model.meeting import MessageRef
from pexschedd.sandbox import Item, ItemKind, MeetingAnswer
from pexschedd.sandbox.graph.entities import item_ids
from pexschedd.scheduling.ports.mailbox import Action, Answer, Blame
from tests.graph.answering_support import (
    ACCEPT,
    CANCELLED,
    DECLINE,
    DONE,
    FAILED,
    GONE,
    METHODS,
    REMOVE,
    RETRY,
    Answering,
    paths,
)
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    SILENT,
)


@pytest_twisted.ensureDeferred
async def test_by_mail_the_words_are_html(graph_world: GraphWorld) -> None:
    """With MAIL the event is answered without a response, and without a comment; the
    organizer sees the HTML, and the mailbox's answer."""
    story = Answering(graph_world, "MAIL")
    meeting = story.invite()
    words = "<p>Join <b>now</b></p>"
    assert await story.kinds(story.answer(ACCEPT, words)) == [DONE]
    (accept,) = paths(story, "/accept")
    assert accept["body"] == {"sendResponse": False}
    (response,) = graph_world.sandbox.exchange.mailbox(ALICE).inbox()
    assert response.kind is ItemKind.RESPONSE
    assert "<b>now</b>" in response.body.html
    assert meeting.meeting is not None
    (attendee,) = meeting.meeting.attendees
    assert attendee.response.value == "Accept"
    entry = story.entry(meeting)
    assert entry is not None
    assert entry.my_response.value == "Accept"


@METHODS
@pytest_twisted.ensureDeferred
async def test_a_late_event(graph_world: GraphWorld, method: str) -> None:
    """Without its event a young message waits, and nobody is to blame."""
    story = Answering(graph_world, method)
    story.profile = MailboxProfile(makes_events=True)
    graph_world.sandbox.organisation(attendant_delay_s=60)
    graph_world.sandbox._clock = graph_world.sandbox.clock
    meeting = story.invite()
    answer = story.answer(ACCEPT, "<p>Yes</p>")
    (outcome,) = await story.give(answer)
    assert (outcome.kind, outcome.blame) == (RETRY, Blame.SERVER)
    assert not story.heard()
    graph_world.sandbox.clock.advance(61)
    unsure = Answer(answer.ref, ACCEPT, answer.body, unsure=True)
    assert await story.kinds(unsure) == [DONE]
    assert story.heard() == {("Accepted: Weekly", "Yes"): 1}
    entry = story.entry(meeting)
    assert entry is not None
    assert entry.my_response.value == "Accept"


@pytest.mark.parametrize("missing", ["null", "empty"])
@pytest.mark.parametrize("action", [ACCEPT, DECLINE])
@pytest_twisted.ensureDeferred
async def test_a_mailbox_without_processing(
    graph_world: GraphWorld, action: Action, missing: str
) -> None:
    """There is never an event: after a while the reason names the setting, also when
    the answer may have been given before."""
    story = Answering(graph_world, mailbox=SILENT)
    graph_world.sandbox.organisation(missing_event=missing)
    story.invite()
    answer = story.answer(action, "<p>Yes</p>")
    for unsure in (False, True):
        again = Answer(answer.ref, action, answer.body, unsure=unsure)
        (outcome,) = await story.give(again)
        assert (outcome.kind, outcome.blame) == (RETRY, Blame.SERVER)
    graph_world.sandbox.later(minutes=6)
    for unsure in (False, True):
        again = Answer(answer.ref, action, answer.body, unsure=unsure)
        (outcome,) = await story.give(again)
        assert (outcome.kind, outcome.blame) == (RETRY, Blame.DOUBT)
        assert "-AutomateProcessing AutoUpdate" in outcome.reason
        assert f"'{SILENT}'" in outcome.reason
    assert not story.heard()
    assert story.left() == ["Weekly"]


@pytest.mark.parametrize("action", [ACCEPT, DECLINE])
@pytest_twisted.ensureDeferred
async def test_a_mailbox_without_processing_by_mail(
    graph_world: GraphWorld, action: Action
) -> None:
    """A mail needs no event, and is sent at once."""
    story = Answering(graph_world, "MAIL", SILENT)
    meeting = story.invite()
    assert await story.kinds(story.answer(action, "<p>So</p>")) == [DONE]
    word = "Accepted" if action is ACCEPT else "Declined"
    assert story.heard() == {(f"{word}: Weekly", "So"): 1}
    assert meeting.meeting is not None
    assert meeting.meeting.attendees[0].response.value == action.value.capitalize()
    assert story.left() == []


def own_meeting(story: Answering, kind: ItemKind) -> tuple[Item, MessageRef]:
    """A meeting that the mailbox organizes, and a message about it in its inbox."""
    exchange = story.sandbox.exchange
    meeting = exchange.schedule(
        EQUIPMENT, subject="Mine", start=MEETING, end=MEETING + HOUR, required=[BOB]
    )
    (message,) = exchange.mailbox(BOB).inbox()
    back = exchange.deliver_again(message, EQUIPMENT)
    back.kind = kind
    return meeting, story.ref(back)


@METHODS
@pytest.mark.parametrize("action", [ACCEPT, DECLINE, REMOVE])
@pytest_twisted.ensureDeferred
async def test_the_mailbox_organizes_it_itself(
    graph_world: GraphWorld, action: Action, method: str
) -> None:
    """Its own meeting is neither answered nor deleted, which would cancel it for all;
    the message goes."""
    story = Answering(graph_world, method)
    kind = CANCELLED if action is REMOVE else ItemKind.REQUEST
    meeting, ref = own_meeting(story, kind)
    before = len(graph_world.sandbox.exchange.mailbox(BOB).inbox())
    assert await story.kinds(Answer(ref, action, "<p>No</p>")) == [DONE]
    assert story.mailbox.get(meeting.id) is not None
    assert len(graph_world.sandbox.exchange.mailbox(BOB).inbox()) == before
    assert story.left() == []


@METHODS
@pytest_twisted.ensureDeferred
async def test_a_mail_that_is_no_request(graph_world: GraphWorld, method: str) -> None:
    """A plain mail cannot be accepted, but may be replied to and discarded."""
    story = Answering(graph_world, method)
    exchange = graph_world.sandbox.exchange
    for subject in ("One", "Two"):
        exchange.send_message(BOB, to=[EQUIPMENT], subject=subject, body="Hello")
    one = story.answer(ACCEPT, "<p>Yes</p>", "One", ItemKind.MESSAGE)
    assert await story.kinds(one) == [FAILED]
    one = Answer(one.ref, Action.REPLY, "<p>No meeting</p>")
    two = story.answer(Action.DISCARD, "", "Two", ItemKind.MESSAGE)
    assert await story.kinds(one, two) == [DONE, DONE]
    assert story.heard(BOB) == {("Re: One", "No meeting"): 1}
    assert story.left() == []


@pytest.mark.parametrize("address", ["", "no address", "bob@example.test\r\nBcc: x@y"])
@pytest_twisted.ensureDeferred
async def test_a_reply_to_nobody(graph_world: GraphWorld, address: str) -> None:
    """A sender without a usable address gets no answer; the message goes."""
    story = Answering(graph_world)
    exchange = graph_world.sandbox.exchange
    exchange.send_message(BOB, to=[EQUIPMENT], subject="One", body="Hello")
    item = story.message("One", ItemKind.MESSAGE)
    item.author = item.sender = type(item.to[0])("Bob", address)
    answer = Answer(story.ref(item), Action.REPLY, "<p>No</p>")
    assert await story.kinds(answer) == [DONE]
    assert not paths(story, "sendMail")
    assert story.left() == []


@METHODS
@pytest.mark.parametrize("fate", ["stays", "deleted-items", "gone"])
@pytest_twisted.ensureDeferred
async def test_what_exchange_does_with_the_message(
    graph_world: GraphWorld, fate: str, method: str
) -> None:
    """Whether the answered request stays, is moved or deleted by Exchange: it is done
    with, and stays that."""
    story = Answering(graph_world, method)
    graph_world.sandbox.organisation(answered_request=fate)
    story.invite()
    answer = story.answer(ACCEPT, "<p>Yes</p>")
    assert await story.kinds(answer) == [DONE]
    assert await story.kinds(answer) == [GONE]
    assert story.left() == []
    assert story.heard() == {("Accepted: Weekly", "Yes"): 1}


@pytest_twisted.ensureDeferred
async def test_a_message_that_was_put_elsewhere(graph_world: GraphWorld) -> None:
    """A person has moved it to another folder: it is nobody's concern any more."""
    story = Answering(graph_world)
    story.invite()
    answer = story.answer(ACCEPT, "<p>Yes</p>")
    story.mailbox.move(story.message(), "junkemail")
    assert await story.kinds(answer) == [GONE]
    assert not story.heard()
    assert len(story.mailbox.items("junkemail")) == 1


@METHODS
@pytest_twisted.ensureDeferred
async def test_an_update_after_an_answer(graph_world: GraphWorld, method: str) -> None:
    """An unsure answer to an update is not taken for the one that was given before."""
    story = Answering(graph_world, method)
    meeting = story.invite()
    assert await story.kinds(story.answer(ACCEPT, "<p>One</p>")) == [DONE]
    graph_world.sandbox.later(minutes=1)
    graph_world.sandbox.exchange.update(meeting, location="Elsewhere")
    answer = story.answer(ACCEPT, "<p>Two</p>", unsure=True)
    assert await story.kinds(answer) == [DONE]
    assert sorted(words for _, words in story.heard()) == ["One", "Two"]


@pytest_twisted.ensureDeferred
async def test_somebody_answered_in_outlook(graph_world: GraphWorld) -> None:
    """A person has accepted in the meantime: an unsure answer is taken as given."""
    story = Answering(graph_world)
    story.invite()
    message = story.message()
    answer = story.answer(ACCEPT, "<p>Yes</p>", unsure=True)
    entry = story.mailbox.calendar()[0]
    entry.my_response = type(entry.my_response)(MeetingAnswer.ACCEPT.value)
    entry.replied = message.received
    assert await story.kinds(answer) == [DONE]
    assert not story.heard()
    assert item_ids.item_id(message, immutable=True) == answer.ref.item_id
