"""Join details of meetings whose text is lost: when a room's mailbox accepts a meeting,
Exchange may delete the body that was there a moment before. Pure.

Details that were once found are used again only for a copy without any text: an
organizer who takes the link out of the body means it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from pexschedd.onetouch.rules.results import JoinDetails
from pexschedd.onetouch.screen.room_meeting import MeetingKey, RoomMeeting

KEPT_AFTER_END = timedelta(days=2)
MOST_KEPT = 2_000
"""Meetings of one room; those that end first are forgotten first."""


class RememberedDetails(msgspec.Struct, frozen=True):
    """The details of a meeting, and its end as last seen."""

    details: JoinDetails
    end: datetime


Memory = Mapping[MeetingKey, RememberedDetails]


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
) -> dict[MeetingKey, RememberedDetails]:
    """Return what is to be remembered once these copies were seen: their details, and
    earlier ones of meetings that have no text now or were not seen this time."""
    kept = dict(memory)
    for meeting in meetings:
        if meeting.is_cancelled:
            kept.pop(meeting.key, None)
        elif meeting.details is not None:
            kept[meeting.key] = RememberedDetails(meeting.details, meeting.end)
        elif meeting.has_text:
            kept.pop(meeting.key, None)
        elif (known := kept.get(meeting.key)) is not None:
            kept[meeting.key] = RememberedDetails(known.details, meeting.end)
    current = [
        (key, each) for key, each in kept.items() if each.end > now - KEPT_AFTER_END
    ]
    current.sort(key=lambda item: item[1].end, reverse=True)
    return dict(current[:MOST_KEPT])
