"""Messages that leave out which occurrence they are about, or how new they are."""

from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest

from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.recurrence import Range
from pexschedd.scheduling.decisions.decision import AnswerTemplate, Undecidable
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import (
    HOUR,
    NOW,
    Rooms,
    request,
    run,
)
from tests.scheduling.decisions.decide_support import scheduled as single
from tests.scheduling.decisions.series_support import (
    DAY,
    daily,
    scheduled,
    starts,
    the_series,
)

FIRST_DAY = date(2026, 12, 7)
THIRD_DAY = FIRST_DAY + 2 * DAY
CANCELLATION = MessageKind.CANCELLATION


def daily_in(zone: str, at: str) -> Rooms:
    """Rooms with a series of five days, planned by the clock of a zone."""
    recurrence = msgspec.structs.replace(
        daily(), range=Range(FIRST_DAY, 5), zone=zone, at=time.fromisoformat(at)
    )
    return scheduled(recurrence=recurrence)


def by_date_only(day: date, first: datetime, **changes: Any) -> MeetingMessage:
    """About the occurrence of a local date; no zone is in the message, so that its
    reader could only put the date on the time of the first one in UTC."""
    guess = datetime.combine(day, first.timetz())
    changes.setdefault("changed", NOW + HOUR)
    return request(occurrence_day=day, recurrence_id=guess, **changes)


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("Asia/Tokyo", "08:30"),  # the day before, in UTC
        ("America/New_York", "21:00"),  # the day after
        ("Europe/Berlin", "10:00"),
        ("Pacific/Auckland", "00:00"),
    ],
)
def test_an_occurrence_cancelled_by_its_date(zone: str, at: str) -> None:
    """The date is that of the series' own clock: this occurrence goes, and neither the
    one before nor the one after it."""
    rooms = daily_in(zone, at)
    before = starts(rooms)
    decision = run(by_date_only(THIRD_DAY, before[0], kind=CANCELLATION), rooms)
    assert decision.action is Action.REMOVE
    rooms.apply(decision)
    assert starts(rooms) == [*before[:2], *before[3:]]


def test_an_occurrence_moved_by_its_date() -> None:
    """It moves, and the series stays one."""
    rooms = daily_in("America/New_York", "21:00")
    before = starts(rooms)
    moved = before[2] + 3 * HOUR
    message = by_date_only(
        THIRD_DAY, before[0], start=moved, end=moved + HOUR, names_its_part=False
    )
    decision = run(message, rooms)
    assert decision.template is AnswerTemplate.EDITED_OCCURRENCE
    rooms.apply(decision)
    assert not rooms.rows
    assert starts(rooms) == [*before[:2], moved, *before[3:]]


@pytest.mark.parametrize("kind", [MessageKind.REQUEST, CANCELLATION])
def test_a_part_that_is_not_named(kind: MessageKind) -> None:
    """About a known series, without a pattern and without a date: an error, and neither
    a single meeting in place of the series nor the end of all of it."""
    rooms = scheduled()
    before = the_series(rooms)
    message = request(kind=kind, names_its_part=False, changed=NOW + HOUR, sequence=1)
    with pytest.raises(Undecidable, match="which part of the series"):
        run(message, rooms)
    assert the_series(rooms) == before


def test_without_a_series_nothing_has_to_be_named() -> None:
    """A single meeting is all there is."""
    rooms = single()
    moved = request(
        names_its_part=False,
        start=NOW + DAY,
        end=NOW + DAY + HOUR,
        changed=NOW + HOUR,
        sequence=1,
    )
    assert run(moved, rooms).template is AnswerTemplate.EDITED_SINGLE


def test_a_cancellation_without_a_number() -> None:
    """It is not taken for the oldest: the room closes."""
    rooms = single(sequence=5)
    message = request(
        kind=CANCELLATION, has_sequence=False, sequence=0, changed=NOW + HOUR
    )
    decision = run(message, rooms)
    assert decision.action is Action.REMOVE
    rooms.apply(decision)
    assert not rooms.conferences


@pytest.mark.parametrize(("later", "moves"), [(HOUR, True), (-HOUR, False)])
def test_a_request_without_a_number(later: timedelta, moves: bool) -> None:
    """Its time says whether it is newer than what is known."""
    rooms = single(sequence=5, changed=NOW)
    start = NOW + DAY
    message = request(
        has_sequence=False, start=start, end=start + HOUR, changed=NOW + later
    )
    rooms.apply(run(message, rooms))
    (row,) = rooms.rows.values()
    assert (row.meeting_start == start) is moves
    assert row.sequence == 5
