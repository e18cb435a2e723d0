"""The actions of attendees: to answer a request, and to remove a cancelled meeting."""

from datetime import datetime
from typing import Protocol

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import ids, series
from pexschedd.sandbox.items.records import (
    Body,
    Item,
    ItemKind,
    MailboxUser,
    Meeting,
    MeetingAnswer,
    ResponseType,
)
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

_CLASSES = {
    MeetingAnswer.ACCEPT: ("IPM.Schedule.Meeting.Resp.Pos", "Accepted: ", "Accept"),
    MeetingAnswer.TENTATIVE: (
        "IPM.Schedule.Meeting.Resp.Tent",
        "Tentative: ",
        "Tentative",
    ),
    MeetingAnswer.DECLINE: ("IPM.Schedule.Meeting.Resp.Neg", "Declined: ", "Decline"),
}
_OPERATIONS = {
    MeetingAnswer.ACCEPT: "AcceptItem",
    MeetingAnswer.TENTATIVE: "TentativelyAcceptItem",
    MeetingAnswer.DECLINE: "DeclineItem",
}


class MessageSender(Protocol):
    """The part of `MailTransport` by which a response gets to the organizer."""

    def now(self) -> datetime:
        """Return the time, aware UTC."""

    def person(self, addressee: str | MailboxUser) -> MailboxUser:
        """Return the address with the name that the address book has for it."""

    def message_id(self, address: str) -> str:
        """Return a new Internet message id for a message from this address."""

    def deliver(self, address: str, message: Item) -> Item | None:
        """Deliver a message to an address, if it has a mailbox here."""


def respond(
    sender: MessageSender,
    mailbox: SandboxMailbox,
    item: Item,
    answer: MeetingAnswer,
    text: Body,
    *,
    send: bool = True,
    save_copy: bool = False,
    in_place: bool = False,
) -> list[Item]:
    """Answer a request, or a calendar item that came from one.

    An accepted calendar item gets a new id, unless it is answered `in_place`.
    Returns the items that the answer made or moved: the calendar item, the request
    unless it is gone, and the copy of the response that was kept. Raises `EwsError`.
    """
    meeting = _answerable(mailbox, item, answer)
    if item.kind is ItemKind.REQUEST:
        results = _answer_request(mailbox, item, answer)
    else:
        entry = item
        if answer is MeetingAnswer.DECLINE:
            entry = mailbox.move(item, "deleteditems")
        elif not in_place and ids.occurrence_of(item.id) is None:
            entry = mailbox.move(item, "calendar")
        results = [entry]
    entry = results[0]
    entry.my_response = ResponseType(answer.value)
    entry.replied = sender.now()
    entry.free_busy = {
        MeetingAnswer.ACCEPT: meeting.free_busy,
        MeetingAnswer.TENTATIVE: "Tentative",
        MeetingAnswer.DECLINE: "Free",
    }[answer]
    mailbox.changed(entry)
    if send and meeting.response_requested:
        copy = _send_response(sender, mailbox, entry, meeting, answer, text)
        if save_copy:
            results.append(mailbox.add(copy, "sentitems"))
    return results


def remove(mailbox: SandboxMailbox, message: Item) -> list[Item]:
    """Remove the meeting of a cancellation from the calendar, or only the occurrence
    that it is about, and the cancellation from the inbox (RemoveItem).

    Raises `EwsError`.
    """
    meeting = message.meeting
    cancels = message.kind is ItemKind.CANCELLATION or (
        message.kind is ItemKind.REQUEST and meeting is not None and meeting.cancelled
    )
    if meeting is None or not cancels:
        raise EwsError("ErrorInvalidItemForOperationRemoveItem")
    if _organizes(mailbox, meeting):
        raise EwsError("ErrorCalendarIsOrganizerForRemove")
    if meeting.recurrence_id is None:
        entries = mailbox.meetings(meeting.goid)
    else:
        entry = mailbox.entry(meeting)
        entries = [entry] if entry is not None else []
    if not entries:
        raise EwsError("ErrorItemNotFound")
    for entry in entries:
        mailbox.remove(entry)
    message.processed = True
    return _file_away(mailbox, message)


def calendar_entry(request: Item) -> Item:
    """Return an attendee's calendar item for a request, in no folder yet."""
    return Item(
        kind=ItemKind.CALENDAR,
        item_class="IPM.Appointment",
        subject=request.subject,
        body=request.body,
        created=request.received,
        modified=request.received,
        received=request.received,
        sent=request.sent,
        is_read=True,
        sender=request.sender,
        author=request.author,
        to=request.to,
        cc=request.cc,
        importance=request.importance,
        sensitivity=request.sensitivity,
        reminder=True,
        meeting=request.meeting,
        my_response=ResponseType.NONE,
    )


def place(mailbox: SandboxMailbox, request: Item) -> Item:
    """Bring an attendee's calendar up to date with a request.

    Returns the calendar item. A request for an occurrence makes an exception of the
    series, or stands by itself if the calendar does not have the series. Raises
    `EwsError` if the calendar has a newer version already.
    """
    meeting = series.meeting_of(request)
    entry = mailbox.entry(meeting)
    if entry is not None:
        if series.outdated(entry, meeting):
            raise EwsError("ErrorCalendarMeetingRequestIsOutOfDate")
        refresh(entry, request)
        return mailbox.changed(entry)
    entry = calendar_entry(request)
    master = mailbox.master(meeting.goid)
    if meeting.recurrence_id is None:
        orphans = mailbox.meetings(meeting.goid)
        mailbox.add(entry, "calendar")
        if meeting.recurrence is not None:
            series.take_over(entry, None)
            _gather(mailbox, entry, orphans)
        return entry
    if master is not None and series.meeting_of(master).sequence > meeting.sequence:
        raise EwsError("ErrorCalendarMeetingRequestIsOutOfDate")
    if master is not None and series.has(master, meeting.recurrence_id):
        series.put(master, entry)
        return mailbox.changed(entry)
    return mailbox.add(entry, "calendar")


def _gather(mailbox: SandboxMailbox, master: Item, orphans: list[Item]) -> None:
    """Make occurrences that were there before their series part of it."""
    for orphan in orphans:
        original = series.meeting_of(orphan).recurrence_id
        if original is not None and series.has(master, original):
            mailbox.remove(orphan)
            series.put(master, orphan)
            mailbox.changed(master)


def refresh(entry: Item, request: Item) -> None:
    """Bring a calendar item up to date with a newer request."""
    known = entry.meeting
    entry.meeting = request.meeting
    entry.subject = request.subject
    entry.body = request.body
    entry.sensitivity = request.sensitivity
    entry.to, entry.cc = request.to, request.cc
    entry.modified = request.received
    if series.is_series(entry):
        series.take_over(entry, known)
    else:
        entry.exceptions = ()


def _answerable(mailbox: SandboxMailbox, item: Item, answer: MeetingAnswer) -> Meeting:
    word = answer.value
    meeting = item.meeting
    if item.kind not in (ItemKind.REQUEST, ItemKind.CALENDAR) or meeting is None:
        raise EwsError(f"ErrorInvalidItemForOperation{_OPERATIONS[answer]}")
    if item.is_organizer or _organizes(mailbox, meeting):
        raise EwsError(f"ErrorCalendarIsOrganizerFor{word}")
    if meeting.cancelled:
        raise EwsError(f"ErrorCalendarIsCancelledFor{word}")
    return meeting


def _organizes(mailbox: SandboxMailbox, meeting: Meeting) -> bool:
    account = mailbox.account
    mine = {address.casefold() for address in (account.address, *account.aliases)}
    return meeting.organizer.address.casefold() in mine


def _answer_request(
    mailbox: SandboxMailbox, request: Item, answer: MeetingAnswer
) -> list[Item]:
    entry = place(mailbox, request)
    if answer is MeetingAnswer.DECLINE:
        entry = mailbox.move(entry, "deleteditems")
    request.processed = True
    request.response = ResponseType(answer.value)
    return [entry, *_file_away(mailbox, request)]


def _file_away(mailbox: SandboxMailbox, message: Item) -> list[Item]:
    """Move a message to the deleted items, or delete it if it is there already."""
    message.is_read = True
    if message.folder == "deleteditems":
        mailbox.remove(message)
        return []
    return [mailbox.move(message, "deleteditems")]


def _send_response(
    sender: MessageSender,
    mailbox: SandboxMailbox,
    entry: Item,
    meeting: Meeting,
    answer: MeetingAnswer,
    text: Body,
) -> Item:
    item_class, prefix, response = _CLASSES[answer]
    now = sender.now()
    me = sender.person(mailbox.address)
    # The organizer sees the response as that of the address that was invited.
    for address in (mailbox.account.address, *mailbox.account.aliases):
        invited = meeting.attendee(address)
        if invited is not None:
            me = MailboxUser(me.name, invited.person.address)
            break

    def message() -> Item:
        return Item(
            kind=ItemKind.RESPONSE,
            item_class=item_class,
            subject=prefix + entry.subject,
            body=text,
            created=now,
            modified=now,
            received=now,
            sent=now,
            sender=me,
            author=me,
            to=(meeting.organizer,),
            message_id=message_id,
            meeting=meeting,
            response=ResponseType(response),
        )

    message_id = sender.message_id(mailbox.address)
    sender.deliver(meeting.organizer.address, message())
    copy = message()
    copy.is_read = True
    return copy
