"""Messages and meetings as a mailbox provides them, in this domain's terms."""

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from pexschedd.model.recurrence import Recurrence


class MessageKind(StrEnum):
    """The kind of a message, as far as scheduling is concerned."""

    REQUEST = "request"
    CANCELLATION = "cancellation"
    OTHER = "other"
    """Not about scheduling: a response, an out-of-office reply, spam."""


class MessageRef(msgspec.Struct, frozen=True):
    """The identifier of one message in the mailbox, as it is now.

    Both parts are opaque. The id changes when the message is answered or moved, so it
    also serves as the key that makes an answer idempotent.
    """

    item_id: str
    change_key: str = ""
    uid: str = ""
    """The meeting's UID, as far as it is known without reading the message."""


class Person(msgspec.Struct, frozen=True):
    """A person's name and mail address, as a message gives them."""

    name: str
    email: str
    """Empty if the mailbox gave no SMTP address."""


class Tags(NamedTuple):
    """The tags of a body; the first one is the newest in replies and forwards."""

    pxps: tuple[str, ...] = ()
    """UUIDs in lower case, distinct, in document order; they may be unknown."""
    tok: tuple[str, ...] = ()
    """Texts of the shape of a signed JWT, distinct, in document order; not verified."""


class CalendarMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting in a calendar: a single meeting, or the master of a series. Times are
    aware UTC."""

    ref: MessageRef
    uid: str
    start: datetime
    end: datetime
    """Of a series: of its first occurrence; `recurrence` says when it ends."""
    recurrence: Recurrence | None = None
    is_series: bool = False
    """The master of a series, also if its `recurrence` cannot be understood."""
    zone: str = "UTC"
    subject: str = ""
    organizer: Person = Person("", "")
    html: str = ""
    text: str = ""
    tags: Tags | None = None
    """The tags in `html` and `text`; None if they were not looked for yet."""
    cancelled: bool = False
    accepted: bool = False
    """True if this mailbox has accepted it, as an attendee."""


class MeetingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message about a meeting. Times are aware UTC."""

    ref: MessageRef
    kind: MessageKind
    received: datetime
    uid: str = ""
    """Identifies the meeting in every mailbox and every message about it, series and
    occurrence alike (ews: from the clean global object id)."""
    recurrence_id: datetime | None = None
    """The original start of the occurrence that this message is about."""
    occurrence_day: date | None = None
    """The local date of that occurrence, by the series' clock, where the message has no
    more; `recurrence_id` is a guess then."""
    names_its_part: bool = True
    """False if the message names no occurrence and does not say either that it is about
    the whole meeting."""
    is_series: bool = False
    """About a whole series; `recurrence` says which, unless it cannot be understood."""
    recurrence: Recurrence | None = None
    """With the exceptions and deleted occurrences as the organizer had them."""
    sequence: int = 0
    has_sequence: bool = True
    """False if the message has no number; `sequence` is 0 then."""
    changed: datetime | None = None
    """The time of the organizer's last change that matters; orders messages of the
    same sequence."""
    start: datetime | None = None
    end: datetime | None = None
    zone: str = "UTC"
    """The IANA zone the organizer planned in."""
    subject: str = ""
    organizer: Person = Person("", "")
    attendees: tuple[str, ...] = ()
    """The addresses that the message was sent to, as far as the mailbox shows them."""
    html: str = ""
    text: str = ""
    tags: Tags | None = None
    """The tags in `html` and `text`; None if they were not looked for yet."""
    outdated: bool = False
    """The server itself says that a newer version exists."""
    hidden: bool = False
    """Found among the deleted items, where Exchange puts updates that it applies to the
    calendar without showing them to anyone (graph: Exchange Online)."""
