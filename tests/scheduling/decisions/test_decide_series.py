"""Series as a whole, and single meetings that turn into one and back."""

from datetime import date, datetime, time, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.model.recurrence import DayOfWeek, Moved, Range, Recurrence, Weekly
from pexschedd.scheduling.decisions.decision import (
    AnswerTemplate,
    Decision,
    Undecidable,
)
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import HOUR, NOW, Rooms, request, run
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


def test_a_new_series_has_one_room() -> None:
    """One conference with two aliases for all occurrences."""
    rooms = Rooms()
    rooms.book()
    decision = run(series(), rooms)
    assert (decision.action, decision.template) == (
        Action.ACCEPT,
        AnswerTemplate.NEW_SERIES,
    )
    rooms.apply(decision)
    record = the_series(rooms)
    assert list(rooms.conferences) == [record.conference]
    assert len(rooms.addresses) == 2
    assert (record.join_before, record.join_after) == (30, 60)
    assert record.current_index == 0
    assert not rooms.rows


def test_an_edited_series_follows_its_new_pattern() -> None:
    """The pattern of the message counts; the room and the record stay."""
    rooms = scheduled()
    record = the_series(rooms)
    rooms.recurring[record.id] = msgspec.structs.replace(record, current_index=3)
    before = dict(rooms.addresses)
    weekly = Recurrence(
        pattern=Weekly((DayOfWeek.TUESDAY,)),
        range=Range(date(2026, 11, 24), 3),
        at=time(9),
        duration=HOUR,
    )
    decision = run(series(recurrence=weekly, sequence=1, changed=NOW), rooms)
    assert decision.template is AnswerTemplate.EDITED_SERIES
    rooms.apply(decision)
    assert len(starts(rooms)) == 3
    assert rooms.addresses == before
    assert (the_series(rooms).id, the_series(rooms).current_index) == (record.id, 3)


@pytest.mark.parametrize(
    "recurrence",
    [
        daily(3, NOW - 10 * DAY),
        daily(1, FIRST, deleted=(FIRST,)),
    ],
    ids=["last one is over", "none is left"],
)
def test_a_series_wholly_in_the_past_is_declined(recurrence: Recurrence) -> None:
    """In its own words, and nothing is scheduled."""
    rooms = Rooms()
    rooms.book()
    decision = run(series(recurrence=recurrence), rooms)
    assert (decision.action, decision.template) == (
        Action.DECLINE,
        AnswerTemplate.SERIES_PAST,
    )
    assert decision.changes == ()


def test_a_series_with_a_future_is_accepted() -> None:
    """Past occurrences do not matter as long as one is to come."""
    rooms = Rooms()
    rooms.book()
    decision = run(series(recurrence=daily(None, NOW - 1000 * DAY)), rooms)
    assert decision.template is AnswerTemplate.NEW_SERIES


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (FIRST - timedelta(minutes=30, seconds=1), "Plan B"),
        (FIRST - timedelta(minutes=30), "Plans"),
        (FIRST + 2 * HOUR - timedelta(seconds=1), "Plans"),
        (FIRST + 2 * HOUR, "Plan B"),
    ],
    ids=["not yet open", "just open", "still open", "closed"],
)
def test_a_series_is_not_renamed_while_its_room_is_open(
    now: datetime, name: str
) -> None:
    """Nodes know a running conference by its name; buffers count."""
    rooms = scheduled()
    renamed = series(sequence=1, changed=NOW, subject="Plan B")
    rooms.apply(run(renamed, rooms, now=now))
    assert [c.name for c in rooms.conferences.values()] == [name]
    assert the_series(rooms).subject == "Plan B"


def test_a_changed_pattern_forgets_what_was_moved() -> None:
    """A series sent anew names the exceptions that still count: none here."""
    rooms = scheduled()
    rooms.apply(run(occurrence(2, start=FIRST + 2 * DAY + HOUR), rooms))
    rooms.apply(run(series(sequence=1, changed=NOW + HOUR), rooms))
    assert starts(rooms) == [FIRST + n * DAY for n in range(10)]
    stale = occurrence(2, start=FIRST + 2 * DAY + HOUR, changed=NOW + 2 * HOUR)
    assert run(stale, rooms).action is Action.DISCARD


def test_exceptions_of_the_message_count() -> None:
    """A series may come with moved and deleted occurrences from the start."""
    moved = Moved(FIRST + DAY, FIRST + DAY + HOUR, FIRST + DAY + 2 * HOUR)
    rooms = scheduled(recurrence=daily(3, exceptions=(moved,), deleted=(FIRST,)))
    assert starts(rooms) == [FIRST + DAY + HOUR, FIRST + 2 * DAY]


def test_a_cancelled_series_takes_its_room_along() -> None:
    """Nothing is left but the spent alias."""
    rooms = scheduled()
    rooms.apply(run(series(kind=MessageKind.CANCELLATION, sequence=1), rooms))
    assert not rooms.recurring
    assert not rooms.conferences
    assert run(series(sequence=2), rooms).template is AnswerTemplate.ALIAS_DELETED


def test_a_single_meeting_becomes_a_series_and_back() -> None:
    """In the same room, whatever it is at the moment."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(request(), rooms))
    room = set(rooms.conferences)
    decision = run(series(sequence=1, changed=NOW), rooms)
    assert decision.template is AnswerTemplate.EDITED_SERIES
    rooms.apply(decision)
    assert (len(rooms.rows), len(rooms.recurring), set(rooms.conferences)) == (
        0,
        1,
        room,
    )
    decision = run(request(sequence=2, changed=NOW + HOUR), rooms)
    assert decision.template is AnswerTemplate.EDITED_SINGLE
    rooms.apply(decision)
    assert (len(rooms.rows), len(rooms.recurring), set(rooms.conferences)) == (
        1,
        0,
        room,
    )


def test_the_same_series_message_twice() -> None:
    """A copy is answered in the same words and changes nothing."""
    rooms = scheduled()
    again = run(series(ref=MessageRef("copy")), rooms)
    assert (again.template, again.changes) == (AnswerTemplate.NEW_SERIES, ())
    rooms.apply(run(occurrence(1, start=FIRST + DAY + HOUR), rooms))
    copy = run(occurrence(1, start=FIRST + DAY + HOUR, ref=MessageRef("copy")), rooms)
    assert (copy.template, copy.changes) == (AnswerTemplate.EDITED_OCCURRENCE, ())


def test_a_copy_of_a_series_whose_occurrence_has_moved_since() -> None:
    """It is a copy still: the newer edit does not make it an edit of the series."""
    rooms = scheduled()
    rooms.apply(run(occurrence(1, start=FIRST + DAY + HOUR), rooms))
    copy = run(series(ref=MessageRef("copy")), rooms)
    assert (copy.template, copy.changes) == (AnswerTemplate.NEW_SERIES, ())


def test_a_series_without_a_known_pattern_is_undecidable() -> None:
    """The organizer hears of it by the general error."""
    rooms = Rooms()
    rooms.book()
    with pytest.raises(Undecidable):
        run(request(is_series=True), rooms)


def test_a_meeting_moved_into_the_past_closes() -> None:
    """It is declined, and yet nobody gets in at the time that it no longer has."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(request(), rooms))
    past = request(sequence=1, changed=NOW, start=NOW - 9 * HOUR, end=NOW - 8 * HOUR)
    decision = run(past, rooms)
    assert (decision.action, decision.template) == (
        Action.DECLINE,
        AnswerTemplate.SINGLE_PAST,
    )
    rooms.apply(decision)
    (row,) = rooms.rows.values()
    assert row.end_time <= NOW
    # A second copy is told the same.
    again = run(past, rooms)
    assert (again.action, again.template) == (decision.action, decision.template)
    assert again.note == "seen before"


steps = st.one_of(
    st.builds(
        lambda sequence, minutes, count: series(
            sequence=sequence,
            changed=NOW + timedelta(minutes=minutes),
            recurrence=daily(count),
        ),
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(1, 5),
    ),
    st.builds(
        lambda number, sequence, minutes, kind, shift: occurrence(
            number,
            sequence=sequence,
            changed=NOW + timedelta(minutes=minutes),
            kind=kind,
            start=FIRST + number * DAY + shift * HOUR,
        ),
        st.integers(0, 3),
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([MessageKind.REQUEST, MessageKind.CANCELLATION]),
        st.integers(0, 30),
    ),
    st.builds(
        lambda sequence, minutes, kind: request(
            sequence=sequence, changed=NOW + timedelta(minutes=minutes), kind=kind
        ),
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([MessageKind.REQUEST, MessageKind.CANCELLATION]),
    ),
)


@given(st.lists(steps, max_size=8))
def test_any_order_keeps_one_room(sent: list[MeetingMessage]) -> None:
    """Series, occurrences, single, cancelled, in any order: one room, all in it."""
    rooms = Rooms()
    rooms.book()
    for message in sent:
        decision: Decision = run(message, rooms)
        rooms.apply(decision)
        used = {each.conference for each in rooms.rows.values()}
        used |= {each.conference for each in rooms.recurring.values()}
        assert used == set(rooms.conferences)
        assert len(rooms.conferences) <= 1
        assert len(rooms.recurring) <= 1
        assert not (rooms.recurring and rooms.rows)
        assert {a.conference for a in rooms.addresses.values()} == used
