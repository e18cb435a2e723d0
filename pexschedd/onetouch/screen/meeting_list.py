"""The list of a room's screen. Pure.

Meetings that overlap are all shown: the room is double-booked, and people have to see
it. Two copies of one meeting are shown once.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pexschedd.model.onetouch.room_calendar import MeetingKey, RoomMeeting
from pexschedd.onetouch.invitation.characters import readable_line
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting, ScreenProfile
from pexschedd.onetouch.screen.titles import LONGEST_TITLE, title_of
from pexschedd.templates.engine import Templates

BACK = timedelta(days=1)
"""Time before now from which on meetings are listed, as on the platform."""
MOST_LISTED = 500


class ListedWindow:
    """The time that a screen's list is about."""

    def __init__(self, profile: ScreenProfile, now: datetime) -> None:
        ahead = max(
            timedelta(days=profile.display_upcoming_meetings),
            timedelta(minutes=profile.start_buffer),
        )
        self.start = now - BACK
        self.end = now + ahead

    def holds(self, meeting: RoomMeeting) -> bool:
        """Return whether any of a meeting is within the window, both ends included."""
        return meeting.start <= self.end and meeting.end >= self.start


def screen_list(
    meetings: Iterable[RoomMeeting],
    profile: ScreenProfile,
    now: datetime,
    templates: Templates,
) -> tuple[ScreenMeeting, ...]:
    """Return the lines of a screen, in the order of their starts."""
    window = ListedWindow(profile, now)
    chosen = [
        meeting
        for meeting in _newest_copies(meetings)
        if window.holds(meeting) and _is_shown(meeting, profile)
    ]
    chosen.sort(key=lambda m: (m.start, m.end, m.uid, m.item_id))
    if len(chosen) > MOST_LISTED:
        # Those that are over are needed least.
        chosen = [m for m in chosen if m.end > now][:MOST_LISTED]
    return tuple(_line(meeting, profile, templates) for meeting in chosen)


def _newest_copies(meetings: Iterable[RoomMeeting]) -> list[RoomMeeting]:
    """One copy of each meeting: the one changed last, or else the later one."""
    copies: dict[MeetingKey, RoomMeeting] = {}
    for meeting in meetings:
        other = copies.get(meeting.key)
        if other is None or _is_newer(meeting, other):
            copies[meeting.key] = meeting
    return list(copies.values())


def _is_newer(meeting: RoomMeeting, other: RoomMeeting) -> bool:
    if meeting.changed is None or other.changed is None:
        return other.changed is None
    return meeting.changed >= other.changed


def _is_shown(meeting: RoomMeeting, profile: ScreenProfile) -> bool:
    if meeting.is_cancelled:  # by its flag: subjects are the organizer's
        return False
    if meeting.is_private and not profile.enable_private_meetings:
        return False
    return profile.enable_non_video_meetings or _may_join(meeting, profile)


def _may_join(meeting: RoomMeeting, profile: ScreenProfile) -> bool:
    if meeting.is_private and not profile.process_alias_private_meetings:
        return False
    return meeting.details is not None


def _line(
    meeting: RoomMeeting, profile: ScreenProfile, templates: Templates
) -> ScreenMeeting:
    return ScreenMeeting(
        item_id=meeting.item_id,
        title=title_of(meeting, profile, templates),
        organizer_name=readable_line(meeting.organizer_name, LONGEST_TITLE),
        organizer_email=readable_line(meeting.organizer_email, LONGEST_TITLE),
        start=meeting.start,
        end=meeting.end,
        is_private=meeting.is_private,
        is_all_day=meeting.is_all_day,
        join_from=meeting.start - timedelta(minutes=profile.start_buffer),
        join_until=meeting.end + timedelta(minutes=profile.end_buffer),
        details=meeting.details if _may_join(meeting, profile) else None,
    )
