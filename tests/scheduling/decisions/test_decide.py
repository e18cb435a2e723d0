"""Single meetings: new, edited, moved into another room, and in any order."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.scheduling.decisions.decision import AnswerTemplate, Put
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import (
    HOUR,
    NOW,
    OTHER_TAG,
    TAG,
    UID,
    Rooms,
    later,
    request,
    run,
    scheduled,
)


def test_new_meeting_gets_a_room_with_two_aliases() -> None:
    """A new single meeting with a valid tag becomes a conference with two aliases."""
    rooms = Rooms()
    rooms.book()
    decision = run(request(), rooms)
    assert (decision.action, decision.template) == (
        Action.ACCEPT,
        AnswerTemplate.NEW_SINGLE,
    )
    rooms.apply(decision)
    (conference,) = rooms.conferences.values()
    assert conference.name == "Plans"
    assert conference.primary_owner_email_address == "alice@example.test"
    assert conference.is_scheduled
    assert sorted(a.alias for a in rooms.addresses.values()) == [
        "555000001",
        "555000001@example.test",
    ]
    assert {a.conference for a in rooms.addresses.values()} == {conference.id}
    assert rooms.aliases[1].is_used
    assert rooms.aliases[1].ews_item_uid == UID


def test_window_is_widened_by_the_buffers() -> None:
    """People may join from start minus join-before until end plus join-after."""
    (meeting,) = scheduled().rows.values()
    assert meeting.start_time == NOW + 2 * HOUR - timedelta(minutes=30)
    assert meeting.end_time == NOW + 3 * HOUR + timedelta(minutes=60)
    assert (meeting.meeting_start, meeting.meeting_end) == (
        NOW + 2 * HOUR,
        NOW + 3 * HOUR,
    )


def test_edited_meeting_moves_its_window_and_keeps_its_room() -> None:
    """Moving a meeting changes the window; room and aliases stay."""
    rooms = scheduled()
    before = (set(rooms.conferences), set(rooms.addresses))
    decision = run(
        later(sequence=1, start=NOW + 24 * HOUR, end=NOW + 25 * HOUR, subject="Plan B"),
        rooms,
    )
    assert (decision.action, decision.template) == (
        Action.ACCEPT,
        AnswerTemplate.EDITED_SINGLE,
    )
    rooms.apply(decision)
    assert (set(rooms.conferences), set(rooms.addresses)) == before
    (meeting,) = rooms.rows.values()
    assert meeting.meeting_start == NOW + 24 * HOUR
    assert meeting.subject == "Plan B"
    assert next(iter(rooms.conferences.values())).name == "Plan B"


def test_body_edit_with_the_same_sequence_is_an_edit() -> None:
    """Outlook keeps the sequence when only the body changes: still answered."""
    rooms = scheduled()
    assert run(later(), rooms).template is AnswerTemplate.EDITED_SINGLE


def test_an_id_that_is_too_long_is_left_out() -> None:
    """Exchange's ids have no limit that is known; half an id would find nothing."""
    for length, kept in ((255, "x" * 255), (256, "")):
        rooms = scheduled(ref=MessageRef("x" * length))
        (meeting,) = rooms.rows.values()
        assert meeting.ews_item_id == kept


def test_the_note_tells_new_from_edited() -> None:
    """For the log."""
    rooms = Rooms()
    rooms.book()
    first = run(request(), rooms)
    rooms.apply(first)
    assert first.note == "scheduled"
    assert run(later(), rooms).note == "rescheduled"


def test_running_meeting_is_accepted() -> None:
    """A meeting that has started but not ended is not in the past."""
    rooms = Rooms()
    rooms.book()
    decision = run(request(start=NOW - HOUR, end=NOW + timedelta(seconds=1)), rooms)
    assert decision.template is AnswerTemplate.NEW_SINGLE


def test_another_alias_means_another_room() -> None:
    """A meeting sent again with a fresh tag moves into that tag's room."""
    rooms = scheduled()
    rooms.book(2, OTHER_TAG)
    decision = run(later(tag=OTHER_TAG), rooms)
    assert decision.template is AnswerTemplate.EDITED_SINGLE
    rooms.apply(decision)
    assert sorted(a.alias for a in rooms.addresses.values()) == [
        "555000002",
        "555000002@example.test",
    ]
    assert rooms.aliases[1].conference_deletion_time is not None


def test_quoted_older_invitation_does_not_confuse() -> None:
    """Of two tags, the one that the meeting has wins; else the first."""
    rooms = scheduled()
    rooms.book(2, OTHER_TAG)
    both = f"<p>PXPS:-{OTHER_TAG}#</p><p>PXPS:-{TAG}#</p>"
    rooms.apply(run(later(html=both), rooms))
    (meeting,) = rooms.rows.values()
    assert meeting.scheduled_alias == 1


def test_other_mail_is_left_alone() -> None:
    """Mail that is not about a meeting is neither answered nor removed."""
    decision = run(request(kind=MessageKind.OTHER), Rooms())
    assert decision.action is None


messages = st.builds(
    lambda kind, sequence, minutes, move, tag: request(
        kind=kind,
        sequence=sequence,
        changed=NOW + timedelta(minutes=minutes),
        start=NOW + move * HOUR,
        end=NOW + (move + 1) * HOUR,
        tag=tag,
    ),
    st.sampled_from([MessageKind.REQUEST, MessageKind.CANCELLATION]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(-3, 5),
    st.sampled_from([TAG, OTHER_TAG, ""]),
)


@given(st.lists(messages, max_size=8))
def test_any_order_of_messages_keeps_the_rooms_whole(
    sent: list[MeetingMessage],
) -> None:
    """Whatever comes in whatever order: one room at most, and every part has it."""
    rooms = Rooms()
    rooms.book()
    rooms.book(2, OTHER_TAG)
    for message in sent:
        decision = run(message, rooms)
        assert all(
            not isinstance(step, Put) or step.record.id for step in decision.changes
        )
        rooms.apply(decision)
        assert len(rooms.rows) == len(rooms.conferences) <= 1
        assert {a.conference for a in rooms.addresses.values()} == set(
            rooms.conferences
        )
        for meeting in rooms.rows.values():
            alias = rooms.aliases[meeting.scheduled_alias or 0]
            assert alias.is_used
            assert alias.conference_deletion_time is None
            assert alias.ews_item_uid == UID
