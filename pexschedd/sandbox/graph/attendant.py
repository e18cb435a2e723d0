"""The calendar attendant of Exchange Online.

It comes to a message some time after that has arrived, and takes updates out of the
inbox that nobody needs to see: those of properties that the organisation does not list,
if the recipient has answered already.
"""

from collections.abc import Callable
from datetime import timedelta

from twisted.internet.interfaces import IReactorTime

from pexschedd.sandbox.graph.entities import messages
from pexschedd.sandbox.graph.settings import GraphSettings, visible_properties
from pexschedd.sandbox.items import occurrence_dates, series
from pexschedd.sandbox.items.records import Item, ItemKind, Meeting, ResponseType
from pexschedd.sandbox.mailboxes import delivery
from pexschedd.sandbox.mailboxes.accounts import Processing
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox


class CalendarAttendant:
    """The attendant of all mailboxes with AutoUpdate. `settings` returns those in
    force, `active` whether the organisation is one of Exchange Online."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Callable[[], IReactorTime],
        settings: Callable[[], GraphSettings],
        active: Callable[[], bool],
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._settings = settings
        self._active = active
        exchange.attendant = self.take

    def take(self, mailbox: SandboxMailbox, message: Item) -> bool:
        """Take charge of a message that has arrived; return False if it is not the
        attendant's."""
        if not self._active():
            return False
        if mailbox.account.processing is not Processing.AUTO_UPDATE:
            return False
        delay = self._settings().attendant_delay_s
        if delay:
            self._clock().callLater(delay, self._process, mailbox, message)
        else:
            self._process(mailbox, message)
        return True

    def answered(self, mailbox: SandboxMailbox, entry: Item) -> None:
        """Do with the requests of an answered event what the settings say."""
        meeting, fate = entry.meeting, self._settings().answered_request
        if meeting is None or fate == "stays":
            return
        for message in mailbox.items("inbox"):
            about = message.meeting
            if message.kind is not ItemKind.REQUEST or about is None:
                continue
            if (about.goid, about.recurrence_id) != (
                meeting.goid,
                meeting.recurrence_id,
            ):
                continue
            if fate == "deleted-items":
                mailbox.move(message, "deleteditems")
            else:
                mailbox.remove(message)

    def _process(self, mailbox: SandboxMailbox, message: Item) -> None:
        if mailbox.get(message.id) is not message:
            return
        hidden = self._is_hidden(mailbox, message)
        delivery.process(self._exchange, mailbox, message)
        if hidden and message.folder == "inbox":
            mailbox.move(message, "deleteditems")

    def _is_hidden(self, mailbox: SandboxMailbox, message: Item) -> bool:
        entry = messages.event_of(message, mailbox)
        if message.kind is not ItemKind.REQUEST or entry is None or entry.is_organizer:
            return False
        known, meeting = entry.meeting, message.meeting
        if known is None or meeting is None or known.newer_than(meeting):
            return False
        if entry.my_response in (ResponseType.NONE, ResponseType.UNKNOWN):
            return False
        if known.cancelled or series.significant(known, meeting):
            return False
        changed = _changed(entry, known, message, meeting)
        if not changed:
            # The same once more, as mail may come twice.
            return False
        visible = visible_properties(self._settings().visible_updates)
        for name, minutes in visible.items():
            if name in changed and (minutes is None or self._soon(meeting, minutes)):
                return False
        return True

    def _soon(self, meeting: Meeting, minutes: int) -> bool:
        """Return whether the meeting, or its next occurrence, starts within so many
        minutes."""
        now = self._exchange.now()
        until = now + timedelta(minutes=minutes)
        if meeting.recurrence is None:
            return now <= meeting.start <= until
        spans = occurrence_dates.between(meeting, now, until)
        return any(now <= span.start <= until for span in spans)


def _changed(entry: Item, known: Meeting, message: Item, meeting: Meeting) -> set[str]:
    """Return the names of the properties that an update changes."""
    changed = set() if known == meeting else {"AllProperties"}
    for name, before, after in (
        ("Location", known.location, meeting.location),
        ("Subject", entry.subject, message.subject),
        ("Sensitivity", entry.sensitivity, message.sensitivity),
        ("Body", entry.body.html, message.body.html),
        ("ShowAs", known.free_busy, meeting.free_busy),
        ("RequestResponses", known.response_requested, meeting.response_requested),
        ("AllowNewTimeProposals", known.allow_new_time, meeting.allow_new_time),
    ):
        if before != after:
            changed |= {name, "AllProperties"}
    return changed
