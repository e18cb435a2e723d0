"""The state of a tag that the add-in has found in the meeting that a user edits. Pure.

Bodies are quoted, pasted and duplicated with the tag that they hold. Whose it is shows
only here: an alias belongs to one meeting (see `alias_claim`), so that the room of any
other would be declined after it was sent.

The meeting that is being edited is known by its UID where Exchange has told that, and
otherwise by its times. These are compared only for the user who booked the room: nobody
else is to find out, by guessing, when a meeting takes place.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.schedule import MeetingRecord, RecurringConference
from pexschedd.scheduling.recurrence import series_dates

_MINUTE = timedelta(minutes=1)


class TagState(StrEnum):
    """The meeting that a tag belongs to, as seen from the one that is being edited."""

    FREE = "free"
    """The alias was handed out, and no meeting has it yet."""
    THIS = "this"
    ANOTHER = "another"
    """Another meeting's that has a future, as far as is known."""
    SPENT = "spent"
    """The meeting is over and its room gone, or it is another one that is over; or it
    was cancelled."""
    EXPIRED = "expired"
    """No meeting had the alias in the time that unused ones are kept, or it was deleted
    before one had."""
    UNKNOWN = "unknown"
    """No tag of this integration's, or one that is forgotten."""


class TagStatus(msgspec.Struct, frozen=True):
    """A tag's state; `certain` is false where only times could be compared."""

    state: TagState
    certain: bool = True


class EditedMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """The meeting that is being edited, as far as is known. Times are aware UTC."""

    user: str
    """The key of the user who edits it; see `alias_release.user_key`."""
    is_new: bool = False
    """True if it was never saved: it cannot have used a tag."""
    uid: str = ""
    """Its id in all calendars; empty if Exchange did not tell."""
    organizer: str = ""
    """The mailbox that has it, in lower case; known where the UID is."""
    not_in: frozenset[str] = frozenset()
    """Mailboxes, in lower case, that do not have it."""
    start: datetime | None = None
    end: datetime | None = None


def status_of(
    alias: ScheduledAlias | None,
    meetings: Sequence[MeetingRecord],
    edited: EditedMeeting,
    connector: Connector,
    now: datetime,
) -> TagStatus:
    """Return the status of a tag.

    `alias` is the one that was handed out with the tag, None if there is none, and
    `meetings` is what is scheduled with it.
    """
    if alias is None or alias.exchange_connector != connector.id:
        return TagStatus(TagState.UNKNOWN)
    if alias.is_deleted(now) and not meetings:
        had_meeting = alias.is_used or bool(alias.ews_item_uid)
        return TagStatus(TagState.SPENT if had_meeting else TagState.EXPIRED)
    if not alias.ews_item_uid:
        kept = timedelta(days=connector.keep_unused_aliases)
        is_old = alias.creation_time + kept <= now
        return TagStatus(TagState.EXPIRED if is_old else TagState.FREE)
    is_this, certain = _is_this(alias, meetings, edited)
    if is_this:
        return TagStatus(TagState.THIS, certain)
    is_over = bool(meetings) and all(_is_over(each, now) for each in meetings)
    return TagStatus(TagState.SPENT if is_over else TagState.ANOTHER, certain)


def _is_this(
    alias: ScheduledAlias, meetings: Sequence[MeetingRecord], edited: EditedMeeting
) -> tuple[bool, bool]:
    """Return whether the tag is the edited meeting's own, and whether that is sure."""
    if edited.is_new:
        return False, True
    if edited.uid:
        theirs = {alias.ews_item_uid, *(each.ews_item_uid for each in meetings)}
        return edited.uid in theirs or _succeeds(alias, edited), True
    organizers = {each.organizer for each in meetings}
    if organizers and organizers <= edited.not_in:
        return False, True
    booked_it = bool(alias.booked_by) and alias.booked_by == edited.user
    return booked_it and any(_is_at(each, edited) for each in meetings), False


def _succeeds(alias: ScheduledAlias, edited: EditedMeeting) -> bool:
    """Return whether the meeting may take the alias up; see `succession`."""
    left = alias.vacancy
    return (
        left is not None
        and edited.start is not None
        and edited.start >= left.since
        and bool(edited.organizer)
        and edited.organizer == left.organizer
    )


def _is_at(meeting: MeetingRecord, edited: EditedMeeting) -> bool:
    """Return whether a meeting, or an occurrence of it, has the edited one's times."""
    start, end = edited.start, edited.end
    if start is None or end is None:
        return False
    if not isinstance(meeting, RecurringConference):
        return (meeting.meeting_start, meeting.meeting_end) == (start, end)
    found = series_dates.occurrences(
        meeting.recurrence, start - _MINUTE, start + _MINUTE
    )
    return any((each.start, each.end) == (start, end) for each in found)


def _is_over(meeting: MeetingRecord, now: datetime) -> bool:
    if isinstance(meeting, RecurringConference):
        return series_dates.is_over(meeting.recurrence, now)
    return (meeting.meeting_end or meeting.end_time) <= now
