"""Rooms whose Exchange server is found by Autodiscover.

The rooms of a mail domain are on the server that Autodiscover names for the first one
that is read. The answer is kept while it works; when it stops working, it is asked for
again, and so is a search that found nothing, each after a pause.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.errors import (
    ImpersonationRefused,
    MailboxBusy,
    MailboxError,
    MailboxRefused,
    SignInRefused,
)
from pexschedd.ews.rooms.rooms import EwsRooms
from pexschedd.model.meeting import MessageRef
from pexschedd.onetouch.ports.room_mailboxes import CalendarListing, RoomItem
from pexschedd.util.single_flight import SingleFlight

T = TypeVar("T")

FAILED_FOR = 300.0
"""Seconds for which a search that found nothing is not repeated."""
DOUBTED_AFTER = 60.0
"""Seconds after a search before its result may be doubted: a server that fails is
seldom another one at once."""


class _Domain:
    """The rooms of one mail domain."""

    def __init__(self) -> None:
        self.search: SingleFlight[EwsRooms] = SingleFlight()
        self.url = ""
        self.rooms: EwsRooms | None = None
        self.searched = 0.0
        self.error: MailboxError | None = None
        self.is_doubtful = False


class DiscoveredRooms:
    """See `onetouch.ports.room_mailboxes.RoomMailboxes`.

    `find` returns the EWS URL of a mailbox, and `open_rooms` the rooms at one.
    """

    _log = Logger()

    def __init__(
        self,
        find: Callable[[str], Awaitable[str]],
        open_rooms: Callable[[str], EwsRooms],
        clock: IReactorTime,
    ) -> None:
        self._find = find
        self._open_rooms = open_rooms
        self._clock = clock
        self._domains: dict[str, _Domain] = {}
        self._is_closed = False

    async def listing(
        self, room: str, since: datetime, until: datetime
    ) -> CalendarListing:
        """List a room's meetings on the server that was found."""
        return await self._with(room, lambda r: r.listing(room, since, until))

    async def fetch(self, room: str, refs: Sequence[MessageRef]) -> list[RoomItem]:
        """Read meetings on the server that was found."""
        return await self._with(room, lambda r: r.fetch(room, refs))

    async def close(self) -> None:
        """Close the connections of all servers."""
        self._is_closed = True
        for domain in self._domains.values():
            if domain.rooms is not None:
                await domain.rooms.close()

    async def _with(
        self, room: str, work: Callable[[EwsRooms], Coroutine[Any, Any, T]]
    ) -> T:
        name = room.rpartition("@")[2].casefold()
        domain = self._domains.setdefault(name, _Domain())
        rooms = await self._rooms(domain, room)
        try:
            result = await work(rooms)
        except (MailboxBusy, SignInRefused, ImpersonationRefused):
            raise  # it is an Exchange server
        except MailboxError:
            if self._clock.seconds() - domain.searched >= DOUBTED_AFTER:
                domain.is_doubtful = True
            raise
        domain.is_doubtful = False
        return result

    async def _rooms(self, domain: _Domain, room: str) -> EwsRooms:
        now = self._clock.seconds()
        if domain.rooms is not None and not domain.is_doubtful:
            return domain.rooms
        if domain.error is not None and now - domain.searched < FAILED_FOR:
            raise domain.error
        waited: Deferred[EwsRooms] = domain.search.run(
            lambda: self._search(domain, room)
        )
        return await waited

    async def _search(self, domain: _Domain, room: str) -> EwsRooms:
        domain.error = None
        try:
            url = await self._find(room)
        except MailboxError as error:
            domain.error = error
            raise
        finally:
            domain.searched = self._clock.seconds()
        domain.is_doubtful = False
        if domain.rooms is not None and url == domain.url:
            return domain.rooms
        if self._is_closed:
            raise MailboxRefused("The connections to the rooms are closed.")
        self._log.info(
            "autodiscover found the server url={url} integration={integration}",
            url=url,
            integration=None,
        )
        rooms, old = self._open_rooms(url), domain.rooms
        domain.rooms, domain.url = rooms, url
        if old is not None:
            await old.close()
        return rooms
