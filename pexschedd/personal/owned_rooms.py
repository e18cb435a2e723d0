"""The rooms that are a user's own, found by the owner's address."""

from itertools import islice

import msgspec

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.personal.owner_cache import OwnerCache
from pexschedd.scheduling.records.lookup import handed_out_alias
from pexschedd.store.store import Store

MOST_ROOMS = 200
"""Rooms of one owner that are found."""
_MOST_CANDIDATES = 1_000
"""Rooms of one owner that are looked at: earlier versions did not mark those that they
made for the owner's meetings."""

_MEETING_ROOMS = ("conference", "lecture")


class OwnedRoom(msgspec.Struct, frozen=True):
    """A room with its aliases, by id."""

    conference: Conference
    aliases: tuple[ConferenceAlias, ...]


class OwnedRooms:
    """Finds personal rooms: those of an owner that were not made for a meeting.

    A scheduled room has its organizer as its owner, too, and is no personal room: it is
    open while its meeting is. So neither is a room that has a schedule, or an alias
    that was handed out for a meeting; earlier versions did not mark scheduled rooms.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cache: OwnerCache[tuple[OwnedRoom, ...]] = OwnerCache(store)

    def of(self, address: str) -> tuple[OwnedRoom, ...]:
        """Return the rooms of an owner by id, whatever the case of the address.

        The same object comes again as long as nothing of them has changed.
        """
        owner = tables.owner_key(address)
        if not owner:
            return ()
        known = self._cache.get(owner)
        if known is not None:
            return known
        found = self._store.find_each(tables.PERMANENT_ROOM_BY_OWNER, owner)
        candidates = [self._with_aliases(c) for c in islice(found, _MOST_CANDIDATES)]
        rooms = tuple(islice(filter(self._is_personal, candidates), MOST_ROOMS))
        self._cache.keep(
            owner,
            rooms,
            conferences=[room.conference.id for room in candidates],
            aliases=[each.alias for room in candidates for each in room.aliases],
        )
        return rooms

    def one(self, address: str, id: int) -> OwnedRoom | None:
        """Return a room if it is a personal one of this owner."""
        owner = tables.owner_key(address)
        conference = self._store.get(tables.CONFERENCE, id)
        if not owner or conference is None or conference.is_scheduled:
            return None
        if tables.owner_key(conference.primary_owner_email_address) != owner:
            return None
        room = self._with_aliases(conference)
        return room if self._is_personal(room) else None

    def _with_aliases(self, conference: Conference) -> OwnedRoom:
        aliases = self._store.find_all(tables.ALIAS_BY_CONFERENCE, conference.id)
        return OwnedRoom(conference, tuple(aliases))

    def _is_personal(self, room: OwnedRoom) -> bool:
        store, id_ = self._store, room.conference.id
        return (
            room.conference.service_type in _MEETING_ROOMS
            and store.find(tables.SCHEDULED_BY_CONFERENCE, id_) is None
            and store.find(tables.RECURRING_BY_CONFERENCE, id_) is None
            and not any(
                handed_out_alias(store, each.alias.casefold()) for each in room.aliases
            )
        )
