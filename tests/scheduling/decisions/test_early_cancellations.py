"""Early cancellations of occurrences: kept until their requests come, and bounded."""

from pexschedd.model.meeting import MessageKind, Person
from pexschedd.scheduling.decisions.decision import AnswerTemplate
from pexschedd.scheduling.decisions.early_cancellation import MOST_EARLY
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import HOUR, NOW, Rooms, run
from tests.scheduling.decisions.series_support import (
    DAY,
    FIRST,
    occurrence,
    series,
    starts,
)


def test_an_occurrence_cancelled_before_its_series_is_known() -> None:
    """The series, when it comes, does not take place on that date; one that was sent
    later says itself what takes place."""
    rooms = Rooms()
    rooms.book()
    cancelled = occurrence(3, kind=MessageKind.CANCELLATION, changed=NOW + HOUR)
    decision = run(cancelled, rooms)
    assert decision.action is Action.REMOVE
    rooms.apply(decision)
    rooms.apply(run(series(), rooms))
    assert FIRST + 3 * DAY not in starts(rooms)
    assert len(starts(rooms)) == 9
    assert not rooms.early
    later = Rooms()
    later.book()
    later.apply(run(cancelled, later))
    later.apply(run(series(sequence=1, changed=NOW + 2 * HOUR), later))
    assert FIRST + 3 * DAY in starts(later)


def test_a_lone_occurrence_cancelled_before_it_was_requested() -> None:
    """Its older request does not bring it back; a newer one does."""
    rooms = Rooms()
    rooms.book()
    cancelled = occurrence(3, kind=MessageKind.CANCELLATION, changed=NOW + HOUR)
    rooms.apply(run(cancelled, rooms))
    assert run(occurrence(3, changed=NOW), rooms).action is Action.DISCARD
    assert run(occurrence(4, changed=NOW), rooms).template is AnswerTemplate.NEW_SINGLE
    newer = occurrence(3, changed=NOW + 2 * HOUR)
    assert run(newer, rooms).template is AnswerTemplate.NEW_SINGLE


def test_an_early_cancellation_is_kept_once() -> None:
    """Copies of a cancellation, or newer and older ones, are one record: the newest."""
    rooms = Rooms()
    for sequence in (1, 3, 2, 3):
        early = occurrence(
            1, kind=MessageKind.CANCELLATION, sequence=sequence, changed=None
        )
        assert run(early, rooms).action is Action.REMOVE
        rooms.apply(run(early, rooms))
    assert [each.sequence for each in rooms.early.values()] == [3]


def test_early_cancellations_of_a_meeting_are_bounded() -> None:
    """Somebody who cancels what never was fills nothing, and leaves room for others."""
    rooms = Rooms()
    for number in range(MOST_EARLY + 10):
        early = occurrence(number, kind=MessageKind.CANCELLATION)
        assert run(early, rooms).action is Action.REMOVE
        rooms.apply(run(early, rooms))
    assert len(rooms.early) == MOST_EARLY
    other = occurrence(1, kind=MessageKind.CANCELLATION, organizer=Person("", "b@c.d"))
    rooms.apply(run(other, rooms))
    assert len(rooms.early) == MOST_EARLY + 1


def test_an_occurrence_in_the_past_is_known_before_its_series() -> None:
    """It is declined, and the series' older request does not open the old date."""
    rooms = Rooms()
    rooms.book()
    moved = occurrence(2, sequence=1, start=NOW - 5 * HOUR)
    decision = run(moved, rooms)
    assert decision.template is AnswerTemplate.SINGLE_PAST
    rooms.apply(decision)
    assert not rooms.conferences
    rooms.apply(run(series(), rooms))
    assert FIRST + 2 * DAY not in starts(rooms)
    assert FIRST + DAY in starts(rooms)
