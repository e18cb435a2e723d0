"""Protocols for the equipment mailbox and organizers' calendars.

`ews/` implements them over Exchange Web Services, `graph/` over Microsoft Graph. Every
method raises `errors.MailboxError` or one of its kinds.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, MessageRef


class ArrivalPage(msgspec.Struct, frozen=True):
    """One page of the messages that have arrived, or changed, since a cursor."""

    arrived: tuple[MessageRef, ...]
    """New and changed messages, newest first; some may be gone again already."""
    cursor: str
    """The position after this page: to be stored together with what the page led to."""
    more: bool
    """True if there is another page."""


class Blame(StrEnum):
    """The likely cause of a failure: the server, the message, or unknown."""

    SERVER = "server"
    """Other messages failed in the same way, so this one is not to blame."""
    DOUBT = "doubt"
    """It failed alone, but in a way that any message may when a server has problems; or
    the outcome is unknown."""
    MESSAGE = "message"
    """The message itself: the server says so, or nothing else is possible."""


class Unreadable(msgspec.Struct, frozen=True):
    """A message that is in the mailbox but that the server cannot return."""

    ref: MessageRef
    reason: str
    blame: Blame = Blame.MESSAGE
    hidden: bool = False
    """Among the deleted items; see `MeetingMessage.hidden`."""


class Action(StrEnum):
    """The ways to answer a message."""

    ACCEPT = "accept"
    DECLINE = "decline"
    REMOVE = "remove"
    """A cancellation: take the meeting out of the calendar, and the message too."""
    REPLY = "reply"
    """Answer the sender by mail and move the message to the deleted items. The meeting
    in the calendar stays as it is, which a decline would take away: it is somebody
    else's."""
    DISCARD = "discard"
    """Move the message to the deleted items without an answer to anyone."""


class Answer(msgspec.Struct, frozen=True):
    """An answer to one message."""

    ref: MessageRef
    action: Action
    body: str = ""
    """HTML for the organizer, or the sender; only for ACCEPT, DECLINE and REPLY."""
    unsure: bool = False
    """True if it may have been given before, and the outcome is unknown."""
    replaces: bool = False
    """True if it is given instead of an answer that could not be given, as far as is
    known: where the message tells that it was, nothing else is to be said."""


class OutcomeKind(StrEnum):
    """The possible results of giving an answer."""

    DONE = "done"
    GONE = "gone"
    """The message is not there any more: it has been answered before, or was taken
    away. Nothing is left to do."""
    RETRY = "retry"
    """The server did not take the answer, but may take it later."""
    FAILED = "failed"
    """The server will never take this answer; the reason says why."""


class Outcome(msgspec.Struct, frozen=True):
    """The result of giving one answer."""

    kind: OutcomeKind
    reason: str = ""
    """For RETRY and FAILED: what the server said."""
    blame: Blame = Blame.SERVER
    """For RETRY: the likely cause."""
    remaining: Action | None = None
    """For RETRY: the part that is left to do, if a part was done."""


class Mailbox(Protocol):
    """One integration's equipment mailbox."""

    async def check(self) -> None:
        """Sign in and open the inbox, or raise an error that says what to correct."""

    async def arrivals(self, cursor: str) -> ArrivalPage:
        """Return the messages that have arrived since `cursor`, one page of them.

        An empty cursor starts from the beginning.

        Raises `CursorLost` when the cursor is no longer valid.
        """

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        """Return the messages, oldest first; those that are gone are left out."""

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        """Give answers; return one outcome for each, in the order of the answers.

        The answers are about different meetings, so they may be given in any order.
        The call may be repeated with the same references: a message that was answered
        before is GONE.
        """

    async def primary_address(self, address: str) -> str:
        """The primary SMTP address of the mailbox that has this address.

        Empty if the directory does not know it, or does not tell.
        """

    async def close(self) -> None:
        """Close all connections; calls under way fail."""


class DirectoryEntry(msgspec.Struct, frozen=True):
    """A mailbox as the directory has it."""

    name: str
    """The display name."""
    primary: str
    """The primary SMTP address."""
    addresses: tuple[str, ...] = ()
    """All addresses that the directory tells, the primary one first: SMTP addresses,
    and names of the directory's own (`/o=...`)."""


class Directory(Protocol):
    """The directory of mail addresses, as the equipment mailbox may read it."""

    async def entry(self, address: str) -> DirectoryEntry | None:
        """Return the entry that has this SMTP address; None if there is none, or the
        directory does not tell."""


class MailboxKeeping(Protocol):
    """The equipment mailbox, as audit, recovery and maintenance need it."""

    async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
        """Return one page of the meetings in the calendar (masters and singles, not
        occurrences) with their bodies, and the cursor of the next page; "" ends."""

    async def processes_automatically(
        self, is_known: Callable[[str], bool] = lambda _: False
    ) -> bool | None:
        """Return whether Exchange itself answers requests to this mailbox; None if it
        does not say.

        `is_known` tells by a meeting's UID whether we have dealt with the meeting: its
        request is none that Exchange has answered by itself.
        """

    async def inbox(
        self, received_before: datetime, cursor: str = ""
    ) -> tuple[list[MeetingMessage], str]:
        """Return one page of messages of every kind, oldest first, without bodies, and
        the cursor of the next page; "" ends."""

    async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
        """Delete items for good, without an answer; return one outcome for each.

        An item that is not there any more is GONE.
        """


class ItemLookup(Protocol):
    """Items in people's own calendars, by impersonation."""

    async def item_uid(self, address: str, item_id: str) -> str:
        """Return the UID of the meeting with this item id in a person's mailbox.

        Empty if that mailbox does not have it.
        """


class RewriteKind(StrEnum):
    """The possible results of rewriting an organizer's meeting."""

    DONE = "done"
    CHANGED = "changed"
    """The organizer has changed the meeting since it was read: read it again."""
    GONE = "gone"
    """The meeting is not there any more: read it again."""
    RETRY = "retry"
    """The server may take the change later."""
    FAILED = "failed"
    """The server will never take the change; the reason says why."""


class OrganizersCalendars(Protocol):
    """The organizers' own calendars, by impersonation. `address` is the organizer's.

    The methods raise `MailboxRefused` when the service account may not act for the
    organizer, or there is no such mailbox here; the message names the missing
    permission.
    """

    async def find(
        self,
        address: str,
        uid: str,
        recurrence_id: datetime | None = None,
        *,
        start: datetime | None = None,
    ) -> CalendarMeeting | None:
        """Return the organizer's own copy of a meeting, or of one occurrence of it;
        None if it is not there.

        `start` is when the meeting begins as far as is known, aware UTC: a server that
        cannot search by UID is asked for what takes place around it.
        """

    async def rewrite(
        self, address: str, ref: MessageRef, html: str
    ) -> tuple[RewriteKind, str]:
        """Replace the body and send the meeting to all attendees, as the organizer.

        Nothing is changed unless the meeting is still as `ref` has it. The second value
        is the reason, for RETRY and FAILED. A body that `find` returned as text only is
        replaced by text.
        """

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
