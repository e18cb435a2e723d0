"""The calendars of rooms' mailboxes, as a calendar server offers them. Pure.

`ews/rooms/` implements it over Exchange Web Services, `graph/rooms/` over Microsoft
Graph. Every method raises `errors.MailboxError` or one of its kinds.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

import msgspec

from pexschedd.errors import MailboxRefused, SignInRefused
from pexschedd.model.meeting import MessageRef, Person


class ListedMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting, or an occurrence of a series, as the list of a calendar shows it.

    Times are aware UTC.
    """

    ref: MessageRef
    uid: str
    start: datetime
    end: datetime
    is_plain: bool = False
    """True for an occurrence that is as the series has it: its text is that of all
    others of the series."""


class CalendarListing(msgspec.Struct, frozen=True):
    """The meetings of a span of time, in the order of their starts."""

    meetings: tuple[ListedMeeting, ...]
    is_complete: bool = True
    """False if there are more than are read: the latest are missing."""


class RoomItem(msgspec.Struct, frozen=True, kw_only=True):
    """A whole meeting of a room's calendar. Times are aware UTC."""

    ref: MessageRef
    uid: str
    start: datetime
    end: datetime
    recurrence_id: datetime | None = None
    """Of an occurrence: its original start."""
    changed: datetime | None = None
    subject: str = ""
    location: str = ""
    html: str = ""
    text: str = ""
    """The body, if it was written as text."""
    organizer: Person = Person("", "")
    is_private: bool = False
    is_all_day: bool = False
    is_cancelled: bool = False


class RoomMailboxes(Protocol):
    """The mailboxes of rooms on one server.

    A refusal names the room, unless it is the sign-in that is refused.
    """

    async def listing(
        self, room: str, since: datetime, until: datetime
    ) -> CalendarListing:
        """Return the meetings of a room that overlap a span of time."""

    async def fetch(self, room: str, refs: Sequence[MessageRef]) -> Sequence[RoomItem]:
        """Return whole meetings; those that are gone, or that the server cannot give,
        are left out."""

    async def close(self) -> None:
        """Give up all connections."""


@contextmanager
def named_in_refusals(room: str) -> Iterator[None]:
    """Name a room in what its server refuses meanwhile, as `RoomMailboxes` has it."""
    try:
        yield
    except SignInRefused:
        raise  # which is no room's fault
    except MailboxRefused as refused:
        raise type(refused)(
            f"The calendar of the room {room} cannot be read: {refused.message}",
            retry_after=refused.retry_after,
        ) from refused
