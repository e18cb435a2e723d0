"""Meetings as a room's calendar has them, and as its screen shows them. Pure."""

from datetime import datetime

import msgspec

from pexschedd.onetouch.rules.results import JoinDetails


class RoomMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting of a room's calendar: a single one, or one occurrence of a series.

    Times are aware.
    """

    item_id: str
    uid: str
    """The meeting's, the same for all occurrences of a series."""
    start: datetime
    end: datetime
    recurrence_id: datetime | None = None
    """Of an occurrence: its original start, which stays when it is moved."""
    changed: datetime | None = None
    subject: str = ""
    organizer_name: str = ""
    organizer_email: str = ""
    is_private: bool = False
    is_all_day: bool = False
    is_cancelled: bool = False
    has_text: bool = True
    """False if the copy has neither a body nor a location: its text may be lost."""
    details: JoinDetails | None = None
    """The result of the rules for this copy."""

    @property
    def key(self) -> "MeetingKey":
        """The meeting's identity: it survives a move and the booking of the room."""
        return MeetingKey(self.uid or self.item_id, self.recurrence_id)


class MeetingKey(msgspec.Struct, frozen=True):
    """The identity of a single meeting, or of one occurrence."""

    uid: str
    recurrence_id: datetime | None


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
