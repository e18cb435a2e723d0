"""Troubled messages: tried again minutes apart, then set aside with an answer."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted

from pexschedd.model import tables
from pexschedd.model.meeting import MeetingMessage, MessageRef, Person
from pexschedd.model.outbox import PendingAnswer, TroubledMessage
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
    NOW,
    Process,
    raised,
    request,
    tag,
    turn,
    wait,
)


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
