"""Records of the JSON that the desk's page receives and sends.

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


class NamedAddress(msgspec.Struct, frozen=True):
    """A name and an address."""

    name: Text
    address: Address


class Invitee(msgspec.Struct, frozen=True):
    """An attendee of a meeting, and the response so far."""

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
    organizer: NamedAddress
    mine: bool
    """The user of this calendar is the organizer."""
    guests: list[Invitee]
    my_response: str
    cancelled: bool
    with_room: bool
    """The equipment mailbox is invited."""
    personal: str = ""
    """The alias of the personal room that people meet in, if they do."""
    repeats: str = ""
    """The pattern of a series: "daily", "weekly" or "other"; else empty."""
    times: int = 1
    """The number of occurrences, 0 for a series without an end."""


class MeetingDetail(msgspec.Struct, frozen=True):
    """A meeting with its body."""

    meeting: MeetingView
    body: str
    """An HTML document as Exchange gives it out."""


class MailView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an inbox."""

    id: str
    kind: str
    """MeetingRequest, MeetingResponse, MeetingCancellation or Message."""
    subject: str
    sender: NamedAddress
    received: datetime
    unread: bool
    preview: str
    uid: str
    """The UID of the meeting that it is about, or empty."""
    response: str
    """Accept, Decline or Tentative for a MeetingResponse."""
    update: bool
    """A request for a meeting that was known already."""
    answerable: bool
    """A request that can still be accepted or declined."""
    from_room: bool
    """Sent by the equipment mailbox."""


class MeetingDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meeting as the compose form has it. `uid` names the one that is changed."""

    user: Address
    subject: Text
    start: datetime
    end: datetime
    required: Annotated[list[NamedAddress], Meta(max_length=100)]
    optional: Annotated[list[NamedAddress], Meta(max_length=100)] = []
    location: Text = ""
    body: Html = ""
    uid: Annotated[str, Meta(max_length=400)] = ""
    repeats: Annotated[str, Meta(pattern="^(daily|weekly)?$")] = ""
    times: Annotated[int, Meta(ge=2, le=52)] = 2
    """The number of occurrences, if it repeats."""


class CancelRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to cancel a meeting."""

    user: Address
    uid: Annotated[str, Meta(max_length=400)]


class ReplyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An attendee's answer to a request."""

    user: Address
    id: Annotated[str, Meta(max_length=400)]
    answer: str


class ReadRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to mark a message as read."""

    user: Address
    id: Annotated[str, Meta(max_length=400)]


class ClockMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A movement of the desk's clock: one of the three."""

    advance_s: int | None = None
    to: datetime | None = None
    reset: bool = False


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request for a user's identity token."""

    user: Address


class AddIn(msgspec.Struct, frozen=True, kw_only=True):
    """The add-in as Outlook knows it from its manifest."""

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


class SignView(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting room's door sign."""

    name: str
    address: str
    problem: str = ""
    """The reason why nothing is known of its meetings, or nothing new."""
    read: bool = False
    """Its calendar has been read."""
    meetings: list[dict[str, object]] = []
    """As the daemon gives them to screens."""
    door: str = ""
    """The URL of the sign itself, empty if there is none; `inside` is the one for the
    screen in the room."""
    inside: str = ""


class JoinAnswer(msgspec.Struct, frozen=True):
    """The daemon's policy for a caller who dials an alias right now."""

    alias: str
    joinable: bool
    reason: str
    answer: dict[str, object]
    """The whole answer, for readers who want to see it."""


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """The virtual room of a meeting, as the daemon knows it."""

    state: str
    """"waiting": not scheduled (yet); "scheduled"; "personal": always there; "gone":
    over or cancelled."""
    name: str = ""
    aliases: list[str] = []
    opens: datetime | None = None
    """Of the meeting that is on or comes next, as `closes`."""
    closes: datetime | None = None
    join: JoinAnswer | None = None
