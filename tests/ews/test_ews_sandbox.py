"""The mailbox against the sandbox Exchange, over real sockets."""

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest
import pytest_twisted
from twisted.logger import capturedLogs, formatEvent

from pexschedd.errors import (
    CursorLost,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
)
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    DirectoryEntry,
    OutcomeKind,
)
from tests.ews.ews_exchange import ALICE, EQUIPMENT, HOUR, Exchange, waiting


@pytest_twisted.ensureDeferred
async def test_a_meeting_from_invitation_to_cancellation(exchange: Exchange) -> None:
    """Invited, read, accepted, told; cancelled, removed, told; and once only."""
    mailbox = exchange.mailbox()
    await mailbox.check()
    item = exchange.invite("Sprint <review>", "<p>PXPS:-1#</p>")
    changes = await mailbox.arrivals("")
    assert not changes.more
    (message,) = await mailbox.fetch(changes.arrived)
    assert isinstance(message, MeetingMessage)
    assert message.kind is MessageKind.REQUEST
    assert message.subject == "Sprint <review>"
    assert "PXPS:-1#" in message.html
    assert "PXPS:-1#" in message.text
    assert message.organizer.email == ALICE
    assert message.organizer.name
    assert message.received == exchange.moment
    assert message.start == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert message.end == message.start + HOUR / 2
    assert message.zone == "Europe/Berlin"
    assert message.uid.startswith("040000008200E00074C5B7101A82E008")
    assert not message.is_series
    assert message.recurrence_id is None
    assert message.changed is not None

    accept = Answer(message.ref, Action.ACCEPT, "<p>Room <b>1</b> &amp; more\0</p>")
    (outcome,) = await mailbox.answer([accept])
    assert outcome.kind is OutcomeKind.DONE
    assert exchange.folder(EQUIPMENT, "inbox") == []
    assert exchange.folder(EQUIPMENT, "calendar") == ["IPM.Appointment"]
    assert "IPM.Schedule.Meeting.Resp.Pos" in exchange.folder(ALICE, "inbox")
    (outcome,) = await mailbox.answer([accept])
    assert outcome.kind is OutcomeKind.GONE

    exchange.cancel(item)
    (cancellation,) = await waiting(mailbox, changes.cursor)
    assert cancellation.kind is MessageKind.CANCELLATION
    assert cancellation.uid == message.uid
    remove = Answer(cancellation.ref, Action.REMOVE)
    assert [o.kind for o in await mailbox.answer([remove])] == [OutcomeKind.DONE]
    assert exchange.folder(EQUIPMENT, "inbox") == []
    assert exchange.folder(EQUIPMENT, "calendar") == []
    assert [o.kind for o in await mailbox.answer([remove])] == [OutcomeKind.GONE]


@pytest_twisted.ensureDeferred
async def test_decline_and_discard(exchange: Exchange) -> None:
    """A declined organizer hears of it, a discarded one does not; repeats are gone."""
    mailbox = exchange.mailbox()
    exchange.invite("no")
    exchange.invite("spam")
    declined, discarded = await waiting(mailbox)
    assert (declined.subject, discarded.subject) == ("no", "spam")
    both = [
        Answer(declined.ref, Action.DECLINE, "<p>Sorry.</p>"),
        Answer(discarded.ref, Action.DISCARD),
    ]
    assert [o.kind for o in await mailbox.answer(both)] == [OutcomeKind.DONE] * 2
    assert exchange.folder(EQUIPMENT, "inbox") == []
    assert exchange.folder(ALICE, "inbox") == ["IPM.Schedule.Meeting.Resp.Neg"]
    assert [o.kind for o in await mailbox.answer(both)] == [OutcomeKind.GONE] * 2


@pytest_twisted.ensureDeferred
async def test_a_cancellation_of_what_was_never_accepted(exchange: Exchange) -> None:
    """There is nothing in the calendar; the message goes all the same."""
    mailbox = exchange.mailbox()
    item = exchange.invite()
    exchange.cancel(item)
    requested, cancelled = await waiting(mailbox)
    assert cancelled.kind is MessageKind.CANCELLATION
    both = [
        Answer(requested.ref, Action.DISCARD),
        Answer(cancelled.ref, Action.REMOVE),
    ]
    assert [o.kind for o in await mailbox.answer(both)] == [OutcomeKind.DONE] * 2
    assert exchange.folder(EQUIPMENT, "inbox") == []


@pytest_twisted.ensureDeferred
async def test_changes_go_on_from_the_cursor(exchange: Exchange) -> None:
    """Only what is new comes after a cursor; a bad cursor is lost."""
    mailbox = exchange.mailbox()
    exchange.invite("one")
    first = await mailbox.arrivals("")
    exchange.invite("two")
    second = await mailbox.arrivals(first.cursor)
    assert len(first.arrived) == len(second.arrived) == 1
    assert first.arrived != second.arrived
    assert (await mailbox.arrivals(second.cursor)).arrived == ()
    with pytest.raises(CursorLost):
        await mailbox.arrivals("nonsense")


@pytest_twisted.ensureDeferred
async def test_wrong_password(exchange: Exchange) -> None:
    """A wrong password is refused in words that name the account and the host."""
    with pytest.raises(MailboxRefused) as caught:
        await exchange.mailbox(password="wrong").check()
    assert "svc@example.test" in caught.value.message
    assert "127.0.0.1" in caught.value.message
    assert "wrong" not in caught.value.message.replace("is wrong", "")


@pytest_twisted.ensureDeferred
async def test_impersonation_denied(exchange: Exchange) -> None:
    """An account without the role is refused in words that name role and mailbox."""
    with pytest.raises(MailboxRefused) as caught:
        await exchange.mailbox(username=ALICE, password="alice").check()
    assert "ApplicationImpersonation" in caught.value.message
    assert EQUIPMENT in caught.value.message


@pytest_twisted.ensureDeferred
async def test_no_such_mailbox(exchange: Exchange) -> None:
    """An address that nobody has is refused and named."""
    with pytest.raises(MailboxRefused) as caught:
        await exchange.mailbox(mailbox="nobody@example.test").check()
    assert "nobody@example.test" in caught.value.message


@pytest.mark.parametrize(
    ("fault", "error", "pause"),
    [
        ({"kind": "ErrorServerBusy", "back_off_ms": 4000}, MailboxBusy, 4.0),
        ({"kind": "http-503", "retry_after_s": 7}, MailboxBusy, 7.0),
        ({"kind": "http-401"}, MailboxRefused, None),
        ({"kind": "http-404"}, MailboxRefused, None),
        ({"kind": "http-500"}, MailboxUnreachable, None),
        ({"kind": "ErrorInternalServerError"}, MailboxBusy, None),
        (
            {"kind": "ErrorInternalServerError", "inner": "ErrorServerBusy"},
            MailboxBusy,
            None,
        ),
        ({"kind": "garbage"}, MailboxUnreachable, None),
        ({"kind": "truncate"}, MailboxUnreachable, None),
        ({"kind": "login-page"}, MailboxUnreachable, None),
        ({"kind": "reset", "times": 2}, MailboxUnreachable, None),
    ],
)
@pytest_twisted.ensureDeferred
async def test_faults(
    exchange: Exchange,
    fault: dict[str, Any],
    error: type[Exception],
    pause: float | None,
) -> None:
    """Each way to fail is the right error, once; then all is well again."""
    mailbox = exchange.mailbox()
    exchange.misbehave(**fault)
    with pytest.raises(error) as caught:
        await mailbox.arrivals("")
    assert caught.value.retry_after == pause  # type: ignore[attr-defined]
    assert (await mailbox.arrivals("")).arrived == ()


@pytest_twisted.ensureDeferred
async def test_a_reset_read_is_repeated(exchange: Exchange) -> None:
    """One connection that is reset costs a reading call nothing."""
    mailbox = exchange.mailbox()
    exchange.misbehave(kind="reset")
    assert (await mailbox.arrivals("")).arrived == ()


@pytest_twisted.ensureDeferred
async def test_a_hanging_server(exchange: Exchange) -> None:
    """A server that does not answer ends at the deadline."""
    mailbox = exchange.mailbox(limits=ConnectionLimits(deadline=0.2))
    exchange.misbehave(kind="hang")
    with pytest.raises(MailboxUnreachable, match=r"0\.2 seconds"):
        await mailbox.check()


@pytest_twisted.ensureDeferred
async def test_an_answer_whose_echo_was_lost(exchange: Exchange) -> None:
    """Done, but the connection died: it is not done twice, and a repeat says gone."""
    mailbox = exchange.mailbox()
    exchange.invite()
    (message,) = await waiting(mailbox)
    exchange.misbehave(kind="reset", operation="CreateItem", after=True)
    accept = [Answer(message.ref, Action.ACCEPT)]
    assert [o.kind for o in await mailbox.answer(accept)] == [OutcomeKind.RETRY]
    assert [o.kind for o in await mailbox.answer(accept)] == [OutcomeKind.GONE]
    assert exchange.folder(ALICE, "inbox") == ["IPM.Schedule.Meeting.Resp.Pos"]


@pytest_twisted.ensureDeferred
async def test_trouble_with_one_of_several(exchange: Exchange) -> None:
    """The others are answered; that one is to be tried again, and then is done."""
    mailbox = exchange.mailbox()
    for name in ("a", "b", "c"):
        exchange.invite(name)
    messages = await waiting(mailbox)
    exchange.misbehave(
        kind="ErrorMailboxStoreUnavailable", operation="CreateItem", item=True, index=1
    )
    accepts = [Answer(message.ref, Action.ACCEPT) for message in messages]
    kinds = [o.kind for o in await mailbox.answer(accepts)]
    assert kinds == [OutcomeKind.DONE, OutcomeKind.RETRY, OutcomeKind.DONE]
    kinds = [o.kind for o in await mailbox.answer(accepts)]
    assert kinds == [OutcomeKind.GONE, OutcomeKind.DONE, OutcomeKind.GONE]


@pytest_twisted.ensureDeferred
async def test_hostile_bodies_come_through(exchange: Exchange) -> None:
    """Long, strange and markup-like bodies arrive as text, not as XML."""
    hostile = "]]>" + escape("<a&b>") + "\u00e9\U0001f600\u200b" + "x" * 300_000
    exchange.invite("x", hostile)
    (message,) = await waiting(exchange.mailbox())
    assert "x" * 300_000 in "".join(message.html.split())  # Exchange wraps lines
    assert "\U0001f600" in message.html


@pytest_twisted.ensureDeferred
async def test_few_calls_for_many_messages(exchange: Exchange) -> None:
    """Draining 600 requests takes less than 0.15 calls for each."""
    count = 600
    for number in range(count):
        exchange.invite(f"m{number}")
    exchange.sandbox.calls.clear()
    mailbox = exchange.mailbox()
    refs: list[MessageRef] = []
    cursor, more = "", True
    while more:
        page = await mailbox.arrivals(cursor)
        cursor, more = page.cursor, page.more
        refs += page.arrived
    messages = await mailbox.fetch(refs)
    assert len(messages) == count
    received = [m.received for m in messages if isinstance(m, MeetingMessage)]
    assert received == sorted(received)
    outcomes = await mailbox.answer([Answer(m.ref, Action.ACCEPT) for m in messages])
    assert {o.kind for o in outcomes} == {OutcomeKind.DONE}
    assert exchange.folder(EQUIPMENT, "inbox") == []
    assert exchange.sandbox.calls.total() / count <= 0.15
    assert exchange.sandbox.calls["SyncFolderItems"] == 2


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"kind": "ErrorServerBusy"}, "ErrorServerBusy", 500),
        ({"kind": "http-503"}, "none", 503),
        ({"kind": "login-page"}, "not SOAP", 200),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_log_says_what_was_refused(
    exchange: Exchange, fault: dict[str, Any], code: str, status: int
) -> None:
    """Operation, response code, mailbox and integration, whoever's calendar it is."""
    exchange.misbehave(operation="FindItem", times=None, **fault)
    organizers = exchange.organizers(integration=7)
    with capturedLogs() as events:
        for call in (
            exchange.mailbox(integration=7).calendar(),
            organizers.find(ALICE, "uid"),
        ):
            with pytest.raises(MailboxError):
                await call
    said = [formatEvent(each) or "" for each in events]
    for mailbox in (EQUIPMENT, ALICE):
        begin = (
            f"server refused FindItem code={code} mailbox={mailbox} integration=7 "
            f"host=127.0.0.1:"
        )
        (line,) = [each for each in said if each.startswith(begin)]
        assert f" status={status} request_id=" in line


@pytest_twisted.ensureDeferred
async def test_whose_item_it_is(exchange: Exchange) -> None:
    """An item tells its meeting's UID in its own calendar, and in no other one."""
    organizers = exchange.organizers()
    item = exchange.invite()
    (request,) = await waiting(exchange.mailbox())
    assert await organizers.item_uid(ALICE, item.item_id) == request.uid
    assert await organizers.item_uid("bob@example.test", item.item_id) == ""
    exchange.cancel(item)
    assert await organizers.item_uid(ALICE, item.item_id) == ""
    with pytest.raises(MailboxError):
        await organizers.item_uid(ALICE, "bm8gaXRlbQ==")


@pytest_twisted.ensureDeferred
async def test_all_addresses_of_a_mailbox(exchange: Exchange) -> None:
    """The directory tells them by any of them, the primary one first."""
    mailbox = exchange.mailbox()
    account = exchange.sandbox.exchange.mailbox(EQUIPMENT).account
    found = await mailbox.entry(EQUIPMENT.upper())
    assert found == DirectoryEntry(account.name, EQUIPMENT, (EQUIPMENT,))
    assert await mailbox.entry("nobody@example.test") is None
