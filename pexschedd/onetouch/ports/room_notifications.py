"""Notifications of changes in rooms' calendars, as a calendar server offers them. Pure.

A notification says that a calendar has changed, and never what: the room is then read
as at any other time. So one may be late, doubled or lost, and nothing goes wrong.
`ews/rooms/` implements it over Exchange Web Services.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from pexschedd.errors import MailboxBusy, MailboxError


class TooManyStreams(MailboxBusy):
    """The server takes no further stream at present."""


class RoomServer(msgspec.Struct, frozen=True):
    """The server of a room: rooms whose servers are equal can share a stream."""

    url: str
    group: str = ""
    """The name of the servers that know each other's mailboxes; empty if there is
    only one, or if it is not known."""


class StreamListener(Protocol):
    """The listener to a stream. Rooms are named as they were given to the stream."""

    def alive(self, rooms: Sequence[str]) -> None:
        """Note that the stream has begun for these rooms. What happened to them
        before is not reported."""

    def changed(self, rooms: Sequence[str]) -> None:
        """Note that the calendars of these rooms have changed."""

    def refused(self, room: str, error: MailboxError) -> None:
        """Note that this room has no part in the stream."""


class RoomStream(Protocol):
    """One connection, over which a server reports the changes of up to 200 rooms."""

    async def listen(self, rooms: Sequence[str], told: StreamListener) -> None:
        """Listen until the server ends the stream, or until `interrupt` is called; then
        call this again at once.

        Rooms that are not given any more are left out, and new ones taken in. Raises
        `MailboxError` when the server refuses the stream, or breaks it off.
        """

    def interrupt(self) -> None:
        """End `listen` soon, which can be called again."""

    async def close(self) -> None:
        """End the stream and its subscriptions, within seconds."""


class RoomNotifications(Protocol):
    """The notifications of the rooms of one deployment."""

    async def server(self, room: str) -> RoomServer:
        """Return the server of a room. Raises `MailboxError` if it is not found. It can
        be cancelled."""

    def stream(self, server: RoomServer) -> RoomStream:
        """Return a stream from a server. Nothing is opened yet; raises
        `MailboxRefused` when one of the settings cannot be used."""
