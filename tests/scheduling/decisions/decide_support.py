"""Single meetings for decisions, and rooms that apply what is decided."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from pexschedd.model import tables
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef, Person
from pexschedd.model.schedule import (
    CancelledOccurrence,
    MeetingRecord,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.scheduling.decisions.context import IdSource
from pexschedd.scheduling.decisions.decide import decide
from pexschedd.scheduling.decisions.decision import Decision, Delete, RemoveRoom

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
UID = "040000008200E00074C5B7101A82E008"
TAG = "2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a01"
OTHER_TAG = "2f6e8c1a-7a55-4f65-9a10-0f6a3f6f1a02"
CONNECTOR = Connector(
    id=1,
    name="Head office",
    uuid="c0000000-0000-4000-8000-000000000001",
    addin_server_domain="pex.example.test",
    scheduled_alias_prefix="555",
    scheduled_alias_domain="example.test",
    meeting_buffer_before=30,
    meeting_buffer_after=60,
)


class Rooms:
    """What is known, as plain dictionaries; applies decisions like the store."""

    def __init__(self) -> None:
        self.aliases: dict[int, ScheduledAlias] = {}
        self.rows: dict[int, ScheduledConference] = {}
        self.conferences: dict[int, Conference] = {}
        self.addresses: dict[int, ConferenceAlias] = {}
        self.recurring: dict[int, RecurringConference] = {}
        self.early: dict[int, CancelledOccurrence] = {}
        self.one_mailbox: set[str] = set()
        """Addresses that the directory has for one mailbox."""
        self._ids = count(100)

    def book(self, id: int = 1, uuid: str = TAG, **changes: Any) -> ScheduledAlias:
        alias = ScheduledAlias(
            id=id,
            uuid=uuid,
            alias=f"55500000{id}@example.test",
            numeric_alias=f"55500000{id}",
            alias_number=id,
            exchange_connector=1,
            creation_time=NOW - HOUR,
        )
        self.aliases[id] = msgspec.structs.replace(alias, **changes)
        return self.aliases[id]

    def alias(self, uuid: str) -> ScheduledAlias | None:
        return next((a for a in self.aliases.values() if a.uuid == uuid), None)

    def alias_by_id(self, id: int | None) -> ScheduledAlias | None:
        return self.aliases.get(id or 0)

    def records(self, connector_id: int, uid: str) -> list[MeetingRecord]:
        everything: list[MeetingRecord] = [*self.rows.values()]
        everything += [*self.recurring.values()]
        return [
            each
            for each in everything
            if (each.exchange_connector, each.ews_item_uid) == (connector_id, uid)
        ]

    def early_cancellations(
        self, connector_id: int, uid: str
    ) -> list[CancelledOccurrence]:
        return [each for each in self.early.values() if each.ews_item_uid == uid]

    def in_room(
        self, conference: int
    ) -> list[ScheduledConference | RecurringConference]:
        everything: list[ScheduledConference | RecurringConference] = []
        everything += [*self.rows.values()]
        everything += [*self.recurring.values()]
        return [each for each in everything if each.conference == conference]

    def conference(self, id: int) -> Conference | None:
        return self.conferences.get(id)

    def conference_of(self, alias: str) -> int | None:
        return next(
            (a.conference for a in self.addresses.values() if a.alias == alias), None
        )

    def name_taken(self, name: str) -> bool:
        return any(c.name == name for c in self.conferences.values())

    def same_mailbox(self, connector_id: int, one: str, other: str) -> bool:
        return {one, other} <= self.one_mailbox

    def new_id(self, table: object) -> int:
        return next(self._ids)

    def apply(self, decision: Decision) -> None:
        for step in decision.changes:
            if isinstance(step, RemoveRoom):
                self.remove(step.conference)
                continue
            kept: dict[Any, dict[int, Any]] = {
                tables.SCHEDULED_ALIAS: self.aliases,
                tables.SCHEDULED_CONFERENCE: self.rows,
                tables.RECURRING_CONFERENCE: self.recurring,
                tables.CANCELLED_OCCURRENCE: self.early,
                tables.CONFERENCE: self.conferences,
                tables.CONFERENCE_ALIAS: self.addresses,
            }
            if isinstance(step, Delete):
                del kept[step.table][step.id]
            else:
                kept[step.table][step.record.id] = step.record

    def remove(self, conference: int) -> None:
        self.conferences.pop(conference)
        both: list[dict[int, Any]] = [self.rows, self.recurring]
        for kept in both:
            for each in list(kept.values()):
                if each.conference == conference:
                    del kept[each.id]
                    alias = self.aliases[each.scheduled_alias or 0]
                    self.aliases[alias.id] = msgspec.structs.replace(
                        alias, conference_deletion_time=NOW
                    )
        for address in list(self.addresses.values()):
            if address.conference == conference:
                del self.addresses[address.id]


class Plain:
    """Words a room without templates."""

    def name(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return message.subject

    def description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return f"booked by {message.organizer.email}"

    def subject(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return message.subject

    def alias_description(self, message: MeetingMessage, alias: ScheduledAlias) -> str:
        return "an alias"


def request(**changes: Any) -> MeetingMessage:
    tag = changes.pop("tag", TAG)
    message = MeetingMessage(
        ref=MessageRef("item-1", "key-1"),
        kind=MessageKind.REQUEST,
        received=NOW,
        uid=UID,
        changed=NOW - timedelta(minutes=5),
        start=NOW + 2 * HOUR,
        end=NOW + 3 * HOUR,
        subject="Plans",
        organizer=Person("Alice", "alice@example.test"),
        html=f"<p>PXPS:-{tag}#</p>" if tag else "<p>hello</p>",
    )
    return msgspec.structs.replace(message, **changes)


def run(
    message: MeetingMessage,
    rooms: Rooms,
    now: datetime = NOW,
    digits: str = "123456789",
    may_wait: bool = False,
    connector: Connector = CONNECTOR,
) -> Decision:
    fresh = IdSource(rooms.new_id, lambda n: digits[:n])
    return decide(message, rooms, connector, Plain(), now, fresh, may_wait=may_wait)


def scheduled(**changes: Any) -> Rooms:
    """Rooms in which the meeting of `request()` has been accepted."""
    rooms = Rooms()
    rooms.book()
    rooms.apply(run(request(**changes), rooms))
    return rooms


def later(**changes: Any) -> MeetingMessage:
    """A newer version of the same meeting."""
    changes.setdefault("changed", NOW)
    changes.setdefault("ref", MessageRef("item-2"))
    return request(**changes)
