"""The meetings that may take up the alias of another one. Pure.

An alias belongs to one meeting. But "this and all following events" cuts a series short
and begins another one with the same text, and a change of organizer by the server
cancels a meeting and sends it again in another name. The new meeting's invitation still
names the old room, so such a meeting succeeds the other one:

- the organizer of the first meeting has cancelled it, or has cut its series short;
- the second one begins no earlier than the first one ends, or was cancelled;
- it is the same organizer's, or, with nothing left of the first meeting, that of
  somebody whom the first organizer's last message was sent to.

The first meeting is not over yet when its series was cut at a date to come: both then
share the room, and each is its own organizer's to change.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias, Vacancy
from pexschedd.model.mail_address import folded
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.schedule import MeetingRecord, RecurringConference
from pexschedd.scheduling.decisions import organizer
from pexschedd.scheduling.decisions.context import KnownMeetings
from pexschedd.scheduling.decisions.decision import Delete, RecordChange, RemoveRoom
from pexschedd.scheduling.recurrence.series_dates import last_end, open_windows


def may_succeed(
    message: MeetingMessage,
    alias: ScheduledAlias,
    now: datetime,
    known: KnownMeetings,
) -> bool:
    """Return whether the meeting of a request may take up another meeting's alias."""
    vacancy = alias.vacancy
    if vacancy is None or message.start is None or message.start < vacancy.since:
        return False
    sender = organizer.address_of(message)
    if not sender or alias.ews_item_uid == message.uid:
        return False
    if sender == vacancy.organizer or known.same_mailbox(
        alias.exchange_connector, vacancy.organizer, sender
    ):
        return True
    return vacancy.since <= now and sender in vacancy.attendees


def is_occupied(alias: ScheduledAlias, uid: str) -> bool:
    """Return whether an alias belongs to another meeting than the one with this uid."""
    return alias.ews_item_uid not in ("", uid) and not alias.conference_deletion_time


def after_edit(
    message: MeetingMessage,
    alias: ScheduledAlias,
    old: RecurringConference | None,
    new: MeetingRecord,
) -> Vacancy | None:
    """Return what a meeting leaves after its organizer's `message` about it.

    A series that ends earlier than before leaves something, a meeting that ends later
    than it did takes it back, and any other change leaves this as it was.
    """
    after = _end(new)
    if old is not None and after is not None:
        before = last_end(old.recurrence)
        if before is None or after < before:
            return _vacancy(message, after)
    kept = alias.vacancy if alias.ews_item_uid == message.uid else None
    return kept if kept and after is not None and after <= kept.since else None


def removal(
    meeting: Sequence[MeetingRecord], known: KnownMeetings
) -> list[RecordChange]:
    """Return the changes that remove all that is scheduled of one meeting.

    Its rooms go with it, except one that it shares with another meeting.
    """
    changes: list[RecordChange] = []
    for each in meeting:
        if not shared_with_another(each.conference, meeting, known):
            changes.append(RemoveRoom(each.conference))
        elif isinstance(each, RecurringConference):
            changes.append(Delete(tables.RECURRING_CONFERENCE, each.id))
        else:
            changes.append(Delete(tables.SCHEDULED_CONFERENCE, each.id))
    return list(dict.fromkeys(changes))


def freed_names(
    meeting: Sequence[MeetingRecord], known: KnownMeetings, now: datetime
) -> set[str]:
    """Return the names of the rooms that go with `removal`, for a room in their place.

    Conferencing nodes identify a running conference by its name: that of an open room
    is not free yet, or its participants would be in the new one, too.
    """
    rooms = (
        known.conference(each.conference)
        for each in meeting
        if not is_open(each, now)
        and not shared_with_another(each.conference, meeting, known)
    )
    return {room.name for room in rooms if room is not None}


def is_open(meeting: MeetingRecord, now: datetime) -> bool:
    """Return whether the room of a meeting, as scheduled until now, may be in use."""
    if not isinstance(meeting, RecurringConference):
        return meeting.start_time <= now < meeting.end_time
    windows = open_windows(
        meeting.recurrence,
        timedelta(minutes=meeting.join_before),
        timedelta(minutes=meeting.join_after),
        now,
    )
    return windows.current is not None


def shared_with_another(
    conference: int, meeting: Iterable[MeetingRecord], known: KnownMeetings
) -> bool:
    """Return whether something else than this meeting takes place in a conference."""
    own = list(meeting)
    return any(each not in own for each in known.in_room(conference))


def sharing(
    alias: ScheduledAlias, meeting: Sequence[MeetingRecord], known: KnownMeetings
) -> list[MeetingRecord]:
    """Return what else takes place under the alias of this meeting, in its rooms."""
    rooms = dict.fromkeys(each.conference for each in meeting)
    return [
        each
        for room in rooms
        for each in known.in_room(room)
        if each.scheduled_alias == alias.id and each not in meeting
    ]


def _end(new: MeetingRecord) -> datetime | None:
    if isinstance(new, RecurringConference):
        return last_end(new.recurrence)
    return new.meeting_end or new.end_time


def _vacancy(message: MeetingMessage, since: datetime) -> Vacancy:
    return Vacancy(since, organizer.address_of(message), _attendees(message))


def _attendees(message: MeetingMessage) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(folded, message.attendees)))


def vacated(
    alias: ScheduledAlias,
    message: MeetingMessage,
    now: datetime,
    others: Sequence[MeetingRecord],
) -> ScheduledAlias:
    """Return the alias of a meeting whose cancellation `message` is.

    `others` are what else takes place under this alias: the series that the cancelled
    meeting had succeeded. The alias is theirs again, and they leave what they left.
    """
    if others:
        last = max(
            others, key=lambda each: _end(each) or datetime.max.replace(tzinfo=UTC)
        )
        end = _end(last)
        same = last.organizer == organizer.address_of(message)
        left = end and Vacancy(end, last.organizer, _attendees(message) if same else ())
        return msgspec.structs.replace(
            alias, ews_item_uid=last.ews_item_uid, vacancy=left
        )
    return msgspec.structs.replace(
        alias,
        conference_deletion_time=now,
        room_end=None,
        vacancy=_vacancy(message, min(now, message.received)),
    )
