"""The names of rooms that a meeting leaves, as far as they are free. Pure.

Conferencing nodes identify a running conference by its name: that of an open room is
not free yet, or its participants would be in the new one, too.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pexschedd.model.schedule import MeetingRecord, ScheduledConference
from pexschedd.scheduling.decisions import succession
from pexschedd.scheduling.decisions.context import KnownMeetings
from pexschedd.scheduling.recurrence import series_dates


def freed_names(
    left: Sequence[MeetingRecord], known: KnownMeetings, now: datetime
) -> set[str]:
    """Return the names of the rooms that only the meetings of `left` are in."""
    rooms = (
        known.conference(each.conference)
        for each in left
        if not is_open(each, now)
        and not succession.shared_with_another(each.conference, left, known)
    )
    return {room.name for room in rooms if room is not None}


def is_open(meeting: MeetingRecord, now: datetime) -> bool:
    """Return whether the room of a meeting, as scheduled until now, may be in use."""
    if isinstance(meeting, ScheduledConference):
        return meeting.start_time <= now < meeting.end_time
    windows = series_dates.open_windows(
        meeting.recurrence,
        timedelta(minutes=meeting.join_before),
        timedelta(minutes=meeting.join_after),
        now,
    )
    return windows.current is not None
