"""The equipment mailbox, in this domain's words.

`ews/` implements it over Exchange Web Services; Microsoft Graph can become a second
implementation. Every method raises `errors.MailboxError` or one of its kinds.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from pexschedd.model.meeting import CalendarMeeting, MeetingMessage, MessageRef


class Changes(msgspec.Struct, frozen=True):
    """One page of what happened in the inbox since a cursor."""

    arrived: tuple[MessageRef, ...]
    """New and changed messages; some may be gone again already."""
    cursor: str
    """Covers exactly this page: store it together with what the page led to."""
    more: bool


class Blame(StrEnum):
    """Whose fault it is that something did not work with a message."""

    SERVER = "server"
    """It fared like others: nothing follows from that for this message."""
    DOUBT = "doubt"
    """It failed by itself, but as it happens to any message when a server is in
    trouble; or nobody knows what became of it."""
    MESSAGE = "message"
    """The server says so, or it cannot be anything else."""


class Unreadable(msgspec.Struct, frozen=True):
    """The server has the message but cannot give it to us."""

    ref: MessageRef
    reason: str
    blame: Blame = Blame.MESSAGE


class Action(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    REMOVE = "remove"
    """A cancellation: take the meeting out of the calendar, and the message too."""
    REPLY = "reply"
    """Answer the sender by mail and move the message to the deleted items. The meeting
    in the calendar stays as it is, which a decline would take away: it is somebody
    else's."""
    DISCARD = "discard"
    """Move the message to the deleted items without a word to anybody."""


class Answer(msgspec.Struct, frozen=True):
    ref: MessageRef
    action: Action
    body: str = ""
    """HTML for the organizer, or the sender; only for ACCEPT, DECLINE and REPLY."""
    unsure: bool = False
    """It may have been given before, and nobody heard what became of it."""


class OutcomeKind(StrEnum):
    DONE = "done"
    GONE = "gone"
    """The message is not there any more: it has been answered before, or somebody
    took it away. Nothing is left to do."""
    RETRY = "retry"
    FAILED = "failed"
    """The server will never take this answer; the reason says why."""


class Outcome(msgspec.Struct, frozen=True):
    kind: OutcomeKind
    reason: str = ""
    blame: Blame = Blame.SERVER
    """For RETRY."""


class Mailbox(Protocol):
    """One integration's equipment mailbox."""

    async def check(self) -> None:
        """Signs in and opens the inbox, or raises an error that says what to mend."""

    async def changes(self, cursor: str) -> Changes:
        """The next page of changes; an empty cursor starts from the beginning.

        Raises `CursorLost` when the cursor is not valid any more.
        """

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        """The messages, oldest first; those that are gone are left out."""

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        """Tells the server; one outcome for each answer, in the order of the answers.

        The answers are about different meetings: they may be told in any order.

        Safe to repeat with the same references: a message that was answered before
        is GONE.
        """

    async def primary_address(self, address: str) -> str:
        """The primary SMTP address of the mailbox that has this address.

        Empty if the directory does not know it, or does not tell.
        """

    async def close(self) -> None:
        """Gives up all connections."""


class MailboxKeeping(Protocol):
    """What looking after the equipment mailbox needs: repair, recovery, maintenance."""

    async def calendar(self, cursor: str = "") -> tuple[list[CalendarMeeting], str]:
        """One page of the meetings in the calendar (masters and singles, not
        occurrences) with their bodies, and the cursor of the next page; "" ends."""

    async def processes_automatically(self) -> bool | None:
        """Whether Exchange itself answers requests here; None if it does not tell."""

    async def inbox(
        self, received_before: datetime, cursor: str = ""
    ) -> tuple[list[MeetingMessage], str]:
        """One page of the inbox, oldest first, without bodies, of every kind."""

    async def delete(self, refs: Sequence[MessageRef]) -> list[Outcome]:
        """Deletes for good, telling nobody; what is gone already is GONE."""


class RewriteKind(StrEnum):
    DONE = "done"
    CHANGED = "changed"
    """The organizer has changed the meeting since it was read: read it again."""
    GONE = "gone"
    RETRY = "retry"
    FAILED = "failed"


class OrganizersCalendars(Protocol):
    """The organizers' own calendars, by impersonation. `address` is the organizer's.

    Raises `MailboxRefused` when the service account may not act for the organizer, or
    there is no such mailbox here; the message names the missing permission.
    """

    async def find(
        self, address: str, uid: str, recurrence_id: datetime | None = None
    ) -> CalendarMeeting | None:
        """The organizer's own copy of a meeting, or of one occurrence of it."""

    async def rewrite(
        self, address: str, ref: MessageRef, html: str
    ) -> tuple[RewriteKind, str]:
        """Replaces the body and sends the meeting to all attendees, as the organizer.
        Only if the meeting is as `ref` has it. With a reason for FAILED. A body that
        `find` gave as text only is replaced by text."""

    async def close(self) -> None:
        """Gives up all connections."""
