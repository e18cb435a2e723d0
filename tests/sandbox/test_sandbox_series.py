"""Series through the Python side: who is told what, and what calendars make of it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pexschedd.sandbox import (
    CalendarType,
    Exchange,
    Item,
    ItemKind,
    Meeting,
    MeetingAnswer,
    ResponseType,
    SandboxMailbox,
    Send,
    SeriesRecurrence,
)
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import ids
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    ROOM,
    SVC,
    CheckedSandbox,
    get_item,
)

BERLIN = "W. Europe Standard Time"
FIRST = datetime(2026, 12, 1, 9, tzinfo=UTC)  # a Tuesday
WEEK = timedelta(days=7)
SECOND, THIRD = FIRST + WEEK, FIRST + 2 * WEEK
WEEKLY = SeriesRecurrence.weekly("Tuesday", count=5)


def schedule(sandbox: CheckedSandbox, *required: str, **more: object) -> Item:
    fields: dict[str, object] = {
        "subject": "Weekly",
        "start": FIRST,
        "end": FIRST + HOUR,
        "required": list(required),
        "body": "<p>Agenda</p>",
        "zone": BERLIN,
        "recurrence": WEEKLY,
    }
    return sandbox.exchange.schedule(ALICE, **{**fields, **more})  # type: ignore[arg-type]  # the tests' own keyword arguments


def box(sandbox: CheckedSandbox, address: str = EQUIPMENT) -> SandboxMailbox:
    return sandbox.exchange.mailbox(address)


def newest(sandbox: CheckedSandbox, address: str = EQUIPMENT) -> Item:
    return box(sandbox, address).inbox()[0]


def about(item: Item) -> Meeting:
    assert item.meeting is not None
    return item.meeting


def accept(sandbox: CheckedSandbox, address: str = EQUIPMENT) -> Item:
    """Answers the newest request; gives what is in the calendar then."""
    return sandbox.exchange.respond(newest(sandbox, address), MeetingAnswer.ACCEPT)[0]


def starts(sandbox: CheckedSandbox, item: Item) -> list[datetime]:
    found = sandbox.exchange.occurrences(item, FIRST - WEEK, FIRST + 60 * WEEK)
    return [about(each).start for each in found]


def the_series(sandbox: CheckedSandbox, address: str = EQUIPMENT) -> Item:
    (item,) = box(sandbox, address).calendar()
    assert about(item).type is CalendarType.MASTER
    return item


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


def test_an_occurrence_lies_in_no_folder(sandbox: CheckedSandbox) -> None:
    """Its id is good as long as the series has it, and dies with the occurrence."""
    master = schedule(sandbox, EQUIPMENT)
    occurrence = sandbox.exchange.occurrence(master, SECOND)
    assert sandbox.codes(ALICE, get_item(occurrence.id)) == ["NoError"]
    assert sandbox.exchange.mailbox(ALICE).calendar() == [master]
    sandbox.exchange.cancel(master, occurrence=SECOND)
    assert sandbox.codes(ALICE, get_item(occurrence.id)) == ["ErrorItemNotFound"]
    assert sandbox.codes(SVC, get_item(occurrence.id)) == ["ErrorAccessDenied"]
