"""Keeps the stream of one group of rooms open."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.errors import MailboxError, MailboxRefused, SignInRefused
from pexschedd.onetouch.calendars.stream_groups import StreamGroup
from pexschedd.onetouch.ports.room_notifications import RoomStream, TooManyStreams
from pexschedd.util.backoff import backoff
from pexschedd.util.sleep import Sleep

SETTLED = 60.0
"""Seconds after which a stream counts as having worked: one that is ended earlier is
opened again after a growing pause."""
RETRY_FIRST, RETRY_MOST = 1.0, 300.0
"""Seconds between two attempts."""
RETRY_REFUSED = 300.0
RETRY_TOO_MANY = 1800.0
"""Seconds until a stream is tried again that is one too many. Its subscriptions have
to be made anew by then."""


class GroupReports(Protocol):
    """The receiver of what becomes of the rooms of a group."""

    def up(self, rooms: Sequence[str]) -> None:
        """Note that changes of these rooms are reported from now on."""

    def down(self, rooms: Sequence[str], reason: str) -> None:
        """Note that changes of these rooms are not reported."""

    def changed(self, rooms: Sequence[str]) -> None:
        """Note that these rooms have changed."""

    def signed_in(self) -> bool:
        """Return whether the account is let in, as far as it is known."""

    def sign_in_refused(self) -> None:
        """Note that the account is refused; `GroupListener.go_on` ends the wait."""


class GroupListener:
    """Listens from its making until `stop`.

    `turns` lets few subscribe at the same time. `chance` returns random numbers from 0
    to 1, so that many streams do not come back at the same moment.
    """

    _log = Logger()

    def __init__(
        self,
        deployment: int,
        group: StreamGroup,
        stream: RoomStream,
        reports: GroupReports,
        turns: DeferredSemaphore,
        *,
        clock: IReactorTime,
        chance: Callable[[], float],
    ) -> None:
        self._deployment = deployment
        self.group = group
        self._stream = stream
        self._reports = reports
        self._turns = turns
        self._turn: Deferred[DeferredSemaphore] | None = None
        self._clock = clock
        self._chance = chance
        self._running = True
        self._sleep: Sleep | None = None
        self._failures = 0
        self._up: tuple[str, ...] = ()
        self._up_at: float | None = None
        self._finished = Deferred.fromCoroutine(self._run())

    @property
    def is_up(self) -> bool:
        """True while the server reports changes."""
        return self._up_at is not None

    def set_group(self, group: StreamGroup) -> None:
        """Listen to these rooms from now on."""
        if group != self.group:
            self.group = group
            self._stream.interrupt()

    def go_on(self) -> None:
        """End the wait that began when the account was refused."""
        if self._sleep is not None and self._sleep.seconds is None:
            self._sleep.end()

    async def stop(self) -> None:
        """End the stream; takes a few seconds at most."""
        self._running = False
        if self._sleep is not None:
            self._sleep.end()
        if self._turn is not None and not self._turn.called:
            self._turn.cancel()
        try:
            await self._stream.close()
        except Exception:  # noqa: BLE001 - the listening must end all the same
            self._log.failure(
                "stream of rooms could not be closed deployment={deployment}",
                deployment=self._deployment,
            )
            self._finished.cancel()
        with suppress(CancelledError):
            await self._finished

    # What the stream tells

    def alive(self, rooms: Sequence[str]) -> None:
        """See `StreamListener`."""
        if not self._running:
            return
        self._end_turn()
        if self._up_at is None:
            self._up_at = self._clock.seconds()
        if not self._up:
            self._log.info(
                "stream of rooms is open deployment={deployment} rooms={rooms}",
                deployment=self._deployment,
                rooms=len(rooms),
            )
        gone = set(self._up).difference(rooms)
        if gone:
            self._reports.down(sorted(gone), "The subscription was lost.")
        self._up = tuple(rooms)
        self._reports.up(self._up)

    def changed(self, rooms: Sequence[str]) -> None:
        """See `StreamListener`."""
        if self._running:
            self._reports.changed(rooms)

    def refused(self, room: str, error: MailboxError) -> None:
        """See `StreamListener`."""
        if self._running:
            self._log.info(
                "room has no notifications room={room} deployment={deployment}: "
                "{problem}",
                room=room,
                deployment=self._deployment,
                problem=error.message,
            )
            self._up = tuple(each for each in self._up if each != room)
            self._reports.down([room], error.message)

    # Listening

    async def _run(self) -> None:
        while self._running:
            if not self._reports.signed_in():
                # The readings find out when the account is let in again.
                await self._rest(None)
                continue
            delay = await self._once()
            if delay and self._running:
                await self._rest(delay)

    async def _once(self) -> float:
        """Listen once; return the seconds to wait before the next time."""
        error: MailboxError | None = None
        rooms = self.group.rooms
        try:
            await self._begin_turn()
            rooms = self.group.rooms
            await self._stream.listen(rooms, self)
        except CancelledError:
            return 0
        except MailboxError as raised:
            error = raised
        except Exception:  # noqa: BLE001 - without notifications the rooms are read, too
            if not self._running:
                return 0
            self._log.failure(
                "stream of rooms failed unexpectedly deployment={deployment}",
                deployment=self._deployment,
            )
            error = MailboxError("An internal error; the log has the details.")
        finally:
            self._end_turn()
        if not self._running:
            return 0
        up_at, self._up_at = self._up_at, None
        has_worked = up_at is not None and self._clock.seconds() - up_at >= SETTLED
        if error is None and (has_worked or rooms != self.group.rooms):
            self._failures = 0
            return 0  # it goes on at once: the rooms need not be told
        self._failures = 0 if has_worked else min(self._failures + 1, 20)
        reason = error.message if error is not None else "The server ends the stream."
        self._report(rooms, reason)
        return self._delay(error)

    async def _begin_turn(self) -> None:
        self._turn = self._turns.acquire()
        await self._turn

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None and turn.called and self._turns.tokens < self._turns.limit:
            self._turns.release()

    def _report(self, rooms: Sequence[str], reason: str) -> None:
        self._log.info(
            "stream of rooms is closed deployment={deployment} rooms={rooms}: "
            "{problem}",
            deployment=self._deployment,
            rooms=len(rooms),
            problem=reason,
        )
        self._up = ()
        self._reports.down(rooms, reason)

    def _delay(self, error: MailboxError | None) -> float:
        first = RETRY_FIRST
        most = RETRY_MOST
        if isinstance(error, TooManyStreams):
            first = most = RETRY_TOO_MANY
        elif isinstance(error, MailboxRefused):
            first = RETRY_REFUSED
            if isinstance(error, SignInRefused):
                self._reports.sign_in_refused()
        least = (error.retry_after or 0.0) if error is not None else 0.0
        delay = backoff(first, most, lambda: 0.5 + self._chance())
        return max(least, delay(max(0, self._failures - 1)))

    async def _rest(self, seconds: float | None) -> None:
        """Wait; without seconds, until `go_on`."""
        self._sleep = Sleep(self._clock, seconds)
        await self._sleep
        self._sleep = None
