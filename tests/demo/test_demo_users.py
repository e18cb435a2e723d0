"""What Alice and Bob can do at the desk, on a sandbox Exchange without any daemon."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pexschedd.demo import samples
from pexschedd.demo.users import DeskUsers, NotPossible
from pexschedd.demo.views import MeetingDraft, NamedAddress
from pexschedd.errors import NotFound
from pexschedd.sandbox.mailboxes.accounts import default_accounts
from pexschedd.sandbox.mailboxes.exchange import Exchange

ALICE, BOB = samples.ALICE, samples.BOB
ROOM = "pexipmeeting@example.test"
START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ticking() -> Iterator[datetime]:
    now = START - timedelta(days=1)
    while True:
        now += timedelta(seconds=1)
        yield now


@pytest.fixture
def exchange() -> Exchange:
    ticks = ticking()
    return Exchange(default_accounts(), now=lambda: next(ticks))


@pytest.fixture
def people(exchange: Exchange) -> DeskUsers:
    return DeskUsers(exchange, [ALICE, BOB], ROOM)


def draft(**changes: object) -> MeetingDraft:
    values = {
        "user": ALICE,
        "subject": "Review",
        "start": START,
        "end": START + timedelta(hours=1),
        "required": [
            NamedAddress("Bob Baker", BOB),
            NamedAddress("Pexip Meeting", ROOM),
        ],
        "body": "<p>Agenda</p>",
        "location": "Here",
    }
    return MeetingDraft(**{**values, **changes})  # type: ignore[arg-type]  # checked by msgspec at the edge


def test_sending_invites_everybody(exchange: Exchange, people: DeskUsers) -> None:
    """A sent meeting is in the calendar, and a request in every invited mailbox."""
    uid = people.save(draft())
    (mine,) = people.calendar(ALICE)
    assert (mine.uid, mine.subject, mine.mine, mine.with_room) == (
        uid,
        "Review",
        True,
        True,
    )
    assert [guest.address for guest in mine.guests] == [BOB, ROOM]
    (request,) = people.inbox(BOB)
    assert (request.kind, request.answerable, request.uid) == (
        "MeetingRequest",
        True,
        uid,
    )
    assert len(exchange.mailbox(ROOM).inbox()) == 1
    assert "Agenda" in people.meeting(ALICE, uid).body


def test_an_update_goes_out_again(people: DeskUsers) -> None:
    """Moving and renaming a meeting keeps its identity and tells the guests."""
    uid = people.save(draft())
    later = START + timedelta(hours=2)
    changed = draft(
        uid=uid, subject="Moved", start=later, end=later + timedelta(hours=1)
    )
    assert people.save(changed) == uid
    (mine,) = people.calendar(ALICE)
    assert (mine.subject, mine.start) == ("Moved", later)
    newest = people.inbox(BOB)[0]
    assert (newest.subject, newest.update) == ("Moved", True)


def test_taking_the_room_out_cancels_it_there(
    exchange: Exchange, people: DeskUsers
) -> None:
    """Who is no longer invited gets a cancellation."""
    uid = people.save(draft())
    people.save(draft(uid=uid, required=[NamedAddress("Bob Baker", BOB)]))
    kinds = [item.kind.value for item in exchange.mailbox(ROOM).inbox()]
    assert kinds[0] == "MeetingCancellation"
    assert not people.calendar(ALICE)[0].with_room


def test_cancelling(people: DeskUsers) -> None:
    """A cancelled meeting leaves its calendar and is struck out elsewhere."""
    uid = people.save(draft())
    people.cancel(ALICE, uid)
    assert people.calendar(ALICE) == []
    assert people.calendar(BOB)[0].cancelled
    assert people.inbox(BOB)[0].kind == "MeetingCancellation"
    with pytest.raises(NotFound):
        people.meeting(ALICE, uid)


def test_bob_answers(people: DeskUsers) -> None:
    """An attendee's answer reaches the organizer's inbox and the list of guests."""
    people.save(draft())
    people.respond(BOB, people.inbox(BOB)[0].id, "Accept")
    assert people.inbox(ALICE)[0].response == "Accept"
    assert people.calendar(ALICE)[0].guests[0].response == "Accept"
    assert people.inbox(BOB) == []


def test_reading_a_message(people: DeskUsers) -> None:
    """A read message is no longer unread, and its HTML can be had."""
    people.save(draft())
    mail = people.inbox(BOB)[0]
    people.read(BOB, mail.id)
    assert not people.inbox(BOB)[0].unread
    assert "Agenda" in people.message(BOB, mail.id)


def test_reading_a_message_that_is_answered(people: DeskUsers) -> None:
    """It is gone, which whoever had opened it need not be told."""
    people.save(draft())
    mail = people.inbox(BOB)[0]
    people.respond(BOB, mail.id, "Accept")
    people.read(BOB, mail.id)
    with pytest.raises(NotFound):
        people.message(BOB, mail.id)


def test_nobody_is_invited_twice(people: DeskUsers) -> None:
    """Repeated addresses and the organizer's own are left out."""
    parties = [
        NamedAddress("Bob", BOB),
        NamedAddress("Bob again", BOB.upper()),
        NamedAddress("Me", ALICE),
    ]
    people.save(draft(required=parties))
    assert [guest.address for guest in people.calendar(ALICE)[0].guests] == [BOB]


def test_only_the_organizer_changes(people: DeskUsers) -> None:
    """Bob can neither change nor cancel Alice's meeting."""
    uid = people.save(draft())
    with pytest.raises(NotPossible):
        people.save(draft(user=BOB, uid=uid))
    with pytest.raises(NotPossible):
        people.cancel(BOB, uid)


def test_wrong_requests(people: DeskUsers) -> None:
    """What makes no sense is refused in words, whoever asks."""
    with pytest.raises(NotPossible, match="end"):
        people.save(draft(end=START))
    with pytest.raises(NotFound):
        people.calendar("svc@example.test")
    people.save(draft())
    request = people.inbox(BOB)[0].id
    with pytest.raises(NotPossible, match="Accept"):
        people.respond(BOB, request, "Perhaps")
    with pytest.raises(NotFound):
        people.message(ALICE, request)


def test_samples_leave_inboxes_empty(exchange: Exchange, people: DeskUsers) -> None:
    """The sample meetings fill two weeks, nobody has anything to answer, none has a
    room."""
    samples.schedule_samples(exchange, START)
    calendar = people.calendar(ALICE)
    assert len(calendar) == 2 * len(samples.SAMPLES)
    assert not any(meeting.with_room for meeting in calendar)
    assert people.inbox(ALICE) == people.inbox(BOB) == []
    assert {m.start.weekday() for m in calendar} == {0, 1, 2, 3, 4}


def test_a_series_is_shown_whole(people: DeskUsers) -> None:
    """Each occurrence is in everybody's calendar, and together they are one meeting."""
    uid = people.save(draft(repeats="weekly", times=3))
    for user in (ALICE, BOB):
        shown = people.calendar(user)
        assert [one.start - START for one in shown] == [
            timedelta(weeks=week) for week in range(3)
        ]
        assert {(one.uid, one.repeats, one.times) for one in shown} == {
            (uid, "weekly", 3)
        }
    people.save(draft(uid=uid, repeats="daily", times=2))
    assert [one.start - START for one in people.calendar(BOB)] == [
        timedelta(days=day) for day in range(2)
    ]
    people.cancel(ALICE, uid)
    assert people.calendar(ALICE) == []
