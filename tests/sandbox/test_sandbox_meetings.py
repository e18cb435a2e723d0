"""Meetings through the Python side: who gets what, and what becomes of answers."""

import pytest

from pexschedd.sandbox import (
    Item,
    ItemKind,
    MeetingAnswer,
    ResponseType,
    SandboxMailbox,
    Send,
)
from pexschedd.sandbox.errors import EwsError
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    ROOM,
    START,
    CheckedSandbox,
)


def invite(sandbox: CheckedSandbox, *required: str, **more: object) -> Item:
    fields: dict[str, object] = {
        "subject": "Weekly",
        "start": MEETING,
        "end": MEETING + HOUR,
        "required": list(required),
        "body": "<p>Agenda</p>",
    }
    return sandbox.exchange.schedule(ALICE, **{**fields, **more})  # type: ignore[arg-type]  # the tests' own keyword arguments


def box(sandbox: CheckedSandbox, address: str) -> SandboxMailbox:
    return sandbox.exchange.mailbox(address)


def response(meeting: Item, address: str) -> ResponseType:
    assert meeting.meeting is not None
    attendee = meeting.meeting.attendee(address)
    assert attendee is not None
    return attendee.response


def newest(sandbox: CheckedSandbox, address: str) -> Item:
    return box(sandbox, address).inbox()[0]


def test_everybody_invited_gets_a_request(sandbox: CheckedSandbox) -> None:
    """Required, optional and resources find a request for the same meeting."""
    meeting = invite(sandbox, BOB, optional=["svc@example.test"], resources=[EQUIPMENT])
    assert meeting.meeting is not None
    for address in (BOB, "svc@example.test", EQUIPMENT):
        request = newest(sandbox, address)
        assert request.kind is ItemKind.REQUEST
        assert request.meeting is not None
        assert request.meeting.goid == meeting.meeting.goid
        assert request.body.text == "Agenda"


def test_a_mailbox_without_processing_gets_nothing_else(
    sandbox: CheckedSandbox,
) -> None:
    """Nothing in the calendar, nothing processed, until somebody answers."""
    invite(sandbox, EQUIPMENT)
    assert box(sandbox, EQUIPMENT).calendar() == []
    assert not newest(sandbox, EQUIPMENT).processed


def test_a_person_has_it_pencilled_in(sandbox: CheckedSandbox) -> None:
    """The calendar attendant makes a tentative entry that waits for an answer."""
    invite(sandbox, BOB)
    (entry,) = box(sandbox, BOB).calendar()
    assert (entry.my_response, entry.free_busy) == (ResponseType.NONE, "Tentative")
    assert newest(sandbox, BOB).processed


def test_a_room_answers_and_strips(sandbox: CheckedSandbox) -> None:
    """The room accepts at once and keeps the organizer's name only."""
    meeting = invite(sandbox, resources=[ROOM])
    assert response(meeting, ROOM) is ResponseType.ACCEPT
    (entry,) = box(sandbox, ROOM).calendar()
    assert (entry.subject, entry.body.html) == ("Alice Archer", "")
    assert newest(sandbox, ALICE).subject == "Accepted: Weekly"


def test_a_room_declines_what_overlaps(sandbox: CheckedSandbox) -> None:
    """The second meeting at the same time finds the room taken."""
    invite(sandbox, resources=[ROOM])
    second = invite(sandbox, resources=[ROOM], start=MEETING + HOUR / 2)
    assert response(second, ROOM) is ResponseType.DECLINE
    assert len(box(sandbox, ROOM).calendar()) == 1


@pytest.mark.parametrize(
    ("answer", "item_class", "folder"),
    [
        (MeetingAnswer.ACCEPT, "IPM.Schedule.Meeting.Resp.Pos", "calendar"),
        (MeetingAnswer.TENTATIVE, "IPM.Schedule.Meeting.Resp.Tent", "calendar"),
        (MeetingAnswer.DECLINE, "IPM.Schedule.Meeting.Resp.Neg", "deleteditems"),
    ],
)
def test_answering(
    sandbox: CheckedSandbox, answer: MeetingAnswer, item_class: str, folder: str
) -> None:
    """The entry lands in its folder, the request moves, the organizer learns."""
    meeting = invite(sandbox, EQUIPMENT)
    request = newest(sandbox, EQUIPMENT)
    before = request.id
    sandbox.exchange.respond(request, answer, text="<p>Gladly</p>")
    equipment = box(sandbox, EQUIPMENT)
    (entry,) = (
        each for each in equipment.items(folder) if each.kind is ItemKind.CALENDAR
    )
    assert entry.my_response.value == answer.value
    assert request.folder == "deleteditems"
    assert request.id != before
    assert equipment.get(before) is None
    heard = newest(sandbox, ALICE)
    assert (heard.item_class, heard.body.text) == (item_class, "Gladly")
    assert response(meeting, EQUIPMENT).value == answer.value


def test_answering_out_of_the_deleted_items_deletes(sandbox: CheckedSandbox) -> None:
    """An answer to what lies in the deleted items makes it go for good."""
    invite(sandbox, EQUIPMENT)
    request = newest(sandbox, EQUIPMENT)
    sandbox.exchange.take_away(request)
    sandbox.exchange.respond(request, MeetingAnswer.ACCEPT)
    assert box(sandbox, EQUIPMENT).items("deleteditems") == []


def test_a_body_change_keeps_the_sequence_and_the_answers(
    sandbox: CheckedSandbox,
) -> None:
    """Only the time of the change rises when nothing but the body is new."""
    meeting = invite(sandbox, EQUIPMENT)
    sandbox.exchange.respond(newest(sandbox, EQUIPMENT), MeetingAnswer.ACCEPT)
    sandbox.later(minutes=1)
    sandbox.exchange.update(meeting, body="<p>Other</p>")
    update = newest(sandbox, EQUIPMENT).meeting
    assert update is not None
    assert update.sequence == 0
    assert update.critical_change > START
    assert response(meeting, EQUIPMENT) is ResponseType.ACCEPT


def test_another_time_raises_the_sequence_and_voids_answers(
    sandbox: CheckedSandbox,
) -> None:
    """Who had accepted has to be asked again."""
    meeting = invite(sandbox, EQUIPMENT)
    sandbox.exchange.respond(newest(sandbox, EQUIPMENT), MeetingAnswer.ACCEPT)
    sandbox.exchange.update(meeting, start=MEETING + HOUR, end=MEETING + 2 * HOUR)
    update = newest(sandbox, EQUIPMENT).meeting
    assert update is not None
    assert update.sequence == 1
    assert response(meeting, EQUIPMENT) is ResponseType.UNKNOWN


def test_only_the_changed_hear_of_it(sandbox: CheckedSandbox) -> None:
    """Send.CHANGED: the new one is invited, the removed one told, the rest left."""
    meeting = invite(sandbox, BOB, EQUIPMENT)
    sandbox.exchange.update(
        meeting, required=[EQUIPMENT, "svc@example.test"], send=Send.CHANGED
    )
    assert newest(sandbox, BOB).kind is ItemKind.CANCELLATION
    assert newest(sandbox, "svc@example.test").kind is ItemKind.REQUEST
    assert len(box(sandbox, EQUIPMENT).inbox()) == 1


def test_cancelling_tells_everybody(sandbox: CheckedSandbox) -> None:
    """The organizer's item goes; people see it struck out, rooms forget it."""
    meeting = invite(sandbox, BOB, EQUIPMENT, resources=[ROOM])
    sandbox.exchange.respond(newest(sandbox, EQUIPMENT), MeetingAnswer.ACCEPT)
    sandbox.exchange.cancel(meeting, text="<p>Sorry</p>")
    assert box(sandbox, ALICE).calendar() == []
    (entry,) = box(sandbox, BOB).calendar()
    assert entry.meeting is not None
    assert entry.meeting.cancelled
    assert box(sandbox, ROOM).calendar() == []
    assert len(box(sandbox, EQUIPMENT).calendar()) == 1
    message = newest(sandbox, EQUIPMENT)
    assert message.kind is ItemKind.CANCELLATION
    assert message.body.text.startswith("Sorry")


def test_an_old_request_cannot_be_answered(sandbox: CheckedSandbox) -> None:
    """After a newer one has been accepted the old one is out of date."""
    meeting = invite(sandbox, EQUIPMENT)
    old = newest(sandbox, EQUIPMENT)
    sandbox.later(minutes=1)
    sandbox.exchange.update(meeting, start=MEETING - HOUR)
    sandbox.exchange.respond(newest(sandbox, EQUIPMENT), MeetingAnswer.ACCEPT)
    with pytest.raises(EwsError, match="ErrorCalendarMeetingRequestIsOutOfDate"):
        sandbox.exchange.respond(old, MeetingAnswer.ACCEPT)


def test_only_the_organizer_cancels(sandbox: CheckedSandbox) -> None:
    """An attendee's copy is not theirs to call off."""
    invite(sandbox, BOB)
    with pytest.raises(EwsError, match="ErrorCalendarIsNotOrganizer"):
        sandbox.exchange.cancel(box(sandbox, BOB).calendar()[0])


def test_a_snapshot_brings_everything_back(sandbox: CheckedSandbox) -> None:
    """Items, ids, change keys, the signing key: nothing differs after a restart."""
    exchange = sandbox.exchange
    meeting = invite(sandbox, EQUIPMENT, BOB)
    exchange.respond(newest(sandbox, EQUIPMENT), MeetingAnswer.ACCEPT)
    thumbprint = exchange.certificate.thumbprint
    again = type(exchange).restore(exchange.snapshot(), now=exchange.now)
    assert again.snapshot() == exchange.snapshot()
    assert again.certificate.thumbprint == thumbprint
    copy = again.mailbox(ALICE).get(meeting.id)
    assert copy is not None
    again.cancel(copy)
    assert again.mailbox(EQUIPMENT).inbox()[0].kind is ItemKind.CANCELLATION


def test_changes_are_told_until_they_are_not(sandbox: CheckedSandbox) -> None:
    """The hook hears of changes, and of none after it was taken away."""
    heard: list[int] = []
    stop = sandbox.exchange.on_change(lambda: heard.append(sandbox.exchange.version))
    invite(sandbox, BOB)
    assert heard
    assert heard == sorted(heard)
    stop()
    heard.clear()
    invite(sandbox, BOB)
    assert not heard


def test_plain_mail_arrives(sandbox: CheckedSandbox) -> None:
    """Mail that is no meeting lies in the inbox and in Sent Items."""
    sandbox.exchange.send_message(ALICE, to=[BOB], subject="Hi", body="<b>you</b>")
    assert newest(sandbox, BOB).body.text == "you"
    (copy,) = box(sandbox, ALICE).items("sentitems")
    assert copy.is_read


def test_organizers_do_not_invite_themselves(sandbox: CheckedSandbox) -> None:
    """Nobody gets mail about their own meeting for being in the list."""
    invite(sandbox, ALICE, BOB)
    assert box(sandbox, ALICE).inbox() == []


def test_coming_back_to_a_meeting(sandbox: CheckedSandbox) -> None:
    """Who was taken out and is invited again has it pencilled in again."""
    meeting = invite(sandbox, BOB, EQUIPMENT)
    sandbox.exchange.update(meeting, required=[EQUIPMENT])
    sandbox.exchange.update(meeting, required=[EQUIPMENT, BOB])
    (entry,) = box(sandbox, BOB).calendar()
    assert entry.meeting is not None
    assert not entry.meeting.cancelled
    assert (entry.subject, entry.free_busy) == ("Weekly", "Tentative")


def test_what_is_no_snapshot_is_refused(sandbox: CheckedSandbox) -> None:
    """With a ValueError, whatever it is."""
    for data in (b"", b"{}", b"[1, 2]"):
        with pytest.raises(ValueError, match="no snapshot"):
            type(sandbox.exchange).restore(data, now=sandbox.exchange.now)


def test_naive_times_are_refused(sandbox: CheckedSandbox) -> None:
    """A time without a zone means nothing."""
    with pytest.raises(ValueError, match="no time zone"):
        invite(sandbox, start=MEETING.replace(tzinfo=None))


def test_an_unknown_time_zone_is_refused(sandbox: CheckedSandbox) -> None:
    """IANA names are not what Exchange calls zones."""
    with pytest.raises(ValueError, match="Europe/Berlin"):
        invite(sandbox, zone="Europe/Berlin")
