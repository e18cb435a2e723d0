"""Alarms about a mailbox: raised by what it refuses, lowered when that is over."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import pytest_twisted

from pexschedd.errors import (
    ImpersonationRefused,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    MailboxUntrusted,
    SignInNeeded,
    SignInRefused,
)
from pexschedd.model import tables
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.ports.mailbox import Action, Answer, Outcome, OutcomeKind
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    NOW,
    Process,
    Unsteady,
    raised,
    request,
    tag,
    turn,
    wait,
)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (MailboxUnreachable("Nothing answers."), names.UNREACHABLE),
        (MailboxUntrusted("Not believed."), names.CERTIFICATE),
        (SignInRefused("Wrong password."), names.SIGN_IN),
        (SignInNeeded("Somebody has to sign in."), names.SIGN_IN_NEEDED),
        (ImpersonationRefused("No role."), names.IMPERSONATION),
        (MailboxRefused("No such mailbox."), names.REFUSED),
    ],
)
@pytest_twisted.ensureDeferred
async def test_each_trouble_has_its_alarm(
    tmp_path: Path, inbox: MemoryInbox, error: MailboxError, name: str
) -> None:
    """It replaces whatever was raised before, and goes when a look works."""
    trouble: list[MailboxError] = [MailboxUntrusted("?"), error]

    def disturb(call: str, when: str) -> None:
        if trouble:
            raise trouble[0]

    process = Process(tmp_path / "state", Unsteady(inbox, disturb))
    await process.book()
    await process.settle(1)
    assert raised(process) == {names.CERTIFICATE: "?"}
    trouble.pop(0)
    process.clock.advance(600)
    await turn(process.store)
    assert raised(process) == {name: error.message}
    trouble.clear()
    process.clock.advance(600)
    await turn(process.store)
    assert not raised(process)
    await process.end()


@pytest_twisted.ensureDeferred
async def test_busy_for_long_is_an_alarm(tmp_path: Path, inbox: MemoryInbox) -> None:
    """Ten minutes are nobody's business; more are. Its end ends the alarm."""
    busy = [MailboxBusy("Not now.", retry_after=60)]

    def disturb(call: str, when: str) -> None:
        if busy:
            raise busy[0]

    process = Process(tmp_path / "state", Unsteady(inbox, disturb))
    await process.book()
    process.watcher.start()
    await turn(process.store)
    await wait(process, 540)
    assert not raised(process)
    await wait(process, 120)
    assert "Not now." in raised(process)[names.THROTTLED]
    assert len(raised(process)) == 1
    busy.clear()
    await wait(process, 60)
    assert not raised(process)
    await process.end()


@pytest_twisted.ensureDeferred
async def test_who_waits_for_long_is_noticed(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """An answer that cannot be told for ten minutes is an alarm of its own."""
    busy = [MailboxBusy("Not now.", retry_after=60)]

    def disturb(call: str, when: str) -> None:
        if busy and call == "answer":
            raise busy[0]

    process = Process(tmp_path / "state", Unsteady(inbox, disturb))
    await process.book(tag(1))
    inbox.deliver(request(1))
    process.watcher.start()
    await turn(process.store)
    (pending,) = process.store.all(tables.OUTBOX)
    await wait(process, 120)
    assert not raised(process)
    change = process.store.transaction()
    change.put(
        tables.OUTBOX,
        msgspec.structs.replace(pending, created=NOW - timedelta(minutes=11)),
    )
    await change.commit()
    await wait(process, 120)
    assert list(raised(process)) == [names.QUEUE]
    busy.clear()
    await wait(process, 120)
    assert not raised(process)
    await process.end()


@pytest_twisted.ensureDeferred
async def test_trouble_raises_an_alarm_that_is_lowered_when_it_is_over(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """The alarm says what the error said; a look that works lowers it."""
    trouble: list[Exception] = [
        MailboxRefused("Exchange refused the password of svc."),
        MailboxUnreachable("Nothing answers."),
    ]

    def disturb(call: str, when: str) -> None:
        if trouble and call == "changes":
            raise trouble[0]

    process = Process(tmp_path / "state", Unsteady(inbox, disturb))
    await process.book(tag(1))
    inbox.deliver(request(1))
    await process.settle(1)
    alarms = [a for a in process.store.all(tables.ALARM) if a.time_lowered is None]
    assert [(a.instance, a.details) for a in alarms] == [
        ("Head office", "Exchange refused the password of svc.")
    ]
    del trouble[0]
    process.clock.advance(1000)
    await turn(process.store)
    (alarm,) = (a for a in process.store.all(tables.ALARM) if a.time_lowered is None)
    assert alarm.details == "Nothing answers."
    trouble.clear()
    process.clock.advance(1000)
    await turn(process.store)
    await turn(process.store)
    assert all(a.time_lowered for a in process.store.all(tables.ALARM))
    assert len(inbox.told) == 1
    await process.end()


@pytest_twisted.ensureDeferred
async def test_a_refused_answer_is_an_alarm_until_one_is_taken(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """The organizer is told the general error; the next good answer ends the alarm."""

    class Refusing(MemoryMailbox):
        def _answer(self, answer: Answer) -> Outcome:
            if answer.ref.item_id == "item-1" and answer.action is Action.ACCEPT:
                return Outcome(OutcomeKind.FAILED, "ErrorSomething")
            return super()._answer(answer)

    process = Process(tmp_path / "state", Refusing(inbox))
    await process.book(tag(1), tag(2))
    inbox.deliver(request(1))
    await process.settle(3)
    alarms = [a for a in process.store.all(tables.ALARM) if a.time_lowered is None]
    assert [alarm.name for alarm in alarms] == ["scheduling_answer_failed"]
    ((item, action, body),) = inbox.told
    assert (item, action) == ("item-1", Action.DECLINE)
    assert "CorrelationID" in body
    inbox.deliver(request(2))
    process.watcher.wake()
    await turn(process.store)
    assert inbox.told[-1][1] is Action.ACCEPT
    assert all(a.time_lowered for a in process.store.all(tables.ALARM))
    await process.end()
