"""The rooms of each stream of notifications. Pure.

A stream reports the changes of rooms on one server, and of so many at most. Rooms stay
where they are as others come and go, because a stream that gets other rooms has to be
opened again.
"""

from collections.abc import Mapping, Sequence

import msgspec

from pexschedd.onetouch.ports.room_notifications import RoomServer

MOST_ROOMS = 200
"""Rooms of a stream: Exchange takes no more subscriptions in a GetStreamingEvents."""


class StreamGroup(msgspec.Struct, frozen=True):
    """The rooms of one stream, in alphabetical order."""

    server: RoomServer
    rooms: tuple[str, ...]


def arranged(
    groups: Sequence[StreamGroup],
    servers: Mapping[str, RoomServer],
    most: int = MOST_ROOMS,
) -> tuple[StreamGroup, ...]:
    """Return the groups as they should be; each at its place, empty if it has no room
    any more, and new ones after them.

    groups: as they are. servers: those of all rooms that belong to a group.
    """
    left = dict(servers)
    kept: list[tuple[RoomServer, list[str]]] = []
    for group in groups:
        rooms = [room for room in group.rooms if left.get(room) == group.server]
        for room in rooms:
            del left[room]
        kept.append((group.server, rooms))
    for room in sorted(left):
        server = left[room]
        for other, rooms in kept:
            if other == server and len(rooms) < most:
                rooms.append(room)
                break
        else:
            kept.append((server, [room]))
    return tuple(StreamGroup(server, tuple(sorted(rooms))) for server, rooms in kept)
