"""Inputs of a decision besides the message: known meetings, texts, new ids. Pure."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from pexschedd.bodies import tags
from pexschedd.model.conference import Conference, ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.schedule import (
    CancelledOccurrence,
    MeetingRecord,
)
from pexschedd.model.table import Table


class KnownMeetings(Protocol):
    """The records as they are before the decision; see `MeetingLookup`."""

    def alias(self, uuid: str) -> ScheduledAlias | None:
        """The alias that was handed out with this tag."""

    def alias_by_id(self, id: int | None) -> ScheduledAlias | None:
        """The alias with this id; None for None."""

    def records(self, connector_id: int, uid: str) -> list[MeetingRecord]:
        """All that is scheduled of the meetings with this id, whosever they are: single
        meetings, lone occurrences of unknown series, then series."""

    def early_cancellations(
        self, connector_id: int, uid: str
    ) -> list[CancelledOccurrence]:
        """Occurrences whose cancellation came before any request."""

    def in_room(self, conference: int) -> list[MeetingRecord]:
        """The meetings and series, of any integration, that have this conference."""

    def conference(self, id: int) -> Conference | None:
        """The conference with this id."""

    def conference_of(self, alias: str) -> int | None:
        """The id of the conference that this alias leads to."""

    def name_taken(self, name: str) -> bool:
        """Return whether a conference has this name."""

    def same_mailbox(self, connector_id: int, one: str, other: str) -> bool:
        """Return whether the directory has two addresses for the same mailbox."""


class RoomTexts(Protocol):
    """The texts of a room's fields, from the integration's templates.

    Each may raise `TemplateError`.
    """

    def name(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The conference's name; not yet unique."""

    def description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The conference's description."""

    def subject(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The subject of the scheduled meeting."""

    def alias_description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        """The description of the conference's aliases."""


class IdSource(msgspec.Struct, frozen=True):
    """New record ids and random digits, passed in so that a decision is repeatable."""

    new_id: Callable[[Table[Any]], int]
    digits: Callable[[int], str]


def tagged_aliases(
    message: MeetingMessage, known: KnownMeetings, connector: Connector
) -> list[ScheduledAlias]:
    """The aliases of this integration that the body names, in document order."""
    found = (known.alias(uuid) for uuid in tags.tags_of(message).pxps)
    return [a for a in found if a is not None and a.exchange_connector == connector.id]
