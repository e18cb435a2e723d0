"""Reads the rooms of one deployment, each at its own times.

A room that fails waits longer with each failure, and holds up no other. If it is the
server or the account that fails, nobody asks again for a while; then one room goes
first.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pexschedd.errors import (
    MailboxError,
    MailboxRefused,
    MailboxUnreachable,
    MailboxUntrusted,
    SignInRefused,
    StoreError,
    StoreFull,
)
from pexschedd.model.onetouch.room_calendar import RoomMeeting
from pexschedd.onetouch.calendars.call_counter import CallCounter
from pexschedd.onetouch.calendars.change_pace import share_of
from pexschedd.onetouch.calendars.due_queue import DueQueue
from pexschedd.onetouch.calendars.pace import (
    first_time,
    interval_of,
    place_of,
    time_after_failure,
)
from pexschedd.onetouch.calendars.room_listener import RoomListener
from pexschedd.onetouch.calendars.room_reader import RoomReader
from pexschedd.onetouch.calendars.room_state import RoomState
from pexschedd.onetouch.configuration import ReadRoom
from pexschedd.onetouch.deployments import DeploymentKey
from pexschedd.onetouch.ports.room_mailboxes import RoomMailboxes
from pexschedd.util.backoff import backoff

AT_ONCE = 8
"""Rooms that are read at the same time."""
COUNT_STORED_EVERY = 300.0
"""Seconds after which the count of calls is stored."""
GRACE = 3.0
"""Seconds that readings under way may still take when the reader is to stop."""
_SEVERAL = 3
"""Rooms without an answer that show that the server gives none."""
_MOST_CALLS = 4.0
"""Calls that a reading is reckoned with at most."""
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 300.0


class ReadingSchedule:
    """Reads all rooms of a deployment, from `start` until `stop`.

    `quota` returns the calls that may be made in 24 hours; `listener` has the changes
    of rooms reported.
    """

    _log = Logger()

    def __init__(
        self,
        deployment: DeploymentKey,
        reader: RoomReader,
        mailboxes: RoomMailboxes,
        counter: CallCounter,
        quota: Callable[[], int],
        *,
        clock: IReactorTime,
        listener: RoomListener | None = None,
    ) -> None:
        self.deployment = deployment
        self.listener = listener
        self.counter = counter
        self.quota = quota
        self._reader = reader
        self._mailboxes = mailboxes
        self._clock = clock
        self._rooms: dict[str, RoomState] = {}
        self._queue = DueQueue()
        self._timer: IDelayedCall | None = None
        self._running = False
        self._under_way: set[Deferred[None]] = set()
        self._server_failures = 0
        self._paused_until = 0.0
        self._count_stored = clock.seconds()
        self.readings = 0
        """Since the start, whether they succeeded or not."""
        self._unreachable: set[str] = set()
        """Rooms that got no answer since the last one that did."""
        self.problem = ""
        """The problem of the server or the account; empty if there is none."""
        self.problem_since: float | None = None
        self.is_refused = False
        """True if that problem does not pass by itself."""

    @property
    def rooms(self) -> Mapping[str, RoomState]:
        """The states of the rooms, by address."""
        return self._rooms

    @property
    def reading(self) -> int:
        """The number of rooms that are being read now."""
        return len(self._under_way)

    @property
    def interval(self) -> float:
        """The seconds between two readings of a room. Long lists take several calls,
        and so do failures."""
        return interval_of(self._calls, self.quota(), self.counter.used())

    @property
    def _calls(self) -> float:
        """The calls that it takes to read all rooms once."""
        calls = self.counter.total / max(self.readings, 1)
        return len(self._rooms) * min(max(calls, 1.0), _MOST_CALLS)

    @property
    def _share(self) -> float:
        return share_of(self._calls, self.quota())

    def start(self) -> None:
        """Begin to read the rooms."""
        self._running = True
        if self.listener is not None:
            self.listener.start(self)
        self._schedule()

    async def stop(self) -> None:
        """Let readings under way finish, or break them off after `GRACE` seconds; the
        count of calls is durable then."""
        self._running = False
        self._cancel_timer()
        listening = (
            Deferred.fromCoroutine(self.listener.stop()) if self.listener else None
        )
        overdue = self._clock.callLater(GRACE, self._break_off)
        try:
            if self._under_way:
                await DeferredList(list(self._under_way))
        finally:
            if overdue.active():
                overdue.cancel()
            if listening is not None:
                await listening
            await self._mailboxes.close()
        await self.counter.store()

    def _break_off(self) -> None:
        for reading in tuple(self._under_way):
            reading.cancel()

    def set_rooms(self, rooms: Mapping[str, ReadRoom]) -> None:
        """Read these rooms from now on. New ones get their turn within an interval;
        those whose settings have changed are read at once."""
        now = self._clock.seconds()
        interval = interval_of(len(rooms), self.quota()) if rooms else 0.0
        kept = {}
        for email, room in rooms.items():
            state = self._rooms.get(email)
            if state is None:
                due = first_time(now, interval, place_of(room.number))
                state = RoomState(room, due)
            elif state.room != room:
                state.room = room
                if not state.failures:
                    state.due = now
            kept[email] = state
        self._rooms = kept
        self._queue.fill(kept.values())
        if self.listener is not None:
            self.listener.set_rooms(kept)
        self._schedule()

    def read_now(self, email: str) -> None:
        """Read a room as soon as possible, unless it waits after a failure."""
        state = self._rooms.get(email)
        if state is not None and not state.failures:
            self._read_at(state, self._clock.seconds())

    # What is reported of rooms

    def set_reported(self, rooms: Sequence[str], *, are_reported: bool) -> None:
        """See `ReportedRooms`. What was not reported is found within an interval."""
        now, interval = self._clock.seconds(), self.interval
        for state in map(self._rooms.get, rooms):
            if state is None or not (are_reported or state.is_reported):
                continue
            state.is_reported = are_reported
            if not state.failures:
                self._read_at(state, min(state.due, state.first_time(now, interval)))

    def room_changed(self, room: str) -> None:
        """See `ReportedRooms`. A room that waits after a failure goes on waiting."""
        state = self._rooms.get(room)
        if state is None:
            return
        state.has_changed = True
        if not state.is_reading and not state.failures:
            now = self._clock.seconds()
            self._read_at(state, state.time_after_change(now, self._share))

    # Scheduling

    def _read_at(self, state: RoomState, due: float) -> None:
        if due != state.due:
            state.due = due
            self._queue.put(state)
            self._schedule()

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _schedule(self) -> None:
        """Set the timer for the room that is due next."""
        self._cancel_timer()
        if not self._running or self._free_places() <= 0:
            return  # the end of a reading sets it
        first = self._queue.first()
        if first is None:
            return
        now = self._clock.seconds()
        free = self.counter.seconds_until_free(self.quota())
        due = max(first.due, self._paused_until, now + free)
        self._timer = self._clock.callLater(max(0.0, due - now), self._read_due)

    def _free_places(self) -> int:
        most = 1 if self._server_failures else AT_ONCE
        return most - len(self._under_way)

    def _read_due(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        while (state := self._queue.first()) is not None and state.due <= now:
            # Some readings end at once, and may have led to a pause.
            if self._free_places() <= 0 or now < self._paused_until:
                break
            if self.counter.seconds_until_free(self.quota()):
                break
            self._begin(state)
        self._schedule()

    def _begin(self, state: RoomState) -> None:
        state.begin(self._clock.seconds(), self._share)
        reading = Deferred.fromCoroutine(self._read(state))
        if reading.called:
            self._ended(state)
            return
        self._under_way.add(reading)

        def ended(_: object) -> None:
            self._under_way.discard(reading)
            self._ended(state)

        reading.addBoth(ended)

    def _ended(self, state: RoomState) -> None:
        state.is_reading = False
        if self._is_wanted(state):
            self._queue.put(state)
        self._schedule()

    # Reading

    async def _read(self, state: RoomState) -> None:
        """Read a room, and say when it is read next. Nothing is raised."""
        started = self._clock.seconds()
        room = state.room
        try:
            meetings = await self._reader.read(room, lambda: self._is_wanted(state))
        except MailboxError as error:
            await self._failed(state, error)
        except (StoreFull, StoreError):
            self._next(state, started)  # an alarm says so
        except CancelledError:
            self._next(state, started)
        except Exception:  # noqa: BLE001 - an unforeseen error must not end the reader
            self._log.failure(
                "room could not be read unexpectedly room={room} "
                "deployment={deployment}",
                room=room.email,
                deployment=str(self.deployment),
            )
            self._pause_room(state, "An internal error; the log has the details.", 0.0)
        else:
            self._worked(state, meetings)
            if state.room == room:
                self._next(state, started)
        self.readings += 1
        await self._store_count()

    def _is_wanted(self, state: RoomState) -> bool:
        return self._rooms.get(state.room.email) is state

    def _next(self, state: RoomState, started: float) -> None:
        state.plan_next(started, self._clock.seconds(), self.interval, self._share)

    def _worked(self, state: RoomState, meetings: Sequence[RoomMeeting]) -> None:
        state.meetings = meetings
        state.failures = 0
        state.failing_since = None
        state.problem = ""
        state.is_refused = False
        self._unreachable.clear()
        if self.listener is not None:
            self.listener.room_was_read()
        if self._server_failures:
            self._server_failures = 0
            self._paused_until = 0.0
            self._spread_again()
        self.problem = ""
        self.problem_since = None

    def _spread_again(self) -> None:
        """Give the rooms that have waited for the server their places, so that they
        are not read all at once."""
        now, interval = self._clock.seconds(), self.interval
        for state in self._rooms.values():
            if state.due <= now and not state.is_reading:
                state.due = state.first_time(now, interval)
        self._queue.fill(self._rooms.values())

    async def _failed(self, state: RoomState, error: MailboxError) -> None:
        now = self._clock.seconds()
        if not self._running:
            self._next(state, now)
            return
        if self._is_the_servers(state, error):
            # The room is not to blame: it is tried again as soon as somebody is.
            self.problem = error.message
            self.is_refused = not isinstance(error, MailboxUnreachable)
            if self.problem_since is None:
                self.problem_since = now
            pause = backoff(_FIRST_PAUSE, _LONGEST_PAUSE)(self._server_failures)
            self._server_failures = min(self._server_failures + 1, 10)
            self._paused_until = now + max(pause, error.retry_after or 0.0)
            return
        state.is_refused = isinstance(error, MailboxRefused)
        self._pause_room(state, error.message, error.retry_after or 0.0)
        if self._is_wanted(state):
            with suppress(StoreFull, StoreError):  # an alarm says so
                await self._reader.failed(state.room, error)

    def _is_the_servers(self, state: RoomState, error: MailboxError) -> bool:
        """Return whether the account or the server has failed, rather than one room:
        one room's answer may be too large, or too slow, time and again."""
        if isinstance(error, (SignInRefused, MailboxUntrusted)):
            return True
        if not isinstance(error, MailboxUnreachable):
            return False
        self._unreachable.add(state.room.email)
        return len(self._unreachable) >= min(_SEVERAL, len(self._rooms))

    def _pause_room(self, state: RoomState, problem: str, asked: float) -> None:
        now = self._clock.seconds()
        state.failures += 1
        state.problem = problem
        if state.failing_since is None:
            state.failing_since = now
        place = place_of(state.room.number)
        state.due = time_after_failure(now, self.interval, place, state.failures, asked)

    async def _store_count(self) -> None:
        now = self._clock.seconds()
        if now - self._count_stored < COUNT_STORED_EVERY:
            return
        self._count_stored = now
        await self.counter.store()
