"""Answers over Graph, case by case: events that are late, gone, cancelled, or the
mailbox's own; and what an odd server refuses."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.graph.mailbox_profile import LookUpForm, MailboxProfile, RemovalWay
from pexschedd.model.meeting import MessageRef
from pexschedd.sandbox import Item, ItemKind, MeetingAnswer, SeriesRecurrence
from pexschedd.sandbox.graph.entities import item_ids
from pexschedd.scheduling.ports.mailbox import Action, Answer, Blame
from tests.graph.answering_support import DONE, FAILED, GONE, RETRY, Answering
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    SILENT,
)

ACCEPT, DECLINE, REMOVE = Action.ACCEPT, Action.DECLINE, Action.REMOVE
CANCELLED = ItemKind.CANCELLATION
METHODS = pytest.mark.parametrize("method", ["RESPONSE", "MAIL"])


def paths(story: Answering, word: str) -> list[Any]:
    return [each for each in story.transport.sent if word in each["url"]]


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


@METHODS
@pytest_twisted.ensureDeferred
async def test_one_occurrence(graph_world: GraphWorld, method: str) -> None:
    """A changed occurrence is answered by itself: the organizer sees the answer there,
    the series keeps its own."""
    story = Answering(graph_world, method)
    recurrence = SeriesRecurrence.daily(count=3)
    series = story.invite(recurrence=recurrence)
    assert await story.kinds(story.answer(ACCEPT, "<p>All</p>")) == [DONE]
    second = MEETING + timedelta(days=1)
    graph_world.sandbox.later(minutes=1)
    graph_world.sandbox.exchange.update(
        series, occurrence=second, start=second + HOUR, end=second + 2 * HOUR
    )
    assert await story.kinds(story.answer(DECLINE, "<p>Not then</p>")) == [DONE]
    heard = story.heard()
    assert heard[("Declined: Weekly", "Not then")] == 1
    responses = graph_world.sandbox.exchange.mailbox(ALICE).inbox()
    assert responses[0].meeting is not None
    assert responses[0].meeting.recurrence_id == second
    entry = story.entry(series)
    assert entry is not None
    assert entry.my_response.value == "Accept"


@pytest_twisted.ensureDeferred
async def test_a_cancelled_occurrence_takes_only_itself(
    graph_world: GraphWorld,
) -> None:
    """The series stays in the calendar, without that date."""
    story = Answering(graph_world)
    series = story.invite(recurrence=SeriesRecurrence.daily(count=3))
    assert await story.kinds(story.answer(ACCEPT)) == [DONE]
    second = MEETING + timedelta(days=1)
    graph_world.sandbox.later(minutes=1)
    graph_world.sandbox.exchange.cancel(series, occurrence=second)
    answer = story.answer(REMOVE, kind=CANCELLED)
    assert await story.kinds(answer) == [DONE]
    entry = story.entry(series)
    assert entry is not None
    span = (MEETING, MEETING + timedelta(days=9))
    found = graph_world.sandbox.exchange.occurrences(entry, *span)
    starts = [each.meeting.start for each in found if each.meeting is not None]
    assert starts == [MEETING, MEETING + timedelta(days=2)]
    assert story.left() == []


@pytest.mark.parametrize("gone", [False, True])
@pytest_twisted.ensureDeferred
async def test_a_cancelled_meeting(graph_world: GraphWorld, gone: bool) -> None:
    """Its event is taken out of the calendar, if it is still there, and nobody is
    told."""
    story = Answering(graph_world)
    meeting = story.invite()
    await story.give(story.answer(ACCEPT))
    heard = story.heard()
    graph_world.sandbox.exchange.cancel(meeting)
    if gone:
        story.mailbox.remove(story.entry(meeting))
    answer = story.answer(REMOVE, kind=CANCELLED)
    assert await story.kinds(answer, answer) == [DONE, DONE]
    assert await story.kinds(answer) == [GONE]
    assert story.entry(meeting) is None
    assert story.heard() == heard
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
async def test_an_event_that_was_cancelled_before(
    graph_world: GraphWorld, method: str
) -> None:
    """Nobody waits for the answer to a request that was cancelled; it only goes."""
    story = Answering(graph_world, method)
    meeting = story.invite()
    graph_world.sandbox.exchange.cancel(meeting)
    assert await story.kinds(story.answer(ACCEPT, "<p>Yes</p>")) == [DONE]
    assert not story.heard()
    assert story.left() == ["Canceled: Weekly"]


@METHODS
@pytest_twisted.ensureDeferred
async def test_an_event_that_is_deleted_in_between(
    graph_world: GraphWorld, method: str
) -> None:
    """Between look-up and answer the event disappears: the request waits for another,
    or is answered by mail."""
    story = Answering(graph_world, method)
    story.invite()
    answer = story.answer(ACCEPT, "<p>Yes</p>")
    graph_world.misbehave(kind="graph-ErrorItemNotFound", operation="GraphAcceptEvent")
    (outcome,) = await story.give(answer)
    if method == "MAIL":
        assert outcome.kind is DONE
        assert story.heard() == {("Accepted: Weekly", "Yes"): 1}
    else:
        assert (outcome.kind, outcome.blame) == (RETRY, Blame.SERVER)
        assert story.left() == ["Weekly"]


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


@METHODS
@pytest_twisted.ensureDeferred
async def test_a_meeting_that_was_cancelled_and_comes_again(
    graph_world: GraphWorld, method: str
) -> None:
    """As long as Exchange has not seen the new request, its event still says that it
    is cancelled: the answer waits."""
    story = Answering(graph_world, method)
    story.invite()
    entry = story.mailbox.calendar()[0]
    assert entry.meeting is not None
    old = entry.modified
    entry.meeting = msgspec.structs.replace(entry.meeting, cancelled=True)
    entry.modified = old - HOUR
    answer = story.answer(ACCEPT, "<p>Yes</p>")
    (outcome,) = await story.give(answer)
    assert (outcome.kind, outcome.blame) == (RETRY, Blame.SERVER)
    entry.meeting = msgspec.structs.replace(entry.meeting, cancelled=False)
    assert await story.kinds(answer) == [DONE]
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
async def test_a_declined_event_that_stays(graph_world: GraphWorld) -> None:
    """Where declined events stay in the calendar, the event tells that it was."""
    story = Answering(graph_world)
    story.invite()
    message = story.message()
    answer = story.answer(DECLINE, "<p>No</p>", unsure=True)
    entry = story.mailbox.calendar()[0]
    entry.my_response = type(entry.my_response)(MeetingAnswer.DECLINE.value)
    entry.replied = message.received
    assert await story.kinds(answer) == [DONE]
    assert not story.heard()


@pytest_twisted.ensureDeferred
async def test_nothing_to_answer(graph_world: GraphWorld) -> None:
    """Without answers nothing is sent."""
    story = Answering(graph_world)
    assert await story.give() == []
    assert story.transport.batches == 0


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
