"""What happens to a message when it arrives in a mailbox.

It lies in the inbox; what Exchange does with it then depends on the mailbox's
processing: nothing at all, the calendar attendant's tentative entries, or the booking
attendant's own answers.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pexschedd.sandbox import answering, expansion, series
from pexschedd.sandbox.accounts import Processing
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.model import (
    EMPTY_BODY,
    Attendee,
    Item,
    ItemKind,
    Meeting,
    MeetingAnswer,
    ResponseType,
)

if TYPE_CHECKING:
    from pexschedd.sandbox.post import PostOffice

_AHEAD = timedelta(days=1080)


def deliver(exchange: "PostOffice", mailbox: SandboxMailbox, message: Item) -> Item:
    """Puts a message into the inbox and lets the mailbox's processing see it."""
    mailbox.add(message, "inbox", new_mail=True)
    processing = mailbox.account.processing
    if processing is Processing.NONE:
        return message
    if message.kind is ItemKind.RESPONSE:
        _count_answer(mailbox, message)
    elif message.kind is ItemKind.REQUEST:
        if processing is Processing.AUTO_ACCEPT:
            _book(exchange, mailbox, message)
        else:
            _pencil_in(mailbox, message)
    elif message.kind is ItemKind.CANCELLATION:
        _strike_out(mailbox, message, processing)
    return message


def _pencil_in(mailbox: SandboxMailbox, request: Item) -> None:
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
        entry = answering.place(mailbox, request)
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


def _book(exchange: "PostOffice", mailbox: SandboxMailbox, request: Item) -> None:
    """A room answers for itself: it takes what does not overlap, and keeps neither
    the subject nor the body."""
    meeting = request.meeting
    if meeting is None:
        return
    answer = (
        MeetingAnswer.DECLINE if _overlaps(mailbox, meeting) else MeetingAnswer.ACCEPT
    )
    try:
        answered = answering.respond(exchange, mailbox, request, answer, EMPTY_BODY)
    except EwsError:
        request.request_type = "Outdated"
        mailbox.changed(request)
        return
    for kept in answered:
        kept.subject = meeting.organizer.name
        kept.body = EMPTY_BODY
        mailbox.changed(kept)


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
    """When a meeting takes the room: of a series, as far as rooms look ahead."""
    if meeting.recurrence is None:
        return [(meeting.start, meeting.end)]
    return [
        (span.start, span.end)
        for span in expansion.between(meeting, meeting.start, meeting.start + _AHEAD)
        if span.start not in meeting.deleted
    ]


def _strike_out(mailbox: SandboxMailbox, message: Item, processing: Processing) -> None:
    meeting = message.meeting
    entry = mailbox.entry(meeting) if meeting is not None else None
    if meeting is None or entry is None or entry.is_organizer:
        return
    if processing is Processing.AUTO_ACCEPT:
        answering.remove(mailbox, message)
        return
    entry.meeting = replace(meeting, attendees=_attendees_of(entry))
    entry.subject = message.subject
    entry.free_busy = "Free"
    mailbox.changed(entry)
    message.processed = True
    mailbox.changed(message)


def _attendees_of(entry: Item) -> tuple[Attendee, ...]:
    return entry.meeting.attendees if entry.meeting is not None else ()


def _count_answer(mailbox: SandboxMailbox, message: Item) -> None:
    """The organizer's calendar item learns what an attendee said."""
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
