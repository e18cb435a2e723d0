"""Whose a meeting is: what somebody else sends about it changes nothing."""

from typing import Any

import msgspec
import pytest

from pexschedd.model.meeting import MeetingMessage, MessageKind, Person
from pexschedd.scheduling.decisions.decision import AnswerTemplate
from pexschedd.scheduling.decisions.organizer import NOT_THE_ORGANIZER
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions import series_support as of_series
from tests.scheduling.decisions.decide_support import (
    HOUR,
    NOW,
    OTHER_TAG,
    Rooms,
    later,
    request,
    run,
    scheduled,
)

BOB = Person("Bob", "bob@example.test")
ALICE = "alice@example.test"


def as_bob(message: MeetingMessage) -> MeetingMessage:
    return msgspec.structs.replace(message, organizer=BOB)


def cancelled(message: MeetingMessage) -> MeetingMessage:
    return msgspec.structs.replace(message, kind=MessageKind.CANCELLATION)


def test_records_keep_the_organizer() -> None:
    """A meeting and a series remember whose they are, in lower case."""
    alice = Person("Alice", "Alice@Example.Test")
    (meeting,) = scheduled(organizer=alice).rows.values()
    assert meeting.organizer == ALICE
    assert of_series.the_series(of_series.scheduled()).organizer == ALICE


@pytest.mark.parametrize(
    "message",
    [
        later(start=NOW + 5 * HOUR, end=NOW + 6 * HOUR),
        later(sequence=99),
        cancelled(later(sequence=99)),
        later(organizer=Person("Nobody", "")),
        later(organizer=Person("Alice", "alice@example.te\ufb05")),
    ],
    ids=["moved", "newer", "cancelled", "no organizer", "look-alike"],
)
def test_a_colleague_cannot_take_a_meeting(message: MeetingMessage) -> None:
    """Bob knows the UID and the text of Alice's meeting: he gets a reply, no more."""
    rooms = scheduled()
    before = dict(rooms.rows), dict(rooms.conferences), dict(rooms.aliases)
    if message.organizer.email == "alice@example.test":
        message = as_bob(message)
    decision = run(message, rooms)
    assert (decision.action, decision.changes) == (Action.REPLY, ())
    assert decision.reply == NOT_THE_ORGANIZER
    assert "not sent by the meeting's organizer" in decision.note
    assert before == (rooms.rows, rooms.conferences, rooms.aliases)
    # Her own next change counts, whatever number his had.
    own = run(later(), rooms)
    assert (own.action, own.template) == (Action.ACCEPT, AnswerTemplate.EDITED_SINGLE)


@pytest.mark.parametrize("cancels", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_nor_a_series_or_an_occurrence(whole: bool, cancels: bool) -> None:
    """The same for a series as a whole, and for one of its occurrences."""
    rooms = of_series.scheduled()
    before = of_series.the_series(rooms)
    message = of_series.series(sequence=9) if whole else of_series.occurrence(1)
    message = as_bob(cancelled(message) if cancels else message)
    decision = run(message, rooms)
    assert (decision.action, decision.changes) == (Action.REPLY, ())
    assert of_series.the_series(rooms) == before


def test_an_early_cancellation_of_a_colleague_does_not_count() -> None:
    """Bob cancels an occurrence before Alice's series arrives: it takes place."""
    rooms = Rooms()
    rooms.book()
    early = as_bob(cancelled(of_series.occurrence(1, sequence=5)))
    rooms.apply(run(early, rooms))
    assert rooms.early
    rooms.apply(run(of_series.series(), rooms))
    assert of_series.starts(rooms) == of_series.starts(of_series.scheduled())


def test_nobodys_early_cancellation_counts_for_nobody_else() -> None:
    """A cancellation without any organizer's address does not come from Alice."""
    rooms = Rooms()
    rooms.book()
    nobody = Person("Nobody", "")
    early = cancelled(of_series.occurrence(1, sequence=5, organizer=nobody))
    rooms.apply(run(early, rooms))
    rooms.apply(run(of_series.series(), rooms))
    assert of_series.starts(rooms) == of_series.starts(of_series.scheduled())


def test_other_addresses_of_the_organizer() -> None:
    """A renamed address, or another one of the mailbox, is the organizer's; the record
    follows it."""
    rooms = scheduled()
    renamed = "alice.smith@example.test"
    message = later(organizer=Person("Alice Smith", renamed))
    assert run(message, rooms).action is Action.REPLY
    rooms.one_mailbox = {ALICE, renamed}
    decision = run(message, rooms)
    assert decision.action is Action.ACCEPT
    rooms.apply(decision)
    assert [meeting.organizer for meeting in rooms.rows.values()] == [renamed]


def test_records_from_before_the_rule() -> None:
    """A record without an organizer takes the first one that sends a change."""
    rooms = scheduled()
    for id_, row in rooms.rows.items():
        rooms.rows[id_] = msgspec.structs.replace(row, organizer="")
    rooms.apply(run(later(), rooms))
    assert [meeting.organizer for meeting in rooms.rows.values()] == [ALICE]


def test_a_forwarded_copy_still_names_the_organizer() -> None:
    """What an attendee passes on, or a delegate sends, is the organizer's message."""
    rooms = scheduled()
    message = later(subject="FW: Plans")
    assert run(message, rooms).action is Action.ACCEPT


@pytest.mark.parametrize("kind", [MessageKind.REQUEST, MessageKind.CANCELLATION])
@pytest.mark.parametrize(
    "changes",
    [
        {"start": NOW, "end": NOW - HOUR},
        {"start": None},
        {"is_series": True, "recurrence": None},
        {"names_its_part": False},
    ],
    ids=["ends before it starts", "no start", "no pattern", "no part"],
)
def test_a_colleagues_nonsense_is_refused_like_the_rest(
    changes: dict[str, Any], kind: MessageKind
) -> None:
    """What contradicts itself is not declined when it is somebody else's: a decline
    would take Alice's meeting out of the calendar."""
    rooms = of_series.scheduled()
    nonsense = as_bob(later(kind=kind, sequence=9, **changes))
    decision = run(nonsense, rooms)
    assert (decision.action, decision.changes) == (Action.REPLY, ())


def test_a_room_that_a_colleague_has_booked_keeps_nobody_out() -> None:
    """Bob sends the id of Alice's meeting, which has no room yet, with his own tag.
    Alice adds a room later: each has their own, and changes and cancels it alone."""
    rooms = Rooms()
    rooms.book()
    rooms.book(2, OTHER_TAG)
    rooms.apply(run(as_bob(request(tag=OTHER_TAG, sequence=7)), rooms))
    decision = run(request(), rooms)
    assert (decision.action, decision.template) == (
        Action.ACCEPT,
        AnswerTemplate.NEW_SINGLE,
    )
    rooms.apply(decision)
    hers = {alias.ews_item_uid for alias in rooms.aliases.values()}
    assert hers == {request().uid}
    assert len(rooms.conferences) == 2

    moved = run(later(start=NOW + 5 * HOUR, end=NOW + 6 * HOUR), rooms)
    assert (moved.action, moved.template) == (
        Action.ACCEPT,
        AnswerTemplate.EDITED_SINGLE,
    )
    rooms.apply(moved)
    rooms.apply(run(as_bob(cancelled(request(sequence=8))), rooms))
    (left,) = rooms.rows.values()
    assert (left.organizer, left.meeting_start) == (ALICE, NOW + 5 * HOUR)
    # With her tag he is refused as ever.
    assert run(as_bob(request(sequence=9)), rooms).action is Action.REPLY
    assert run(as_bob(cancelled(request(sequence=9))), rooms).action is Action.REPLY


def test_a_used_tag_gives_no_meeting_of_ones_own() -> None:
    """Neither a tag that a meeting has, nor one whose room is gone, nor none at all."""
    for changes in (
        {"is_used": True},
        {"conference_deletion_time": NOW},
        {"ews_item_uid": "another"},
        {"exchange_connector": 2},
    ):
        rooms = scheduled()
        rooms.book(2, OTHER_TAG, **changes)
        decision = run(as_bob(request(tag=OTHER_TAG)), rooms)
        assert (decision.action, decision.changes) == (Action.REPLY, ())
    assert run(as_bob(request(tag="")), scheduled()).action is Action.REPLY
