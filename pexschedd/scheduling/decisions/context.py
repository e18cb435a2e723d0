"""What a decision is given besides the message: knowledge, words, chances. Pure."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from pexschedd.bodies import tags
from pexschedd.model.conference import Conference, ScheduledAlias
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.schedule import (
    CancelledOccurrence,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.model.table import Table


class KnownMeetings(Protocol):
    def alias(self, uuid: str) -> ScheduledAlias | None: ...
    def alias_by_id(self, id: int | None) -> ScheduledAlias | None: ...
    def meetings(self, connector_id: int, uid: str) -> list[ScheduledConference]: ...
    def series(self, connector_id: int, uid: str) -> RecurringConference | None: ...
    def cancelled_early(
        self, connector_id: int, uid: str
    ) -> list[CancelledOccurrence]: ...
    def conference(self, id: int) -> Conference | None: ...
    def owner_of(self, alias: str) -> int | None: ...
    def name_taken(self, name: str) -> bool: ...


class RoomTexts(Protocol):
    """The integration's templates for what a room is called."""

    def name(self, message: MeetingMessage, alias: ScheduledAlias) -> str: ...
    def description(self, message: MeetingMessage, alias: ScheduledAlias) -> str: ...
    def subject(self, message: MeetingMessage, alias: ScheduledAlias) -> str: ...
    def alias_description(
        self, message: MeetingMessage, alias: ScheduledAlias
    ) -> str: ...


class IdSource(msgspec.Struct, frozen=True):
    """What a decision may use up. Ids and randomness are passed in."""

    new_id: Callable[[Table[Any]], int]
    digits: Callable[[int], str]


def tagged(
    message: MeetingMessage, known: KnownMeetings, connector: Connector
) -> list[ScheduledAlias]:
    """The aliases of this integration that the body names, in document order."""
    found = (known.alias(uuid) for uuid in tags.find(message.html, message.text).pxps)
    return [a for a in found if a is not None and a.exchange_connector == connector.id]
