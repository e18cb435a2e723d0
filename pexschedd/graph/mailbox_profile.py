"""The profile of one mailbox: what has been found out about it while it is used. Pure.

All of it can be found out again, so it is kept nowhere; it saves requests that are
known to be refused.

`makes_events` is false again after a restart, until the first message that has an event
is answered. Until then a request whose event is missing is judged as in a mailbox that
has none: with MAIL, one whose event is only late is answered by mail at once, and that
event stays unanswered until the meeting's next update; with RESPONSE, one whose event
was declined or deleted before is tried again for that long, with a reason that names
AutomateProcessing, and then told by mail. Kept over restarts, the word would never be
taken back: in a mailbox that is set to None later nothing would name the setting any
more, and every request would be answered by mail, five minutes late.
"""

from enum import IntEnum

import msgspec

MOST_DECLINED = 1000
"""Declined requests that are remembered."""


class LookUpForm(IntEnum):
    """The ways to ask for a message and its event, the best one first."""

    SELECTED = 0
    """Both in one request, with only the properties that are needed."""
    WHOLE = 1
    """Everything that the message and its event have; extended properties apart."""


class RemovalWay(IntEnum):
    """The ways to take a message away, the best one first."""

    MOVE = 0
    """To the well-known folder of soft deletion, where its owner can restore it."""
    PURGE = 1
    """`permanentDelete`, which not every national cloud has."""
    DELETE = 2
    """DELETE, twice: the first one moves it to Deleted Items."""


class MailboxProfile(msgspec.Struct):
    """See the module."""

    folders: frozenset[str] = frozenset()
    """The ids of the inbox and of Deleted Items; empty: not known yet."""
    look_up: LookUpForm = LookUpForm.SELECTED
    removal: RemovalWay = RemovalWay.MOVE
    """The best ways that the mailbox has not refused."""
    makes_events: bool = False
    """A message had an event: the calendar attendant is at work."""
    _declined: dict[str, None] = {}
    """The Message-IDs of requests whose events were declined, the latest last."""

    def declined(self, message_id: str) -> None:
        """Remember a request whose event is gone because it was declined."""
        self._declined[message_id] = None
        while len(self._declined) > MOST_DECLINED:
            del self._declined[next(iter(self._declined))]

    def has_declined(self, message_id: str) -> bool:
        """Return whether a request has come twice, and was declined the first time."""
        return bool(message_id) and message_id in self._declined
