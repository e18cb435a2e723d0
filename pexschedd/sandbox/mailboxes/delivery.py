"""The arrival of a message in a mailbox.

It lies in the inbox; what Exchange does with it then depends on the mailbox's
processing: nothing at all, the calendar attendant's tentative entries, or the booking
attendant's own answers.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import occurrence_dates, series
from pexschedd.sandbox.items.records import (
    EMPTY_BODY,
    Attendee,
    Item,
    ItemKind,
    Meeting,
    MeetingAnswer,
    ResponseType,
)
from pexschedd.sandbox.mailboxes import attending
from pexschedd.sandbox.mailboxes.accounts import CalendarProcessing, Processing
from pexschedd.sandbox.mailboxes.attending import MessageSender
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

_AHEAD = timedelta(days=1080)


def arrive(mailbox: SandboxMailbox, message: Item) -> Item:
    """Put a message into the inbox, or junk where it belongs. Returns the message."""
    if message.folder == "junkemail":
        return mailbox.add(message, "junkemail")
    return mailbox.add(message, "inbox", new_mail=True)


def process(sender: MessageSender, mailbox: SandboxMailbox, message: Item) -> None:
    """Process a message in the inbox as the mailbox's settings say; no other message.

    `sender` sends the booking attendant's responses.
    """
    processing = mailbox.account.processing
    if processing is Processing.NONE or message.folder != "inbox":
        return
    if message.kind is ItemKind.RESPONSE:
        _enter_answer(mailbox, message)
    elif message.kind is ItemKind.REQUEST:
        if processing is Processing.AUTO_ACCEPT:
            _book(sender, mailbox, message)
        else:
            _enter_tentatively(mailbox, message)
    elif message.kind is ItemKind.CANCELLATION:
        _mark_cancelled(mailbox, message, processing)


def _enter_tentatively(mailbox: SandboxMailbox, request: Item) -> None:
    meeting = request.meeting
    if meeting is None:
        return
    entry = mailbox.entry(meeting)
    known = entry.meeting if entry is not None else None
    mine = entry or mailbox.master(meeting.goid)
    if mine is not None and mine.is_organizer:
        return
    request.processed = True
    try:
        entry = attending.place(mailbox, request)
    except EwsError:
        request.request_type = "Outdated"
        mailbox.changed(request)
        return
    if known is None or known.cancelled or series.significant(known, meeting):
        entry.my_response = ResponseType.NONE
        entry.free_busy = "Tentative"
    elif request.request_type == "FullUpdate":
        request.request_type = "InformationalUpdate"
    mailbox.changed(entry)
    mailbox.changed(request)


def _book(sender: MessageSender, mailbox: SandboxMailbox, request: Item) -> None:
    """Answer as rooms do: accept what does not overlap, and keep of it what the
    mailbox's calendar processing leaves."""
    meeting = request.meeting
    if meeting is None:
        return
    answer = (
        MeetingAnswer.DECLINE if _overlaps(mailbox, meeting) else MeetingAnswer.ACCEPT
    )
    try:
        answered = attending.respond(sender, mailbox, request, answer, EMPTY_BODY)
    except EwsError:
        request.request_type = "Outdated"
        mailbox.changed(request)
        return
    for kept in answered:
        _strip(kept, meeting, mailbox.account.calendar_processing)
        mailbox.changed(kept)


def _strip(item: Item, meeting: Meeting, processing: CalendarProcessing) -> None:
    """Take away what a room does not keep."""
    subject = "" if processing.delete_subject else item.subject
    if processing.add_organizer_to_subject:
        subject = f"{meeting.organizer.name} {subject}".strip()
    item.subject = subject
    if processing.delete_comments:
        item.body = EMPTY_BODY
    if processing.remove_private_property and item.sensitivity == "Private":
        item.sensitivity = "Normal"


def _overlaps(mailbox: SandboxMailbox, meeting: Meeting) -> bool:
    spans = _spans(meeting)
    if not spans:
        return False
    low, high = spans[0][0], max(end for _, end in spans)
    for entry in mailbox.folders["calendar"].items.values():
        if (
            entry.meeting is None
            or entry.meeting.goid == meeting.goid
            or entry.free_busy == "Free"
        ):
            continue
        taken = (
            [series.meeting_of(each) for each in series.occurrences(entry, low, high)]
            if series.is_series(entry)
            else [entry.meeting]
        )
        for other in taken:
            if any(other.start < end and start < other.end for start, end in spans):
                return True
    return False


def _spans(meeting: Meeting) -> list[tuple[datetime, datetime]]:
    """Return the times of a meeting; of a series, as far ahead as rooms look."""
    if meeting.recurrence is None:
        return [(meeting.start, meeting.end)]
    return [
        (span.start, span.end)
        for span in occurrence_dates.between(
            meeting, meeting.start, meeting.start + _AHEAD
        )
        if span.start not in meeting.deleted
    ]


def _mark_cancelled(
    mailbox: SandboxMailbox, message: Item, processing: Processing
) -> None:
    meeting = message.meeting
    entry = mailbox.entry(meeting) if meeting is not None else None
    if meeting is None or entry is None or entry.is_organizer:
        return
    if processing is Processing.AUTO_ACCEPT:
        attending.remove(mailbox, message)
        return
    entry.meeting = replace(meeting, attendees=_attendees_of(entry))
    entry.subject = message.subject
    entry.free_busy = "Free"
    mailbox.changed(entry)
    message.processed = True
    mailbox.changed(message)


def _attendees_of(entry: Item) -> tuple[Attendee, ...]:
    return entry.meeting.attendees if entry.meeting is not None else ()


def _enter_answer(mailbox: SandboxMailbox, message: Item) -> None:
    """Enter an attendee's answer into the organizer's calendar item."""
    about, author = message.meeting, message.author
    entry = mailbox.entry(about) if about is not None else None
    if about is None or author is None or entry is None or entry.meeting is None:
        return
    message.processed = True
    mailbox.changed(message)
    attendee = entry.meeting.attendee(author.address)
    if attendee is None or about.sequence < entry.meeting.sequence:
        return
    answered = replace(attendee, response=message.response, responded=message.sent)
    entry.meeting = replace(
        entry.meeting,
        attendees=tuple(
            answered if each is attendee else each for each in entry.meeting.attendees
        ),
    )
    mailbox.changed(entry)
