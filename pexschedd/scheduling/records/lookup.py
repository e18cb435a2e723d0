"""What the store knows that a decision needs: a read-only view in its words."""

from collections.abc import Iterator

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.schedule import (
    CancelledOccurrence,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.store.store import Store

Scheduled = ScheduledConference | RecurringConference


def everything_scheduled(store: Store) -> Iterator[Scheduled]:
    """Single meetings and occurrences, then series; administrators' meetings, too."""
    yield from store.all(tables.SCHEDULED_CONFERENCE)
    yield from store.all(tables.RECURRING_CONFERENCE)


class MeetingLookup:
    def __init__(self, store: Store) -> None:
        self._store = store

    def alias(self, uuid: str) -> ScheduledAlias | None:
        """The alias that was handed out with this tag."""
        return self._store.find(tables.SCHEDULED_ALIAS_BY_UUID, uuid)

    def alias_by_id(self, id: int | None) -> ScheduledAlias | None:
        return None if id is None else self._store.get(tables.SCHEDULED_ALIAS, id)

    def meetings(self, connector_id: int, uid: str) -> list[ScheduledConference]:
        """The meeting as it is scheduled now: a single one, or occurrences of a series
        that is not ours."""
        return self._store.find_all(tables.SCHEDULED_BY_UID, (connector_id, uid))

    def series(self, connector_id: int, uid: str) -> RecurringConference | None:
        """The series as it is scheduled now."""
        return self._store.find(tables.RECURRING_BY_UID, (connector_id, uid))

    def cancelled_early(self, connector_id: int, uid: str) -> list[CancelledOccurrence]:
        """Occurrences that were cancelled before anything else was heard of them."""
        return self._store.find_all(tables.CANCELLED_BY_UID, (connector_id, uid))

    def conference(self, id: int) -> Conference | None:
        return self._store.get(tables.CONFERENCE, id)

    def aliases_of(self, conference_id: int) -> list[ConferenceAlias]:
        return self._store.find_all(tables.ALIAS_BY_CONFERENCE, conference_id)

    def owner_of(self, alias: str) -> int | None:
        """The conference that this alias leads to."""
        found = self._store.find(tables.ALIAS_BY_TEXT, alias.casefold())
        return None if found is None else found.conference

    def alias_taken(self, alias: str) -> bool:
        """Whether a room has this alias, or it was ever handed out and still counts."""
        return (
            self.owner_of(alias) is not None
            or self._store.find(tables.SCHEDULED_ALIAS_BY_NUMERIC, alias.casefold())
            is not None
        )

    def name_taken(self, name: str) -> bool:
        return self._store.find(tables.CONFERENCE_BY_NAME, name) is not None
