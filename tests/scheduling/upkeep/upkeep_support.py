"""An equipment mailbox to look after, and organizers' calendars, in memory; and a store
with the parts that look after them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from twisted.internet import reactor
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from pexschedd.errors import MailboxRefused, StoreError
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.fields.declaration import Record
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import (
    CalendarMeeting,
    MeetingMessage,
    MessageKind,
    MessageRef,
    Person,
)
from pexschedd.model.table import R, Table
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.inbox.message_handler import MessageHandler
from pexschedd.scheduling.ports.mailbox import Outcome, OutcomeKind, RewriteKind
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.scheduling.upkeep.audit_runner import AuditRunner
from pexschedd.scheduling.upkeep.meeting_recovery import MeetingRecovery
from pexschedd.scheduling.upkeep.recovery import RecoveryRunner
from pexschedd.scheduling.upkeep.restore_room import RoomRestorer
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CONNECTOR = Connector(
    id=1,
    uuid="c0000000-0000-4000-8000-000000000001",
    name="Head office",
    addin_server_domain="pex.example.test",
    scheduled_alias_prefix="555",
    scheduled_alias_domain="example.test",
    room_mailbox_email_address="equipment@example.test",
    url="https://mail.example.test/EWS/Exchange.asmx",
)
ALICE = Person("Alice", "alice@example.test")


def tag(number: int) -> str:
    return f"2f6e8c1a-7a55-4f65-9a10-{number:012}"


def meeting(number: int, **changes: Any) -> CalendarMeeting:
    """An accepted meeting in an hour; its invitation names alias and tag."""
    made = CalendarMeeting(
        ref=MessageRef(f"item-{number}", "key"),
        uid=f"0400{number:04}",
        start=NOW + HOUR,
        end=NOW + 2 * HOUR,
        subject=f"Secret {number}",
        organizer=ALICE,
        html=f"<p>Dial {numeric(number)}@example.test<br>PXPS:-{tag(number)}#</p>",
        accepted=True,
    )
    return msgspec.structs.replace(made, **changes)


def numeric(number: int) -> str:
    return f"555{number:06}"


def alias(number: int, **changes: Any) -> ScheduledAlias:
    made = ScheduledAlias(
        id=number,
        uuid=tag(number),
        alias=f"{numeric(number)}@example.test",
        numeric_alias=numeric(number),
        alias_number=number,
        exchange_connector=1,
        creation_time=NOW - HOUR,
    )
    return msgspec.structs.replace(made, **changes)


class MemoryUpkeepMailbox:
    """See `MailboxKeeping`."""

    def __init__(self, *meetings: CalendarMeeting, page: int = 2) -> None:
        self.meetings = {m.ref.item_id: m for m in meetings}
        self.messages: dict[str, MeetingMessage] = {}
        self.automatic: bool | None = False
        self.answered_uids: list[str] = []
        """The meetings whose requests lie answered where Exchange leaves its own."""
        self.page = page
        self.stubborn: dict[str, list[OutcomeKind]] = {}
        """What deleting an item leads to, the first times."""
        self.deletes = 0

    async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
        at = int(cursor or 0)
        every = list(self.meetings.values())
        more = at + self.page < len(every)
        return every[at : at + self.page], str(at + self.page) if more else ""

    async def processes_automatically(
        self, is_known: Callable[[str], bool] = lambda _: False
    ) -> bool | None:
        if self.answered_uids:
            return any(not is_known(each) for each in self.answered_uids) or None
        return self.automatic

    async def inbox(
        self, received_before: datetime, cursor: str = ""
    ) -> tuple[list[MeetingMessage], str]:
        at = int(cursor or 0)
        every = [m for m in self.messages.values() if m.received < received_before]
        more = at + self.page < len(every)
        return every[at : at + self.page], str(at + self.page) if more else ""

    async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
        self.deletes += 1
        return [self._delete(ref.item_id) for ref in refs]

    def _delete(self, item_id: str) -> Outcome:
        stubborn = self.stubborn.get(item_id)
        if stubborn:
            return Outcome(stubborn.pop(0), "not now")
        here = self.meetings.pop(item_id, None) or self.messages.pop(item_id, None)
        return Outcome(OutcomeKind.DONE if here else OutcomeKind.GONE)

    def receive(self, number: int, kind: MessageKind, received: datetime) -> None:
        item_id = f"message-{number}"
        self.messages[item_id] = MeetingMessage(
            ref=MessageRef(item_id), kind=kind, received=received
        )


class MemoryOrganizers:
    """See `OrganizersCalendars`."""

    def __init__(self, *meetings: CalendarMeeting) -> None:
        self.meetings = {m.uid: m for m in meetings}
        self.refused = False
        self.outcomes: list[RewriteKind] = []
        """What rewriting leads to, the first times."""
        self.sent: list[str] = []
        """The bodies of invitations that were sent again."""
        self.asked: list[tuple[str, datetime | None]] = []
        """The meetings that were looked for: uid and known start."""

    async def find(
        self,
        address: str,
        uid: str,
        recurrence_id: datetime | None = None,
        *,
        start: datetime | None = None,
    ) -> CalendarMeeting | None:
        if self.refused:
            raise MailboxRefused(f"The service account may not act for {address}.")
        self.asked.append((uid, start))
        return self.meetings.get(uid)

    async def close(self) -> None:
        pass

    async def rewrite(
        self, address: str, ref: MessageRef, html: str
    ) -> tuple[RewriteKind, str]:
        if self.outcomes:
            return self.outcomes.pop(0), "for a reason"
        own = next(m for m in self.meetings.values() if m.ref.item_id == ref.item_id)
        if own.ref != ref:
            return RewriteKind.CHANGED, ""
        kind = "html" if own.html else "text"
        newer = MessageRef(ref.item_id, ref.change_key + "+")
        new = msgspec.structs.replace(own, ref=newer, **{kind: html})
        self.meetings[own.uid] = new
        self.sent.append(html)
        return RewriteKind.DONE, ""


class Notes:
    """What is said while the work goes on."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int | None]] = []

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        self.steps.append((what, done, total))

    def note(self, text: str) -> None:
        self.notes.append(text)


class InstantClock(Clock):
    """A clock on which every delayed call is made at once, and the time passes."""

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - Twisted's name
        *args: Any,
        **kw: Any,
    ) -> IDelayedCall:
        call = super().callLater(delay, callable, *args, **kw)
        self.advance(delay)
        return call


class Upkeep:
    """The upkeep services over a state folder."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.clock = InstantClock()
        self.store = Store.open(
            folder, tables.TABLES, reactor=cast(Any, reactor), failed=unexpected
        )
        numbers = count(900001)
        uuids = (f"00000000-0000-4000-8000-{n:012}" for n in count(1))
        digits = lambda n: str(next(numbers)).zfill(n)  # noqa: E731 - short
        templates = Templates(self.time, lambda: next(uuids), digits)
        self.texts = MessageTexts(templates)
        self.scheduler = MessageHandler(
            self.store,
            self.texts,
            now=self.time,
            uuid4=lambda: next(uuids),
            digits=digits,
        )
        self.restorer = RoomRestorer(
            self.store, self.texts, now=self.time, digits=digits
        )
        allocator = AliasAllocator(
            self.store, now=self.time, uuid4=lambda: next(uuids), digits=digits
        )
        self.recovery = MeetingRecovery(
            self.store, self.texts, self.restorer, allocator, clock=self.clock
        )
        self.recoverer = RecoveryRunner(self.recovery, clock=self.clock, now=self.time)
        self.alarms = Alarms(self.store, self.time)
        self.auditor = AuditRunner(
            self.store, self.restorer, self.alarms, clock=self.clock, now=self.time
        )

    def time(self) -> datetime:
        return self.now

    async def put(self, table: Table[R], *records: R) -> None:
        change = self.store.transaction()
        for record in records:
            change.put(table, record)
        await change.commit()

    async def schedule(self, *meetings: CalendarMeeting) -> None:
        """As if their requests had arrived, been accepted and told."""
        for number, each in enumerate(meetings, 1):
            change = self.store.transaction()
            request = MeetingMessage(
                ref=MessageRef(f"request-{number}"),
                kind=MessageKind.REQUEST,
                received=self.now,
                uid=each.uid,
                is_series=each.is_series,
                recurrence=each.recurrence,
                sequence=3,
                changed=self.now,
                start=each.start,
                end=each.end,
                subject=each.subject,
                organizer=each.organizer,
                html=each.html,
                text=each.text,
            )
            self.scheduler.handle(change, CONNECTOR, request)
            for answer in self.store.all(tables.OUTBOX):
                change.delete(tables.OUTBOX, answer.id)
            await change.commit()

    def every(self, table: Table[R]) -> list[R]:
        return list(self.store.all(table))

    def records(self) -> dict[str, list[Record]]:
        """Everything in the journal, to compare."""
        return {
            t.name: list(self.store.all(t)) for t in tables.TABLES if not t.document
        }


def unexpected(error: StoreError) -> None:
    pytest.fail(error.message)
