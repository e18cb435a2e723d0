"""Personal rooms as the add-in offers them: a user's list, and one chosen room."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from pexschedd.errors import NotFound, PersonalRoomsOff
from pexschedd.model.end_user import EndUser
from pexschedd.model.integration.connector import Connector
from pexschedd.personal.owned_rooms import OwnedRoom, OwnedRooms
from pexschedd.personal.room_texts import JoiningDetails, PersonalRoomTexts, RoomEntry

KEPT_LISTS = 10_000
LIST_LIFETIME = 60.0
"""Seconds: a template may name the time."""


class _KeptList(msgspec.Struct, frozen=True):
    connector: Connector
    rooms: tuple[OwnedRoom, ...]
    entries: tuple[RoomEntry, ...]
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
        self._kept: OrderedDict[tuple[int, str], _KeptList] = OrderedDict()

    def list_of(self, connector: Connector, user: EndUser) -> Sequence[RoomEntry]:
        """Return the user's rooms by name; those that cannot be used, too.

        The list is kept for a while, unless a room or the integration changes.
        """
        require_personal(connector)
        address = user.primary_email_address
        rooms = self._rooms.of(address)
        key = connector.id, address
        kept = self._kept.get(key)
        now = self._seconds()
        if (
            kept is not None
            and now < kept.ends
            and kept.rooms is rooms
            and kept.connector is connector
        ):
            return kept.entries
        entries = [self._texts.entry(connector, room) for room in rooms]
        entries.sort(key=_order)
        kept = _KeptList(connector, rooms, tuple(entries), now + LIST_LIFETIME)
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT_LISTS:
            self._kept.popitem(last=False)
        return kept.entries

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


def _order(entry: RoomEntry) -> tuple[str, str, int]:
    return entry.name.casefold(), entry.name, entry.id
