"""The owner of a meeting, its organizer: nobody else may do anything to it. Pure.

A meeting is its organizer's (RFC 5546 section 6.1.1; MS-OXOCAL section 1.3). Any
attendee knows its UID and its text, and can send an item of their own with both. A
delegate sends on behalf of the organizer, and a forwarded copy still names the
organizer; a renamed address, or another one of the same mailbox, is the same person.
"""

from typing import Protocol

from pexschedd.model.mail_address import folded
from pexschedd.model.meeting import MeetingMessage
from pexschedd.scheduling.decisions.decision import Decision
from pexschedd.scheduling.ports.mailbox import Action

NOT_THE_ORGANIZER = (
    "<p>This message is about a meeting that somebody else has organized. Nothing was "
    "changed: only its organizer can move or cancel it, or change its virtual meeting "
    "room.</p><p>For a meeting of your own, make a new one in your calendar and add a "
    "room to it.</p>"
)
"""The reply to a person who sends another person's meeting."""

CANNOT_BE_READ = (
    "<p>This message cannot be read, and it is about a meeting that has a virtual "
    "meeting room. Nothing was changed.</p><p>If the meeting is yours, open it in your "
    "calendar and send it again. Your administrator finds this message by "
    'CorrelationID="{correlation_id}".</p>'
)
"""The reply to the sender of a message about a known meeting that nobody can read:
whose it is cannot be asked, and a decline would take the meeting from its organizer."""


class Owned(Protocol):
    """A record that remembers an organizer; empty if none was known."""

    @property
    def organizer(self) -> str:
        """The organizer's SMTP address in lower case."""


class Mailboxes(Protocol):
    """The directory of mail addresses."""

    def same_mailbox(self, connector_id: int, one: str, other: str) -> bool:
        """Return whether two addresses are the same person's."""


def address_of(message: MeetingMessage) -> str:
    """Return the organizer's address as records keep it; empty if there is none."""
    return folded(message.organizer.email)


def is_from(
    address: str, message: MeetingMessage, connector_id: int, mailboxes: Mailboxes
) -> bool:
    """Return whether an address is that of a message's organizer.

    Nobody's address, the empty one, is nobody else's.
    """
    sender = address_of(message)
    return address == sender or mailboxes.same_mailbox(connector_id, address, sender)


def refused(what: str) -> Decision:
    """Return the decision about a message of somebody else; `what` is for the log."""
    return Decision(
        f"{what} was not sent by the meeting's organizer; nothing is changed",
        Action.REPLY,
        reply=NOT_THE_ORGANIZER,
    )
