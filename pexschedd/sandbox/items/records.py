"""Records that mailboxes hold: items, meetings, people.

`Item` is mutable; everything that several items share is frozen: a meeting request
keeps the `Meeting` as it was when it was sent. Times are aware UTC.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from pexschedd.sandbox.items.recurrence import SeriesRecurrence


class ItemKind(StrEnum):
    """The kinds of items; the values are the element names of EWS."""

    MESSAGE = "Message"
    REQUEST = "MeetingRequest"
    CANCELLATION = "MeetingCancellation"
    RESPONSE = "MeetingResponse"
    CALENDAR = "CalendarItem"


class Role(StrEnum):
    """The roles of attendees."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    RESOURCE = "resource"


class ResponseType(StrEnum):
    """The responses of attendees, as EWS names them."""

    UNKNOWN = "Unknown"
    ORGANIZER = "Organizer"
    TENTATIVE = "Tentative"
    ACCEPT = "Accept"
    DECLINE = "Decline"
    NONE = "NoResponseReceived"


class MeetingAnswer(StrEnum):
    """The answers to a meeting request; the values are those of ResponseType."""

    ACCEPT = "Accept"
    TENTATIVE = "Tentative"
    DECLINE = "Decline"


class CalendarType(StrEnum):
    """The kinds of calendar items, as EWS names them."""

    SINGLE = "Single"
    OCCURRENCE = "Occurrence"
    EXCEPTION = "Exception"
    MASTER = "RecurringMaster"


class Send(StrEnum):
    """The attendees whom an organizer tells of a change."""

    NONE = "none"
    ALL = "all"
    CHANGED = "changed"


class MailboxUser(msgspec.Struct, frozen=True):
    """A name and an address."""

    name: str
    address: str
    """SMTP, as the sender wrote it; compare it with `same_address`."""


class Attendee(msgspec.Struct, frozen=True):
    """An attendee of a meeting, and the response so far."""

    person: MailboxUser
    role: Role = Role.REQUIRED
    response: ResponseType = ResponseType.UNKNOWN
    responded: datetime | None = None


class Body(msgspec.Struct, frozen=True):
    """A body as it is stored and returned: the rewritten HTML, and its text."""

    html: str
    text: str
    plain: bool = False
    """The body was written as plain text, and the HTML is made from it."""


EMPTY_BODY = Body("", "")


class ChangedOccurrence(msgspec.Struct, frozen=True):
    """An occurrence that was moved or changed, as its series lists it."""

    original_start: datetime
    start: datetime
    end: datetime


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a meeting (or of an appointment, if there are no attendees)."""

    goid: bytes
    """The clean global object id: the same in all mailboxes."""
    organizer: MailboxUser
    start: datetime
    end: datetime
    zone: str = "UTC"
    """A Windows time zone id."""
    end_zone: str = ""
    """Empty: the same as `zone`."""
    zone_rules: str = ""
    """A definition of its own that a client gave for `zone`, as XML."""
    all_day: bool = False
    location: str = ""
    free_busy: str = "Busy"
    """The status that the organizer intends for the attendees' calendars."""
    attendees: tuple[Attendee, ...] = ()
    response_requested: bool = True
    allow_new_time: bool = True
    sequence: int = 0
    critical_change: datetime
    """The time when the organizer last sent a change (PidLidOwnerCriticalChange)."""
    cancelled: bool = False

    type: CalendarType = CalendarType.SINGLE
    recurrence_id: datetime | None = None
    """The start of an occurrence by the series' pattern."""
    recurrence: SeriesRecurrence | None = None
    """Series only. `start` and `end` are then those of the first occurrence."""
    exceptions: tuple[ChangedOccurrence, ...] = ()
    deleted: tuple[datetime, ...] = ()
    """The deleted occurrences, by their starts in the pattern."""

    def newer_than(self, other: "Meeting") -> bool:
        """Return whether this version is newer: by sequence, then by the time when the
        organizer last sent it (MS-OXOCAL)."""
        mine = (self.sequence, self.critical_change)
        return mine > (other.sequence, other.critical_change)

    def attendee(self, address: str) -> Attendee | None:
        """Return the attendee with this address."""
        for attendee in self.attendees:
            if same_address(attendee.person.address, address):
                return attendee
        return None


class Item(msgspec.Struct, kw_only=True, eq=False):
    """A message, a meeting message or a calendar item, in one folder of a mailbox."""

    id: str = ""
    mailbox: str = ""
    """GUID of the mailbox that holds it."""
    folder: str = ""
    """Distinguished name of the folder that holds it."""
    kind: ItemKind
    item_class: str

    change: int = 0
    """Number of its last change; its change key is made from it."""
    entered: int = 0
    """Number of the change by which it came into its folder."""
    read_change: int = 0
    """Number of the last change of nothing but the read flag."""
    birth: int = 0
    """Number of the change by which it came into its mailbox; moves do not alter it.
    An occurrence has that of its series."""

    subject: str = ""
    body: Body = EMPTY_BODY
    created: datetime
    modified: datetime
    received: datetime
    sent: datetime | None = None
    is_read: bool = False
    is_draft: bool = False
    sender: MailboxUser | None = None
    author: MailboxUser | None = None
    """The sender that EWS calls From."""
    to: tuple[MailboxUser, ...] = ()
    cc: tuple[MailboxUser, ...] = ()
    bcc: tuple[MailboxUser, ...] = ()
    message_id: str = ""
    importance: str = "Normal"
    sensitivity: str = "Normal"
    categories: tuple[str, ...] = ()
    reminder: bool = False
    reminder_minutes: int = 15
    extended: dict[str, str | list[str]] = {}
    """Extended properties that clients have set, by `extended.Key.text`."""

    attachments: tuple[str, ...] = ()
    """The names of files that are attached."""
    left_out: frozenset[str] = frozenset()
    """Properties that the server does not give: URIs, and `ExtendedKey.text`."""
    by_dn: bool = False
    """People of this item are named by the directory's own addresses."""

    meeting: Meeting | None = None

    # Calendar items only
    my_response: ResponseType = ResponseType.UNKNOWN
    replied: datetime | None = None
    free_busy: str = "Busy"
    """The status of this time in this mailbox."""
    told: Meeting | None = None
    """Organizer only: the version that was sent to the attendees last."""
    last_sequence: int = 0
    """Organizer only: the highest that a series or one of its occurrences has had."""
    exceptions: "tuple[Item, ...]" = ()
    """The changed occurrences of a series, by when the pattern has them. They lie in
    no folder by themselves; `series` looks after them."""

    # Meeting messages only
    request_type: str = "NewMeetingRequest"
    response: ResponseType = ResponseType.UNKNOWN
    processed: bool = False
    """The calendar has been brought up to date with this message."""

    @property
    def is_organizer(self) -> bool:
        """The calendar item is the organizer's own."""
        return self.my_response is ResponseType.ORGANIZER

    @property
    def is_meeting(self) -> bool:
        """Others are, or were, invited."""
        if self.meeting is None:
            return False
        return bool(self.meeting.attendees or self.told) or not self.is_organizer


def same_address(one: str, other: str) -> bool:
    """Return whether two SMTP addresses are the same."""
    return one.casefold() == other.casefold()
