"""Reads rooms of a deployment to see whether it works. It changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.doctor.report import CheckFinding
from pexschedd.doctor.rooms.tries import try_all
from pexschedd.errors import MailboxError, MailboxUnreachable, SignInRefused
from pexschedd.onetouch.ports.room_mailboxes import RoomMailboxes

DEADLINE = 30.0
"""Seconds for trying the rooms."""
AT_ONCE = 4

JudgeRooms = Callable[[Mapping[str, str], int, int], CheckFinding]
"""Takes the problems by room, the number of rooms that were tried, and of all."""


class DeploymentAccess(msgspec.Struct, frozen=True):
    """The way to a deployment's rooms, with its judgements."""

    open: Callable[[], RoomMailboxes]
    """Raises `MailboxRefused` for settings that cannot be used."""
    signed_in: Callable[[str], CheckFinding]
    """Judges the problem of the sign-in; "" if there was none."""
    fields: tuple[str, ...]
    """The fields that the sign-in depends on."""
    read: JudgeRooms
    is_server_known: bool = True
    """False if nothing has examined the server before: a first room without an answer
    is then the problem of the way there, and not the room's."""


class RoomsAttempt:
    """Reads a meeting of today in each room, the first room alone: a wrong password is
    tried once."""

    def __init__(self, mailboxes: RoomMailboxes, clock: IReactorTime, now: Now) -> None:
        self._mailboxes = mailboxes
        self._clock = clock
        self._now = now
        self.refusal = ""
        self.unreachable = ""
        """The problem of the first room, if it got no answer."""
        self.problems: dict[str, str] = {}
        self.tried = 0

    async def run(self, rooms: Sequence[str]) -> None:
        """Try these rooms, within half a minute."""
        await self._try(rooms[0])
        if self.refusal or self.unreachable:
            return
        await try_all(
            rooms[1:],
            self._try,
            at_once=AT_ONCE,
            seconds=DEADLINE,
            clock=self._clock,
        )

    async def _try(self, room: str) -> None:
        now = self._now()
        rooms = self._mailboxes
        try:
            listing = await rooms.listing(room, now, now + timedelta(days=1))
            if listing.meetings:
                # A list can be had with less permissions than a text.
                await rooms.fetch(room, [listing.meetings[0].ref])
        except SignInRefused as error:
            self.refusal = error.message
        except MailboxError as error:
            self.problems[room] = error.message
            if isinstance(error, MailboxUnreachable) and not self.tried:
                self.unreachable = error.message
        except CancelledError:
            return
        self.tried += 1
