"""What attendees do: answer a request, take a cancelled meeting out of the calendar."""

from typing import TYPE_CHECKING

from pexschedd.sandbox import ids, series
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.model import (
    Body,
    Item,
    ItemKind,
    MailboxUser,
    Meeting,
    MeetingAnswer,
    ResponseType,
)

if TYPE_CHECKING:
    from pexschedd.sandbox.post import PostOffice

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


def respond(
    exchange: "PostOffice",
    mailbox: SandboxMailbox,
    item: Item,
    answer: MeetingAnswer,
    text: Body,
    *,
    send: bool = True,
    save_copy: bool = False,
) -> list[Item]:
    """Answers a request, or a calendar item that came from one.

    Gives the items that the answer made or moved: the calendar item, the request
    unless it is gone, and the copy of the response that was kept. Raises `EwsError`.
    """
    meeting = _answerable(mailbox, item, answer)
    if item.kind is ItemKind.REQUEST:
        results = _answer_request(mailbox, item, answer)
    else:
        entry = item
        if answer is MeetingAnswer.DECLINE:
            entry = mailbox.move(item, "deleteditems")
        elif ids.occurrence_of(item.id) is None:
            entry = mailbox.move(item, "calendar")
        results = [entry]
    entry = results[0]
    entry.my_response = ResponseType(answer.value)
    entry.replied = exchange.now()
    entry.free_busy = {
        MeetingAnswer.ACCEPT: meeting.free_busy,
        MeetingAnswer.TENTATIVE: "Tentative",
        MeetingAnswer.DECLINE: "Free",
    }[answer]
    mailbox.changed(entry)
    if send and meeting.response_requested:
        copy = _send_response(exchange, mailbox, entry, meeting, answer, text)
        if save_copy:
            results.append(mailbox.add(copy, "sentitems"))
    return results


def remove(mailbox: SandboxMailbox, message: Item) -> list[Item]:
    """RemoveItem: takes the meeting of a cancellation out of the calendar, or no more
    than the occurrence that it is about, and the cancellation out of the inbox.

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
    """An attendee's calendar item for a request, not in any folder yet."""
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
    """Brings an attendee's calendar up to date with a request; gives the calendar item.

    A request for an occurrence makes an exception of the series, or stands by itself
    when the calendar does not have the series. Raises `EwsError` if the calendar knows
    more already.
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
    """Occurrences that were there before their series belong to it now."""
    for orphan in orphans:
        original = series.meeting_of(orphan).recurrence_id
        if original is not None and series.has(master, original):
            mailbox.remove(orphan)
            series.put(master, orphan)
            mailbox.changed(master)


def refresh(entry: Item, request: Item) -> None:
    """Brings a calendar item up to date with a newer request."""
    known = entry.meeting
    entry.meeting = request.meeting
    entry.subject = request.subject
    entry.body = request.body
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
    """To the deleted items; out of them, for good."""
    message.is_read = True
    if message.folder == "deleteditems":
        mailbox.remove(message)
        return []
    return [mailbox.move(message, "deleteditems")]


def _send_response(
    exchange: "PostOffice",
    mailbox: SandboxMailbox,
    entry: Item,
    meeting: Meeting,
    answer: MeetingAnswer,
    text: Body,
) -> Item:
    item_class, prefix, response = _CLASSES[answer]
    now = exchange.now()
    me = exchange.person(mailbox.address)
    # The organizer sees who answers by the address that was invited.
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

    message_id = exchange.message_id(mailbox.address)
    exchange.deliver(meeting.organizer.address, message())
    copy = message()
    copy.is_read = True
    return copy
