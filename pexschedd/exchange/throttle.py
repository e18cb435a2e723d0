"""The throttle: when the next call to a mailbox may be made, and how many at once.

Exchange counts the calls in the name of a mailbox, over all connections, and asks for a
pause (a back-off) when there were too many. So all code that calls for a mailbox shares
one `Throttle`: after such an answer nothing is sent for the mailbox until the pause is
over; then a single call is made, and once it is answered all may go on. No call waits
for the end of a pause: it is refused at once, with the seconds that remain.
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum
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
"""The largest fraction by which a pause is lengthened at random, so that not all that
were refused come back at the same moment."""

CONCURRENCY = 27
"""Calls at once in a mailbox's name that Exchange allows by default."""
GROW_AFTER = 60.0
"""Seconds without a refusal before one more call at once is tried."""
QUEUE = 100
"""The number of calls that may wait for others to end; more are refused."""


REFUSED_FOR = 3600.0
"""Seconds after which a request that a server refused is tried there again."""


class RefusedRequest(StrEnum):
    """Requests that some servers refuse, and that there is another way for."""

    SEARCH = "a search for a meeting by its global object id"
    REMOVE = "RemoveItem for a cancelled meeting"


class Throttle:
    """The throttle of one mailbox, or of one server as a whole."""

    def __init__(
        self, clock: IReactorTime, *, chance: Chance, concurrency: int = CONCURRENCY
    ) -> None:
        self._clock = clock
        self._own_pause = backoff(
            FIRST, MOST / (1 + _SPREAD), lambda: 1 + _SPREAD * chance()
        )
        self._most = concurrency
        self.concurrency = concurrency
        """The number of calls that may be made at once at the moment."""
        self._changed = clock.seconds()
        self._until = 0.0
        self._pauses = 0
        """The number of pauses in a row."""
        self._round = 0
        """Goes up with each pause: a call of an earlier round says nothing new."""
        self._under_way = 0
        self._waiting: deque[Deferred[None]] = deque()
        self.older = False
        """True if the server only knows the older version of the requests."""
        self._refused: dict[RefusedRequest, float] = {}
        """The ends, in seconds of the clock, of the times for which they count."""

    @property
    def back_off_seconds(self) -> float:
        """Until something may be sent; 0: now."""
        return max(0.0, self._until - self._clock.seconds())

    @property
    def is_calm(self) -> bool:
        """True if there is nothing to remember about this mailbox."""
        return not (
            self._pauses
            or self._under_way
            or self._waiting
            or self.older
            or self.concurrency < self._most
        )

    def refuses(self, what: RefusedRequest) -> bool:
        """Return whether the server has refused this within the last hour."""
        return self._refused.get(what, 0.0) > self._clock.seconds()

    def refused(self, what: RefusedRequest) -> None:
        """Remember that the server refuses this, for an hour."""
        self._refused[what] = self._clock.seconds() + REFUSED_FOR

    def check(self) -> None:
        """Raise `MailboxBusy` while the pause lasts."""
        left = self.back_off_seconds
        if left:
            raise MailboxBusy(
                "The server has asked for a pause, which is not over yet.",
                retry_after=left,
            )

    async def acquire(self) -> "Slot":
        """Wait until one more call may be made; release the slot when it is over.

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

    def acquire_uncounted(self) -> "Slot":
        """Return a slot for a long call that the server does not count: a stream.

        It takes no slot from other calls, and is never the first call after a pause.
        Raises `MailboxBusy` during a pause, and until that first call is answered.
        """
        self.check()
        if self._pauses:
            raise MailboxBusy(
                "No call has succeeded yet since a pause that the server asked for.",
                retry_after=FIRST,
            )
        return Slot(self, self._round, counted=False)

    @property
    def _allowed(self) -> int:
        # After a pause one goes first.
        return 1 if self._pauses else self.concurrency

    def pause(self, asked: float | None) -> None:
        """Begin the pause that an answer asked for, after its slot was released."""
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

    def _reduce_concurrency(self) -> None:
        self.concurrency = max(1, min(self.concurrency - 1, self._under_way // 2))
        self._changed = self._clock.seconds()

    def _succeeded(self, round_: int) -> None:
        if round_ == self._round:
            self._pauses = 0
        now = self._clock.seconds()
        if self.concurrency < self._most and now - self._changed >= GROW_AFTER:
            self.concurrency += 1
            self._changed = now

    def _release(self) -> None:
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
    """The permission for one call. Report the outcome, then release it."""

    def __init__(
        self, throttle: Throttle, round_: int, *, counted: bool = True
    ) -> None:
        self._throttle = throttle
        self._round = round_
        self._counted = counted

    def succeeded(self) -> None:
        """Report an answer that asks for no pause."""
        self._throttle._succeeded(self._round)

    def pause(self, asked: float | None) -> float:
        """Begin a pause of at least `asked` seconds; return how long it will be."""
        self._throttle._pause(self._round, asked)
        return self._throttle.back_off_seconds

    def failed(self) -> None:
        """Report a call without an answer: if it was the first one after a pause, the
        pause goes on."""
        if self._counted and self._throttle._pauses:
            self._throttle._pause(self._round, None)

    def reduce_concurrency(self) -> None:
        """Allow fewer calls at once, because there were too many."""
        self._throttle._reduce_concurrency()

    def release(self) -> None:
        """Give the slot back."""
        if self._counted:
            self._throttle._release()


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
        """The number of calls that may be made at once at the moment."""
        return self.mailbox.concurrency

    def refuses(self, what: RefusedRequest) -> bool:
        """Return whether the server has refused this lately, in any mailbox."""
        return self._server.refuses(what)

    def refused(self, what: RefusedRequest) -> None:
        """Remember that the server refuses this, in any mailbox."""
        self._server.refused(what)

    def for_long_calls(self) -> "SharedThrottle":
        """The same throttle for streams; see `Throttle.acquire_uncounted`."""
        return _UncountedThrottle(self._server, self.mailbox)

    async def acquire(self) -> "SharedSlot":
        """See `Throttle.acquire`."""
        server = await self._server.acquire()
        try:
            return SharedSlot(server, await self.mailbox.acquire())
        except BaseException:
            server.release()
            raise


class _UncountedThrottle(SharedThrottle):
    async def acquire(self) -> "SharedSlot":
        return SharedSlot(
            self._server.acquire_uncounted(), self.mailbox.acquire_uncounted()
        )


class SharedSlot(msgspec.Struct, frozen=True):
    """The slots of one call: the server's and the mailbox's."""

    server: Slot
    mailbox: Slot

    def succeeded(self) -> None:
        """Report success to both throttles."""
        self.server.succeeded()
        self.mailbox.succeeded()

    def failed(self) -> None:
        """Report failure to both throttles."""
        self.server.failed()
        self.mailbox.failed()

    def release(self) -> None:
        """Give both slots back."""
        self.server.release()
        self.mailbox.release()


_REMEMBERED = 1000


class Throttles:
    """All throttles: one for each server, and one for each mailbox on it.

    `concurrency` is the number of calls that a mailbox takes at once.
    """

    def __init__(
        self,
        clock: IReactorTime,
        chance: Chance,
        *,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._concurrency = concurrency
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
            most = self._concurrency if mailbox else 10 * CONCURRENCY
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
