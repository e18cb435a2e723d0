"""Answers over Graph when something goes wrong in the middle: each is given once."""

from functools import partial
from itertools import count
from typing import Any

import pytest
import pytest_twisted

from pexschedd.errors import MailboxBusy, MailboxError, MailboxRefused
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from pexschedd.scheduling.ports.mailbox import Action, Answer, Outcome
from tests.graph.answering_support import (
    DONE,
    FEW,
    GONE,
    RETRY,
    Answering,
    again,
    expected,
    mixed,
    until_given,
)
from tests.graph.msgraph_support import GraphWorld

METHODS = ("RESPONSE", "MAIL")
STATUSES = ("http-429", "http-503", "http-404", "http-409", "http-412", "http-500")
OPERATIONS = {
    "RESPONSE": (
        *("GraphGetMessage", "GraphUpdateMessage", "GraphAcceptEvent"),
        *("GraphDeclineEvent", "GraphDeleteEvent", "GraphSendMail"),
        "GraphMoveMessage",
    ),
    "MAIL": ("GraphAcceptEvent", "GraphDeclineEvent", "GraphSendMail"),
}


@pytest.mark.parametrize("after", [False, True], ids=["unsent", "done"])
@pytest.mark.parametrize("method", METHODS)
@pytest_twisted.ensureDeferred
async def test_a_lost_connection_at_each_batch(method: str, after: bool) -> None:
    """Whichever batch is lost, before it was carried out or afterwards: what is left is
    given as unsure, and then everything has been given once."""
    for lost in count(1):
        world = GraphWorld()
        try:
            story = Answering(world, method)
            answers = mixed(story)
            story.transport.lost, story.transport.after = lost, after
            await until_given(story, answers)
            expected(story)
            if story.transport.batches < lost:
                break
        finally:
            await world.close()
    assert lost > 4


@pytest.mark.parametrize(
    ("method", "operation"), [(m, o) for m in METHODS for o in OPERATIONS[m]]
)
@pytest.mark.parametrize("after", [False, True], ids=["undone", "done"])
@pytest.mark.parametrize("status", STATUSES)
@pytest_twisted.ensureDeferred
async def test_one_of_a_few_goes_wrong(
    graph_world: GraphWorld, method: str, operation: str, after: bool, status: str
) -> None:
    """One part of a batch fails, whether or not it was carried out: the others are
    given all the same, and it is given once in the end."""
    story = Answering(graph_world, method)
    answers = mixed(story, FEW)
    graph_world.misbehave(kind=status, operation=operation, after=after)
    await until_given(story, answers)
    expected(story, FEW)


CODES = (
    *("graph-ErrorItemNotFound", "graph-ErrorIrresolvableConflict"),
    *("graph-ApplicationThrottled", "graph-ErrorServerBusy"),
    *("graph-InternalServerError", "graph-ErrorInternalServerError"),
    "graph-ErrorMailboxMoveInProgress",
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", CODES)
@pytest_twisted.ensureDeferred
async def test_one_accept_goes_wrong_with_a_code(
    graph_world: GraphWorld, method: str, code: str
) -> None:
    """The same with Graph's codes, after the event was answered."""
    story = Answering(graph_world, method)
    answers = mixed(story, FEW)
    graph_world.misbehave(kind=code, operation="GraphAcceptEvent", after=True)
    await until_given(story, answers)
    expected(story, FEW)


def left_out(results: list[Any]) -> list[Any]:
    return results[3:]


def doubled(results: list[Any]) -> list[Any]:
    return [each for each in results for _ in range(2)]


def turned(results: list[Any]) -> list[Any]:
    return results[::-1]


def none_at_all(_: list[Any]) -> list[Any]:
    return []


def only(wanted: int, spoil: Any, number: int, results: list[Any]) -> list[Any]:
    """Spoil the results of one batch alone."""
    changed: list[Any] = spoil(results) if number == wanted else results
    return changed


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("spoil", [left_out, doubled, turned, none_at_all])
@pytest_twisted.ensureDeferred
async def test_odd_answers_to_each_batch(spoil: Any, method: str) -> None:
    """Results that are missing, doubled, or in another order, in each batch."""
    for spoilt in range(1, 7):
        world = GraphWorld()
        try:
            story = Answering(world, method)
            answers = mixed(story, FEW)
            story.transport.spoil = partial(only, spoilt, spoil)
            await until_given(story, answers)
            expected(story, FEW)
        finally:
            await world.close()


@pytest_twisted.ensureDeferred
async def test_only_the_message_stays(graph_world: GraphWorld) -> None:
    """An answer was given, and its message could not be taken away: only that is left,
    and it tells nobody anything."""
    story = Answering(graph_world)
    story.invite()
    answer = story.answer(Action.ACCEPT, "<p>Yes</p>")
    graph_world.misbehave(kind="http-503", operation="GraphMoveMessage")
    with pytest.raises(MailboxBusy):
        await story.give(Answer(answer.ref, Action.DISCARD))
    graph_world.clock.advance(1000)
    graph_world.misbehave(kind="http-503", operation="GraphMoveMessage")
    (outcome,) = await story.give(answer)
    assert (outcome.kind, outcome.remaining) == (RETRY, Action.DISCARD)
    graph_world.clock.advance(1000)
    (left,) = again([answer], [outcome])
    assert await story.kinds(left) == [DONE]
    assert story.heard() == {("Accepted: Weekly", "Yes"): 1}
    assert await story.kinds(left) == [GONE]


@pytest_twisted.ensureDeferred
async def test_a_role_is_missing(graph_world: GraphWorld) -> None:
    """Without a role for the calendar the error names it, and nothing is given."""
    story = Answering(graph_world)
    for number in range(2):
        story.invite(f"Yes {number}")
    graph_world.sandbox.add(MailboxGrant("Mail.ReadWrite"), MailboxGrant("Mail.Send"))
    answers = [story.answer(Action.ACCEPT, "", f"Yes {n}") for n in range(2)]
    with pytest.raises(MailboxRefused, match=r"Application Calendars\.ReadWrite"):
        await story.give(*answers)
    assert not story.heard()
    assert len(story.left()) == 2


@pytest_twisted.ensureDeferred
async def test_a_role_is_missing_for_some(graph_world: GraphWorld) -> None:
    """What was done beside it counts; the rest is to be tried again, and is to blame
    for nothing."""
    story = Answering(graph_world, "MAIL")
    answers = mixed(story)
    graph_world.sandbox.add(
        MailboxGrant("Mail.ReadWrite"), MailboxGrant("Calendars.ReadWrite")
    )
    outcomes = await story.give(*answers)
    assert not story.heard()
    for answer, outcome in zip(answers, outcomes, strict=True):
        if answer.body:
            assert outcome.kind is RETRY
            assert "Application Mail.Send" in outcome.reason
            assert outcome.blame == Outcome(RETRY).blame
        else:
            assert outcome.kind is DONE
    graph_world.sandbox.add()
    await until_given(story, again(answers, outcomes))
    expected(story)


@pytest_twisted.ensureDeferred
async def test_an_error_leaves_the_later_ones(graph_world: GraphWorld) -> None:
    """More than one batch of answers: what the first ones did is not lost by an error
    of later ones."""
    story = Answering(graph_world)
    answers = []
    for number in range(23):
        story.invite(f"Yes {number}")
        answers.append(story.answer(Action.ACCEPT, "<p>Yes</p>", f"Yes {number}"))
    story.transport.lost = 5
    outcomes = await story.give(*answers)
    assert [each.kind for each in outcomes] == [DONE] * 20 + [RETRY] * 3
    await until_given(story, again(answers, outcomes))
    assert sum(story.heard().values()) == 23
    story.transport.lost = story.transport.batches + 1
    with pytest.raises(MailboxError):
        await story.give(*answers)
