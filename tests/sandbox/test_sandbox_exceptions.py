"""Exceptions of series: moved and cancelled occurrences, and what undoes them."""

from datetime import timedelta

import pytest

from pexschedd.sandbox import (
    CalendarType,
    ItemKind,
    MeetingAnswer,
    ResponseType,
    SeriesRecurrence,
)
from pexschedd.sandbox.errors import EwsError
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    SVC,
    CheckedSandbox,
    get_item,
)
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


def test_moving_an_occurrence(sandbox: CheckedSandbox) -> None:
    """A request of its own: the series' ids, the date, the time it had; once it is
    accepted the attendee's series has the exception."""
    master = schedule(sandbox, EQUIPMENT)
    accept(sandbox)
    sandbox.later(minutes=1)
    moved = sandbox.exchange.update(
        master, occurrence=SECOND, start=SECOND + HOUR, end=SECOND + 2 * HOUR
    )
    request = newest(sandbox)
    meeting = about(request)
    assert request.request_type == "FullUpdate"
    assert meeting.type is CalendarType.EXCEPTION
    assert meeting.goid == about(master).goid
    assert meeting.recurrence_id == SECOND
    assert meeting.recurrence is None
    assert meeting.sequence == 1
    assert meeting.critical_change > about(master).critical_change
    expected = [FIRST, SECOND + HOUR, *(FIRST + n * WEEK for n in (2, 3, 4))]
    assert starts(sandbox, master) == expected
    assert [each.original_start for each in about(master).exceptions] == [SECOND]
    assert moved.id in {
        each.id for each in sandbox.exchange.occurrences(master, FIRST, THIRD)
    }
    accept(sandbox)
    assert starts(sandbox, the_series(sandbox)) == expected


def test_an_exception_keeps_its_own_body(sandbox: CheckedSandbox) -> None:
    """The series' body changes on both sides, the exception's stays."""
    master = schedule(sandbox, EQUIPMENT)
    accept(sandbox)
    sandbox.later(minutes=1)
    sandbox.exchange.update(master, occurrence=SECOND, body="<p>Special</p>")
    assert newest(sandbox).body.text == "Special"
    accept(sandbox)
    sandbox.later(minutes=1)
    sandbox.exchange.update(master, body="<p>Other</p>", subject="Weekly!")
    request = about(newest(sandbox))
    assert request.sequence == 0
    assert [each.original_start for each in request.exceptions] == [SECOND]
    accept(sandbox)
    for item in (master, the_series(sandbox)):
        bodies = [
            each.body.text
            for each in sandbox.exchange.occurrences(item, FIRST, THIRD + HOUR)
        ]
        assert bodies == ["Other", "Special", "Other"]


def test_another_time_for_the_series_undoes_exceptions(sandbox: CheckedSandbox) -> None:
    """The sequence rises above all that was sent, the answers are void, and nothing
    is left of single occurrences on either side."""
    master = schedule(sandbox, EQUIPMENT)
    accept(sandbox)
    for hours in (1, 2):
        sandbox.exchange.update(
            master,
            occurrence=SECOND,
            start=SECOND + hours * HOUR,
            end=SECOND + (hours + 1) * HOUR,
        )
        accept(sandbox)
    sandbox.exchange.cancel(master, occurrence=THIRD)
    sandbox.exchange.update(master, start=FIRST + HOUR, end=FIRST + 2 * HOUR)
    request = about(newest(sandbox))
    assert request.sequence > 2
    assert (request.exceptions, request.deleted) == ((), ())
    attendee = about(master).attendee(EQUIPMENT)
    assert attendee is not None
    assert attendee.response is ResponseType.UNKNOWN
    accept(sandbox)
    expected = [FIRST + n * WEEK + HOUR for n in range(5)]
    assert starts(sandbox, master) == expected
    assert starts(sandbox, the_series(sandbox)) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"recurrence": SeriesRecurrence.weekly("Tuesday", interval=2, count=5)},
        {"zone": "Tokyo Standard Time"},
        {"start": FIRST - 24 * HOUR, "end": FIRST - 23 * HOUR},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_else_undoes_exceptions(
    sandbox: CheckedSandbox, change: dict[str, object]
) -> None:
    """Another pattern, another zone, another date."""
    master = schedule(sandbox, EQUIPMENT)
    sandbox.exchange.cancel(master, occurrence=THIRD)
    sandbox.exchange.update(master, occurrence=SECOND, body="<p>Special</p>")
    sandbox.exchange.update(master, **change)  # type: ignore[arg-type]  # of several types
    assert about(newest(sandbox)).sequence > 0
    assert (master.exceptions, about(master).deleted) == ((), ())


def test_cancelling_an_occurrence(sandbox: CheckedSandbox) -> None:
    """A cancellation with its date; removing it removes that date only."""
    master = schedule(sandbox, EQUIPMENT, BOB)
    accept(sandbox)
    sandbox.exchange.cancel(master, occurrence=SECOND, text="<p>Sorry</p>")
    message = newest(sandbox)
    assert message.kind is ItemKind.CANCELLATION
    assert (about(message).recurrence_id, about(message).type) == (
        SECOND,
        CalendarType.EXCEPTION,
    )
    assert about(message).cancelled
    assert message.body.text.startswith("Sorry")
    left = [FIRST + n * WEEK for n in (0, 2, 3, 4)]
    assert starts(sandbox, master) == left
    sandbox.exchange.remove(message)
    assert starts(sandbox, the_series(sandbox)) == left
    # People see it struck out.
    struck = sandbox.exchange.occurrence(the_series(sandbox, BOB), SECOND)
    assert about(struck).cancelled
    assert struck.subject == "Canceled: Weekly"
    with pytest.raises(EwsError, match="ErrorItemNotFound"):
        sandbox.exchange.cancel(master, occurrence=SECOND)


def test_removing_twice_finds_nothing(sandbox: CheckedSandbox) -> None:
    """The date is gone already: ErrorItemNotFound, and the rest stays."""
    master = schedule(sandbox, EQUIPMENT)
    accept(sandbox)
    sandbox.exchange.cancel(master, occurrence=SECOND)
    message = newest(sandbox)
    again = sandbox.exchange.deliver_again(message)
    sandbox.exchange.remove(message)
    with pytest.raises(EwsError, match="ErrorItemNotFound"):
        sandbox.exchange.remove(again)
    assert len(starts(sandbox, the_series(sandbox))) == 4


def test_the_last_occurrence_takes_the_series_with_it(sandbox: CheckedSandbox) -> None:
    """When each date has been cancelled nothing is left on either side."""
    master = schedule(
        sandbox, EQUIPMENT, recurrence=SeriesRecurrence.weekly("Tuesday", count=2)
    )
    accept(sandbox)
    for original in (FIRST, SECOND):
        sandbox.exchange.cancel(master, occurrence=original)
        sandbox.exchange.remove(newest(sandbox))
    assert box(sandbox).calendar() == box(sandbox, ALICE).calendar() == []


def test_declining_one_occurrence(sandbox: CheckedSandbox) -> None:
    """It leaves the attendee's series; the organizer's exception learns of it."""
    master = schedule(sandbox, EQUIPMENT)
    accept(sandbox)
    sandbox.exchange.update(
        master, occurrence=SECOND, start=SECOND + HOUR, end=SECOND + 2 * HOUR
    )
    sandbox.exchange.respond(newest(sandbox), MeetingAnswer.DECLINE)
    assert len(starts(sandbox, the_series(sandbox))) == 4
    exception = sandbox.exchange.occurrence(master, SECOND)
    declined = about(exception).attendee(EQUIPMENT)
    assert declined is not None
    assert declined.response is ResponseType.DECLINE
    whole = about(master).attendee(EQUIPMENT)
    assert whole is not None
    assert whole.response is ResponseType.ACCEPT


@pytest.mark.parametrize("days", [-7, 7, 8, -8])
def test_occurrences_do_not_pass_each_other(sandbox: CheckedSandbox, days: int) -> None:
    """Not onto the day of a neighbour, nor beyond it; and nothing is changed."""
    master = schedule(sandbox, EQUIPMENT)
    start = SECOND + timedelta(days=days)
    with pytest.raises(EwsError, match="ErrorOccurrenceCrossingBoundary"):
        sandbox.exchange.update(
            master, occurrence=SECOND, start=start, end=start + HOUR
        )
    assert len(box(sandbox).inbox()) == 1
    assert starts(sandbox, master) == [FIRST + n * WEEK for n in range(5)]


def test_an_occurrence_lies_in_no_folder(sandbox: CheckedSandbox) -> None:
    """Its id is good as long as the series has it, and dies with the occurrence."""
    master = schedule(sandbox, EQUIPMENT)
    occurrence = sandbox.exchange.occurrence(master, SECOND)
    assert sandbox.codes(ALICE, get_item(occurrence.id)) == ["NoError"]
    assert sandbox.exchange.mailbox(ALICE).calendar() == [master]
    sandbox.exchange.cancel(master, occurrence=SECOND)
    assert sandbox.codes(ALICE, get_item(occurrence.id)) == ["ErrorItemNotFound"]
    assert sandbox.codes(SVC, get_item(occurrence.id)) == ["ErrorAccessDenied"]
