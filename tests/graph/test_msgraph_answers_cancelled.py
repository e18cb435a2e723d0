"""Answers over Graph about what is cancelled, deleted, or one occurrence of many."""

from datetime import timedelta

import msgspec
import pytest
import pytest_twisted

from pexschedd.sandbox import MeetingAnswer, SeriesRecurrence
from pexschedd.scheduling.ports.mailbox import Blame
from tests.graph.answering_support import (
    ACCEPT,
    CANCELLED,
    DECLINE,
    DONE,
    GONE,
    METHODS,
    REMOVE,
    RETRY,
    Answering,
)
from tests.graph.msgraph_support import GraphWorld
from tests.sandbox.graph.graph_support import ALICE, HOUR, MEETING


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
