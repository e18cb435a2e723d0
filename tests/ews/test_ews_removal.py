"""Cancellations at a server that does not know RemoveItem: the meeting is deleted."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.ews.client import EwsClient
from pexschedd.ews.mailbox import EwsMailbox
from pexschedd.exchange.throttle import Throttles
from pexschedd.model.meeting import MessageKind
from pexschedd.sandbox import MeetingAnswer
from pexschedd.scheduling.ports.mailbox import Action, Answer, OutcomeKind
from tests.ews.ews_exchange import ALICE, EQUIPMENT, Exchange, waiting
from tests.ews.ews_script import SITE, Script, doing, now, refs
from tests.ews.ews_support import binary, failure, fault, item, named, response
from tests.ews.test_ews_organizers import GLOBAL_ID, entry, found
from tests.ews.test_ews_sandbox_series import FOURTH, HALF, SECOND, START, THIRD, weekly

REFUSALS: list[dict[str, Any]] = [
    {"what": "RemoveItem"},
    {"what": "RemoveItem", "item": True},
    {"what": "RemoveItem", "code": "ErrorSchemaValidation"},
    {"what": "RemoveItem", "code": "ErrorUnknownOperation", "item": True},
]
NO_SEARCH = {"what": "binary-restriction"}
DONE, FAILED = OutcomeKind.DONE, OutcomeKind.FAILED
THEIRS = (
    "<t:MyResponseType>Accept</t:MyResponseType><t:Start>2026-11-30T08:00:00Z</t:Start>"
)


def refusing(exchange: Exchange, *refused: dict[str, Any]) -> None:
    exchange.sandbox.behaviour.configure({"refused": list(refused)})


def accept_all(exchange: Exchange) -> None:
    """The equipment mailbox has accepted what lies in its inbox."""
    server = exchange.sandbox.exchange
    for request in server.mailbox(EQUIPMENT).inbox()[::-1]:
        server.respond(request, MeetingAnswer.ACCEPT)


def calendar(exchange: Exchange) -> list[datetime]:
    """When something takes place there, series date by date."""
    server = exchange.sandbox.exchange
    starts: list[datetime] = []
    for each in server.mailbox(EQUIPMENT).calendar():
        assert each.meeting is not None
        if each.meeting.recurrence is None:
            starts.append(each.meeting.start)
            continue
        low, high = START - timedelta(days=1), START + timedelta(days=60)
        taking_place = server.occurrences(each, low, high)
        starts += [o.meeting.start for o in taking_place if o.meeting is not None]
    return sorted(starts)


async def remove(exchange: Exchange, **more: Any) -> list[OutcomeKind]:
    """Answers every cancellation in the inbox."""
    mailbox = exchange.mailbox(**more)
    cancelled = [
        Answer(each.ref, Action.REMOVE)
        for each in await waiting(mailbox)
        if each.kind is MessageKind.CANCELLATION
    ]
    assert cancelled
    return [each.kind for each in await mailbox.answer(cancelled)]


@pytest.mark.parametrize("searches", [True, False], ids=["by uid", "by time"])
@pytest.mark.parametrize("refusal", REFUSALS)
@pytest_twisted.ensureDeferred
async def test_a_cancelled_meeting_goes(
    exchange: Exchange, refusal: dict[str, Any], searches: bool
) -> None:
    """Out of the calendar, and the message out of the inbox; others stay."""
    meeting = weekly(exchange, recurrence=None)
    weekly(exchange, recurrence=None, subject="At the same time")
    accept_all(exchange)
    exchange.sandbox.exchange.cancel(meeting)
    refusing(exchange, refusal, *([] if searches else [NO_SEARCH]))
    assert await remove(exchange) == [DONE]
    assert exchange.folder(EQUIPMENT, "inbox") == []
    assert calendar(exchange) == [START]


@pytest.mark.parametrize("searches", [True, False], ids=["by uid", "by time"])
@pytest_twisted.ensureDeferred
async def test_one_date_of_a_series_goes(exchange: Exchange, searches: bool) -> None:
    """A date as the pattern has it, then one that was moved; never the series. Then
    the rest of it, with its own cancellation."""
    server = exchange.sandbox.exchange
    series = weekly(exchange)
    accept_all(exchange)
    exchange.moment += timedelta(seconds=1)
    moved = SECOND + timedelta(days=1)
    server.update(series, occurrence=SECOND, start=moved, end=moved + HALF)
    accept_all(exchange)
    assert calendar(exchange) == [START, moved, THIRD, FOURTH]
    refusing(exchange, REFUSALS[0], *([] if searches else [NO_SEARCH]))
    for gone, left in (
        (THIRD, [START, moved, FOURTH]),
        (SECOND, [START, FOURTH]),
        (None, []),
    ):
        exchange.moment += timedelta(seconds=1)
        if gone is None:
            server.cancel(series)
        else:
            server.cancel(series, occurrence=gone)
        assert await remove(exchange) == [DONE]
        assert calendar(exchange) == left
        assert exchange.folder(EQUIPMENT, "inbox") == []


@pytest_twisted.ensureDeferred
async def test_an_occurrence_that_is_there_alone(exchange: Exchange) -> None:
    """Of two dates without their series the cancelled one goes."""
    server = exchange.sandbox.exchange
    series = weekly(exchange, resources=[])
    for date in (SECOND, THIRD):
        exchange.moment += timedelta(seconds=1)
        server.update(series, occurrence=date, resources=[EQUIPMENT])
    accept_all(exchange)
    assert calendar(exchange) == [SECOND, THIRD]
    exchange.moment += timedelta(seconds=1)
    server.cancel(series, occurrence=SECOND)
    refusing(exchange, REFUSALS[1])
    assert await remove(exchange) == [DONE]
    assert calendar(exchange) == [THIRD]


@pytest_twisted.ensureDeferred
async def test_among_other_answers(exchange: Exchange) -> None:
    """The accepts of the same batch are given once; a meeting that was never accepted
    has nothing to be deleted."""
    exchange.invite("stays")
    item = exchange.invite("goes")
    exchange.cancel(item)
    refusing(exchange, REFUSALS[0])
    mailbox = exchange.mailbox()
    stays, _, cancelled = await waiting(mailbox)
    both = [
        Answer(stays.ref, Action.ACCEPT, "<p>Yes</p>"),
        Answer(cancelled.ref, Action.REMOVE),
    ]
    assert [each.kind for each in await mailbox.answer(both)] == [DONE, DONE]
    answers = exchange.folder(ALICE, "inbox")
    assert answers == ["IPM.Schedule.Meeting.Resp.Pos"]


@pytest_twisted.ensureDeferred
async def test_the_refusal_is_remembered(exchange: Exchange) -> None:
    """Once the meeting was deleted, RemoveItem is not tried there for an hour."""
    throttles = Throttles(clock := Clock(), lambda: 0.0)
    account = exchange.account()
    shared = throttles.of(account.url, EQUIPMENT)
    refusing(exchange, REFUSALS[0])

    async def tried() -> int:
        meeting = weekly(exchange, recurrence=None)
        accept_all(exchange)
        exchange.moment += timedelta(seconds=1)
        exchange.sandbox.exchange.cancel(meeting)
        exchange.sandbox.calls.clear()
        assert await remove(exchange, throttle=shared) == [DONE]
        assert calendar(exchange) == []
        return exchange.sandbox.calls["CreateItem"]

    assert await tried() > 0
    assert await tried() == 0
    clock.advance(3601)
    assert await tried() > 0


def cancellation(content: str = "", name: str = "c") -> bytes:
    return response(
        "GetItem",
        item(
            "MeetingCancellation",
            name,
            "<t:ItemClass>IPM.Schedule.Meeting.Canceled</t:ItemClass>"
            + named("Meeting", 35, binary(GLOBAL_ID))
            + content
            + "<t:Start>2026-11-30T08:00:00Z</t:Start>",
        ),
    )


def mailbox(script: Script) -> EwsMailbox:
    return EwsMailbox(EwsClient(script, SITE), SITE)


REFUSED = fault("ErrorInvalidOperation", "TEXT")


def removed(script: Script) -> tuple[OutcomeKind, str, list[str]]:
    (outcome,) = now(mailbox(script).answer([Answer(refs("c")[0], Action.REMOVE)]))
    asked = [repr(each) for each in script.asked]
    assert asked.pop(0) == "CreateItem RemoveItem c"
    return outcome.kind, outcome.reason, asked


def test_a_series_goes_only_if_all_of_it_is_meant() -> None:
    """A cancellation that may be one occurrence's leaves the series where it is."""
    both = found(
        entry("series", "RecurringMaster", THEIRS), entry("one", "Single", THEIRS)
    )
    kind, _, asked = removed(Script(REFUSED, cancellation(), both, doing()))
    assert kind is DONE
    assert asked == ["GetItem c", "FindItem", "DeleteItem one", "MoveItem c"]
    whole = named("Meeting", 3, binary(GLOBAL_ID))
    _, _, asked = removed(Script(REFUSED, cancellation(whole), both, doing()))
    assert asked[2] == "DeleteItem one series"


def test_what_this_mailbox_organizes_stays() -> None:
    """A meeting of its own with the same id is not a cancelled one of others."""
    own = found(entry("own"))
    kind, _, asked = removed(Script(REFUSED, cancellation(), own, doing()))
    assert kind is DONE
    assert asked == ["GetItem c", "FindItem", "MoveItem c"]


def test_what_cannot_be_deleted_either() -> None:
    """It is said at once that the meeting is still in the calendar, and why."""
    stuck = response(
        "DeleteItem", failure("DeleteItem", "ErrorInvalidOperation", "STUCK")
    )
    theirs = found(entry("a", "Single", THEIRS))
    kind, reason, _ = removed(Script(REFUSED, cancellation(), theirs, stuck))
    assert (kind, reason) == (FAILED, "STUCK (ErrorInvalidOperation)")
    kind, reason, _ = removed(Script(REFUSED, cancellation(), REFUSED))
    assert (kind, reason) == (FAILED, "TEXT (ErrorInvalidOperation)")


def test_a_cancellation_that_is_gone() -> None:
    """A message that was taken away meanwhile: nothing is left to do."""
    gone = response("GetItem", failure("GetItem", "ErrorItemNotFound"))
    kind, _, asked = removed(Script(REFUSED, gone))
    assert kind is OutcomeKind.GONE
    assert asked == ["GetItem c", "MoveItem c"]


def test_a_meeting_that_is_gone_by_itself() -> None:
    """Found and not there any more: it is done."""
    theirs = found(entry("a", "Single", THEIRS))
    gone = response("DeleteItem", failure("DeleteItem", "ErrorItemNotFound"))
    kind, _, asked = removed(Script(REFUSED, cancellation(), theirs, gone, doing()))
    assert kind is DONE
    assert asked[-1] == "MoveItem c"
