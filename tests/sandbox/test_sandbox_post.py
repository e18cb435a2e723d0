"""What can happen to messages on the way: kept back, twice, altered, passed on."""

from datetime import UTC, datetime

import pytest

from pexschedd.sandbox import (
    Exchange,
    Item,
    MailboxUser,
    MeetingAnswer,
    SeriesRecurrence,
)
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailboxes import alterations
from pexschedd.sandbox.mailboxes.snapshot import SandboxState
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    ROOM,
    SVC,
    CheckedSandbox,
    get_item,
    text,
)

FIRST = datetime(2026, 12, 1, 9, tzinfo=UTC)


def schedule(sandbox: CheckedSandbox, **more: object) -> Item:
    fields: dict[str, object] = {
        "subject": "Weekly",
        "start": FIRST,
        "end": FIRST + HOUR,
        "required": [EQUIPMENT],
        "body": "<p>Hello <b>you</b></p>",
    }
    return sandbox.exchange.schedule(ALICE, **{**fields, **more})  # type: ignore[arg-type]  # the tests' own keyword arguments


def inbox(sandbox: CheckedSandbox) -> list[Item]:
    """As it was delivered, oldest first."""
    return sandbox.exchange.mailbox(EQUIPMENT).items("inbox")


def sequences(sandbox: CheckedSandbox) -> list[int]:
    return [item.meeting.sequence for item in inbox(sandbox) if item.meeting]


def three_versions(sandbox: CheckedSandbox) -> None:
    sandbox.exchange.hold(EQUIPMENT)
    meeting = schedule(sandbox)
    for hours in (1, 2):
        sandbox.later(minutes=1)
        sandbox.exchange.update(
            meeting, start=FIRST + hours * HOUR, end=FIRST + (hours + 1) * HOUR
        )


def test_mail_kept_back_comes_in_the_order_asked_for(sandbox: CheckedSandbox) -> None:
    """The newest first, one twice, one never; each received when it is delivered."""
    three_versions(sandbox)
    assert inbox(sandbox) == []
    assert len(sandbox.exchange.held(EQUIPMENT)) == 3
    sandbox.later(hours=1)
    sandbox.exchange.release(EQUIPMENT, order=(2, 0, 0))
    assert sequences(sandbox) == [2, 0, 0]
    first, second, third = inbox(sandbox)
    assert len({first.id, second.id, third.id}) == 3
    assert second.message_id == third.message_id != first.message_id
    assert {each.received for each in inbox(sandbox)} == {sandbox.moment}
    assert first.sent is not None
    assert first.sent < first.received
    schedule(sandbox)
    assert len(inbox(sandbox)) == 4


def test_mail_kept_back_comes_as_it_was_sent(sandbox: CheckedSandbox) -> None:
    """Without an order nothing is lost and nothing changed."""
    three_versions(sandbox)
    sandbox.exchange.release(EQUIPMENT)
    assert sequences(sandbox) == [0, 1, 2]


def test_a_second_copy(sandbox: CheckedSandbox) -> None:
    """The same message under another id, unread and not processed."""
    schedule(sandbox)
    (message,) = inbox(sandbox)
    sandbox.exchange.respond(message, MeetingAnswer.ACCEPT)
    copy = sandbox.exchange.deliver_again(message)
    assert inbox(sandbox) == [copy]
    assert copy.id != message.id
    assert (copy.message_id, copy.meeting) == (message.message_id, message.meeting)
    assert (copy.is_read, copy.processed) == (False, False)


@pytest.mark.parametrize("who", [BOB, ROOM])
def test_late_mail_is_outdated(sandbox: CheckedSandbox, who: str) -> None:
    """What Exchange processes by itself: an older request changes nothing."""
    sandbox.exchange.hold(who)
    meeting = schedule(sandbox, required=[who])
    sandbox.exchange.update(meeting, start=FIRST + HOUR, end=FIRST + 2 * HOUR)
    sandbox.exchange.release(who, order=(1, 0))
    mailbox = sandbox.exchange.mailbox(who)
    assert mailbox.items("inbox")[-1].request_type == "Outdated"
    (entry,) = mailbox.calendar()
    assert entry.meeting is not None
    assert entry.meeting.start == FIRST + HOUR


def test_forwarding(sandbox: CheckedSandbox) -> None:
    """From the forwarder, the organizer's meeting; and the organizer hears of it."""
    master = schedule(
        sandbox, required=[BOB], recurrence=SeriesRecurrence.daily(count=3)
    )
    (invitation,) = sandbox.exchange.mailbox(BOB).inbox()
    sandbox.exchange.forward(invitation, BOB, to=[EQUIPMENT])
    (request,) = inbox(sandbox)
    assert request.subject == "FW: Weekly"
    assert request.author == MailboxUser("Bob Baker", BOB)
    assert request.meeting is not None
    assert master.meeting is not None
    assert request.meeting.goid == master.meeting.goid
    assert request.meeting.organizer.address == ALICE
    notice = sandbox.exchange.mailbox(ALICE).inbox()[0]
    assert notice.item_class == "IPM.Schedule.Meeting.Notification.Forward"
    sandbox.exchange.respond(request, MeetingAnswer.ACCEPT)
    assert sandbox.exchange.mailbox(ALICE).inbox()[0].subject == "Accepted: FW: Weekly"
    with pytest.raises(EwsError, match="ErrorCalendarForwardActionNotAllowed"):
        sandbox.exchange.forward(notice, BOB, to=[EQUIPMENT])


def test_a_delegate_organizes(sandbox: CheckedSandbox) -> None:
    """Sender is who sends it, From and organizer for whom; changes and cancellations
    keep to that."""
    meeting = schedule(sandbox, by=BOB)
    sandbox.exchange.update(meeting, body="<p>New</p>")
    sandbox.exchange.cancel(meeting)
    assert len(inbox(sandbox)) == 3
    for message in inbox(sandbox):
        asked = get_item(message.id, base="AllProperties")
        answer = sandbox.ask(SVC, asked, acting_as=EQUIPMENT)
        assert text(answer, ".//t:Sender//t:EmailAddress") == BOB
        assert text(answer, ".//t:From//t:EmailAddress") == ALICE
        assert message.meeting is not None
        assert message.meeting.organizer.address == ALICE


@pytest.mark.parametrize(
    ("alteration", "item_class", "body"),
    [
        (alterations.signed, ".SMIME.MultipartSigned", "Hello you"),
        (alterations.encrypted, ".SMIME", ""),
        (alterations.plain_text, "", "Hello you"),
        (alterations.without_body, "", ""),
    ],
)
def test_altered_messages(
    sandbox: CheckedSandbox,
    alteration: "alterations.Alteration",
    item_class: str,
    body: str,
) -> None:
    """The recipient's copy is another; the meeting and the sender's are the same."""
    with sandbox.exchange.on_the_way(alteration):
        meeting = schedule(sandbox)
    (request,) = inbox(sandbox)
    assert request.item_class == f"IPM.Schedule.Meeting.Request{item_class}"
    assert request.body.text == body
    assert request.meeting == meeting.meeting
    assert meeting.body.text == "Hello you"
    asked = get_item(request.id, base="AllProperties")
    assert sandbox.codes(SVC, asked, acting_as=EQUIPMENT) == ["NoError"]
    sandbox.exchange.update(meeting, subject="After")
    assert inbox(sandbox)[1].item_class == "IPM.Schedule.Meeting.Request"


def test_rights_managed_messages_say_so(sandbox: CheckedSandbox) -> None:
    """All that can be read is that it is protected."""
    with sandbox.exchange.on_the_way(alterations.rights_managed):
        schedule(sandbox)
    (request,) = inbox(sandbox)
    assert "protected" in request.body.text
    assert "Hello" not in request.body.html


def test_other_mail(sandbox: CheckedSandbox) -> None:
    """Out-of-office replies and their like are messages with a class of their own."""
    sandbox.exchange.send_message(
        ALICE,
        to=[EQUIPMENT],
        subject="Automatic reply",
        item_class="IPM.Note.Rules.OofTemplate.Microsoft",
    )
    (message,) = inbox(sandbox)
    assert message.item_class == "IPM.Note.Rules.OofTemplate.Microsoft"


def test_snapshots_from_before_still_load(sandbox: CheckedSandbox) -> None:
    """What has been added since is missing there."""
    schedule(sandbox)
    raw = sandbox.exchange.snapshot().decode()
    for name in ('"held":{}', '"last_sequence":0', '"exceptions":[]'):
        assert name in raw
        raw = raw.replace(f",{name}", "").replace(f"{name},", "")
    assert SandboxState.decode(raw.encode()).held == {}
    restored = Exchange.restore(raw.encode(), now=sandbox.exchange.now)
    assert len(restored.mailbox(EQUIPMENT).inbox()) == 1
