"""Meetings as a room's screen shows them, and the settings that decide it. Pure."""

from datetime import datetime

import msgspec

from pexschedd.model.onetouch.room_calendar import JoinDetails


class ScreenMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a screen. Two lists that are equal need not be sent twice."""

    item_id: str
    title: str
    organizer_name: str
    organizer_email: str
    start: datetime
    end: datetime
    is_private: bool
    is_all_day: bool
    join_from: datetime
    """The time from which on Join can be pressed."""
    join_until: datetime
    details: JoinDetails | None
    """None: shown without Join."""


class ScreenProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an installation that decide what its screens show.

    Names, defaults and ranges are those of the platform's `mjx_integration`.
    """

    display_upcoming_meetings: int = 7
    """Days, 0 to 365."""
    start_buffer: int = 5
    """Minutes before the start from which on Join can be pressed, 0 to 180."""
    end_buffer: int = 0
    """Minutes after the end until which it can, 0 to 180."""
    enable_non_video_meetings: bool = True
    """Show meetings that have nothing to join, without Join."""
    enable_private_meetings: bool = True
    """Show private meetings."""
    process_alias_private_meetings: bool = True
    """Offer Join for private meetings."""
    replace_empty_subject: bool = True
    """Show the organizer's name in the place of an empty subject."""
    replace_subject_type: str = "PRIVATE"
    """PRIVATE, ALL or NEVER: the meetings whose subject is replaced."""
    replace_subject_template: str = ""
    """A template of the title; blank: the organizer's name."""
