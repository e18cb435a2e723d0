"""Personal rooms as the add-in offers them: a user's list, and one chosen room."""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from pexschedd.errors import NotFound, PersonalRoomsOff
from pexschedd.model.end_user import EndUser
from pexschedd.model.integration.connector import Connector
from pexschedd.personal.owned_rooms import OwnedRoom, OwnedRooms
from pexschedd.personal.room_texts import JoiningDetails, PersonalRoomTexts, RoomEntry

KEPT_ENTRIES = 20_000
ENTRY_LIFETIME = 60.0
"""Seconds: a template may name the time."""


class _Kept(msgspec.Struct, frozen=True):
    connector: Connector
    room: OwnedRoom
    entry: RoomEntry
    ends: float


def require_personal(connector: Connector) -> None:
    """Raise `PersonalRoomsOff` if an integration has no personal rooms."""
    if not connector.enable_personal_vmrs:
        raise PersonalRoomsOff("Personal rooms are not enabled in this integration.")


class PersonalRooms:
    """Lists the rooms of a user. `seconds` is a steady clock."""

    def __init__(
        self, rooms: OwnedRooms, texts: PersonalRoomTexts, seconds: Callable[[], float]
    ) -> None:
        self._rooms = rooms
        self._texts = texts
        self._seconds = seconds
        self._kept: OrderedDict[tuple[int, int], _Kept] = OrderedDict()

    def list_of(self, connector: Connector, user: EndUser) -> list[RoomEntry]:
        """Return the user's rooms by name; those that cannot be used, too."""
        require_personal(connector)
        entries = [
            self._entry(connector, room)
            for room in self._rooms.of(user.primary_email_address)
        ]
        entries.sort(key=_order)
        return entries

    def details(
        self, connector: Connector, user: EndUser, room_id: int
    ) -> JoiningDetails:
        """Return the texts for a meeting in one of the user's rooms.

        Raises `NotFound` if it is not the user's, or not any more, and `RoomNotUsable`
        for a room without an alias of the kind that the templates need.
        """
        require_personal(connector)
        room = self._rooms.one(user.primary_email_address, room_id)
        if room is None:
            raise NotFound("This is not one of your rooms, or not any more.")
        return self._texts.details(connector, room)

    def _entry(self, connector: Connector, room: OwnedRoom) -> RoomEntry:
        """Return an entry of the list, kept while neither the room nor the integration
        changes."""
        key = connector.id, room.conference.id
        kept = self._kept.get(key)
        now = self._seconds()
        if (
            kept is not None
            and now < kept.ends
            and kept.connector is connector
            and kept.room == room
        ):
            return kept.entry
        entry = self._texts.entry(connector, room)
        self._kept[key] = _Kept(connector, room, entry, now + ENTRY_LIFETIME)
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT_ENTRIES:
            self._kept.popitem(last=False)
        return entry


def _order(entry: RoomEntry) -> tuple[str, str, int]:
    return entry.name.casefold(), entry.name, entry.id
