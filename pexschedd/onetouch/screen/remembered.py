"""Join details of meetings whose text is lost: when a room's mailbox accepts a meeting,
Exchange may delete the body that was there a moment before. Pure.

Details that were once found are used again only for a copy without any text: an
organizer who takes the link out of the body means it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from pexschedd.model.onetouch.room_calendar import (
    JoinDetails,
    MeetingKey,
    RememberedMeeting,
    RoomCalendar,
    RoomMeeting,
)

KEPT_AFTER_END = timedelta(days=2)
MOST_KEPT = 2_000
"""Meetings of one room; those that end first are forgotten first."""


Memory = Mapping[MeetingKey, RememberedMeeting]


def memory_of(calendar: RoomCalendar) -> Memory:
    """Return all that is remembered of a stored calendar: what its meetings have, and
    what is kept besides."""
    memory = {each.key: each for each in calendar.memory}
    for meeting in calendar.meetings:
        if meeting.details is not None:
            memory[meeting.key] = RememberedMeeting(
                meeting.key, meeting.details, meeting.end
            )
    return memory


def kept_besides(
    memory: Memory, meetings: Iterable[RoomMeeting]
) -> tuple[RememberedMeeting, ...]:
    """Return the part of a memory that has to be stored beside these meetings."""
    known = {meeting.key for meeting in meetings if meeting.details is not None}
    return tuple(each for key, each in memory.items() if key not in known)


def with_lost_details(
    meetings: Iterable[RoomMeeting], memory: Memory, own: Mapping[str, JoinDetails]
) -> list[RoomMeeting]:
    """Return the meetings with the details that their copies have lost.

    own: the rooms that our own scheduling side gave out, by the meetings' UIDs.
    """
    return [
        msgspec.structs.replace(meeting, details=_details(meeting, memory, own))
        for meeting in meetings
    ]


def _details(
    meeting: RoomMeeting, memory: Memory, own: Mapping[str, JoinDetails]
) -> JoinDetails | None:
    if meeting.details is not None or meeting.has_text:
        return meeting.details
    if meeting.uid in own:
        return own[meeting.uid]
    known = memory.get(meeting.key)
    return None if known is None else known.details


def remembered(
    memory: Memory, meetings: Iterable[RoomMeeting], now: datetime
) -> dict[MeetingKey, RememberedMeeting]:
    """Return what is to be remembered once these copies were seen: their details, and
    earlier ones of meetings that have no text now or were not seen this time."""
    kept = dict(memory)
    for meeting in meetings:
        if meeting.is_cancelled:
            kept.pop(meeting.key, None)
        elif meeting.details is not None:
            kept[meeting.key] = RememberedMeeting(
                meeting.key, meeting.details, meeting.end
            )
        elif meeting.has_text:
            kept.pop(meeting.key, None)
        elif (known := kept.get(meeting.key)) is not None:
            kept[meeting.key] = RememberedMeeting(
                meeting.key, known.details, meeting.end
            )
    current = [
        (key, each) for key, each in kept.items() if each.end > now - KEPT_AFTER_END
    ]
    current.sort(key=lambda item: item[1].end, reverse=True)
    return dict(current[:MOST_KEPT])
