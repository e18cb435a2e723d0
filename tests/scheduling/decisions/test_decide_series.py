"""Series, their occurrences, and meetings that turn from one into the other."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef, Person
from pexschedd.model.recurrence import (
    Daily,
    DayOfWeek,
    Moved,
    Range,
    Recurrence,
    Weekly,
)
from pexschedd.model.schedule import RecurringConference
from pexschedd.scheduling.decisions.decision import (
    AnswerTemplate,
    Decision,
    Undecidable,
)
from pexschedd.scheduling.decisions.early_cancellation import MOST_EARLY
from pexschedd.scheduling.decisions.series_edit import MOST_CHANGED
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.recurrence.series_dates import occurrences
from tests.scheduling.decisions.decide_support import (
    HOUR,
    NOW,
    OTHER_TAG,
    Rooms,
    request,
    run,
)

DAY = timedelta(days=1)
FIRST = NOW + 2 * HOUR


def daily(
    count: int | None = 10, start: datetime = FIRST, **changes: Any
) -> Recurrence:
    recurrence = Recurrence(
        pattern=Daily(),
        range=Range(start.date(), count),
        at=start.time(),
        duration=HOUR,
    )
    return msgspec.structs.replace(recurrence, **changes)


def series(**changes: Any) -> MeetingMessage:
    recurrence = changes.pop("recurrence", daily())
    first = next(occurrences(recurrence, NOW - 4000 * DAY, NOW + 9000 * DAY), None)
    start = first.start if first else FIRST
    return request(
        is_series=True, recurrence=recurrence, start=start, end=start + HOUR, **changes
    )


def occurrence(number: int, **changes: Any) -> MeetingMessage:
    """About one occurrence; moved to where `start` says."""
    original = FIRST + number * DAY
    changes.setdefault("start", original)
    changes.setdefault("end", changes["start"] + HOUR)
    changes.setdefault("changed", NOW)
    changes.setdefault("ref", MessageRef(f"occurrence-{number}"))
    return request(recurrence_id=original, **changes)


def scheduled(**changes: Any) -> Rooms:
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(series(**changes), rooms))
    return rooms


def the_series(rooms: Rooms) -> RecurringConference:
    (record,) = rooms.recurring.values()
    return record


def starts(rooms: Rooms) -> list[datetime]:
    found = occurrences(the_series(rooms).recurrence, NOW - 99 * DAY, NOW + 99 * DAY)
    return [each.start for each in found]


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


def test_an_occurrence_with_another_tag_is_undecidable() -> None:
    """A room of its own for one date of a series is not offered."""
    rooms = scheduled()
    rooms.book(2, OTHER_TAG)
    with pytest.raises(Undecidable):
        run(occurrence(1, tag=OTHER_TAG), rooms)


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
