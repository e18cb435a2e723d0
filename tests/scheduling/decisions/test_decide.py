"""Every story about single meetings, as a table of messages and decisions."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import (
    MeetingMessage,
    MessageKind,
    MessageRef,
    Person,
)
from pexschedd.model.schedule import (
    CancelledOccurrence,
    MeetingRecord,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.scheduling.decisions.context import IdSource
from pexschedd.scheduling.decisions.decide import decide
from pexschedd.scheduling.decisions.decision import (
    AnswerTemplate,
    Decision,
    Delete,
    Put,
    RemoveRoom,
    Undecidable,
)
from pexschedd.scheduling.ports.mailbox import Action

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
UID = "040000008200E00074C5B7101A82E008"
TAG = "2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a01"
OTHER_TAG = "2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a02"
CONNECTOR = Connector(
    id=1,
    name="Head office",
    uuid="c0000000-0000-4000-8000-000000000001",
    addin_server_domain="pex.example.test",
    scheduled_alias_prefix="555",
    scheduled_alias_domain="example.test",
    meeting_buffer_before=30,
    meeting_buffer_after=60,
)


class Rooms:
    """What is known, as plain dictionaries; applies decisions like the store."""

    def __init__(self) -> None:
        self.aliases: dict[int, ScheduledAlias] = {}
        self.rows: dict[int, ScheduledConference] = {}
        self.conferences: dict[int, Conference] = {}
        self.addresses: dict[int, ConferenceAlias] = {}
        self.recurring: dict[int, RecurringConference] = {}
        self.early: dict[int, CancelledOccurrence] = {}
        self.one_mailbox: set[str] = set()
        """Addresses that the directory has for one mailbox."""
        self._ids = count(100)

    def book(self, id: int = 1, uuid: str = TAG, **changes: Any) -> ScheduledAlias:
        alias = ScheduledAlias(
            id=id,
            uuid=uuid,
            alias=f"55500000{id}@example.test",
            numeric_alias=f"55500000{id}",
            alias_number=id,
            exchange_connector=1,
            creation_time=NOW - HOUR,
        )
        self.aliases[id] = msgspec.structs.replace(alias, **changes)
        return self.aliases[id]

    def alias(self, uuid: str) -> ScheduledAlias | None:
        return next((a for a in self.aliases.values() if a.uuid == uuid), None)

    def alias_by_id(self, id: int | None) -> ScheduledAlias | None:
        return self.aliases.get(id or 0)

    def records(self, connector_id: int, uid: str) -> list[MeetingRecord]:
        everything: list[MeetingRecord] = [*self.rows.values()]
        everything += [*self.recurring.values()]
        return [
            each
            for each in everything
            if (each.exchange_connector, each.ews_item_uid) == (connector_id, uid)
        ]

    def early_cancellations(
        self, connector_id: int, uid: str
    ) -> list[CancelledOccurrence]:
        return [each for each in self.early.values() if each.ews_item_uid == uid]

    def in_room(
        self, conference: int
    ) -> list[ScheduledConference | RecurringConference]:
        everything: list[ScheduledConference | RecurringConference] = []
        everything += [*self.rows.values()]
        everything += [*self.recurring.values()]
        return [each for each in everything if each.conference == conference]

    def conference(self, id: int) -> Conference | None:
        return self.conferences.get(id)

    def conference_of(self, alias: str) -> int | None:
        return next(
            (a.conference for a in self.addresses.values() if a.alias == alias), None
        )

    def name_taken(self, name: str) -> bool:
        return any(c.name == name for c in self.conferences.values())

    def same_mailbox(self, connector_id: int, one: str, other: str) -> bool:
        return {one, other} <= self.one_mailbox

    def new_id(self, table: object) -> int:
        return next(self._ids)

    def apply(self, decision: Decision) -> None:
        for step in decision.changes:
            if isinstance(step, RemoveRoom):
                self.remove(step.conference)
                continue
            kept: dict[Any, dict[int, Any]] = {
                tables.SCHEDULED_ALIAS: self.aliases,
                tables.SCHEDULED_CONFERENCE: self.rows,
                tables.RECURRING_CONFERENCE: self.recurring,
                tables.CANCELLED_OCCURRENCE: self.early,
                tables.CONFERENCE: self.conferences,
                tables.CONFERENCE_ALIAS: self.addresses,
            }
            if isinstance(step, Delete):
                del kept[step.table][step.id]
            else:
                kept[step.table][step.record.id] = step.record

    def remove(self, conference: int) -> None:
        self.conferences.pop(conference)
        both: list[dict[int, Any]] = [self.rows, self.recurring]
        for kept in both:
            for each in list(kept.values()):
                if each.conference == conference:
                    del kept[each.id]
                    alias = self.aliases[each.scheduled_alias or 0]
                    self.aliases[alias.id] = msgspec.structs.replace(
                        alias, conference_deletion_time=NOW
                    )
        for address in list(self.addresses.values()):
            if address.conference == conference:
                del self.addresses[address.id]


class Plain:
    """Words a room without templates."""

    def name(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return message.subject

    def description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return f"booked by {message.organizer.email}"

    def subject(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return message.subject

    def alias_description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return "an alias"


def request(**changes: Any) -> MeetingMessage:
    tag = changes.pop("tag", TAG)
    message = MeetingMessage(
        ref=MessageRef("item-1", "key-1"),
        kind=MessageKind.REQUEST,
        received=NOW,
        uid=UID,
        changed=NOW - timedelta(minutes=5),
        start=NOW + 2 * HOUR,
        end=NOW + 3 * HOUR,
        subject="Plans",
        organizer=Person("Alice", "alice@example.test"),
        html=f"<p>PXPS:-{tag}#</p>" if tag else "<p>hello</p>",
    )
    return msgspec.structs.replace(message, **changes)


def run(
    message: MeetingMessage,
    rooms: Rooms,
    now: datetime = NOW,
    digits: str = "123456789",
    may_wait: bool = False,
    connector: Connector = CONNECTOR,
) -> Decision:
    fresh = IdSource(rooms.new_id, lambda n: digits[:n])
    return decide(message, rooms, connector, Plain(), now, fresh, may_wait=may_wait)


def scheduled(**changes: Any) -> Rooms:
    """Rooms in which the meeting of `request()` has been accepted."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(request(**changes), rooms))
    return rooms


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


def later(**changes: Any) -> MeetingMessage:
    """A newer version of the same meeting."""
    changes.setdefault("changed", NOW)
    changes.setdefault("ref", MessageRef("item-2"))
    return request(**changes)


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


def test_a_room_is_not_renamed_while_people_may_be_inside() -> None:
    """Nodes know a running conference by its name: it stays while the room is open."""
    rooms = scheduled()
    rooms.apply(run(later(subject="New name"), rooms, now=NOW + 2 * HOUR))
    assert next(iter(rooms.conferences.values())).name == "Plans"


def test_names_are_made_unique() -> None:
    """A name that is taken gets a random number; an edit keeps that number."""
    rooms = scheduled()
    rooms.book(2, OTHER_TAG)
    rooms.apply(run(request(uid="0400FF", tag=OTHER_TAG), rooms))
    names = sorted(c.name for c in rooms.conferences.values())
    assert names == ["Plans", "Plans 123456"]
    rooms.apply(run(later(uid="0400FF", tag=OTHER_TAG), rooms, digits="999999999"))
    assert sorted(c.name for c in rooms.conferences.values()) == names


@pytest.mark.parametrize("subject", ["", " ", "\ufeff", "\u200b\u200f", "\u0301"])
def test_a_room_without_a_title_is_named_by_its_number(subject: str) -> None:
    """A title in which nobody sees anything is none."""
    (conference,) = scheduled(subject=subject).conferences.values()
    assert conference.name == "555000001"


def test_a_long_name_is_cut_to_be_made_unique() -> None:
    """The number has to fit into the 250 characters of a name, and stays afterwards."""
    long = "x" * 250
    rooms = scheduled(subject=long)
    rooms.book(2, OTHER_TAG)
    rooms.apply(run(request(uid="0400FF", tag=OTHER_TAG, subject=long), rooms))
    names = sorted(c.name for c in rooms.conferences.values())
    assert names == [f"{long[:243]} 123456", long]
    again = later(uid="0400FF", tag=OTHER_TAG, subject=long)
    rooms.apply(run(again, rooms, digits="999999999"))
    assert sorted(c.name for c in rooms.conferences.values()) == names


@pytest.mark.parametrize("name", ["Other 123456", "Plans (2)", "Plans 12a", "Plans12"])
def test_a_name_follows_the_subject(name: str) -> None:
    """Only the very name that is wanted, and a number after a blank, may stay."""
    rooms = scheduled()
    ((id, conference),) = rooms.conferences.items()
    rooms.conferences[id] = msgspec.structs.replace(conference, name=name)
    rooms.apply(run(later(), rooms))
    assert rooms.conferences[id].name == "Plans"


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


DECLINED: list[tuple[str, dict[str, Any], dict[str, Any], AnswerTemplate]] = [
    ("no tag", {}, {"tag": ""}, AnswerTemplate.INVALID_ALIAS),
    ("unknown tag", {}, {"tag": OTHER_TAG}, AnswerTemplate.INVALID_ALIAS),
    (
        "another integration's",
        {"exchange_connector": 2},
        {},
        AnswerTemplate.INVALID_ALIAS,
    ),
    ("other meeting's", {"ews_item_uid": "0400AA"}, {}, AnswerTemplate.INVALID_ALIAS),
    ("deleted", {"conference_deletion_time": NOW}, {}, AnswerTemplate.ALIAS_DELETED),
    (
        "in the past",
        {},
        {"start": NOW - 2 * HOUR, "end": NOW - HOUR},
        AnswerTemplate.SINGLE_PAST,
    ),
    ("just over", {}, {"start": NOW - HOUR, "end": NOW}, AnswerTemplate.SINGLE_PAST),
]


@pytest.mark.parametrize(
    ("booked", "sent", "text"),
    [row[1:] for row in DECLINED],
    ids=[row[0] for row in DECLINED],
)
def test_declined_in_the_right_words(
    booked: dict[str, Any], sent: dict[str, Any], text: AnswerTemplate
) -> None:
    """What cannot be scheduled is declined with its own text, and changes nothing."""
    rooms = Rooms()
    rooms.book(**booked)
    decision = run(request(**sent), rooms)
    assert (decision.action, decision.template) == (Action.DECLINE, text)
    assert decision.changes == ()


def test_running_meeting_is_accepted() -> None:
    """A meeting that has started but not ended is not in the past."""
    rooms = Rooms()
    rooms.book()
    decision = run(request(start=NOW - HOUR, end=NOW + timedelta(seconds=1)), rooms)
    assert decision.template is AnswerTemplate.NEW_SINGLE


def test_alias_of_another_room_is_a_conflict() -> None:
    """An alias that leads into another room is declined with the conflict text."""
    rooms = Rooms()
    rooms.book()
    rooms.addresses[7] = ConferenceAlias(id=7, alias="555000001", conference=70)
    decision = run(request(), rooms)
    assert decision.template is AnswerTemplate.ALIAS_CONFLICT
    assert decision.alias == rooms.aliases[1]


def test_cancellation_removes_the_room_and_spends_the_alias() -> None:
    """After a cancellation the room is gone and its tag is answered with deleted."""
    rooms = scheduled()
    decision = run(later(kind=MessageKind.CANCELLATION, sequence=1, tag=""), rooms)
    assert decision.action is Action.REMOVE
    rooms.apply(decision)
    assert not rooms.conferences
    assert not rooms.addresses
    assert not rooms.rows
    assert run(later(sequence=2), rooms).template is AnswerTemplate.ALIAS_DELETED


def test_cancellation_before_its_request() -> None:
    """A request that comes after its cancellation does not schedule anything."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(request(kind=MessageKind.CANCELLATION, sequence=1), rooms))
    assert run(request(), rooms).template is AnswerTemplate.ALIAS_DELETED


def test_cancellation_without_a_body_waits_for_its_request() -> None:
    """It tells no tag that could be spent: decided before its request, it would leave
    the room of a meeting that does not take place."""
    rooms = Rooms()
    rooms.book()
    cancellation = request(kind=MessageKind.CANCELLATION, sequence=1, html="", text="")
    assert run(cancellation, rooms, may_wait=True).waits
    assert run(cancellation, rooms).action is Action.REMOVE
    rooms.apply(run(request(), rooms))
    assert rooms.conferences
    rooms.apply(run(cancellation, rooms, may_wait=True))
    assert not rooms.conferences


def test_cancellation_of_an_unknown_meeting_spends_no_other_alias() -> None:
    """A foreign cancellation that quotes a used tag does not touch that room."""
    rooms = scheduled()
    rooms.apply(
        run(request(kind=MessageKind.CANCELLATION, uid="0400BB", sequence=9), rooms)
    )
    assert rooms.aliases[1].conference_deletion_time is None


def test_older_update_is_discarded() -> None:
    """An update that arrives after a newer one says and changes nothing."""
    rooms = scheduled(sequence=3)
    decision = run(request(sequence=2, ref=MessageRef("late")), rooms)
    assert decision == Decision("older than what is scheduled", Action.DISCARD)
    older = request(sequence=3, changed=NOW - HOUR)
    assert run(older, rooms).action is Action.DISCARD


def test_older_cancellation_is_discarded() -> None:
    """A cancellation from before the meeting was sent again cancels nothing."""
    rooms = scheduled(sequence=3)
    decision = run(request(kind=MessageKind.CANCELLATION, sequence=2), rooms)
    assert (decision.action, decision.changes) == (Action.DISCARD, ())


def test_the_same_message_twice_gets_the_same_words() -> None:
    """A second copy of a message is answered like the first, and changes nothing."""
    rooms = scheduled()
    again = run(request(ref=MessageRef("copy")), rooms)
    assert (again.action, again.template) == (Action.ACCEPT, AnswerTemplate.NEW_SINGLE)
    assert again.changes == ()
    assert again.alias == rooms.aliases[1]


def test_two_changes_within_a_second_are_two_changes() -> None:
    """Exchange tells the last change in whole seconds: what differs is an edit."""
    rooms = scheduled()
    renamed = run(request(subject="Plan B", ref=MessageRef("quick")), rooms)
    assert renamed.template is AnswerTemplate.EDITED_SINGLE
    moved = request(start=NOW + 5 * HOUR, end=NOW + 6 * HOUR)
    assert run(moved, rooms).template is AnswerTemplate.EDITED_SINGLE


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


HIDDEN: list[tuple[str, dict[str, Any], Action | None]] = [
    ("an update of ours", {}, Action.ACCEPT),
    ("an update that takes its tag away", {"tag": ""}, Action.DECLINE),
    (
        "a cancellation of ours",
        {"kind": MessageKind.CANCELLATION, "tag": ""},
        Action.REMOVE,
    ),
    (
        "a colleague's of ours",
        {"organizer": Person("Eve", "eve@example.test")},
        Action.REPLY,
    ),
    ("without a tag", {"uid": "0400AA", "tag": ""}, None),
    ("with an unknown tag", {"uid": "0400AA", "tag": OTHER_TAG}, None),
    (
        "a cancellation of another meeting",
        {"uid": "0400AA", "kind": MessageKind.CANCELLATION, "tag": ""},
        None,
    ),
    ("without a meeting", {"uid": "", "tag": ""}, None),
    ("mail", {"kind": MessageKind.OTHER}, None),
]


@pytest.mark.parametrize(
    ("sent", "action"), [row[1:] for row in HIDDEN], ids=[row[0] for row in HIDDEN]
)
def test_hidden_messages_count_where_there_is_a_room(
    sent: dict[str, Any], action: Action | None
) -> None:
    """Among the deleted items a message of a known meeting is decided like any other,
    that of a meeting without a room is not ours; in the inbox it would be answered."""
    rooms = scheduled()
    message = later(sequence=1, **sent)
    found = run(msgspec.structs.replace(message, hidden=True), rooms)
    assert found.action is action
    if action is None:
        assert found.changes == ()
    else:
        # The ids of new records apart, it makes no difference where it was found.
        assert found.template == run(message, rooms).template


def test_a_hidden_request_with_a_tag_of_ours_is_scheduled() -> None:
    """A meeting that got its room by an update which Exchange hides."""
    rooms = Rooms()
    rooms.book()
    assert run(request(hidden=True), rooms).action is Action.ACCEPT
    rooms.aliases[1] = msgspec.structs.replace(rooms.aliases[1], exchange_connector=2)
    assert run(request(hidden=True), rooms) == Decision(
        "hidden, and about no meeting of ours"
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"is_series": True},
        {"uid": ""},
        {"start": None},
        {"end": None},
        {"end": NOW},
    ],
)
def test_what_does_not_fit_is_undecidable(broken: dict[str, Any]) -> None:
    """A request that cannot be understood is for the general error text."""
    rooms = Rooms()
    rooms.book()
    with pytest.raises(Undecidable):
        run(request(**broken), rooms)


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
