"""Read-only access to the records that decisions need."""

from collections.abc import Iterator

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.schedule import (
    CancelledOccurrence,
    MeetingRecord,
)
from pexschedd.scheduling.records.address_book import AddressBook
from pexschedd.store.store import Store


def all_meeting_records(store: Store) -> Iterator[MeetingRecord]:
    """All scheduled meetings and occurrences, then all series.

    Those that an administrator has made by hand are included.
    """
    yield from store.all(tables.SCHEDULED_CONFERENCE)
    yield from store.all(tables.RECURRING_CONFERENCE)


def handed_out_alias(store: Store, text: str) -> ScheduledAlias | None:
    """The pair of aliases handed out to the add-in that `text` is one of; `text` is in
    lower case."""
    numeric = text.partition("@")[0]
    booked = store.find(tables.SCHEDULED_ALIAS_BY_NUMERIC, numeric)
    if booked is None or text not in (
        booked.alias.casefold(),
        booked.numeric_alias.casefold(),
    ):
        return None
    return booked


class MeetingLookup:
    """Finds meetings, rooms and aliases; see `KnownMeetings`."""

    def __init__(self, store: Store, addresses: AddressBook | None = None) -> None:
        self._store = store
        self._addresses = addresses or AddressBook()

    def alias(self, uuid: str) -> ScheduledAlias | None:
        """The alias that was handed out with this tag."""
        return self._store.find(tables.SCHEDULED_ALIAS_BY_UUID, uuid)

    def alias_by_id(self, id: int | None) -> ScheduledAlias | None:
        """The alias that was handed out with this id; None for None."""
        return None if id is None else self._store.get(tables.SCHEDULED_ALIAS, id)

    def same_mailbox(self, connector_id: int, one: str, other: str) -> bool:
        """Return whether the directory has two addresses for the same mailbox."""
        return self._addresses.same_mailbox(connector_id, one, other)

    def records(self, connector_id: int, uid: str) -> list[MeetingRecord]:
        """All that is scheduled of the meetings with this id, whosever they are: single
        meetings, lone occurrences of unknown series, then series."""
        key = connector_id, uid
        return [
            *self._store.find_all(tables.SCHEDULED_BY_UID, key),
            *self._store.find_all(tables.RECURRING_BY_UID, key),
        ]

    def early_cancellations(
        self, connector_id: int, uid: str
    ) -> list[CancelledOccurrence]:
        """Occurrences whose cancellation came before any request."""
        return self._store.find_all(tables.CANCELLED_BY_UID, (connector_id, uid))

    def in_room(self, conference: int) -> list[MeetingRecord]:
        """The meetings and series, of any integration, that have this conference.

        Meetings that administrators have made by hand, and the occurrences that they
        are shown of a series, are left out.
        """
        meetings = self._store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference)
        series = self._store.find_all(tables.RECURRING_BY_CONFERENCE, conference)
        return [
            *(
                each
                for each in meetings
                if each.recurring_conference is None
                and each.exchange_connector is not None
            ),
            *series,
        ]

    def conference(self, id: int) -> Conference | None:
        """The conference with this id."""
        return self._store.get(tables.CONFERENCE, id)

    def aliases_of(self, conference_id: int) -> list[ConferenceAlias]:
        """The aliases that lead to a conference."""
        return self._store.find_all(tables.ALIAS_BY_CONFERENCE, conference_id)

    def conference_of(self, alias: str) -> int | None:
        """The id of the conference that this alias leads to, in upper or lower case."""
        found = self._store.find(tables.ALIAS_BY_TEXT, alias.casefold())
        return None if found is None else found.conference

    def alias_taken(self, alias: str) -> bool:
        """Return whether a room has this alias, or it was handed out, used or not."""
        return (
            self.conference_of(alias) is not None
            or self._store.find(tables.SCHEDULED_ALIAS_BY_NUMERIC, alias.casefold())
            is not None
        )

    def name_taken(self, name: str) -> bool:
        """Return whether a conference has exactly this name."""
        return self._store.find(tables.CONFERENCE_BY_NAME, name) is not None
