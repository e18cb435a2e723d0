"""exchangelib, unmodified, as organizer and attendee of recurring meetings."""

from datetime import date, timedelta
from typing import Any

import exchangelib as ex
import pytest
import pytest_twisted
from exchangelib import items as kinds
from exchangelib import recurrence as rec
from exchangelib.errors import (
    ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange,
    ErrorCalendarOccurrenceIsDeletedFromRecurrence,
    ErrorItemNotFound,
    ErrorOccurrenceCrossingBoundary,
)
from exchangelib.ewsdatetime import EWSDate, EWSDateTime, EWSTimeZone
from exchangelib.properties import ReferenceItemId

from tests.sandbox.exchangelib_support import (
    BERLIN,
    HOUR,
    START,
    Client,
    RemoveItem,
    clean_goid,
    in_thread,
    invite,
)
from tests.sandbox.sandbox_support import ALICE, BOB, EQUIPMENT

pytestmark = pytest.mark.usefixtures(clean_goid.__name__)
FIRST_DAY = EWSDate(2026, 12, 1)
WEEK = timedelta(days=7)
TELL_ALL = {"send_meeting_invitations": kinds.SEND_TO_ALL_AND_SAVE_COPY}
CANCEL_ALL = {"send_meeting_cancellations": kinds.SEND_TO_ALL_AND_SAVE_COPY}


def weekly(count: int = 4) -> rec.Recurrence:
    return rec.Recurrence(
        pattern=rec.WeeklyPattern(interval=1, weekdays=["Tuesday"]),
        start=FIRST_DAY,
        number=count,
    )


def invite_series(account: Any, *required: str, **more: Any) -> Any:
    item = invite(account, *required, **{"recurrence": weekly(), **more})
    return account.calendar.get(id=item.id)


def nth(master: Any, number: int) -> Any:
    item = master.occurrence(number)
    item.refresh()
    return item


def take(account: Any, message: Any) -> None:
    """RemoveItem, which exchangelib lacks."""
    reference = ReferenceItemId(id=message.id, changekey=message.changekey)
    RemoveItem(account=account, reference_item_id=reference).send()


def view(account: Any, weeks: int = 60) -> list[Any]:
    return list(account.calendar.view(start=START - WEEK, end=START + weeks * WEEK))


def view_starts(account: Any) -> list[EWSDateTime]:
    return [each.start for each in view(account)]


PATTERNS = [
    (rec.DailyPattern(interval=3), "2026-12-01 2026-12-04 2026-12-07"),
    (
        rec.WeeklyPattern(
            interval=2, weekdays=["Monday", "Friday"], first_day_of_week="Monday"
        ),
        "2026-12-04 2026-12-14 2026-12-18",
    ),
    (
        rec.AbsoluteMonthlyPattern(interval=2, day_of_month=31),
        "2026-12-31 2027-02-28 2027-04-30",
    ),
    (
        rec.RelativeMonthlyPattern(interval=1, weekday="Thursday", week_number="Last"),
        "2026-12-31 2027-01-28 2027-02-25",
    ),
    (
        rec.AbsoluteYearlyPattern(day_of_month=24, month=12),
        "2026-12-24 2027-12-24 2028-12-24",
    ),
    (
        rec.RelativeYearlyPattern(weekday="Weekday", week_number="First", month=1),
        "2027-01-01 2028-01-03 2029-01-01",
    ),
]


@pytest_twisted.ensureDeferred
async def test_every_pattern(served: str) -> None:
    """Comes back as it was given, and happens when it should."""

    def work(client: Client) -> None:
        alice = client.account(ALICE)
        for pattern, dates in PATTERNS:
            given = rec.Recurrence(pattern=pattern, start=FIRST_DAY, number=3)
            master = invite_series(alice, EQUIPMENT, recurrence=given)
            assert master.type == "RecurringMaster"
            assert master.is_recurring
            kept = master.recurrence
            assert type(kept.pattern) is type(pattern)
            for field in pattern.FIELDS:
                wanted = getattr(pattern, field.name)
                assert wanted in (None, getattr(kept.pattern, field.name))
            assert kept.boundary.start == FIRST_DAY
            assert kept.boundary.number == 3
            days = [
                nth(master, number).start.astimezone(BERLIN).date()
                for number in (1, 2, 3)
            ]
            assert " ".join(map(str, days)) == dates
            master.delete(send_meeting_cancellations=kinds.SEND_TO_NONE)

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_ranges(served: str) -> None:
    """Numbered, until a date, without end: what first and last occurrence say."""

    def work(client: Client) -> None:
        alice = client.account(ALICE)
        pattern = rec.WeeklyPattern(interval=1, weekdays=["Tuesday"])
        numbered, dated, endless = (
            invite_series(
                alice,
                EQUIPMENT,
                recurrence=rec.Recurrence(pattern=pattern, start=FIRST_DAY, **limits),
            )
            for limits in ({"number": 3}, {"end": EWSDate(2026, 12, 21)}, {})
        )
        for each in (numbered, dated):
            assert each.first_occurrence.start == START
            assert each.last_occurrence.start == START + 2 * WEEK
        assert isinstance(dated.recurrence.boundary, rec.EndDatePattern)
        assert dated.recurrence.boundary.end == EWSDate(2026, 12, 21)
        assert isinstance(endless.recurrence.boundary, rec.NoEndPattern)
        assert endless.last_occurrence is None

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_the_clock_of_the_series_decides(served: str) -> None:
    """Summer and winter time in both hemispheres, and whole days."""

    def work(client: Client) -> None:
        alice = client.account(ALICE)
        for zone in ("Europe/Berlin", "Australia/Sydney"):
            where = EWSTimeZone(zone)
            start = EWSDateTime(2027, 3, 27, 10, tzinfo=where)
            item = invite(
                alice,
                start=start,
                end=start + HOUR,
                recurrence=rec.Recurrence(
                    pattern=rec.DailyPattern(interval=1),
                    start=start.date(),
                    number=10,
                ),
            )
            found = list(
                alice.calendar.view(start=start, end=start + timedelta(days=20))
            )
            assert {each.start.astimezone(where).hour for each in found} == {10}
            assert len({each.start.hour for each in found}) == 2
            assert all(each.original_start == each.start for each in found)
            alice.calendar.get(id=item.id).delete(
                send_meeting_cancellations=kinds.SEND_TO_NONE
            )
        invite(
            alice,
            start=EWSDate(2027, 3, 27),
            end=EWSDate(2027, 3, 27),
            is_all_day=True,
            recurrence=rec.Recurrence(
                pattern=rec.DailyPattern(interval=1),
                start=EWSDate(2027, 3, 27),
                number=3,
            ),
        )
        days = alice.calendar.view(
            start=EWSDateTime(2027, 3, 20, tzinfo=BERLIN),
            end=EWSDateTime(2027, 4, 20, tzinfo=BERLIN),
        )
        assert [each.start for each in days] == [date(2027, 3, d) for d in (27, 28, 29)]

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_the_life_of_a_series(served: str) -> None:
    """Invited, accepted, one occurrence moved, one cancelled, all cancelled: as the
    service account sees it."""

    def work(client: Client) -> None:
        alice, equipment = client.account(ALICE), client.service()
        master = invite_series(alice, EQUIPMENT)
        (request,) = equipment.inbox.all()
        assert request.type == "RecurringMaster"
        assert request.recurrence.boundary.number == 4
        assert request.first_occurrence.start == START
        assert request.last_occurrence.start == START + 3 * WEEK
        assert request.clean_goid == master.clean_goid
        request.accept()
        assert view_starts(equipment) == [START + n * WEEK for n in range(4)]

        second = nth(master, 2)
        assert second.type == "Occurrence"
        assert second.recurrence_id == START + WEEK
        second.start += HOUR
        second.end += HOUR
        second.body = ex.HTMLBody("<p>Special</p>")
        second.save(update_fields=["start", "end", "body"], **TELL_ALL)
        (change,) = equipment.inbox.all()
        assert change.type == "Exception"
        assert change.start == START + WEEK + HOUR
        assert change.clean_goid == master.clean_goid
        assert change.text_body == "Special"
        assert change.appointment_sequence_number == 1
        change.accept()

        moved = [START, START + WEEK + HOUR, START + 2 * WEEK, START + 3 * WEEK]
        assert view_starts(equipment) == view_starts(alice) == moved
        (held,) = equipment.calendar.all()
        held.refresh()
        assert held.type == "RecurringMaster"
        (modified,) = held.modified_occurrences
        assert modified.original_start == START + WEEK
        assert modified.start == START + WEEK + HOUR
        types = [each.type for each in view(equipment)]
        assert types == ["Occurrence", "Exception", "Occurrence", "Occurrence"]

        third = nth(master, 3)
        third.delete(**CANCEL_ALL)
        (cancellation,) = equipment.inbox.all()
        assert isinstance(cancellation, kinds.MeetingCancellation)
        take(equipment, cancellation)
        left = [moved[0], moved[1], moved[3]]
        assert view_starts(equipment) == view_starts(alice) == left
        master.refresh()
        (deleted,) = master.deleted_occurrences
        assert deleted.start == START + 2 * WEEK

        master.delete(**CANCEL_ALL)
        (cancellation,) = equipment.inbox.all()
        take(equipment, cancellation)
        assert view(equipment) == []
        assert equipment.calendar.all().count() == 0

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_addressing_occurrences(served: str) -> None:
    """By number, by id, and back to the series; what there is not has its codes."""

    def work(client: Client) -> None:
        alice = client.account(ALICE)
        master = invite_series(alice, BOB)
        third = nth(master, 3)
        assert third.start == START + 2 * WEEK
        back = third.recurring_master()
        back.refresh()
        assert back.id == master.id
        assert alice.calendar.get(id=third.id).start == third.start
        third_id = third.id
        third.delete(**CANCEL_ALL)
        with pytest.raises(ErrorCalendarOccurrenceIsDeletedFromRecurrence):
            nth(master, 3)
        with pytest.raises(ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange):
            nth(master, 5)
        with pytest.raises(ErrorItemNotFound):
            alice.calendar.get(id=third_id)
        second = nth(master, 2)
        fourth = START + 3 * WEEK
        second.start, second.end = fourth, fourth + HOUR
        with pytest.raises(ErrorOccurrenceCrossingBoundary):
            second.save(update_fields=["start", "end"], **TELL_ALL)

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_changing_the_series(served: str) -> None:
    """The text: exceptions stay. The time: they go. The range: who is inside stays."""

    def work(client: Client) -> None:
        alice, equipment = client.account(ALICE), client.service()
        master = invite_series(alice, EQUIPMENT)
        second = nth(master, 2)
        second.body = ex.HTMLBody("<p>Special</p>")
        second.save(update_fields=["body"], **TELL_ALL)
        for request in sorted(equipment.inbox.all(), key=lambda r: r.type)[::-1]:
            request.accept()

        master.refresh()
        master.body = ex.HTMLBody("<p>Other</p>")
        master.save(update_fields=["body"], **TELL_ALL)
        (request,) = equipment.inbox.all()
        assert request.appointment_sequence_number == 0
        assert len(request.modified_occurrences) == 1
        request.accept()
        bodies = [
            equipment.calendar.get(id=each.id).text_body for each in view(equipment)
        ]
        assert bodies == ["Other", "Special", "Other", "Other"]

        master.refresh()
        master.recurrence.boundary = rec.EndDatePattern(
            start=FIRST_DAY, end=EWSDate(2026, 12, 10)
        )
        master.save(update_fields=["recurrence"], **TELL_ALL)
        (request,) = equipment.inbox.all()
        assert request.appointment_sequence_number == 1
        request.accept()
        assert view_starts(equipment) == [START, START + WEEK]
        assert [each.type for each in view(equipment)] == ["Occurrence", "Exception"]

        master.refresh()
        master.start += HOUR
        master.end += HOUR
        master.save(update_fields=["start", "end"], **TELL_ALL)
        (request,) = equipment.inbox.all()
        assert not request.modified_occurrences
        assert request.appointment_sequence_number == 2
        request.accept()
        assert view_starts(equipment) == [START + HOUR, START + WEEK + HOUR]
        assert {each.type for each in view(equipment)} == {"Occurrence"}

        master.refresh()
        master.recurrence = None
        master.save(update_fields=["recurrence"], **TELL_ALL)
        (request,) = equipment.inbox.all()
        assert request.type == "Single"
        request.accept()
        assert [each.type for each in view(equipment)] == ["Single"]

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_a_guest_of_one_occurrence(served: str) -> None:
    """Invited to a single date: that request, that entry, and nothing else."""

    def work(client: Client) -> None:
        alice, equipment = client.account(ALICE), client.service()
        master = invite_series(alice, BOB)
        second = nth(master, 2)
        second.required_attendees = [*second.required_attendees, EQUIPMENT]
        second.save(update_fields=["required_attendees"], **TELL_ALL)
        (request,) = equipment.inbox.all()
        assert request.type == "Exception"
        assert request.meeting_request_type == "NewMeetingRequest"
        assert request.recurrence is None
        request.accept()
        (entry,) = view(equipment)
        assert entry.type == "Exception"
        assert entry.start == START + WEEK
        (alone,) = equipment.calendar.all()
        assert alone.id == entry.id

    await in_thread(served, work)


@pytest_twisted.ensureDeferred
async def test_the_view_and_the_folder(served: str) -> None:
    """The view has occurrences, the folder the series; a series found by its global
    object id is one item."""

    def work(client: Client) -> None:
        alice = client.account(ALICE)
        invite_series(alice, BOB)
        invite(alice, BOB, subject="Single")
        assert len(view(alice)) == 5
        assert len(view(alice, weeks=1)) == 2
        assert alice.calendar.all().count() == 2
        limited = alice.calendar.view(start=START, end=START + 10 * WEEK, max_items=3)
        assert len(list(limited)) == 3
        (master,) = alice.calendar.filter(subject="Weekly")
        (found,) = alice.calendar.filter(clean_goid=master.clean_goid)
        assert found.type == "RecurringMaster"

    await in_thread(served, work)
