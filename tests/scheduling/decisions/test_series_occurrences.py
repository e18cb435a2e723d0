"""Occurrences of a known series: moved, cancelled, revived, and made up."""

from datetime import UTC, datetime

import msgspec
import pytest

from pexschedd.model.meeting import MessageKind
from pexschedd.scheduling.decisions.decision import AnswerTemplate, Undecidable
from pexschedd.scheduling.decisions.series_edit import MOST_CHANGED
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import (
    HOUR,
    NOW,
    OTHER_TAG,
    Rooms,
    request,
    run,
)
from tests.scheduling.decisions.series_support import (
    DAY,
    FIRST,
    daily,
    occurrence,
    scheduled,
    series,
    starts,
    the_series,
)


def test_a_moved_occurrence_moves_alone() -> None:
    """Its window moves, the others stay, and the answer speaks of an occurrence."""
    rooms = scheduled()
    decision = run(occurrence(2, start=FIRST + 2 * DAY + 3 * HOUR), rooms)
    assert (decision.action, decision.template) == (
        Action.ACCEPT,
        AnswerTemplate.EDITED_OCCURRENCE,
    )
    rooms.apply(decision)
    expected = [FIRST + n * DAY for n in range(10)]
    expected[2] += 3 * HOUR
    assert starts(rooms) == expected


def test_an_occurrence_moved_twice_is_where_it_was_moved_last() -> None:
    """Also when the messages come in the wrong order."""
    rooms = scheduled()
    late = occurrence(1, start=FIRST + DAY + 2 * HOUR, changed=NOW + HOUR)
    early = occurrence(1, start=FIRST + DAY + HOUR, changed=NOW)
    rooms.apply(run(late, rooms))
    assert run(early, rooms).action is Action.DISCARD
    assert starts(rooms)[1] == FIRST + DAY + 2 * HOUR


def test_a_cancelled_occurrence_does_not_take_place() -> None:
    """That date goes; the series and its room stay."""
    rooms = scheduled()
    decision = run(occurrence(3, kind=MessageKind.CANCELLATION, tag=""), rooms)
    assert decision.action is Action.REMOVE
    rooms.apply(decision)
    assert FIRST + 3 * DAY not in starts(rooms)
    assert len(starts(rooms)) == 9
    assert rooms.conferences


def test_an_occurrence_sent_again_takes_place_again() -> None:
    """A newer request revives what a cancellation removed; an older one does not."""
    rooms = scheduled()
    cancelled = occurrence(3, kind=MessageKind.CANCELLATION, changed=NOW + HOUR)
    rooms.apply(run(cancelled, rooms))
    assert run(occurrence(3, changed=NOW), rooms).action is Action.DISCARD
    rooms.apply(run(occurrence(3, changed=NOW + 2 * HOUR), rooms))
    assert FIRST + 3 * DAY in starts(rooms)


def test_an_occurrence_with_another_tag_is_undecidable() -> None:
    """A room of its own for one date of a series is not offered."""
    rooms = scheduled()
    rooms.book(2, OTHER_TAG)
    with pytest.raises(Undecidable):
        run(occurrence(1, tag=OTHER_TAG), rooms)


def test_an_occurrence_moved_into_the_past_is_declined_each_time() -> None:
    """Two copies of the message get the same answer; so do two of a cut series."""
    rooms = scheduled()
    moved = occurrence(1, start=NOW - 9 * HOUR)
    for message in (moved, series(sequence=1, recurrence=daily(1, NOW - 3 * DAY))):
        first = run(message, rooms)
        assert first.action is Action.DECLINE
        rooms.apply(first)
        again = run(message, rooms)
        assert (again.action, again.template) == (first.action, first.template)


@pytest.mark.parametrize("year", [1, 1600, 4501, 9999])
@pytest.mark.parametrize("known", [True, False])
def test_years_that_no_calendar_has(year: int, known: bool) -> None:
    """They are contradictions, and no errors of ours that are tried again."""
    rooms = scheduled() if known else Rooms()
    rooms.book()
    far = datetime(year, 12, 31, tzinfo=UTC)
    messages = [
        request(start=far, end=far),
        occurrence(1, start=far),
        request(kind=MessageKind.CANCELLATION, recurrence_id=far),
    ]
    for message in messages:
        with pytest.raises(Undecidable):
            run(message, rooms)


def test_a_date_that_was_made_up_is_no_occurrence_of_a_series() -> None:
    """A request for a date that the pattern does not have is declined in words, its
    cancellation is carried out, and neither leaves anything in the series' record."""
    rooms = scheduled()
    before = the_series(rooms)
    decision = run(occurrence(50), rooms)
    assert (decision.action, decision.changes) == (Action.DECLINE, ())
    assert "has no occurrence at this date" in decision.reply
    gone = run(occurrence(50, kind=MessageKind.CANCELLATION), rooms)
    assert (gone.action, gone.changes) == (Action.REMOVE, ())
    assert the_series(rooms) == before


def test_an_occurrence_of_a_newer_series_waits_for_it() -> None:
    """A date that only the next version of the series has is not lost: a request waits
    for that version, a cancellation is remembered for it."""
    rooms = scheduled()
    assert run(occurrence(12, sequence=2), rooms, may_wait=True).waits
    cancelled = occurrence(13, sequence=2, kind=MessageKind.CANCELLATION)
    rooms.apply(run(cancelled, rooms))
    longer = series(recurrence=daily(15), sequence=1, changed=NOW)
    rooms.apply(run(longer, rooms))
    rooms.apply(run(occurrence(12, sequence=2, start=FIRST + 12 * DAY + HOUR), rooms))
    assert FIRST + 12 * DAY + HOUR in starts(rooms)
    assert FIRST + 13 * DAY not in starts(rooms)
    assert not rooms.early


def test_only_so_many_occurrences_are_changed_one_by_one() -> None:
    """The record of a series without end does not grow without end, and what was
    changed can be changed again."""
    rooms = scheduled(recurrence=daily(None))
    record = the_series(rooms)
    many = tuple(FIRST + number * DAY for number in range(MOST_CHANGED))
    full = msgspec.structs.replace(record.recurrence, deleted=many)
    rooms.recurring[record.id] = msgspec.structs.replace(record, recurrence=full)
    refused = run(occurrence(MOST_CHANGED, sequence=1), rooms, may_wait=True)
    assert (refused.action, refused.changes) == (Action.DECLINE, ())
    assert "too many" in refused.reply
    again = run(occurrence(5, sequence=1), rooms)
    assert again.template is AnswerTemplate.EDITED_OCCURRENCE
