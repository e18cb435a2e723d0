"""Series through the Python side: who is told what, and what calendars make of it."""

from datetime import date

import pytest

from pexschedd.sandbox import (
    CalendarType,
    Exchange,
    ItemKind,
    MeetingAnswer,
    SeriesRecurrence,
)
from pexschedd.sandbox.errors import EwsError
from tests.sandbox.sandbox_support import ALICE, BOB, EQUIPMENT, HOUR, CheckedSandbox
from tests.sandbox.series_support import (
    FIRST,
    SECOND,
    THIRD,
    WEEK,
    WEEKLY,
    about,
    accept,
    box,
    newest,
    schedule,
    starts,
    the_series,
)


def test_a_series_is_one_request_and_one_entry(sandbox: CheckedSandbox) -> None:
    """It carries the recurrence; accepting it puts the series into the calendar."""
    schedule(sandbox, EQUIPMENT)
    (request,) = box(sandbox).inbox()
    assert about(request).type is CalendarType.MASTER
    assert about(request).recurrence == SeriesRecurrence.weekly(
        "Tuesday", count=5, start=date(2026, 12, 1)
    )
    accept(sandbox)
    assert starts(sandbox, the_series(sandbox)) == [FIRST + n * WEEK for n in range(5)]
    assert newest(sandbox, ALICE).subject == "Accepted: Weekly"


def test_cutting_and_extending_keeps_what_remains(sandbox: CheckedSandbox) -> None:
    """Another end: the exceptions before it stay, those behind it go."""
    master = schedule(sandbox, EQUIPMENT)
    accept(sandbox)
    fourth = FIRST + 3 * WEEK
    for original in (SECOND, fourth):
        sandbox.exchange.update(
            master, occurrence=original, start=original + HOUR, end=original + 2 * HOUR
        )
        accept(sandbox)
    sandbox.exchange.cancel(master, occurrence=FIRST)
    sandbox.exchange.remove(newest(sandbox))
    until = SeriesRecurrence.weekly(
        "Tuesday", until=date(2026, 12, 16), start=FIRST.date()
    )
    sandbox.exchange.update(master, recurrence=until)
    assert about(newest(sandbox)).sequence == 2
    accept(sandbox)
    for item in (master, the_series(sandbox)):
        assert starts(sandbox, item) == [SECOND + HOUR, THIRD]
    longer = SeriesRecurrence.weekly("Tuesday", count=6, start=FIRST.date())
    sandbox.exchange.update(master, recurrence=longer)
    accept(sandbox)
    expected = [SECOND + HOUR, *(FIRST + n * WEEK for n in (2, 3, 4, 5))]
    for item in (master, the_series(sandbox)):
        assert starts(sandbox, item) == expected


def test_cancelling_the_series(sandbox: CheckedSandbox) -> None:
    """One cancellation, without a date, and everything is gone."""
    master = schedule(sandbox, EQUIPMENT)
    accept(sandbox)
    sandbox.exchange.update(master, occurrence=SECOND, body="<p>Special</p>")
    accept(sandbox)
    sandbox.exchange.cancel(master)
    message = newest(sandbox)
    assert message.kind is ItemKind.CANCELLATION
    assert about(message).recurrence_id is None
    assert about(message).recurrence is not None
    sandbox.exchange.remove(message)
    assert box(sandbox).calendar() == box(sandbox, ALICE).calendar() == []


def test_from_one_meeting_to_a_series_and_back(sandbox: CheckedSandbox) -> None:
    """The attendees follow each time; the sequence rises."""
    meeting = schedule(sandbox, EQUIPMENT, recurrence=None)
    accept(sandbox)
    sandbox.exchange.update(meeting, recurrence=WEEKLY)
    assert about(newest(sandbox)).type is CalendarType.MASTER
    accept(sandbox)
    assert len(starts(sandbox, the_series(sandbox))) == 5
    sandbox.exchange.update(meeting, recurrence=None)
    request = about(newest(sandbox))
    assert (request.type, request.sequence) == (CalendarType.SINGLE, 2)
    accept(sandbox)
    (entry,) = box(sandbox).calendar()
    assert about(entry).recurrence is None
    assert about(entry).start == FIRST


def test_an_older_request_is_out_of_date(sandbox: CheckedSandbox) -> None:
    """After a series with a higher sequence nothing older about it can be accepted."""
    master = schedule(sandbox, EQUIPMENT)
    sandbox.exchange.update(master, occurrence=SECOND, body="<p>Special</p>")
    sandbox.exchange.update(master, start=FIRST + HOUR, end=FIRST + 2 * HOUR)
    accept(sandbox)
    first, second = box(sandbox).items("inbox")
    for old in (first, second):
        with pytest.raises(EwsError, match="ErrorCalendarMeetingRequestIsOutOfDate"):
            sandbox.exchange.respond(old, MeetingAnswer.ACCEPT)


def test_series_survive_a_snapshot(sandbox: CheckedSandbox) -> None:
    """With their exceptions, and the mail that is kept back."""
    master = schedule(sandbox, EQUIPMENT)
    sandbox.exchange.update(master, occurrence=SECOND, body="<p>Special</p>")
    sandbox.exchange.cancel(master, occurrence=THIRD)
    sandbox.exchange.hold(BOB)
    sandbox.exchange.send_message(ALICE, to=[BOB], subject="Later")
    restored = Exchange.restore(sandbox.exchange.snapshot(), now=sandbox.exchange.now)
    (same,) = restored.mailbox(ALICE).calendar()
    assert about(same) == about(master)
    assert restored.occurrence(same, SECOND).body.text == "Special"
    (message,) = restored.release(BOB)
    assert message.subject == "Later"
