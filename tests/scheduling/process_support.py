"""One life of the daemon's scheduling half, with mailboxes in memory."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

import msgspec
import pytest
from twisted.internet import reactor
from twisted.internet.task import Clock, deferLater

from pexschedd.errors import InvalidToken, MailboxRefused, StoreError
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import (
    CalendarMeeting,
    MeetingMessage,
    MessageKind,
    MessageRef,
    Person,
)
from pexschedd.observation.tracing.inbox_tracer import InboxTracer
from pexschedd.observation.tracing.traced_mailbox import TracedMailbox
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.inbox.message_handler import MessageHandler
from pexschedd.scheduling.inbox.watcher import NextDelay, poll_interval
from pexschedd.scheduling.ports.mailbox import (
    Answer,
    ArrivalPage,
    Outcome,
    RewriteKind,
    Unreadable,
)
from pexschedd.scheduling.ports.tracing import NO_TRACER, MessageTracer
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.fs import FileSystem
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates
from pexschedd.util.worker_processes import HeavyWork, work_at_once
from tests.scheduling.mailbox_support import MemoryInbox, MemoryMailbox
from tests.scheduling.watcher_support import new_watcher

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
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


class Crash(BaseException):
    """The process dies here."""


class Unsteady(MemoryMailbox):
    """Calls `disturb(call, when)` before and after each call has taken effect."""

    def __init__(
        self, inbox: MemoryInbox, disturb: Callable[[str, str], None], page: int = 512
    ) -> None:
        super().__init__(inbox, page)
        self._disturb = disturb

    async def arrivals(self, cursor: str) -> ArrivalPage:
        self._disturb("changes", "before")
        result = await super().arrivals(cursor)
        self._disturb("changes", "after")
        return result

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        self._disturb("fetch", "before")
        result = await super().fetch(refs)
        self._disturb("fetch", "after")
        return result

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        self._disturb("answer", "before")
        result = await super().answer(answers)
        self._disturb("answer", "after")
        return result


class MemoryOrganizers:
    """The organizers' own calendars; a rewritten meeting comes back as an update."""

    def __init__(self, inbox: MemoryInbox) -> None:
        self.inbox = inbox
        self.meetings: dict[tuple[str, str], CalendarMeeting] = {}
        self.refused: str = ""
        self.before_rewrite: Callable[[], None] = lambda: None
        self.sent: list[str] = []
        """Every body that was sent to the attendees."""

    def hold(self, message: MeetingMessage, html: str) -> None:
        """The organizer's copy of a meeting that has been sent."""
        assert message.start is not None
        assert message.end is not None
        key = (message.organizer.email, message.uid)
        self.meetings[key] = CalendarMeeting(
            ref=MessageRef("own-1", "key-1"),
            uid=message.uid,
            start=message.start,
            end=message.end,
            html=html,
        )

    async def find(
        self,
        address: str,
        uid: str,
        recurrence_id: datetime | None = None,
        *,
        start: datetime | None = None,
    ) -> CalendarMeeting | None:
        if self.refused:
            raise MailboxRefused(self.refused)
        return self.meetings.get((address, uid))

    async def rewrite(
        self, address: str, ref: MessageRef, html: str
    ) -> tuple[RewriteKind, str]:
        self.before_rewrite()
        key, own = next(
            (k, m) for k, m in self.meetings.items() if m.ref.item_id == ref.item_id
        )
        if own.ref != ref:
            return RewriteKind.CHANGED, "changed"
        self.sent.append(html)
        self.meetings[key] = msgspec.structs.replace(
            own, html=html, ref=MessageRef(ref.item_id, f"{ref.change_key}+")
        )
        self.inbox.deliver(
            MeetingMessage(
                ref=MessageRef(f"update-{len(self.sent)}"),
                kind=MessageKind.REQUEST,
                received=NOW + timedelta(hours=len(self.sent)),
                changed=NOW + timedelta(hours=len(self.sent)),
                uid=own.uid,
                start=own.start,
                end=own.end,
                subject="Meeting",
                organizer=Person("Alice", address),
                html=html,
            )
        )
        return RewriteKind.DONE, ""

    async def close(self) -> None:
        pass


async def verify(connector: Connector, token: str) -> object:
    """Believes every token but those that say they are not valid."""
    if "expired" in token:
        raise InvalidToken("The token is not valid after 2026-11-22.")
    return token


class Process:
    """One life of the daemon's scheduling half, over a state folder."""

    def __init__(
        self,
        folder: Path,
        mailbox: MemoryMailbox,
        organizers: MemoryOrganizers | None = None,
        batch_size: int = 100,
        next_delay: NextDelay = poll_interval,
        heavy_work: HeavyWork = work_at_once,
        fs: FileSystem | None = None,
        clock: Clock | None = None,
        tracer: MessageTracer = NO_TRACER,
    ) -> None:
        self.clock = clock or Clock()
        self.mailbox = mailbox
        self.store = Store.open(
            folder, tables.TABLES, reactor=cast(Any, reactor), failed=unexpected, fs=fs
        )
        numbers = count(1)
        uuids = (f"00000000-0000-4000-8000-{n:012}" for n in count(1))
        chance: dict[str, Any] = {
            "now": now,
            "uuid4": lambda: next(uuids),
            "digits": lambda n: str(next(numbers)).zfill(n),
        }
        templates = Templates(now, lambda: next(uuids), lambda n: str(next(numbers)))
        texts = MessageTexts(templates)
        self.handler = MessageHandler(self.store, texts, tracer=tracer, **chance)
        self.alarms = Alarms(self.store, now)
        self.watcher = new_watcher(
            self.store,
            self.alarms,
            texts,
            self.handler,
            TracedMailbox(mailbox, tracer)
            if isinstance(tracer, InboxTracer)
            else mailbox,
            organizers or MemoryOrganizers(mailbox.inbox),
            verify,
            clock=self.clock,
            batch_size=batch_size,
            next_delay=next_delay,
            heavy_work=heavy_work,
            tracer=tracer,
            **chance,
        )

    async def book(self, *tags: str) -> None:
        """As if the add-in had asked for these tags."""
        if self.store.get(tables.CONNECTOR, 1) is None:
            change = self.store.transaction()
            change.put(tables.CONNECTOR, CONNECTOR)
            await change.commit()
        change = self.store.transaction()
        for tag in tags:
            id = change.new_id(tables.SCHEDULED_ALIAS)
            change.put(
                tables.SCHEDULED_ALIAS,
                ScheduledAlias(
                    id=id,
                    uuid=tag,
                    alias=f"5550{id}@example.test",
                    numeric_alias=f"5550{id}",
                    alias_number=id,
                    exchange_connector=1,
                    creation_time=NOW,
                ),
            )
        await change.commit()

    async def settle(self, looks: int = 8) -> None:
        """Runs the watcher for so many intervals."""
        self.watcher.start()
        for _ in range(looks):
            await turn(self.store)
            self.clock.advance(CONNECTOR.poll_interval * 3)
        await turn(self.store)

    async def end(self) -> None:
        await self.watcher.stop()
        await self.store.close()


def unexpected(error: StoreError) -> None:
    pytest.fail(error.message)


def now() -> datetime:
    return NOW


_changes: "WeakKeyDictionary[Store, list[object]]" = WeakKeyDictionary()


def _changes_of(store: Store) -> list[object]:
    """Grows with each change, from the first time on that somebody asks."""
    if store not in _changes:
        _changes[store] = seen = []
        for table in tables.TABLES:
            store.subscribe(table, lambda *change: seen.append(change))
    return _changes[store]


async def turn(store: Store) -> None:
    """Lets the store's thread and the reactor come to rest: until nothing has changed
    for some turns of the reactor, however long the disk takes."""
    quiet = 0
    while quiet < 5:
        before = len(_changes_of(store))
        with suppress(StoreError):
            await store.look_at_disk()  # done when all that was committed is durable
        await deferLater(reactor, 0)
        quiet = quiet + 1 if len(_changes_of(store)) == before else 0


def tag(number: int) -> str:
    return f"2f6e8c1a-7a55-4f65-9a10-{number:012}"


def request(number: int, **changes: Any) -> MeetingMessage:
    message = MeetingMessage(
        ref=MessageRef(f"item-{number}"),
        kind=MessageKind.REQUEST,
        received=NOW + timedelta(seconds=number),
        uid=f"0400{number:04}",
        changed=NOW,
        start=NOW + timedelta(hours=1),
        end=NOW + timedelta(hours=2),
        subject=f"Meeting {number}",
        organizer=Person("Alice", "alice@example.test"),
        text=f"PXPS:-{tag(number)}#",
    )
    return msgspec.structs.replace(message, **changes)


def calm(call: str, when: str) -> None:
    pass


async def one_life(process: Process) -> None:
    """Looks until something is thrown out of the watcher."""
    while True:
        await process.watcher.look()


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
