"""Who wants to hear of changes: subscriptions, their limits and how they end.

They live in the server's memory, not in the mailboxes: after a restart there are none,
as with Exchange.
"""

import base64
import struct
import uuid
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from pexschedd.sandbox import notifications
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.notifications import Happening, NotificationEvent

if TYPE_CHECKING:
    from pexschedd.sandbox.streaming import Stream

NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=10**6)]
KEPT = 1000
"""Events that wait for one who pulls; what is older is lost."""
PAGE = 50
"""Events that GetEvents gives at a time."""


@dataclass(frozen=True)
class Route:
    """Where the client wants its request to be handled: the X-AnchorMailbox header,
    X-PreferServerAffinity and the cookie X-BackEndOverrideCookie."""

    anchor: str = ""
    prefers: bool = False
    server: str = ""


class SubscriptionLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a server's throttling policy and configuration allow."""

    subscriptions: NotNegative = 5000
    """Of one mailbox."""
    streams: NotNegative = 10
    """Open at a time, of one account."""
    idle_s: Seconds = 300
    """A streaming subscription without a connection ends after that."""
    heartbeat_s: Seconds = 45
    affinity: bool = False
    """Several servers: only the one that a subscription was made on knows it."""


@dataclass
class Waiting:
    number: int
    at: datetime
    happening: Happening


@dataclass(eq=False)
class MailboxSubscription:
    """One mailbox's folders that one account watches."""

    id: str
    owner: str
    """The address of the account that made it."""
    mailbox: SandboxMailbox
    folders: frozenset[str] | None
    """Distinguished names; None: all."""
    events: frozenset[NotificationEvent]
    route: Route
    lifetime: float
    """Seconds without being asked for."""
    touched: float
    pulled: bool
    stream: "Stream | None" = None
    waiting: deque[Waiting] = field(default_factory=lambda: deque(maxlen=KEPT))
    last: int = 0
    """The number of the newest event; they count from 1."""
    missed: bool = False
    """More has happened than can wait."""
    end: Callable[[], None] = lambda: None

    def hear(self, happening: Happening, now: datetime) -> None:
        if happening.event not in self.events or not happening.concerns(self.folders):
            return
        self.last += 1
        self.missed = self.missed or len(self.waiting) == KEPT
        self.waiting.append(Waiting(self.last, now, happening))
        if self.stream is not None:
            self.stream.wake()

    def since(self, watermark: str) -> tuple[list[Waiting], bool]:
        """The next events after a watermark, and whether there are more.

        Raises `EwsError`.
        """
        number = notifications.unseal(self.id, watermark)
        if number > self.last:
            raise EwsError("ErrorInvalidWatermark")
        if number < self.last and number + 1 < self.waiting[0].number:
            raise EwsError("ErrorEventNotFound")
        found = [each for each in self.waiting if each.number > number]
        return found[:PAGE], len(found) > PAGE


class Subscriptions:
    """All of a server's. `seconds` is the injected clock's, `now` the wall's."""

    def __init__(
        self, now: Callable[[], datetime], seconds: Callable[[], float]
    ) -> None:
        self.limits = SubscriptionLimits()
        self.now = now
        self._seconds = seconds
        self._all: dict[str, MailboxSubscription] = {}

    def __len__(self) -> int:
        self._sweep()
        return len(self._all)

    def add(
        self,
        owner: SandboxMailbox,
        mailbox: SandboxMailbox,
        folders: frozenset[str] | None,
        events: frozenset[NotificationEvent],
        route: Route,
        pull_minutes: int | None = None,
    ) -> MailboxSubscription:
        """Raises `EwsError`."""
        self._sweep()
        mine = sum(each.mailbox is mailbox for each in self._all.values())
        if mine >= self.limits.subscriptions:
            raise EwsError("ErrorExceededSubscriptionCount")
        pulled = pull_minutes is not None
        found = MailboxSubscription(
            id=_identifier(mailbox),
            owner=owner.address,
            mailbox=mailbox,
            folders=folders,
            events=events,
            route=Route(route.anchor, route.prefers, self.server(route)),
            lifetime=60.0 * pull_minutes if pull_minutes else self.limits.idle_s,
            touched=self._seconds(),
            pulled=pulled,
        )
        found.end = mailbox.watch(lambda what: found.hear(what, self.now()))
        self._all[found.id] = found
        return found

    def find(
        self,
        identifier: str,
        owner: SandboxMailbox,
        route: Route,
        *,
        pulled: bool | None,
    ) -> MailboxSubscription:
        """Raises `EwsError` with the code that the client has to hear."""
        self._sweep()
        found = self._all.get(identifier)
        if found is None:
            raise EwsError("ErrorSubscriptionNotFound")
        if self.limits.affinity and (found.route.anchor, found.route.server) != (
            route.anchor,
            route.server,
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
        found.touched = self._seconds()
        return found

    def remove(self, subscription: MailboxSubscription) -> None:
        subscription.end()
        del self._all[subscription.id]

    def forget(self, mailbox: SandboxMailbox | None = None) -> None:
        """Ends those of a mailbox, or all as a server's restart does: streams break
        off, and nobody is told more."""
        for each in list(self._all.values()):
            if mailbox in (None, each.mailbox):
                self.remove(each)
                if each.stream is not None:
                    each.stream.misbehave("abort")

    def streams(self) -> list["Stream"]:
        """Those that are open, each once."""
        found = [e.stream for e in self._all.values() if e.stream is not None]
        return list(dict.fromkeys(found))

    def connected(self, owner: SandboxMailbox) -> int:
        """How many streams an account has open."""
        mine = [e for e in self._all.values() if e.owner == owner.address]
        return len({id(each.stream) for each in mine if each.stream is not None})

    def attach(self, subscription: MailboxSubscription, stream: "Stream") -> None:
        """A second stream for the same subscription ends the first."""
        before = subscription.stream
        if before is not None:
            before.fail("ErrorNewEventStreamConnectionOpened", [subscription])
            before.finish()
        # What nobody has listened to is lost: whoever connects has to look.
        subscription.waiting.clear()
        subscription.missed = False
        subscription.stream = stream

    def detach(self, subscription: MailboxSubscription, stream: "Stream") -> None:
        if subscription.stream is stream:
            subscription.stream = None
            subscription.touched = self._seconds()

    def server(self, route: Route) -> str:
        """The value of X-BackEndOverrideCookie: the one that the client has, or the
        server where its anchor mailbox lives."""
        if route.server:
            return route.server
        number = zlib.crc32(route.anchor.casefold().encode())
        return f"EX0{number % 9 + 1}.sandbox.example~{number}"

    def _sweep(self) -> None:
        now = self._seconds()
        for each in list(self._all.values()):
            if each.stream is None and now - each.touched > each.lifetime:
                self.remove(each)


def _identifier(mailbox: SandboxMailbox) -> str:
    """Looks like Exchange's: the server's name, something unique, the mailbox."""
    server = b"ex01.sandbox.example"
    raw = struct.pack("<H", len(server)) + server + struct.pack("<I", 16)
    raw += uuid.uuid4().bytes + uuid.UUID(mailbox.guid).bytes
    return base64.b64encode(raw).decode()
