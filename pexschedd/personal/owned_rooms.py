"""The rooms that are a user's own, found by the owner's address."""

from collections.abc import Iterator
from itertools import islice

import msgspec

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.scheduling.records.lookup import handed_out_alias
from pexschedd.store.store import Store

MOST_ROOMS = 200
"""Rooms of one owner that are found."""
_MOST_CANDIDATES = 1_000
"""Rooms of one owner that are looked at: earlier versions did not mark those that they
made for the owner's meetings."""

_MEETING_ROOMS = ("conference", "lecture")


class OwnedRoom(msgspec.Struct, frozen=True):
    """A personal room with its aliases, by id."""

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

    def of(self, address: str) -> Iterator[OwnedRoom]:
        """Yield the rooms of an owner, whatever the case of the address, by id."""
        found = self._store.find_each(
            tables.PERMANENT_ROOM_BY_OWNER, _key(address) or None
        )
        personal = map(self._personal, islice(found, _MOST_CANDIDATES))
        yield from islice((room for room in personal if room is not None), MOST_ROOMS)

    def one(self, address: str, id: int) -> OwnedRoom | None:
        """Return a room if it is a personal one of this owner."""
        conference = self._store.get(tables.CONFERENCE, id)
        if conference is None or conference.is_scheduled or not _key(address):
            return None
        if _key(conference.primary_owner_email_address) != _key(address):
            return None
        return self._personal(conference)

    def _personal(self, conference: Conference) -> OwnedRoom | None:
        store, id_ = self._store, conference.id
        if conference.service_type not in _MEETING_ROOMS:
            return None
        if store.find(tables.SCHEDULED_BY_CONFERENCE, id_) is not None:
            return None
        if store.find(tables.RECURRING_BY_CONFERENCE, id_) is not None:
            return None
        aliases = store.find_all(tables.ALIAS_BY_CONFERENCE, id_)
        if any(handed_out_alias(store, each.alias.casefold()) for each in aliases):
            return None
        return OwnedRoom(conference, tuple(aliases))


def _key(address: str) -> str:
    return address.strip().casefold()
