"""Records of what was decided about each meeting message."""

from collections.abc import Iterable

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.outbox import ProcessedMessage
from pexschedd.model.schedule import MeetingRecord
from pexschedd.scheduling.decisions.decision import (
    Decision,
    Put,
    RecordChange,
    RemoveRoom,
)
from pexschedd.scheduling.decisions.organizer import address_of
from pexschedd.scheduling.ports.mailbox import Unreadable
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.store.store import Store
from pexschedd.store.transaction import Transaction

_LONGEST_NOTE = 500
"""Characters."""


class MessageHistory:
    """Adds what was decided about a message to the transaction that carries it out."""

    def __init__(self, store: Store, lookup: MeetingLookup, now: Now) -> None:
        self._store = store
        self._lookup = lookup
        self._now = now

    def note(
        self,
        transaction: Transaction,
        connector: Connector,
        message: MeetingMessage | Unreadable,
        decision: Decision,
        correlation_id: str,
    ) -> None:
        """Add the record of a message, before the decision's changes are made.

        Nothing is recorded of a message that is left where it is: it is not about a
        meeting, or about none of ours.
        """
        if not action_of(decision):
            return
        known = message if isinstance(message, MeetingMessage) else None
        uid = message.ref.uid if known is None else known.uid
        meetings = self._lookup.records(connector.id, uid) if uid else []
        transaction.put(
            tables.PROCESSED_MESSAGE,
            ProcessedMessage(
                id=transaction.new_id(tables.PROCESSED_MESSAGE),
                exchange_connector=connector.id,
                time=self._now(),
                correlation_id=correlation_id,
                action=action_of(decision),
                note=decision.note[:_LONGEST_NOTE],
                uid=uid,
                organizer="" if known is None else address_of(known),
                alias=self._alias(decision, meetings),
                conference=_conference(decision.changes, meetings),
            ),
        )

    def _alias(self, decision: Decision, meetings: Iterable[MeetingRecord]) -> str:
        if decision.alias is not None:
            return decision.alias.alias
        for meeting in meetings:
            alias = meeting.scheduled_alias and self._store.get(
                tables.SCHEDULED_ALIAS, meeting.scheduled_alias
            )
            if alias:
                return alias.alias
        return ""


def action_of(decision: Decision) -> str:
    """Return what becomes of the message, as administrators read it; nothing for one
    that is left where it is."""
    return "rewrite" if decision.token else str(decision.action or "")


def _conference(
    changes: Iterable[RecordChange], meetings: Iterable[MeetingRecord]
) -> int:
    """Return the id of the room that a decision is about; 0 if there is none."""
    for change in changes:
        match change:
            case RemoveRoom(conference):
                return conference
            case Put(_, Conference() as room):
                return room.id
    return next((each.conference for each in meetings), 0)
