"""Guests of single occurrences, and those who come to a series later."""

import pytest

from pexschedd.sandbox import (
    CalendarType,
    ItemKind,
    MeetingAnswer,
    ResponseType,
    Send,
    SeriesRecurrence,
)
from pexschedd.sandbox.items import ids
from tests.sandbox.sandbox_support import BOB, EQUIPMENT, HOUR, ROOM, CheckedSandbox
from tests.sandbox.series_support import (
    FIRST,
    SECOND,
    THIRD,
    WEEK,
    about,
    accept,
    box,
    newest,
    schedule,
    starts,
    the_series,
)


def test_invited_to_one_occurrence_only(sandbox: CheckedSandbox) -> None:
    """Who is added to an occurrence hears of nothing else, and has it by itself."""
    master = schedule(sandbox, BOB)
    before = len(box(sandbox, BOB).inbox())
    sandbox.exchange.update(
        master, occurrence=SECOND, required=[BOB, EQUIPMENT], send=Send.CHANGED
    )
    assert len(box(sandbox, BOB).inbox()) == before
    (request,) = box(sandbox).inbox()
    assert request.request_type == "NewMeetingRequest"
    assert about(request).recurrence_id == SECOND
    entry = accept(sandbox)
    assert box(sandbox).calendar() == [entry]
    assert about(entry).type is CalendarType.EXCEPTION
    assert ids.occurrence_of(entry.id) is None
    # The answer belongs to the occurrence.
    exception = sandbox.exchange.occurrence(master, SECOND)
    answered = about(exception).attendee(EQUIPMENT)
    assert answered is not None
    assert answered.response is ResponseType.ACCEPT
    assert about(master).attendee(EQUIPMENT) is None


@pytest.mark.parametrize("how", ["occurrence", "series", "pattern"])
def test_a_single_guest_hears_of_the_end(sandbox: CheckedSandbox, how: str) -> None:
    """Whatever takes the occurrence away: its only guest gets the cancellation."""
    master = schedule(sandbox, BOB)
    sandbox.exchange.update(master, occurrence=SECOND, required=[BOB, EQUIPMENT])
    accept(sandbox)
    if how == "occurrence":
        sandbox.exchange.cancel(master, occurrence=SECOND)
    elif how == "series":
        sandbox.exchange.cancel(master)
    else:
        sandbox.exchange.update(master, start=FIRST + HOUR, end=FIRST + 2 * HOUR)
    message = newest(sandbox)
    assert message.kind is ItemKind.CANCELLATION
    assert about(message).recurrence_id == SECOND
    sandbox.exchange.remove(message)
    assert box(sandbox).calendar() == []


def test_a_series_gathers_its_orphan(sandbox: CheckedSandbox) -> None:
    """Invited to one occurrence first, to the series later: one entry in the end, with
    the exception within."""
    master = schedule(sandbox, BOB)
    sandbox.exchange.update(
        master, occurrence=SECOND, required=[EQUIPMENT], body="<p>Special</p>"
    )
    accept(sandbox)
    sandbox.exchange.update(master, required=[BOB, EQUIPMENT])
    accept(sandbox)
    found = sandbox.exchange.occurrence(the_series(sandbox), SECOND)
    assert found.body.text == "Special"


def test_newcomers_get_the_exceptions_too(sandbox: CheckedSandbox) -> None:
    """The series' request names them, and each has a request of its own."""
    master = schedule(sandbox, BOB)
    sandbox.exchange.update(
        master, occurrence=SECOND, start=SECOND + HOUR, end=SECOND + 2 * HOUR
    )
    sandbox.exchange.cancel(master, occurrence=THIRD)
    sandbox.exchange.update(master, required=[BOB, EQUIPMENT], send=Send.CHANGED)
    requests = box(sandbox).items("inbox")
    assert [about(each).recurrence_id for each in requests] == [None, SECOND]
    assert about(requests[0]).deleted == (THIRD,)
    sandbox.exchange.respond(requests[0], MeetingAnswer.ACCEPT)
    assert starts(sandbox, the_series(sandbox)) == starts(sandbox, master)


def test_taken_out_of_one_occurrence(sandbox: CheckedSandbox) -> None:
    """A cancellation of that date for who is no longer wanted there."""
    master = schedule(sandbox, BOB, EQUIPMENT)
    accept(sandbox)
    sandbox.exchange.update(master, occurrence=SECOND, required=[BOB])
    message = newest(sandbox)
    assert (message.kind, about(message).recurrence_id) == (
        ItemKind.CANCELLATION,
        SECOND,
    )
    sandbox.exchange.remove(message)
    assert len(starts(sandbox, the_series(sandbox))) == 4
    assert len(starts(sandbox, master)) == 5


def test_people_and_rooms_follow(sandbox: CheckedSandbox) -> None:
    """A person's calendar changes by itself; a room takes no series that overlaps
    another one anywhere."""
    master = schedule(sandbox, BOB, resources=[ROOM])
    sandbox.exchange.update(
        master, occurrence=SECOND, start=SECOND + HOUR, end=SECOND + 2 * HOUR
    )
    assert starts(sandbox, the_series(sandbox, BOB)) == starts(sandbox, master)
    assert starts(sandbox, the_series(sandbox, ROOM)) == starts(sandbox, master)
    other = FIRST + 4 * WEEK
    clash = schedule(
        sandbox,
        resources=[ROOM],
        start=other,
        end=other + HOUR,
        recurrence=SeriesRecurrence.daily(count=3),
    )
    answer = about(clash).attendee(ROOM)
    assert answer is not None
    assert answer.response is ResponseType.DECLINE
    assert len(box(sandbox, ROOM).calendar()) == 1
