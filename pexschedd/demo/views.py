"""What the desk's page gets and sends: the records of its JSON.

Times are aware UTC. A meeting is known by its UID, which is the same in all mailboxes
and does not change; a message by its item id.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(max_length=255)]
Html = Annotated[str, Meta(max_length=1_000_000)]
Address = Annotated[str, Meta(max_length=254, pattern=r"^[^@\s<>\"]+@[^@\s<>\"]+$")]


class Party(msgspec.Struct, frozen=True):
    """Somebody with a name and an address."""

    name: Text
    address: Address


class Guest(msgspec.Struct, frozen=True):
    """Somebody invited, with the answer so far."""

    name: str
    address: str
    role: str
    response: str


class MeetingView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a calendar."""

    uid: str
    subject: str
    start: datetime
    end: datetime
    location: str
    organizer: Party
    mine: bool
    """The user of this calendar is the organizer."""
    guests: list[Guest]
    my_response: str
    cancelled: bool
    with_room: bool
    """The equipment mailbox is invited."""


class MeetingDetail(msgspec.Struct, frozen=True):
    meeting: MeetingView
    body: str
    """An HTML document as Exchange gives it out."""


class MailView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an inbox."""

    id: str
    kind: str
    """MeetingRequest, MeetingResponse, MeetingCancellation or Message."""
    subject: str
    sender: Party
    received: datetime
    unread: bool
    preview: str
    uid: str
    """Of the meeting that it is about, or empty."""
    response: str
    """Accept, Decline or Tentative for a MeetingResponse."""
    update: bool
    """A request for a meeting that was known already."""
    answerable: bool
    """A request that can still be accepted or declined."""
    from_room: bool
    """Sent by the equipment mailbox."""


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meeting as the compose form has it. `uid` says which one is changed."""

    user: Address
    subject: Text
    start: datetime
    end: datetime
    required: Annotated[list[Party], Meta(max_length=100)]
    optional: Annotated[list[Party], Meta(max_length=100)] = []
    location: Text = ""
    body: Html = ""
    uid: Annotated[str, Meta(max_length=400)] = ""


class Cancellation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: Address
    uid: Annotated[str, Meta(max_length=400)]


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An attendee's answer to a request."""

    user: Address
    id: Annotated[str, Meta(max_length=400)]
    answer: str


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: Address
    id: Annotated[str, Meta(max_length=400)]


class ClockMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the three."""

    advance_s: int | None = None
    to: datetime | None = None
    reset: bool = False


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user: Address


class AddIn(msgspec.Struct, frozen=True, kw_only=True):
    """What Outlook knows of an add-in from its manifest."""

    origin: str
    pane: str
    audience: str
    icon: str
    name: str
    group: str
    button: str
    supertip_title: str
    supertip_text: str
    room_name: str
    room_address: str


class Door(msgspec.Struct, frozen=True):
    """What the daemon's policy answers to somebody who dials an alias right now."""

    alias: str
    joinable: bool
    says: str
    answer: dict[str, object]
    """The whole answer, for those who want to see it."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """The virtual room of a meeting as the daemon has it."""

    state: str
    """"waiting": not scheduled (yet); "scheduled"; "gone": over or cancelled."""
    name: str = ""
    aliases: list[str] = []
    opens: datetime | None = None
    closes: datetime | None = None
    door: Door | None = None
