"""The succession of a meeting by another one under the same alias: both sides of it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from pexschedd.model.conference import Vacancy
from pexschedd.model.meeting import MeetingMessage, MessageKind, Person
from pexschedd.scheduling.decisions.decision import AnswerTemplate, Decision
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions import series_support as of_series
from tests.scheduling.decisions.decide_support import HOUR, NOW, Rooms, request, run
from tests.scheduling.decisions.decide_support import scheduled as single

BOB = Person("Bob", "Bob@example.test")
EVE = Person("Eve", "eve@example.test")
NAMED = ("bob@example.test", "carol@example.test")
LATER = NOW + timedelta(minutes=10)


def successor(**changes: Any) -> MeetingMessage:
    """Another meeting with the same text, half an hour after the cancellation."""
    return request(
        **{"uid": "NEW", "start": LATER + HOUR, "end": LATER + 2 * HOUR} | changes
    )


def cancelled_by_alice(**changes: Any) -> Rooms:
    """Rooms after the organizer has cancelled the only meeting."""
    rooms = single()
    cancellation = request(kind=MessageKind.CANCELLATION, attendees=NAMED, **changes)
    rooms.apply(run(cancellation, rooms))
    assert not rooms.conferences
    return rooms


def verdict(decision: Decision) -> tuple[Action | None, AnswerTemplate | None]:
    """The answer, and in which words."""
    return decision.action, decision.template


ACCEPTED = Action.ACCEPT, AnswerTemplate.NEW_SINGLE
DELETED = Action.DECLINE, AnswerTemplate.ALIAS_DELETED
INVALID = Action.DECLINE, AnswerTemplate.INVALID_ALIAS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ACCEPTED),
        ({"organizer": BOB}, ACCEPTED),
        ({"organizer": EVE}, DELETED),
        ({"organizer": Person("Nobody", "")}, DELETED),
        ({"start": NOW - HOUR}, DELETED),
        ({"organizer": BOB, "start": NOW - HOUR}, DELETED),
    ],
    ids=["herself", "attendee", "stranger", "nobody", "overlap", "attendee's overlap"],
)
def test_after_a_cancellation(changes: dict[str, Any], expected: Any) -> None:
    """The tag of a cancelled meeting is taken up by its organizer, or by an attendee
    whom the cancellation names; by nobody for a time before it."""
    rooms = cancelled_by_alice()
    decision = run(successor(**changes), rooms, LATER)
    assert verdict(decision) == expected
    rooms.apply(decision)
    (alias,) = rooms.aliases.values()
    taken = expected == ACCEPTED
    assert alias.ews_item_uid == ("NEW" if taken else request().uid)
    assert (alias.conference_deletion_time is None, len(rooms.conferences)) == (
        taken,
        taken,
    )


def test_the_cancelled_meeting_itself_stays_cancelled() -> None:
    """Its own late request is declined as before, and so it is after a successor."""
    rooms = cancelled_by_alice()
    assert verdict(run(request(start=LATER + HOUR), rooms, LATER)) == DELETED
    rooms.apply(run(successor(), rooms, LATER))
    late = request(start=LATER + HOUR, end=LATER + 2 * HOUR)
    assert verdict(run(late, rooms, LATER)) == INVALID


def test_a_cancellation_counts_from_when_it_was_sent() -> None:
    """A daemon that was away takes up what was sent meanwhile."""
    rooms = cancelled_by_alice(received=NOW - 2 * HOUR)
    between = successor(start=NOW - HOUR, end=NOW + HOUR)
    assert verdict(run(between, rooms, LATER)) == ACCEPTED


def test_a_room_that_an_administrator_deleted_has_no_successor() -> None:
    """Only the organizer leaves an alias to others."""
    rooms = single()
    rooms.remove(next(iter(rooms.conferences)))
    assert verdict(run(successor(), rooms, LATER)) == DELETED


def test_another_address_of_the_organizer_succeeds() -> None:
    """Addresses of one mailbox are one person."""
    rooms = cancelled_by_alice()
    rooms.one_mailbox = {"alice@example.test", "alice.archer@example.test"}
    renamed = Person("Alice", "alice.archer@example.test")
    assert verdict(run(successor(organizer=renamed), rooms, LATER)) == ACCEPTED


def cut(number: int = 3) -> Rooms:
    """Rooms with a series of ten that its organizer has cut to its first ones."""
    rooms = of_series.scheduled()
    shorter = of_series.daily(number)
    message = of_series.series(sequence=2, recurrence=shorter, attendees=NAMED)
    rooms.apply(run(message, rooms))
    return rooms


def the_rest(number: int = 3, **changes: Any) -> MeetingMessage:
    """A new series with the old one's text, from where the old one was cut."""
    start = of_series.FIRST + number * of_series.DAY
    recurrence = of_series.daily(7, start)
    return of_series.series(**{"uid": "NEW", "recurrence": recurrence} | changes)


def test_this_and_all_following() -> None:
    """A series that was cut at a date to come and its successor share the room, and
    each is edited and cancelled by itself."""
    rooms = cut()
    (room,) = rooms.conferences
    decision = run(the_rest(), rooms)
    assert verdict(decision) == (Action.ACCEPT, AnswerTemplate.NEW_SERIES)
    rooms.apply(decision)
    assert set(rooms.conferences) == {room}
    assert {each.conference for each in rooms.recurring.values()} == {room}
    assert rooms.aliases[1].ews_item_uid == "NEW"
    assert rooms.aliases[1].vacancy is None

    old, new = sorted(rooms.recurring.values(), key=lambda each: each.id)
    again = of_series.series(sequence=3, recurrence=old.recurrence, subject="Renamed")
    edited = run(again, rooms)
    assert verdict(edited) == (Action.ACCEPT, AnswerTemplate.EDITED_SERIES)
    rooms.apply(edited)
    assert rooms.aliases[1].ews_item_uid == "NEW"

    gone = of_series.series(kind=MessageKind.CANCELLATION, sequence=4)
    rooms.apply(run(gone, rooms))
    assert set(rooms.conferences) == {room}
    assert set(rooms.recurring) == {new.id}
    assert rooms.aliases[1].conference_deletion_time is None

    rooms.apply(run(the_rest(kind=MessageKind.CANCELLATION, sequence=9), rooms))
    assert not rooms.conferences
    assert not rooms.recurring
    assert rooms.aliases[1].conference_deletion_time == NOW


@pytest.mark.parametrize(
    "changes",
    [
        {"organizer": BOB},
        {"organizer": EVE},
        {"recurrence": of_series.daily(7, of_series.FIRST + 2 * of_series.DAY)},
    ],
    ids=["attendee", "stranger", "overlap"],
)
def test_a_cut_series_with_a_future_is_its_organizers(changes: dict[str, Any]) -> None:
    """Nobody else takes up the room before the series is over, and nobody at a time
    when it still takes place; such a request waits, and is declined at last."""
    rooms = cut()
    message = the_rest(**changes)
    waiting = run(message, rooms, may_wait=True)
    assert (waiting.waits, waiting.action, waiting.changes) == (True, None, ())
    assert verdict(run(message, rooms)) == INVALID


def test_an_attendee_succeeds_a_series_that_was_cut_and_is_over() -> None:
    """A change of organizer in the middle of a series: the past stays the first
    organizer's, the rest is another's."""
    rooms = cut(1)
    over = of_series.FIRST + 2 * HOUR
    message = the_rest(1, organizer=BOB)
    assert verdict(run(message, rooms, over)) == (
        Action.ACCEPT,
        AnswerTemplate.NEW_SERIES,
    )
    assert verdict(run(the_rest(1, organizer=EVE), rooms, over)) == INVALID


def test_a_series_that_was_not_cut_leaves_nothing() -> None:
    """Neither an extended one, nor one that was cut and extended again, nor one that
    was only edited."""
    rooms = of_series.scheduled()
    rooms.apply(run(of_series.series(sequence=2, subject="Renamed"), rooms))
    assert rooms.aliases[1].vacancy is None
    rooms = cut()
    assert isinstance(rooms.aliases[1].vacancy, Vacancy)
    same = of_series.daily(3)
    edited = of_series.series(sequence=3, recurrence=same, subject="Renamed")
    rooms.apply(run(edited, rooms))
    assert isinstance(rooms.aliases[1].vacancy, Vacancy)
    longer = of_series.series(sequence=4, recurrence=of_series.daily(10))
    rooms.apply(run(longer, rooms))
    assert rooms.aliases[1].vacancy is None


def test_a_series_that_becomes_a_meeting_leaves_the_rest() -> None:
    """From the meeting's end, not that of its room, which is open longer."""
    rooms = of_series.scheduled()
    end = of_series.FIRST + HOUR
    one = request(start=of_series.FIRST, end=end, sequence=2, attendees=NAMED)
    rooms.apply(run(one, rooms))
    (meeting,) = rooms.rows.values()
    assert meeting.end_time > end
    assert rooms.aliases[1].vacancy == Vacancy(end, "alice@example.test", NAMED)


def followed(number: int = 8) -> Rooms:
    """Rooms with a series that was cut, and the one that follows it."""
    rooms = cut(number)
    rooms.apply(run(the_rest(number), rooms))
    return rooms


def test_a_series_outlives_the_one_that_succeeded_it() -> None:
    """The successor is cancelled while the first series goes on: the alias is the first
    one's again, which can be changed and followed by another as before."""
    rooms = followed()
    meanwhile = of_series.FIRST + 5 * of_series.DAY
    gone = the_rest(
        8, kind=MessageKind.CANCELLATION, received=meanwhile, attendees=NAMED
    )
    rooms.apply(run(gone, rooms, meanwhile))
    (first,) = rooms.recurring.values()
    alias = rooms.aliases[1]
    assert alias.conference_deletion_time is None
    assert alias.ews_item_uid == first.ews_item_uid
    assert alias.vacancy is not None
    assert alias.vacancy.attendees == NAMED
    again = of_series.series(sequence=3, recurrence=first.recurrence, subject="New")
    assert verdict(run(again, rooms, meanwhile)) == (
        Action.ACCEPT,
        AnswerTemplate.EDITED_SERIES,
    )
    another = the_rest(8, organizer=BOB)
    assert run(another, rooms, meanwhile, may_wait=True).waits
    rooms.apply(run(the_rest(8), rooms, meanwhile))
    assert len(rooms.recurring) == 2


def test_a_successor_cannot_lock_the_first_organizer_out() -> None:
    """An attendee takes up a series that is over, and cancels: its own organizer can
    extend it all the same, and those whom the attendee invited have no part in it."""
    over = of_series.FIRST + of_series.DAY
    rooms = cut(1)
    bobs = the_rest(1, organizer=BOB, attendees=("eve@example.test",))
    rooms.apply(run(bobs, rooms, over))
    rooms.apply(
        run(msgspec.structs.replace(bobs, kind=MessageKind.CANCELLATION), rooms, over)
    )
    left = rooms.aliases[1].vacancy
    assert left is not None
    assert (left.organizer, left.attendees) == ("alice@example.test", ())
    eves = the_rest(1, uid="EVES", organizer=EVE, sequence=9)
    assert verdict(run(eves, rooms, over + of_series.DAY)) == INVALID
    longer = of_series.series(sequence=3, recurrence=of_series.daily(10))
    assert verdict(run(longer, rooms, over)) == (
        Action.ACCEPT,
        AnswerTemplate.EDITED_SERIES,
    )


def test_stores_of_earlier_versions_mark_such_an_alias_as_deleted() -> None:
    """A meeting that has its room can be changed, whatever its alias says."""
    rooms = followed()
    rooms.aliases[1] = msgspec.structs.replace(
        rooms.aliases[1], conference_deletion_time=NOW
    )
    again = of_series.series(sequence=3, recurrence=of_series.daily(8), subject="New")
    assert run(again, rooms, NOW + of_series.DAY).action is Action.ACCEPT


@pytest.mark.parametrize(
    "longer",
    [
        request(sequence=3, start=NOW + 50 * HOUR, end=NOW + 51 * HOUR),
        of_series.series(sequence=3, recurrence=of_series.daily(10)),
    ],
    ids=["single", "series"],
)
def test_a_meeting_that_ends_later_again_leaves_nothing(longer: MeetingMessage) -> None:
    """A series became a single meeting, which left something, and then a later one or a
    series again: no attendee gets into its room."""
    rooms = of_series.scheduled()
    rooms.apply(run(request(sequence=2, attendees=NAMED), rooms))
    assert rooms.aliases[1].vacancy is not None
    rooms.apply(run(longer, rooms))
    assert rooms.aliases[1].vacancy is None
    after = NOW + 4 * HOUR
    bobs = successor(organizer=BOB, start=after, end=after + 24 * HOUR)
    assert verdict(run(bobs, rooms, after)) == INVALID


def test_the_successor_may_come_first() -> None:
    """A request with another meeting's tag waits; and so does its cancellation, so that
    the two are decided about in their order."""
    rooms = single()
    early = successor()
    assert run(early, rooms, may_wait=True).waits
    withdrawn = msgspec.structs.replace(early, kind=MessageKind.CANCELLATION)
    assert run(withdrawn, rooms, may_wait=True).waits
    last = run(withdrawn, rooms)
    assert (last.action, last.changes) == (Action.REMOVE, ())
    rooms.apply(run(request(kind=MessageKind.CANCELLATION), rooms))
    assert verdict(run(early, rooms, LATER, may_wait=True)) == ACCEPTED


def test_a_tag_of_its_own_never_waits() -> None:
    """Neither a new meeting nor an update has to wait."""
    rooms = Rooms()
    rooms.book()
    first = run(request(), rooms, may_wait=True)
    assert verdict(first) == ACCEPTED
    rooms.apply(first)
    edited = run(request(sequence=1), rooms, may_wait=True)
    assert verdict(edited) == (Action.ACCEPT, AnswerTemplate.EDITED_SINGLE)
