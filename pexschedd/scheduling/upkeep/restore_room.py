"""Makes a meeting's room from the meeting in the equipment mailbox's calendar.

What was accepted once and stands in the calendar is decided again, as if its request
had just arrived with the right tag; only nobody gets an answer. So a room that is made
again is the same as one that is made for the first time.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from pexschedd.bodies import tags
from pexschedd.clock import Now
from pexschedd.errors import PexscheddError
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, MessageKind
from pexschedd.model.schedule import RecurringConference, ScheduledConference
from pexschedd.scheduling.decisions.context import IdSource
from pexschedd.scheduling.decisions.decide import decide
from pexschedd.scheduling.decisions.decision import Change, Put
from pexschedd.scheduling.decisions.versions import Version
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.records.apply_decision import apply_decision
from pexschedd.scheduling.records.lookup import MeetingLookup
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.scheduling.recurrence.series_dates import (
    is_over,
    next_after,
)
from pexschedd.store.store import Store


class RoomNotRestorable(PexscheddError):
    """The meeting cannot be scheduled as it stands in the calendar."""

    code = "cannot_reinstate"


class RoomRestorer:
    def __init__(
        self,
        store: Store,
        wording: MessageTexts,
        *,
        now: Now,
        digits: Callable[[int], str],
    ) -> None:
        self._store = store
        self._known = MeetingLookup(store)
        self._wording = wording
        self._now = now
        self._digits = digits

    async def reinstate(
        self,
        connector: Connector,
        meeting: CalendarMeeting,
        alias: ScheduledAlias,
        *,
        announced: bool = True,
    ) -> None:
        """Schedules the meeting with this alias, even one whose room was deleted;
        durable when this returns.

        `alias` may be a record that is not stored yet. Not `announced`: the attendees
        do not know the alias yet, which `is_announced` tells from then on. Raises
        `RoomNotRestorable`, and then has changed nothing.
        """
        with self._store.transaction() as change:
            usable = msgspec.structs.replace(alias, conference_deletion_time=None)
            change.put(tables.SCHEDULED_ALIAS, usable)
            decision = decide(
                self._as_request(connector, meeting, usable),
                self._known,
                connector,
                self._wording.of_room(connector),
                self._now(),
                IdSource(change.new_id, self._digits),
            )
            if decision.action is not Action.ACCEPT:
                raise RoomNotRestorable(decision.note)
            steps = decision.changes
            if not announced:
                steps = tuple(map(_unannounced, steps))
            apply_decision(change, self._store, steps, self._now())
            durable = change.commit()
        await durable

    def _as_request(
        self, connector: Connector, meeting: CalendarMeeting, alias: ScheduledAlias
    ) -> MeetingMessage:
        """The calendar does not say which version it has: it counts as the one that
        is known, so that every later message is newer."""
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
        series = self._known.series(connector.id, uid)
        if series is not None:
            return Version.scheduled(series)
        for meeting in self._known.meetings(connector.id, uid):
            return Version.scheduled(meeting)
        return Version(0, None)


UNANNOUNCED = ""
"""The `answer` of a meeting whose organizer was never told about its room."""


def _unannounced(step: Change) -> Change:
    if isinstance(step, Put) and "answer" in step.record.__struct_fields__:
        record = msgspec.structs.replace(step.record, answer=UNANNOUNCED)
        return Put(step.table, record)
    return step


def scheduled(
    known: MeetingLookup, connector_id: int, uid: str
) -> list[ScheduledConference | RecurringConference]:
    """Everything that is scheduled for a meeting and has its room."""
    found: list[ScheduledConference | RecurringConference] = []
    found += known.meetings(connector_id, uid)
    series = known.series(connector_id, uid)
    found += [series] if series else []
    return [each for each in found if known.conference(each.conference) is not None]


def is_announced(known: MeetingLookup, connector_id: int, uid: str) -> bool:
    """Whether the organizer has been told about the meeting's room."""
    return all(e.answer != UNANNOUNCED for e in scheduled(known, connector_id, uid))


def takes_place_after(meeting: CalendarMeeting, moment: datetime) -> bool:
    """Whether the meeting, or an occurrence of the series, starts later. A series
    that cannot be understood counts as one that goes on."""
    if not meeting.is_series:
        return meeting.start > moment
    if meeting.recurrence is None:
        return True
    try:
        return next_after(meeting.recurrence, moment) is not None
    except ValueError:  # a time zone that this system does not know
        return True


def has_finished(meeting: CalendarMeeting, moment: datetime) -> bool:
    """Whether the meeting, or the last occurrence of the series, has ended. A series
    that cannot be understood has not."""
    if not meeting.is_series:
        return meeting.end <= moment
    if meeting.recurrence is None:
        return False
    try:
        return is_over(meeting.recurrence, moment)
    except ValueError:  # a time zone that this system does not know
        return False
