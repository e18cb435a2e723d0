"""The restoration of a room from the meeting in the equipment mailbox's calendar.

A meeting that was accepted once, and is in the calendar, is decided again as if its
request had just arrived with the right tag; but no answer is sent. So a room that is
made again is the same as one that is made for the first time.
"""

from collections.abc import Callable

import msgspec

from pexschedd.bodies import tags
from pexschedd.clock import Now
from pexschedd.errors import PexscheddError
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, MessageKind
from pexschedd.model.schedule import MeetingRecord
from pexschedd.scheduling.decisions.context import IdSource
from pexschedd.scheduling.decisions.decide import decide
from pexschedd.scheduling.decisions.decision import Put, RecordChange
from pexschedd.scheduling.decisions.versions import Version
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.records.apply_decision import apply_decision
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.store.store import Store


class RoomNotRestorable(PexscheddError):
    """The meeting cannot be scheduled as it stands in the calendar."""

    code = "cannot_reinstate"


class RoomRestorer:
    """Schedules meetings from the calendar."""

    def __init__(
        self,
        store: Store,
        texts: MessageTexts,
        *,
        now: Now,
        digits: Callable[[int], str],
    ) -> None:
        self._store = store
        self._lookup = MeetingLookup(store)
        self._texts = texts
        self._now = now
        self._digits = digits

    async def restore(
        self,
        connector: Connector,
        meeting: CalendarMeeting,
        alias: ScheduledAlias,
        *,
        announced: bool = True,
    ) -> None:
        """Schedule the meeting with this alias, even one whose room was deleted;
        durable when this returns.

        `alias` may be a record that is not stored yet. With `announced` False the
        meeting is marked as one whose attendees do not know the alias yet; see
        `is_announced`. Raises `RoomNotRestorable` or `TemplateError`, and then has
        changed nothing.
        """
        with self._store.transaction() as transaction:
            usable = msgspec.structs.replace(
                alias, conference_deletion_time=None, room_end=None
            )
            transaction.put(tables.SCHEDULED_ALIAS, usable)
            decision = decide(
                self._as_request(connector, meeting, usable),
                self._lookup,
                connector,
                self._texts.room_texts(connector),
                self._now(),
                IdSource(transaction.new_id, self._digits),
            )
            if decision.action is not Action.ACCEPT:
                raise RoomNotRestorable(decision.note)
            steps = decision.changes
            if not announced:
                steps = tuple(map(_unannounced, steps))
            apply_decision(transaction, self._store, steps, self._now())
            durable = transaction.commit()
        await durable

    def _as_request(
        self, connector: Connector, meeting: CalendarMeeting, alias: ScheduledAlias
    ) -> MeetingMessage:
        """The request that led to a meeting.

        The calendar does not hold its version. It counts as the version of the record,
        so that every later message is newer.
        """
        version = self._version(connector, meeting.uid)
        return MeetingMessage(
            ref=meeting.ref,
            kind=MessageKind.REQUEST,
            received=self._now(),
            uid=meeting.uid,
            is_series=meeting.is_series,
            recurrence=meeting.recurrence,
            sequence=version.sequence,
            changed=version.changed,
            start=meeting.start,
            end=meeting.end,
            zone=meeting.zone,
            subject=meeting.subject,
            organizer=meeting.organizer,
            text=tags.make_pxps(alias.uuid),
        )

    def _version(self, connector: Connector, uid: str) -> Version:
        records = self._lookup.records(connector.id, uid)
        return Version.of_record(records[-1]) if records else Version(0, None)


UNANNOUNCED = ""
"""The `answer` of a meeting whose organizer was not told about its room."""


def _unannounced(step: RecordChange) -> RecordChange:
    if isinstance(step, Put) and "answer" in step.record.__struct_fields__:
        record = msgspec.structs.replace(step.record, answer=UNANNOUNCED)
        return Put(step.table, record)
    return step


def records_with_room(
    lookup: MeetingLookup, connector_id: int, uid: str
) -> list[MeetingRecord]:
    """The records of a meeting whose room exists."""
    return [
        each
        for each in lookup.records(connector_id, uid)
        if lookup.conference(each.conference) is not None
    ]


def is_announced(lookup: MeetingLookup, connector_id: int, uid: str) -> bool:
    """Return whether the organizer has been told about the meeting's room."""
    return all(
        e.answer != UNANNOUNCED for e in records_with_room(lookup, connector_id, uid)
    )
