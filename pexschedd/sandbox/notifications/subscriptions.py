"""Subscriptions to changes in mailboxes: their limits, their queues, and their end.

They live in the server's memory, not in the mailboxes: after a restart there are none,
as with Exchange.
"""

import base64
import struct
import uuid
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Protocol

import msgspec

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailboxes.folder_events import EventType, FolderEvent
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.notifications import event_markup

NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=10**6)]
QUEUE_LENGTH = 1000
"""Events that a subscription keeps for its client; older ones are lost."""
PAGE_SIZE = 50
"""Events that GetEvents returns at a time."""


@dataclass(frozen=True)
class RequestRouting:
    """The server that a client wants for its request: the X-AnchorMailbox header,
    X-PreferServerAffinity and the cookie X-BackEndOverrideCookie."""

    anchor: str = ""
    prefers: bool = False
    server: str = ""


class SubscriptionLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of a server's throttling policy and configuration."""

    subscriptions: NotNegative = 5000
    """For one mailbox."""
    streams: NotNegative = 10
    """Open at a time, for one account."""
    idle_s: Seconds = 300
    """After so long without a connection a streaming subscription ends."""
    heartbeat_s: Seconds = 45
    affinity: bool = False
    """Several servers: only the one that a subscription was made on knows it."""


@dataclass
class QueuedEvent:
    """An event that waits in a subscription for its client."""

    number: int
    at: datetime
    event: FolderEvent


class SubscriptionStream(Protocol):
    """The open connection that delivers the events of subscriptions."""

    @property
    def mailboxes(self) -> list[str]:
        """The addresses of the mailboxes whose events it delivers."""

    def wake(self) -> None:
        """Deliver in the next turn what the subscriptions have queued."""

    def fail(self, code: str, about: "Sequence[MailboxSubscription]") -> None:
        """Report an error about some of the subscriptions, and go on."""

    def finish(self) -> None:
        """End the connection."""

    def misbehave(self, action: str, code: str = ...) -> None:
        """Do something that a good server does not: see `streaming.ACTIONS`."""


@dataclass(eq=False)
class MailboxSubscription:
    """One account's subscription to folders of one mailbox."""

    id: str
    owner: str
    """The address of the account that made it."""
    mailbox: SandboxMailbox
    folders: frozenset[str] | None
    """Distinguished names; None: all."""
    events: frozenset[EventType]
    routing: RequestRouting
    lifetime: float
    """Seconds that it lives on without being used."""
    last_used: float
    pulled: bool
    stream: SubscriptionStream | None = None
    queue: deque[QueuedEvent] = field(
        default_factory=lambda: deque(maxlen=QUEUE_LENGTH)
    )
    last: int = 0
    """The number of the newest event; they count from 1."""
    missed: bool = False
    """More has happened than the queue holds."""
    unwatch: Callable[[], None] = lambda: None
    """Ends the delivery of the mailbox's events to this subscription."""

    def receive(self, event: FolderEvent, now: datetime) -> None:
        """Queue an event of the mailbox if it is one of those subscribed to."""
        if event.type not in self.events or not event.concerns(self.folders):
            return
        self.last += 1
        self.missed = self.missed or len(self.queue) == QUEUE_LENGTH
        self.queue.append(QueuedEvent(self.last, now, event))
        if self.stream is not None:
            self.stream.wake()

    def since(self, watermark: str) -> tuple[list[QueuedEvent], bool]:
        """Return the next events after a watermark, and whether there are more.

        Raises `EwsError`.
        """
        number = event_markup.unseal(self.id, watermark)
        if number > self.last:
            raise EwsError("ErrorInvalidWatermark")
        if number < self.last and number + 1 < self.queue[0].number:
            raise EwsError("ErrorEventNotFound")
        found = [each for each in self.queue if each.number > number]
        return found[:PAGE_SIZE], len(found) > PAGE_SIZE


class Subscriptions:
    """All subscriptions of a server.

    `now` is the time of day; `seconds` is the reactor's clock, by which they expire.
    """

    def __init__(
        self, now: Callable[[], datetime], seconds: Callable[[], float]
    ) -> None:
        self.limits = SubscriptionLimits()
        self.now = now
        self._seconds = seconds
        self._all: dict[str, MailboxSubscription] = {}

    def __len__(self) -> int:
        self._expire()
        return len(self._all)

    def add(
        self,
        owner: SandboxMailbox,
        mailbox: SandboxMailbox,
        folders: frozenset[str] | None,
        events: frozenset[EventType],
        routing: RequestRouting,
        pull_minutes: int | None = None,
    ) -> MailboxSubscription:
        """Subscribe an account to the events of a mailbox.

        `folders` are distinguished names, None for all. `pull_minutes` is how long a
        pull subscription lives between two calls of GetEvents, None for a streaming
        subscription. Raises `EwsError` if the mailbox has as many as it may have.
        """
        self._expire()
        count = sum(each.mailbox is mailbox for each in self._all.values())
        if count >= self.limits.subscriptions:
            raise EwsError("ErrorExceededSubscriptionCount")
        made = MailboxSubscription(
            id=_identifier(mailbox),
            owner=owner.address,
            mailbox=mailbox,
            folders=folders,
            events=events,
            routing=RequestRouting(
                routing.anchor, routing.prefers, self.server(routing)
            ),
            lifetime=60.0 * pull_minutes if pull_minutes else self.limits.idle_s,
            last_used=self._seconds(),
            pulled=pull_minutes is not None,
        )
        made.unwatch = mailbox.watch(lambda event: made.receive(event, self.now()))
        self._all[made.id] = made
        return made

    def find(
        self,
        identifier: str,
        owner: SandboxMailbox,
        routing: RequestRouting,
        *,
        pulled: bool | None,
    ) -> MailboxSubscription:
        """Return the subscription with this id and count it as used.

        `pulled` is the kind that the operation is for, None for both. Raises
        `EwsError` if there is none, or if it is another's, on another server or of the
        other kind.
        """
        self._expire()
        found = self._all.get(identifier)
        if found is None:
            raise EwsError("ErrorSubscriptionNotFound")
        if self.limits.affinity and (found.routing.anchor, found.routing.server) != (
            routing.anchor,
            routing.server,
        ):
            raise EwsError(
                "ErrorInvalidSubscription",
                "One or more subscriptions in the request reside on another Client "
                "Access server.",
            )
        if found.owner != owner.address:
            raise EwsError("ErrorSubscriptionAccessDenied")
        if pulled not in (None, found.pulled):
            raise EwsError(
                "ErrorInvalidSubscription", "The subscription is of another kind."
            )
        found.last_used = self._seconds()
        return found

    def remove(self, subscription: MailboxSubscription) -> None:
        """End a subscription. Its stream, if there is one, goes on without it."""
        subscription.unwatch()
        del self._all[subscription.id]

    def forget(self, mailbox: SandboxMailbox | None = None) -> None:
        """End the subscriptions to a mailbox, or all of them as a restart does, and
        break off their streams without a word."""
        for each in list(self._all.values()):
            if mailbox in (None, each.mailbox):
                self.remove(each)
                if each.stream is not None:
                    each.stream.misbehave("abort")

    def streams(self) -> list[SubscriptionStream]:
        """Return the open streams, each of them once."""
        found = [e.stream for e in self._all.values() if e.stream is not None]
        return list(dict.fromkeys(found))

    def connected(self, owner: SandboxMailbox) -> int:
        """Return the number of streams that an account has open."""
        own = [e for e in self._all.values() if e.owner == owner.address]
        return len({id(each.stream) for each in own if each.stream is not None})

    def attach(
        self, subscription: MailboxSubscription, stream: SubscriptionStream
    ) -> None:
        """Deliver a subscription's events by this stream; an earlier one ends."""
        before = subscription.stream
        if before is not None:
            before.fail("ErrorNewEventStreamConnectionOpened", [subscription])
            before.finish()
        # Events without a connection are lost: the client has to look for itself.
        subscription.queue.clear()
        subscription.missed = False
        subscription.stream = stream

    def detach(
        self, subscription: MailboxSubscription, stream: SubscriptionStream
    ) -> None:
        """Note that this stream has ended, unless another has replaced it already."""
        if subscription.stream is stream:
            subscription.stream = None
            subscription.last_used = self._seconds()

    def server(self, routing: RequestRouting) -> str:
        """Return the value of X-BackEndOverrideCookie: the one that the client has, or
        the server where its anchor mailbox lives."""
        if routing.server:
            return routing.server
        number = zlib.crc32(routing.anchor.casefold().encode())
        return f"EX0{number % 9 + 1}.sandbox.example~{number}"

    def _expire(self) -> None:
        now = self._seconds()
        for each in list(self._all.values()):
            if each.stream is None and now - each.last_used > each.lifetime:
                self.remove(each)


def _identifier(mailbox: SandboxMailbox) -> str:
    """Return an id that looks like Exchange's: the server's name, something unique,
    the mailbox."""
    server = b"ex01.sandbox.example"
    raw = struct.pack("<H", len(server)) + server + struct.pack("<I", 16)
    raw += uuid.uuid4().bytes + uuid.UUID(mailbox.guid).bytes
    return base64.b64encode(raw).decode()
