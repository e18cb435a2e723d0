"""The watcher tells every organizer once, whatever fails or dies on the way."""

import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

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
from pexschedd.model.meeting import (
    MeetingMessage,
    MessageRef,
    Person,
)
from pexschedd.model.outbox import PendingAnswer, TroubledMessage
from pexschedd.scheduling.admission import Admission, Open
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.decisions.organizer import NOT_THE_ORGANIZER
from pexschedd.scheduling.inbox.quarantine import PAUSES
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    Blame,
    Outcome,
    OutcomeKind,
    Unreadable,
)
from tests.conftest import Failures
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.process_support import (
    CONNECTOR,
    NOW,
    Crash,
    Process,
    Unsteady,
    calm,
    one_life,
    request,
    tag,
    turn,
)


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox()


@pytest_twisted.async_yield_fixture
async def process(tmp_path: Path, inbox: MemoryInbox) -> AsyncIterator[Process]:
    process = Process(tmp_path / "state", Unsteady(inbox, calm, page=7))
    await process.book(*(tag(n) for n in range(1, 21)))
    yield process
    await process.end()


@pytest_twisted.ensureDeferred
async def test_requests_become_rooms(process: Process, inbox: MemoryInbox) -> None:
    """Every waiting request is accepted and its room opens with the meeting."""
    for number in range(1, 21):
        inbox.deliver(request(number))
    await process.settle()
    assert not inbox.messages
    assert len(inbox.told) == 20
    assert {action for _, action, _ in inbox.told} == {Action.ACCEPT}
    assert process.store.count(tables.CONFERENCE) == 20
    assert process.store.count(tables.OUTBOX) == 0
    room = Admission(process.store, lambda: NOW + timedelta(hours=1)).ask("55507")
    assert isinstance(room, Open)
    assert room.conference.name == "Meeting 7 (Alice)"


@pytest_twisted.ensureDeferred
async def test_new_messages_are_found_while_running(
    process: Process, inbox: MemoryInbox
) -> None:
    """A message that arrives later is answered at the next look, or when woken."""
    await process.settle(2)
    inbox.deliver(request(1))
    await turn(process.store)
    assert not inbox.told
    process.watcher.wake()
    await turn(process.store)
    assert len(inbox.told) == 1
    inbox.deliver(request(2))
    process.clock.advance(CONNECTOR.poll_interval)
    await turn(process.store)
    assert len(inbox.told) == 2


@pytest_twisted.ensureDeferred
async def test_one_bad_message_does_not_stop_the_others(
    process: Process, inbox: MemoryInbox
) -> None:
    """What cannot be understood is declined with a correlation id; the rest goes on."""
    inbox.deliver(request(1))
    inbox.deliver(request(2, end=NOW - timedelta(days=1)))
    inbox.deliver(request(3))
    await process.settle(3)
    actions = {item: (action, body) for item, action, body in inbox.told}
    assert actions["item-1"][0] is actions["item-3"][0] is Action.ACCEPT
    action, body = actions["item-2"]
    assert action is Action.DECLINE
    assert "CorrelationID" in body
    assert "00000000-0000-4000-8000-" in body


class Damaged(MemoryMailbox):
    """The server cannot show one of its messages."""

    damaged = "item-1"

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        found = await super().fetch(refs)
        return [
            Unreadable(each.ref, "ErrorItemCorrupt")
            if each.ref.item_id == self.damaged
            else each
            for each in found
        ]


async def wait(process: Process, seconds: float) -> None:
    """Lets time pass, with a look every half minute."""
    for _ in range(int(seconds // 30) + 1):
        process.clock.advance(30)
        await turn(process.store)


def raised(process: Process) -> dict[str, str]:
    return {
        alarm.name: alarm.details
        for alarm in process.store.all(tables.ALARM)
        if alarm.time_lowered is None
    }


@pytest_twisted.ensureDeferred
async def test_what_nobody_can_read_takes_no_known_meeting_away(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """A message that cannot be read may be anybody's: if it names a meeting that is
    scheduled, its sender gets a reply, and the meeting is not declined."""
    mailbox = Damaged(inbox)
    mailbox.damaged = "forged"
    process = Process(tmp_path / "state", mailbox)
    await process.book(tag(1))
    inbox.deliver(request(1))
    await process.settle(1)
    (before,) = process.store.all(tables.SCHEDULED_CONFERENCE)
    ref = MessageRef("forged", uid=before.ews_item_uid)
    inbox.deliver(msgspec.structs.replace(request(1), ref=ref))
    process.watcher.wake()
    await turn(process.store)
    await wait(process, sum(PAUSES))
    item, action, body = inbox.told[-1]
    assert (item, action) == ("forged", Action.REPLY)
    assert "Nothing was changed" in body
    (record,) = process.store.all(tables.TROUBLED)
    assert f'CorrelationID="{record.correlation_id}"' in body
    assert list(process.store.all(tables.SCHEDULED_CONFERENCE)) == [before]
    await process.end()


@pytest_twisted.ensureDeferred
async def test_what_fails_of_a_colleague_takes_no_meeting_away(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """The last word about somebody else's meeting is a reply, the one about an own
    meeting a decline."""
    process = Process(tmp_path / "state", MemoryMailbox(inbox))
    await process.book(tag(1))
    alice = request(1)
    inbox.deliver(alice)
    await process.settle(1)
    bob = msgspec.structs.replace(alice, organizer=Person("Bob", "bob@example.test"))
    connector = process.store.get(tables.CONNECTOR, 1)
    assert connector is not None
    said = []
    for message in (alice, bob):
        change = process.store.transaction()
        process.handler.give_up(change, connector, message, "an id")
        said += [
            (each.new.action, each.new.body)
            for each in change.operations
            if isinstance(each.new, PendingAnswer)
        ]
        change.undo()
    assert [action for action, _ in said] == [Action.DECLINE, Action.REPLY]
    assert said[1][1] == NOT_THE_ORGANIZER
    await process.end()


@pytest_twisted.ensureDeferred
async def test_what_fails_among_the_deleted_items_is_answered_where_there_is_a_room(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """A hidden message that cannot be read says something only if its meeting is
    scheduled here; one in the inbox always does."""
    process = Process(tmp_path / "state", MemoryMailbox(inbox))
    await process.book(tag(1))
    inbox.deliver(request(1))
    await process.settle(1)
    connector = process.store.get(tables.CONNECTOR, 1)
    assert connector is not None
    known, unknown = MessageRef("a", uid=request(1).uid), MessageRef("b", uid="0400B")
    said = []
    for ref, hidden in ((known, True), (unknown, True), (unknown, False)):
        change = process.store.transaction()
        message = Unreadable(ref, "damaged", hidden=hidden)
        process.handler.give_up(change, connector, message, "an id")
        said.append(
            [
                each.new.action
                for each in change.operations
                if isinstance(each.new, PendingAnswer)
            ]
        )
        change.undo()
    assert said == [[Action.REPLY], [], [Action.DECLINE]]
    await process.end()


@pytest_twisted.ensureDeferred
async def test_a_request_that_the_server_cannot_show_is_set_aside(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """Three tries, minutes apart; then the organizer is told, and an administrator,
    under the same correlation id. Nobody else waits for that."""
    process = Process(tmp_path / "state", Damaged(inbox))
    await process.book(tag(2))
    inbox.deliver(request(1))
    inbox.deliver(request(2))
    await process.settle(1)
    assert [(item, action) for item, action, _ in inbox.told] == [
        ("item-2", Action.ACCEPT)
    ]
    (record,) = process.store.all(tables.TROUBLED)
    assert (record.attempts, record.set_aside_time) == (1, None)
    await wait(process, PAUSES[0])
    (record,) = process.store.all(tables.TROUBLED)
    assert record.attempts == 2
    assert not raised(process)
    await wait(process, PAUSES[1])
    _, (_, action, body) = inbox.told
    assert action is Action.DECLINE
    (record,) = process.store.all(tables.TROUBLED)
    assert record.set_aside_time is not None
    assert f'CorrelationID="{record.correlation_id}"' in body
    assert record.correlation_id in raised(process)[names.SET_ASIDE]
    change = process.store.transaction()
    change.delete(tables.TROUBLED, record.id)
    await change.commit()
    await wait(process, 1)
    assert not raised(process)
    await process.end()


@pytest_twisted.ensureDeferred
async def test_a_message_that_can_be_shown_after_all_is_in_no_trouble(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """One failure is forgotten when the next try works; so is what is taken away."""
    mailbox = Damaged(inbox)
    process = Process(tmp_path / "state", mailbox)
    await process.book(tag(1))
    inbox.deliver(request(1))
    await process.settle(1)
    mailbox.damaged = ""
    await wait(process, PAUSES[0])
    assert [action for _, action, _ in inbox.told] == [Action.ACCEPT]
    assert not list(process.store.all(tables.TROUBLED))
    mailbox.damaged = "item-2"
    inbox.deliver(request(2))
    await wait(process, 1)
    assert len(list(process.store.all(tables.TROUBLED))) == 1
    del inbox.messages["item-2"]
    await wait(process, PAUSES[0])
    assert not list(process.store.all(tables.TROUBLED))
    await process.end()


@pytest_twisted.ensureDeferred
async def test_tries_are_counted_over_restarts(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """Three lives with one try each are three tries; a fourth makes none."""
    inbox.deliver(request(1))
    for life in range(1, 5):
        process = Process(tmp_path / "state", Damaged(inbox))
        await process.book()
        process.watcher.start()
        await turn(process.store)
        (record,) = process.store.all(tables.TROUBLED)
        assert record.attempts == min(life, 3)
        await process.end()
    assert [action for _, action, _ in inbox.told] == [Action.DECLINE]


@pytest.mark.parametrize("reason", ["It was strange.", "It was strange"])
@pytest_twisted.ensureDeferred
async def test_what_was_set_aside_is_forgotten_after_a_week(
    process: Process, reason: str
) -> None:
    """The alarm names the last one and how many, in sentences, and goes with the last
    record."""
    change = process.store.transaction()
    for days in (8, 6, 1):
        at = NOW - timedelta(days=days)
        change.put(
            tables.TROUBLED,
            TroubledMessage(
                id=days,
                exchange_connector=1,
                item_id=f"item-{days}",
                correlation_id=f"correlation-{days}",
                reason=reason,
                attempts=3,
                first_time=at,
                last_time=at,
                set_aside_time=at,
            ),
        )
    await change.commit()
    await process.settle(1)
    assert [each.id for each in process.store.all(tables.TROUBLED)] == [1, 6]
    details = raised(process)[names.SET_ASIDE]
    assert "set aside: 2." in details
    assert "correlation-1: It was strange. The status" in details


@pytest_twisted.ensureDeferred
async def test_an_internal_error_is_one_messages_alone(
    process: Process, inbox: MemoryInbox, logged_failures: Failures
) -> None:
    """Its batch goes on; it is tried three times and declined, with a record."""
    handle = process.handler.handle

    def explode(
        transaction: Any, connector: Any, message: Any, *, may_wait: bool
    ) -> str:
        why = handle(transaction, connector, message, may_wait=may_wait)
        if message.ref.item_id == "item-2":
            raise RuntimeError("nobody foresaw this")
        return why

    process.handler.handle = explode  # type: ignore[method-assign,assignment]
    for number in (1, 2, 3):
        inbox.deliver(request(number))
    await process.settle(1)
    assert sorted(item for item, _, _ in inbox.told) == ["item-1", "item-3"]
    assert process.store.count(tables.CONFERENCE) == 2
    await wait(process, sum(PAUSES))
    assert inbox.told[-1][:2] == ("item-2", Action.DECLINE)
    assert process.store.count(tables.CONFERENCE) == 2
    assert len(logged_failures) == 3
    assert names.INTERNAL not in raised(process)
    logged_failures.clear()


@pytest_twisted.ensureDeferred
async def test_an_answer_that_fails_by_itself_is_set_aside(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """After three tries, minutes apart, the organizer is told the general error."""

    class Stumbling(MemoryMailbox):
        def _answer(self, answer: Answer) -> Outcome:
            if answer.ref.item_id == "item-1" and answer.action is Action.ACCEPT:
                self.inbox.tried.append((answer.ref.item_id, answer.action, ""))
                return Outcome(OutcomeKind.RETRY, "ErrorItemSave", blame=Blame.MESSAGE)
            return super()._answer(answer)

    process = Process(tmp_path / "state", Stumbling(inbox))
    await process.book(tag(1), tag(2))
    inbox.deliver(request(1))
    inbox.deliver(request(2))
    await process.settle(1)
    await wait(process, sum(PAUSES))
    tried = [action for item, action, _ in inbox.tried if item == "item-1"]
    assert tried == [Action.ACCEPT] * 3 + [Action.DECLINE]
    assert inbox.told[0][:2] == ("item-2", Action.ACCEPT)
    assert not inbox.messages
    (record,) = process.store.all(tables.TROUBLED)
    assert record.reason == (
        "Exchange refused to accept a meeting request: ErrorItemSave"
    )
    assert list(raised(process)) == [names.SET_ASIDE]
    await process.end()


@pytest_twisted.ensureDeferred
async def test_only_what_may_have_been_told_is_unsure(
    tmp_path: Path, inbox: MemoryInbox
) -> None:
    """After a lost answer and after a restart the mailbox is told to look first."""
    unsure: list[tuple[str, bool]] = []
    trouble = [MailboxUnreachable("Connection lost.")]

    class Asked(MemoryMailbox):
        async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
            unsure.extend((each.ref.item_id, each.unsure) for each in answers)
            if trouble:
                raise trouble[0]
            return await super().answer(answers)

    process = Process(tmp_path / "state", Asked(inbox))
    await process.book(tag(1), tag(2))
    inbox.deliver(request(1))
    await process.settle(1)
    assert unsure[:2] == [("item-1", False), ("item-1", True)]
    await process.end()
    unsure.clear()
    trouble.clear()
    process = Process(tmp_path / "state", Asked(inbox))
    inbox.deliver(request(2))
    await process.settle(1)
    await process.end()
    assert unsure == [("item-1", True), ("item-2", False)]


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
async def test_the_servers_pause_is_kept(tmp_path: Path, inbox: MemoryInbox) -> None:
    """Neither a wake-up nor news ends it; when it is over, the next look follows."""
    calls: list[float] = []
    busy: list[MailboxError] = [MailboxBusy("Not now.", retry_after=200)]

    def disturb(call: str, when: str) -> None:
        if (call, when) == ("changes", "before"):
            calls.append(process.clock.seconds())
            if busy:
                raise busy[0]

    process = Process(tmp_path / "state", Unsteady(inbox, disturb))
    await process.book()
    process.watcher.start()
    await turn(process.store)
    for _ in range(3):
        process.watcher.wake()
        process.watcher.arrived()
        process.clock.advance(60)
        await turn(process.store)
    assert calls == [0]
    busy.clear()
    process.clock.advance(20)
    await turn(process.store)
    assert calls == [0, 200]
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
async def test_a_lost_cursor_starts_over_without_answering_twice(
    process: Process, inbox: MemoryInbox
) -> None:
    """When Exchange has forgotten the cursor, the inbox is read again."""
    inbox.deliver(request(1))
    await process.settle(2)
    process.watcher._reader._cursor = "forgotten"
    inbox.deliver(request(2))
    for _ in range(10):
        process.clock.advance(1)
        await turn(process.store)
    assert [item for item, _, _ in inbox.told] == ["item-1", "item-2"]


def points() -> list[tuple[str, str, int]]:
    """Every place where a life with two pages of three requests can be disturbed."""
    return [
        (call, when, nth)
        for call in ("changes", "fetch", "answer")
        for when in ("before", "after")
        for nth in (1, 2)
    ]


@pytest.mark.parametrize("crash", [True, False], ids=["killed", "connection lost"])
@pytest.mark.parametrize(("call", "when", "nth"), points())
@pytest_twisted.ensureDeferred
async def test_disturbed_anywhere_nothing_is_lost_or_said_twice(
    tmp_path: Path, inbox: MemoryInbox, call: str, when: str, nth: int, crash: bool
) -> None:
    """Killed or cut off at any call: each request is told once, in the same words."""
    left = nth

    def disturb(called: str, at: str) -> None:
        nonlocal left
        if (called, at) == (call, when):
            left -= 1
            if left == 0:
                raise Crash if crash else MailboxUnreachable("Connection lost.")

    first = Process(tmp_path / "first", Unsteady(inbox, disturb, page=3), batch_size=3)
    await first.book(*(tag(n) for n in range(1, 6)))
    for number in range(1, 6):
        inbox.deliver(request(number))
    inbox.deliver(request(6, text="no tag at all"))
    folder = tmp_path / "first"
    if crash:
        # What is on the disk at that moment is all that the next life gets.
        folder = tmp_path / "second"
        with pytest.raises(Crash):
            await one_life(first)
        shutil.copytree(tmp_path / "first", folder)
        await first.store.close()
        last = Process(folder, MemoryMailbox(inbox, page=3), batch_size=3)
    else:
        last = first
    await last.settle(12)
    await last.end()

    assert not inbox.messages
    assert sorted(item for item, _, _ in inbox.told) == [
        f"item-{n}" for n in range(1, 7)
    ]
    said: dict[str, set[tuple[Action, str]]] = {}
    for item, action, body in inbox.tried:
        said.setdefault(item, set()).add((action, body))
    assert all(len(words) == 1 for words in said.values()), said


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
