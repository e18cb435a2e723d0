"""The throttle: when a mailbox may be asked again, and for how much at once.

Exchange counts what is asked in the name of a mailbox, over all connections, and
asks for a pause when it was too much. Everybody who talks to a mailbox therefore
shares one `Throttle`: after such an answer nothing is sent for it until the pause is
over, then one call goes first, and when that is answered all may go on. Nobody waits
in line for the end of a pause: calls are refused at once, and say how long it takes.
"""

from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pexschedd.errors import MailboxBusy
from pexschedd.util.backoff import backoff

Chance = Callable[[], float]
"""A random number from 0 to 1."""

FIRST = 10.0
MOST = 600.0
"""Seconds between two tries when the server names none or fewer."""
_SPREAD = 0.25
"""By how much of itself a pause is lengthened by chance, so that not all who were
sent away come back at the same moment."""

CONCURRENCY = 27
"""Calls at once in a mailbox's name that Exchange allows by default."""
GROW_AFTER = 60.0
"""Seconds that must go well before one more call at once is tried."""
QUEUE = 100
"""Calls that may wait for others to end; more are refused."""


class Throttle:
    """For one mailbox, or for one server as a whole."""

    def __init__(
        self, clock: IReactorTime, *, chance: Chance, concurrency: int = CONCURRENCY
    ) -> None:
        self._clock = clock
        self._own_pause = backoff(
            FIRST, MOST / (1 + _SPREAD), lambda: 1 + _SPREAD * chance()
        )
        self._most = concurrency
        self.concurrency = concurrency
        """Calls that may be under way together, by now."""
        self._changed = clock.seconds()
        self._until = 0.0
        self._pauses = 0
        """In a row."""
        self._round = 0
        """Changes with each pause: what began before it says nothing new."""
        self._under_way = 0
        self._waiting: deque[Deferred[None]] = deque()
        self.older = False
        """True if the server wants to be spoken to in the older version."""

    @property
    def back_off_seconds(self) -> float:
        """Until something may be sent; 0: now."""
        return max(0.0, self._until - self._clock.seconds())

    @property
    def is_calm(self) -> bool:
        """Nothing is known that would have to be remembered."""
        return not (
            self._pauses
            or self._under_way
            or self._waiting
            or self.older
            or self.concurrency < self._most
        )

    def check(self) -> None:
        """Raises `MailboxBusy` while the pause lasts."""
        left = self.back_off_seconds
        if left:
            raise MailboxBusy(
                "The server has asked for a pause, which is not over yet.",
                retry_after=left,
            )

    async def turn(self) -> "Slot":
        """Waits until one more call may be made; its `over` must be called.

        Raises `MailboxBusy` during a pause, and when too many wait already.
        """
        self.check()
        if self._under_way < self._allowed:
            self._under_way += 1
            return Slot(self, self._round)
        if len(self._waiting) >= QUEUE:
            raise MailboxBusy(
                "Too many calls to this mailbox wait for their turn.", retry_after=FIRST
            )
        admitted: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(admitted)
        await admitted
        return Slot(self, self._round)

    def aside(self) -> "Slot":
        """For a call that takes long and that the server does not count, such as a
        stream: it keeps nobody waiting, and does not go first after a pause.

        Raises `MailboxBusy` during a pause, and until that first call is answered.
        """
        self.check()
        if self._pauses:
            raise MailboxBusy(
                "Nobody has been let in yet after a pause that the server asked for.",
                retry_after=FIRST,
            )
        return Slot(self, self._round, counted=False)

    @property
    def _allowed(self) -> int:
        # After a pause one goes first.
        return 1 if self._pauses else self.concurrency

    def pause(self, asked: float | None) -> None:
        """The server has asked for one in the answer to a call that is over."""
        self._pause(-1 if self.back_off_seconds else self._round, asked)

    def _pause(self, round_: int, asked: float | None) -> None:
        # One of several that went together says nothing new: the pause is long enough.
        own = 0.0
        if round_ == self._round:
            own = self._own_pause(self._pauses)
            self._pauses = min(self._pauses + 1, 20)
            self._round += 1
        until = self._clock.seconds() + max(asked or 0, own)
        self._until = max(self._until, until)

    def _fewer(self) -> None:
        self.concurrency = max(1, min(self.concurrency - 1, self._under_way // 2))
        self._changed = self._clock.seconds()

    def _well(self, round_: int) -> None:
        if round_ == self._round:
            self._pauses = 0
        now = self._clock.seconds()
        if self.concurrency < self._most and now - self._changed >= GROW_AFTER:
            self.concurrency += 1
            self._changed = now

    def _over(self) -> None:
        self._under_way -= 1
        try:
            self.check()
        except MailboxBusy as busy:
            while self._waiting:
                self._waiting.popleft().errback(busy)
        while self._waiting and self._under_way < self._allowed:
            self._under_way += 1
            self._waiting.popleft().callback(None)


class Slot:
    """One call: what became of it is told before it is over."""

    def __init__(
        self, patience: Throttle, round_: int, *, counted: bool = True
    ) -> None:
        self._patience = patience
        self._round = round_
        self._counted = counted

    def well(self) -> None:
        """The server gave an answer that asks for no pause."""
        self._patience._well(self._round)

    def busy(self, asked: float | None) -> float:
        """It asked for a pause, perhaps of so many seconds. Returns how long it is."""
        self._patience._pause(self._round, asked)
        return self._patience.back_off_seconds

    def failed(self) -> None:
        """No answer: who went first after a pause has not shown that it is over."""
        if self._counted and self._patience._pauses:
            self._patience._pause(self._round, None)

    def fewer(self) -> None:
        """Too many calls were under way at once."""
        self._patience._fewer()

    def over(self) -> None:
        """Give the slot back."""
        if self._counted:
            self._patience._over()


class SharedThrottle:
    """The throttles that all users of one mailbox share: the mailbox's and its
    server's."""

    def __init__(self, server: Throttle, mailbox: Throttle) -> None:
        self._server = server
        self.mailbox = mailbox

    @property
    def back_off_seconds(self) -> float:
        """Until something may be sent; 0: now."""
        return max(self._server.back_off_seconds, self.mailbox.back_off_seconds)

    @property
    def concurrency(self) -> int:
        """Calls that may be under way together, by now."""
        return self.mailbox.concurrency

    def for_long_calls(self) -> "SharedThrottle":
        """The same for streams; see `Throttle.aside`."""
        return _Aside(self._server, self.mailbox)

    async def turn(self) -> "SharedSlot":
        """See `Throttle.turn`."""
        server = await self._server.turn()
        try:
            return SharedSlot(server, await self.mailbox.turn())
        except BaseException:
            server.over()
            raise


class _Aside(SharedThrottle):
    async def turn(self) -> "SharedSlot":
        return SharedSlot(self._server.aside(), self.mailbox.aside())


class SharedSlot(msgspec.Struct, frozen=True):
    """One call's, at its server and for its mailbox."""

    server: Slot
    mailbox: Slot

    def well(self) -> None:
        """Report success to both throttles."""
        self.server.well()
        self.mailbox.well()

    def failed(self) -> None:
        """Report failure to both throttles."""
        self.server.failed()
        self.mailbox.failed()

    def over(self) -> None:
        """Give both slots back."""
        self.server.over()
        self.mailbox.over()


_REMEMBERED = 1000


class Throttles:
    """One for each server, and for each mailbox on it, however many ask."""

    def __init__(self, clock: IReactorTime, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._known: dict[tuple[str, str], Throttle] = {}

    def of(self, url: str, mailbox: str) -> SharedThrottle:
        """Return the shared throttle of a mailbox on a server."""
        return SharedThrottle(self._of(url, ""), self._of(url, mailbox.casefold()))

    def _of(self, url: str, mailbox: str) -> Throttle:
        key = (urlsplit(url).netloc.casefold(), mailbox)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._forget()
            # How many calls a whole server takes is not counted anywhere.
            most = CONCURRENCY if mailbox else 10 * CONCURRENCY
            self._known[key] = Throttle(
                self._clock, chance=self._chance, concurrency=most
            )
        return self._known[key]

    def _forget(self) -> None:
        """Forget the mailboxes that nothing is to be remembered about."""
        self._known = {
            key: each
            for key, each in self._known.items()
            if not key[1] or not each.is_calm
        }
