"""A room's calendar as it was last read, with what the rules found in its meetings."""

from datetime import datetime

import msgspec

from pexschedd.model.fields.declaration import Record


class JoinDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a room needs to join a meeting."""

    alias: str
    protocol: str
    """SIP or H323."""
    platform: str
    """MicrosoftTeams, Zoom, Webex, GoogleMeet or Other."""
    rule: str
    """The name of the rule; `fallback` if none matched."""
    service: str = ""
    """The service's name, for people; empty if it is not known."""
    pin: str = ""
    """The PIN to enter by hand: it is not part of the alias."""


class MeetingKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """The identity of a single meeting, or of one occurrence."""

    uid: str
    recurrence_id: datetime | None = None


class RoomMeeting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting of a room's calendar: a single one, or one occurrence of a series.

    Times are aware.
    """

    item_id: str
    change_key: str = ""
    """The version of the item that was read; empty if it has to be read again."""
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
    """False if the copy has no body: it may be lost. (A location alone, such as the
    room's name, is left when Exchange deletes the body.)"""
    details: JoinDetails | None = None
    """The result of the rules for this copy."""
    recognised: tuple[str, ...] = ()
    """The services whose meetings the copy names although nothing was found to dial."""

    @property
    def key(self) -> MeetingKey:
        """The meeting's identity: it survives a move and the booking of the room."""
        return MeetingKey(self.uid or self.item_id, self.recurrence_id)


class RememberedMeeting(msgspec.Struct, frozen=True):
    """The join details of a meeting whose present copy has none, or that is not listed
    now, and its end as last seen."""

    key: MeetingKey
    details: JoinDetails
    end: datetime


class RoomCalendar(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A room mailbox's calendar: one record for each room that is read."""

    room_email: str
    """In lower case."""
    deployment: int
    """The id of the deployment that it is read with."""
    deployment_kind: str = "exchange"
    """Its kind: `exchange` or `graph`."""
    read_at: datetime | None = None
    """A time at which it was read; later readings that found nothing new need not be
    stored."""
    tried_at: datetime | None = None
    """The time of the last try when this was stored."""
    problem: str = ""
    """The problem of that try; empty if it succeeded."""
    rules: str = ""
    """The fingerprint of the rules that the details are the results of."""
    meetings: tuple[RoomMeeting, ...] = ()
    """In the order of their starts."""
    memory: tuple[RememberedMeeting, ...] = ()
