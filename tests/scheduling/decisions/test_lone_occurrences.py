"""Lone occurrences, whose series is not ours: meetings of their own, in one room."""

from pexschedd.model.meeting import MessageKind
from pexschedd.scheduling.decisions.decision import AnswerTemplate
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import HOUR, NOW, Rooms, run
from tests.scheduling.decisions.series_support import DAY, FIRST, occurrence, series


def test_invited_to_one_occurrence_only() -> None:
    """An occurrence whose series is not ours is a meeting of its own."""
    rooms = Rooms()
    rooms.book()
    decision = run(occurrence(4), rooms)
    assert decision.template is AnswerTemplate.NEW_SINGLE
    rooms.apply(decision)
    moved = occurrence(4, start=FIRST + 4 * DAY + HOUR, changed=NOW + HOUR)
    decision = run(moved, rooms)
    assert decision.template is AnswerTemplate.EDITED_OCCURRENCE
    rooms.apply(decision)
    (row,) = rooms.rows.values()
    assert row.meeting_start == FIRST + 4 * DAY + HOUR
    rooms.apply(run(occurrence(5, changed=NOW + HOUR), rooms))
    assert (len(rooms.rows), len(rooms.conferences)) == (2, 1)


def test_of_lone_occurrences_the_cancelled_one_closes() -> None:
    """The others stay joinable in the same room."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(occurrence(4), rooms))
    rooms.apply(run(occurrence(5), rooms))
    before = {row.recurrence_id: row for row in rooms.rows.values()}
    cancelled = occurrence(5, kind=MessageKind.CANCELLATION, changed=NOW + HOUR)
    decision = run(cancelled, rooms)
    assert decision.action is Action.REMOVE
    rooms.apply(decision)
    after = {row.recurrence_id: row for row in rooms.rows.values()}
    assert after[FIRST + 4 * DAY] == before[FIRST + 4 * DAY]
    closed = after[FIRST + 5 * DAY]
    assert closed.start_time == closed.end_time == before[FIRST + 5 * DAY].end_time
    assert not rooms.early


def test_an_older_cancellation_of_a_lone_occurrence_is_discarded() -> None:
    """It has been moved since: the newer message counts."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(occurrence(1, sequence=3), rooms))
    before = dict(rooms.rows)
    stale = occurrence(1, kind=MessageKind.CANCELLATION, sequence=2)
    decision = run(stale, rooms)
    assert (decision.action, decision.changes) == (Action.DISCARD, ())
    rooms.apply(decision)
    assert rooms.rows == before


def test_the_last_lone_occurrence_takes_the_room_along() -> None:
    """Cancelled alone, it leaves nothing but the spent alias."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(occurrence(4), rooms))
    rooms.apply(run(occurrence(4, kind=MessageKind.CANCELLATION), rooms))
    assert not rooms.rows
    assert not rooms.conferences


def test_a_series_takes_its_lone_occurrences_in() -> None:
    """When the series comes after one of its occurrences there is one room still."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(occurrence(4), rooms))
    room = set(rooms.conferences)
    decision = run(series(sequence=1, changed=NOW + HOUR), rooms)
    assert decision.template is AnswerTemplate.NEW_SERIES
    rooms.apply(decision)
    assert (len(rooms.rows), set(rooms.conferences)) == (0, room)


def test_an_older_request_does_not_open_a_cancelled_lone_occurrence() -> None:
    """One of two is cancelled; a request that was sent before comes after."""
    rooms = Rooms()
    rooms.book()
    for number in (1, 2):
        rooms.apply(run(occurrence(number), rooms))
    gone = occurrence(1, kind=MessageKind.CANCELLATION, sequence=2)
    rooms.apply(run(gone, rooms))
    before = dict(rooms.rows)
    late = run(occurrence(1, sequence=1, changed=NOW + HOUR), rooms)
    assert late.action is Action.DISCARD
    rooms.apply(late)
    assert rooms.rows == before


def test_the_room_of_lone_occurrences_goes_with_the_last_of_them() -> None:
    """Both are cancelled: the room goes at once, and older requests for either come too
    late all the same."""
    rooms = Rooms()
    rooms.book()
    for number in (1, 2):
        rooms.apply(run(occurrence(number, sequence=1), rooms))
    (room,) = rooms.conferences
    for number in (1, 2):
        gone = occurrence(number, sequence=2, kind=MessageKind.CANCELLATION)
        rooms.apply(run(gone, rooms))
        assert (room in rooms.conferences) == (number == 1)
    assert not rooms.rows
    assert {each.recurrence_id for each in rooms.early.values()} == {
        FIRST + DAY,
        FIRST + 2 * DAY,
    }
    for number in (1, 2):
        late = run(occurrence(number, sequence=1), rooms)
        assert late.action is Action.DISCARD
