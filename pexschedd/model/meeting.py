"""What a mailbox hands us, in this domain's words."""

from datetime import datetime
from enum import StrEnum

import msgspec


class MessageKind(StrEnum):
    REQUEST = "request"
    CANCELLATION = "cancellation"
    OTHER = "other"
    """Not about scheduling: a response, an out-of-office reply, spam."""


class MessageRef(msgspec.Struct, frozen=True):
    """Names one message in the mailbox, as it is now.

    Both parts are opaque. The id changes when the message is answered or moved, so it
    also serves as the key that makes an answer idempotent.
    """

    item_id: str
    change_key: str = ""


class Person(msgspec.Struct, frozen=True):
    name: str
    email: str
    """Empty if the mailbox gave no SMTP address."""


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
    is_series: bool = False
    sequence: int = 0
    changed: datetime | None = None
    """When the organizer last changed something that matters; orders messages of the
    same sequence."""
    start: datetime | None = None
    end: datetime | None = None
    zone: str = "UTC"
    """The IANA zone the organizer planned in."""
    subject: str = ""
    organizer: Person = Person("", "")
    html: str = ""
    text: str = ""
    outdated: bool = False
    """The server itself says that a newer version exists."""
