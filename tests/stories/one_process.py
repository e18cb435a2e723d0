"""The daemon's scheduling half and a sandbox, run by hand: no reactor, no sockets.

What is real: the Exchange client, watcher, scheduler, decisions, the store with its
thread and its files. What is not: HTTP, and the passing of time.
"""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from pexschedd.errors import StoreError
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.sandbox import Sandbox
from pexschedd.scheduling.admission import Admission, Open
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.booking import BookedRoom, Booking
from pexschedd.scheduling.inbox.message_handler import MessageHandler
from pexschedd.scheduling.ports.mailbox import Mailbox
from pexschedd.scheduling.records import occurrence_window
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates
from tests.sandbox.sandbox_support import EQUIPMENT
from tests.scheduling.mailbox_support import MemoryInbox
from tests.scheduling.process_support import MemoryOrganizers, verify
from tests.scheduling.watcher_support import new_watcher
from tests.stories.local_exchange import local_mailbox

T = TypeVar("T")
CONNECTOR = Connector(
    id=1,
    uuid="c0000000-0000-4000-8000-000000000001",
    name="Head office",
    addin_server_domain="pex.example.test",
    scheduled_alias_prefix="555",
    scheduled_alias_domain="example.test",
    room_mailbox_email_address=EQUIPMENT,
    url="https://mail.example.test/EWS/Exchange.asmx",
)
BEFORE = timedelta(minutes=CONNECTOR.meeting_buffer_before)
AFTER = timedelta(minutes=CONNECTOR.meeting_buffer_after)


class Hand:
    """A reactor that works only while somebody waits for something."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def callFromThread(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._calls.put(lambda: call(*arguments))

    def wait(self, work: Deferred[T] | Coroutine[Any, Any, T]) -> T:
        """What comes out of it. It may wait for the store, for nothing else."""
        results: list[Any] = []
        if not isinstance(work, Deferred):
            work = Deferred.fromCoroutine(work)
        work.addBoth(results.append)
        while not results:
            self._calls.get(timeout=10)()
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return cast(T, results[0])


class Life:
    """One life of the process over a state folder."""

    def __init__(
        self,
        folder: Path,
        sandbox: Sandbox,
        now: Callable[[], datetime],
        mailbox: Callable[[Sandbox], Mailbox] = local_mailbox,
    ) -> None:
        self._hand = Hand()
        self._now = now
        self._clock = Clock()
        self.store = Store.open(
            folder, tables.TABLES, reactor=cast(Any, self._hand), failed=_unexpected
        )
        numbers = count(1 + 1000 * self.store.count(tables.SCHEDULED_ALIAS))
        digits: Callable[[int], str] = lambda n: str(next(numbers)).zfill(n)  # noqa: E731 - as an argument

        def uuid4() -> str:
            return f"2f6e8c1a-7a55-4f65-9a10-{next(numbers):012}"

        templates = Templates(now, uuid4, digits)
        texts = MessageTexts(templates)
        alarms = Alarms(self.store, now)
        allocator = AliasAllocator(self.store, now=now, uuid4=uuid4, digits=digits)
        self._booking = Booking(self.store, texts, allocator, lambda: 0.0)
        self._watcher = new_watcher(
            self.store,
            alarms,
            texts,
            MessageHandler(self.store, texts, now=now, uuid4=uuid4, digits=digits),
            mailbox(sandbox),
            MemoryOrganizers(MemoryInbox()),
            verify,
            clock=self._clock,
            now=now,
            uuid4=uuid4,
            digits=digits,
        )
        if self.store.get(tables.CONNECTOR, 1) is None:
            change = self.store.transaction()
            change.put(tables.CONNECTOR, CONNECTOR)
            self._hand.wait(change.commit())

    def book(self) -> BookedRoom:
        return self._hand.wait(self._booking.book(1, "alice"))

    def look(self) -> None:
        """Works off the mailbox, as once in a poll interval."""
        self._hand.wait(self._watcher.look())

    def look_after(self, pause: timedelta) -> None:
        """Works off the mailbox when so much time has passed."""
        self._clock.advance(pause.total_seconds())
        self.look()

    def follow_the_time(self) -> None:
        self._hand.wait(
            occurrence_window.sweep(self.store, self._clock, self._now, lambda: True)
        )

    def is_open(self, alias: str, moments: Sequence[datetime]) -> list[bool]:
        return [
            isinstance(Admission(self.store, lambda at=at: at).ask(alias), Open)  # type: ignore[misc]  # at: a default
            for at in moments
        ]

    def end(self) -> None:
        self._hand.wait(self.store.close())


def _unexpected(error: StoreError) -> None:
    raise AssertionError(error.message)
