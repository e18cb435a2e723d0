"""Differences between the calendar of the equipment mailbox and the rooms. Pure.

`compare` looks at the meetings in the calendar and at the records, and returns what
does not agree; `audit_runner.py` performs what follows. Meetings that are over are left
out.

| finding    | the calendar has      | the records have  | what follows             |
|------------|-----------------------|-------------------|--------------------------|
| lost       | an accepted meeting   | its alias only    | the room is made         |
| times      | other times           | a room            | the organizer's calendar |
|            |                       |                   | decides, or an alarm     |
| unknown    | an accepted meeting,  | -                 | an alarm                 |
|            | no tag that is known  |                   |                          |
| no_meeting | nothing               | a room            | an alarm                 |
| deleted    | an accepted meeting   | its alias, marked | nothing: the room was    |
|            |                       | as deleted        | deleted on purpose       |
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Protocol

import msgspec

from pexschedd.bodies import tags
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.model.recurrence import Recurrence
from pexschedd.model.schedule import MeetingRecord, RecurringConference
from pexschedd.scheduling.recurrence.meeting_times import (
    has_finished,
    series_has_finished,
)
from pexschedd.scheduling.recurrence.series_dates import next_after, occurrences
from pexschedd.scheduling.recurrence.timezone_rules import UnknownZone

AHEAD = timedelta(days=366)
LOOKED_AT = 30
"""Series are compared by their next occurrences: so many, but a year at most."""


class FindingKind(StrEnum):
    """The kinds of differences; see the table above."""

    LOST = "lost"
    TIMES = "times"
    UNKNOWN = "unknown"
    NO_MEETING = "no_meeting"
    DELETED = "deleted"


class MeetingTimes(msgspec.Struct, frozen=True):
    """Start and end of a meeting, or of an occurrence; aware UTC."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%M:%SZ}/{self.end:%Y-%m-%dT%H:%M:%SZ}"


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A difference in one meeting."""

    kind: FindingKind
    uid: str
    calendar: MeetingTimes | None = None
    record: MeetingTimes | None = None
    healed: bool = False
    note: str = ""
    """The repair that was made, or the reason why none was."""
    bare: bool = False
    """The meeting in the calendar has no text at all: Exchange removes it where it
    processes requests itself."""


class AuditReport(msgspec.Struct, frozen=True):
    """The result of one audit."""

    meetings: int = 0
    """Accepted meetings in the calendar that are not over."""
    rooms: int = 0
    """Rooms in the records of meetings that are not over."""
    findings: tuple[AuditFinding, ...] = ()
    automatic: bool = False
    """Exchange answers meeting requests itself."""


class BookedMeeting(msgspec.Struct, frozen=True):
    """A meeting in the records."""

    uid: str
    record: MeetingRecord
    pending: bool = False
    """Its answer has not been sent yet, so the calendar cannot agree."""


class MeetingRecords(Protocol):
    """The records of the integration that the mailbox belongs to."""

    def booked(self, uid: str) -> BookedMeeting | None:
        """The meeting with this uid."""

    def alias(self, uuid: str) -> ScheduledAlias | None:
        """The alias that was handed out with this tag."""


class AllMeetingRecords(MeetingRecords, Protocol):
    """Records that can be listed."""

    def all(self) -> Iterable[BookedMeeting]:
        """Every meeting of the integration."""


def compare(
    calendar: Iterable[CalendarMeeting], records: AllMeetingRecords, now: datetime
) -> AuditReport:
    """The report on a whole calendar, given in one piece.

    `examine` and `missing` are its two halves, for callers that read page by page.
    """
    seen: dict[str, None] = {}
    meetings = 0
    findings = []
    for meeting in calendar:
        seen[meeting.uid] = None
        meetings += counts(meeting, now)
        finding = examine(meeting, records, now)
        findings += [finding] if finding else []
    upcoming = [b for b in records.all() if not is_past(b, now)]
    findings += [f for b in upcoming if (f := missing(b, seen, now)) is not None]
    return AuditReport(meetings, len(upcoming), tuple(findings))


def counts(meeting: CalendarMeeting, now: datetime) -> bool:
    """Return whether there should be a room for this meeting."""
    return meeting.accepted and not meeting.cancelled and not has_finished(meeting, now)


def examine(
    meeting: CalendarMeeting, records: MeetingRecords, now: datetime
) -> AuditFinding | None:
    """The finding about one meeting of the calendar, if there is one."""
    if not counts(meeting, now):
        return None
    booked = records.booked(meeting.uid)
    if booked is not None:
        return None if booked.pending else _differing(meeting, booked, now)
    found = (records.alias(uuid) for uuid in tags.tags_of(meeting).pxps)
    own = [a for a in found if a is not None and a.ews_item_uid in ("", meeting.uid)]
    usable = any(not alias.is_deleted(now) for alias in own)
    kind = (
        FindingKind.LOST
        if usable
        else FindingKind.DELETED
        if own
        else FindingKind.UNKNOWN
    )
    return AuditFinding(
        kind=kind,
        uid=meeting.uid,
        calendar=next_times(meeting, now),
        bare=not (meeting.html.strip() or meeting.text.strip()),
    )


def missing(
    booked: BookedMeeting, seen: Iterable[str], now: datetime
) -> AuditFinding | None:
    """The finding about a room whose uid is not among those of the whole calendar."""
    if booked.uid in seen or booked.pending or is_past(booked, now):
        return None
    return AuditFinding(
        kind=FindingKind.NO_MEETING,
        uid=booked.uid,
        record=_times_of(booked.record, now),
    )


def is_past(booked: BookedMeeting, now: datetime) -> bool:
    """Return whether the meeting, or the last occurrence of the series, has ended."""
    record = booked.record
    if isinstance(record, RecurringConference):
        return series_has_finished(record.recurrence, now)
    return (record.meeting_end or record.end_time) <= now


def _differing(
    meeting: CalendarMeeting, booked: BookedMeeting, now: datetime
) -> AuditFinding | None:
    record = booked.record
    if isinstance(record, RecurringConference) and meeting.is_series:
        if meeting.recurrence is None or meeting.recurrence == record.recurrence:
            return None
        ours, theirs = _next(record.recurrence, now), _next(meeting.recurrence, now)
        differing = [p for p in _paired(ours, theirs) if p[0] != p[1]]
        if not differing:
            return None
        of_record, of_calendar = differing[0]
    else:
        of_calendar = next_times(meeting, now)
        of_record = _times_of(record, now)
        same_kind = isinstance(record, RecurringConference) == meeting.is_series
        if same_kind and of_record == of_calendar:
            return None
    return AuditFinding(
        kind=FindingKind.TIMES, uid=meeting.uid, calendar=of_calendar, record=of_record
    )


def _paired(
    ours: list[MeetingTimes], theirs: list[MeetingTimes]
) -> Iterator[tuple[MeetingTimes | None, MeetingTimes | None]]:
    for number in range(max(len(ours), len(theirs))):
        yield (
            ours[number] if number < len(ours) else None,
            theirs[number] if number < len(theirs) else None,
        )


def _next(recurrence: Recurrence, now: datetime) -> list[MeetingTimes]:
    try:
        found = occurrences(recurrence, now, now + AHEAD)
        return [MeetingTimes(each.start, each.end) for each in islice(found, LOOKED_AT)]
    except UnknownZone:
        return []


def next_times(meeting: CalendarMeeting, now: datetime) -> MeetingTimes:
    """The times of a single meeting, or of the next occurrence of a series."""
    if meeting.recurrence is not None:
        return _of_series(meeting.recurrence, now) or MeetingTimes(
            meeting.start, meeting.end
        )
    return MeetingTimes(meeting.start, meeting.end)


def _times_of(record: MeetingRecord, now: datetime) -> MeetingTimes | None:
    if isinstance(record, RecurringConference):
        return _of_series(record.recurrence, now)
    return MeetingTimes(
        record.meeting_start or record.start_time, record.meeting_end or record.end_time
    )


def _of_series(recurrence: Recurrence, now: datetime) -> MeetingTimes | None:
    try:
        found = next_after(recurrence, now)
    except UnknownZone:
        return None
    return MeetingTimes(found.start, found.end) if found else None
