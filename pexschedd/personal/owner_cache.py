"""The answers about an owner's rooms, kept until a change of the store concerns one."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.schedule import RecurringConference, ScheduledConference
from pexschedd.store.store import Store

T = TypeVar("T")

MOST_OWNERS = 10_000


class _Kept(msgspec.Struct, Generic[T], frozen=True):
    found: T
    conferences: tuple[int, ...]
    aliases: tuple[str, ...]


class OwnerCache(Generic[T]):
    """Keeps something for each owner, by the key of the owner's address.

    It is forgotten when a room of the owner comes, goes or changes, and when the
    aliases or the schedule of one that was looked at do, or such an alias is handed
    out.
    """

    def __init__(self, store: Store, most: int = MOST_OWNERS) -> None:
        self._most = most
        self._kept: OrderedDict[str, _Kept[T]] = OrderedDict()
        self._by_conference: dict[int, str] = {}
        self._by_alias: dict[str, str] = {}
        store.subscribe(tables.CONFERENCE, self._room_changed)
        store.subscribe(tables.CONFERENCE_ALIAS, self._of_room_changed)
        store.subscribe(tables.SCHEDULED_CONFERENCE, self._of_room_changed)
        store.subscribe(tables.RECURRING_CONFERENCE, self._of_room_changed)
        store.subscribe(tables.SCHEDULED_ALIAS, self._handed_out)

    def get(self, owner: str) -> T | None:
        """Return what is kept for an owner, or None."""
        kept = self._kept.get(owner)
        return None if kept is None else kept.found

    def keep(
        self,
        owner: str,
        found: T,
        *,
        conferences: Iterable[int],
        aliases: Iterable[str],
    ) -> None:
        """Keep something that was found by looking at these rooms and aliases."""
        self._forget(owner)
        if len(self._kept) >= self._most:
            self._forget(next(iter(self._kept)))
        kept = _Kept(found, tuple(conferences), tuple(map(str.casefold, aliases)))
        self._kept[owner] = kept
        self._by_conference.update(dict.fromkeys(kept.conferences, owner))
        self._by_alias.update(dict.fromkeys(kept.aliases, owner))

    def _forget(self, owner: str) -> None:
        kept = self._kept.pop(owner, None)
        if kept is not None:
            for id_ in kept.conferences:
                self._by_conference.pop(id_, None)
            for alias in kept.aliases:
                self._by_alias.pop(alias, None)

    def _room_changed(self, old: Conference | None, new: Conference | None) -> None:
        for room in (old, new):
            if room is not None and self._kept:
                self._forget(tables.owner_key(room.primary_owner_email_address))

    def _of_room_changed(
        self,
        old: ConferenceAlias | ScheduledConference | RecurringConference | None,
        new: ConferenceAlias | ScheduledConference | RecurringConference | None,
    ) -> None:
        for record in (old, new):
            if record is not None and record.conference in self._by_conference:
                self._forget(self._by_conference[record.conference])

    def _handed_out(
        self, old: ScheduledAlias | None, new: ScheduledAlias | None
    ) -> None:
        for record in (old, new):
            for text in () if record is None else (record.alias, record.numeric_alias):
                owner = self._by_alias.get(text.casefold())
                if owner is not None:
                    self._forget(owner)
