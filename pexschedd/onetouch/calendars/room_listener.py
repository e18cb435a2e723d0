"""Has the changes of all rooms of a deployment reported.

Rooms are put into groups, one for each stream. A room that has no part in any, for
whatever reason, is read as without notifications.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredSemaphore,
    gatherResults,
)
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.errors import MailboxError
from pexschedd.onetouch.calendars.group_listener import GroupListener
from pexschedd.onetouch.calendars.stream_groups import StreamGroup, arranged
from pexschedd.onetouch.ports.room_notifications import RoomNotifications, RoomServer
from pexschedd.util.sleep import Sleep

SUBSCRIBING_AT_ONCE = 2
"""Groups that subscribe at the same time."""
SERVER_SOUGHT_EVERY = 1800.0
"""Seconds until a room whose server was not found is looked for again."""


class WithoutNotifications(msgspec.Struct, frozen=True):
    """A room whose changes are not reported."""

    since: float
    """In seconds of the clock."""
    reason: str


class ReportedRooms(Protocol):
    """The reader of the rooms, which is told of their changes."""

    def set_reported(self, rooms: Sequence[str], *, are_reported: bool) -> None:
        """Note whether the changes of these rooms are reported from now on; what
        happened before was not."""

    def room_changed(self, room: str) -> None:
        """Read a room soon: it has changed."""


class RoomListener:
    """Listens from `start` until `stop`."""

    _log = Logger()

    def __init__(
        self,
        deployment: int,
        notifications: RoomNotifications,
        *,
        clock: IReactorTime,
        chance: Callable[[], float],
    ) -> None:
        self._deployment = deployment
        self._notifications = notifications
        self._clock = clock
        self._chance = chance
        self._told: ReportedRooms | None = None
        self._rooms: frozenset[str] = frozenset()
        self._servers: dict[str, RoomServer] = {}
        self._sought: dict[str, float] = {}
        """The times of searches that found nothing."""
        self._groups: list[GroupListener] = []
        self._turns = DeferredSemaphore(SUBSCRIBING_AT_ONCE)
        self._running = False
        self._finished: Deferred[None] | None = None
        self._search: Deferred[RoomServer] | None = None
        """The search for a server that is under way."""
        self._sleep: Sleep | None = None
        self._is_signed_in = False
        self.without: dict[str, WithoutNotifications] = {}
        """The rooms whose changes are not reported at present."""

    def start(self, told: ReportedRooms) -> None:
        """Begin to listen, once a room was read successfully."""
        self._told = told
        self._running = True
        self._finished = Deferred.fromCoroutine(self._run())

    async def stop(self) -> None:
        """End all streams; takes a few seconds at most."""
        self._running = False
        self._wake()
        if self._search is not None:
            self._search.cancel()
        if self._finished is not None:
            await self._finished
        groups, self._groups = self._groups, []
        await gatherResults([Deferred.fromCoroutine(g.stop()) for g in groups])

    def set_rooms(self, rooms: Collection[str]) -> None:
        """Listen to these rooms from now on."""
        wanted = frozenset(rooms)
        if wanted == self._rooms:
            return
        for room in self._rooms - wanted:
            self.without.pop(room, None)
            self._servers.pop(room, None)
            self._sought.pop(room, None)
        now = self._clock.seconds()
        for room in wanted - self._rooms:
            self.without[room] = WithoutNotifications(now, "It has just begun.")
        self._rooms = wanted
        self._wake()

    def room_was_read(self) -> None:
        """Note that a reading went well: the account is let in."""
        if not self._is_signed_in:
            self._is_signed_in = True
            self._wake()
            for group in self._groups:
                group.go_on()

    def _wake(self) -> None:
        if self._sleep is not None:
            self._sleep.end()

    # What becomes of the rooms

    def up(self, rooms: Sequence[str]) -> None:
        """See `GroupReports`."""
        wanted = [room for room in rooms if room in self._rooms]
        for room in wanted:
            self.without.pop(room, None)
        if self._told is not None:
            self._told.set_reported(wanted, are_reported=True)

    def down(self, rooms: Sequence[str], reason: str) -> None:
        """See `GroupReports`."""
        wanted = [room for room in rooms if room in self._rooms]
        now = self._clock.seconds()
        for room in wanted:
            known = self.without.get(room)
            since = known.since if known is not None else now
            self.without[room] = WithoutNotifications(since, reason)
        if self._told is not None:
            self._told.set_reported(wanted, are_reported=False)

    def changed(self, rooms: Sequence[str]) -> None:
        """See `GroupReports`."""
        if self._told is not None:
            for room in rooms:
                self._told.room_changed(room)

    def signed_in(self) -> bool:
        """See `GroupReports`."""
        return self._is_signed_in

    def sign_in_refused(self) -> None:
        """See `GroupReports`."""
        self._is_signed_in = False

    # Arranging

    async def _run(self) -> None:
        while self._running:
            self._sleep = Sleep(self._clock, SERVER_SOUGHT_EVERY)
            try:
                if self._is_signed_in:
                    await self._find_servers()
                    await self._arrange()
            except Exception:  # noqa: BLE001 - the rooms are read all the same
                if not self._running:
                    return  # it was broken off
                self._log.failure(
                    "streams of rooms could not be arranged deployment={deployment}",
                    deployment=self._deployment,
                )
            if self._running:
                await self._sleep

    async def _find_servers(self) -> None:
        for room in sorted(self._rooms):
            now = self._clock.seconds()
            sought = self._sought.get(room)
            if room in self._servers or (
                sought is not None and now - sought < SERVER_SOUGHT_EVERY
            ):
                continue
            try:
                self._search = Deferred.fromCoroutine(self._notifications.server(room))
                server = await self._search
            except CancelledError:
                return
            except MailboxError as error:
                self._sought[room] = now
                self.down([room], error.message)
            else:
                if room in self._rooms:
                    self._servers[room] = server
            finally:
                self._search = None
            if not self._running:
                return

    async def _arrange(self) -> None:
        if not self._running:
            return
        there = self._groups
        plan = arranged([each.group for each in there], self._servers)
        kept, ended = [], []
        for listener, group in zip(there, plan, strict=False):
            if group.rooms:
                listener.set_group(group)
                kept.append(listener)
            else:
                ended.append(listener)
        made = (self._listener(group) for group in plan[len(there) :])
        self._groups = kept + [each for each in made if each is not None]
        await gatherResults([Deferred.fromCoroutine(g.stop()) for g in ended])

    def _listener(self, group: StreamGroup) -> GroupListener | None:
        try:
            stream = self._notifications.stream(group.server)
        except MailboxError as error:
            self.down(group.rooms, error.message)
            return None
        return GroupListener(
            self._deployment,
            group,
            stream,
            self,
            self._turns,
            clock=self._clock,
            chance=self._chance,
        )
