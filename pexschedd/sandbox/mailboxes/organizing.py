"""The actions of organizers, inviting, changing and cancelling, and the messages that
attendees get about them."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from pexschedd.sandbox.items import bodies, series
from pexschedd.sandbox.items.records import (
    EMPTY_BODY,
    Attendee,
    Body,
    Item,
    ItemKind,
    MailboxUser,
    Meeting,
    ResponseType,
    Role,
    Send,
)
from pexschedd.sandbox.mailboxes.mail_transport import MailTransport
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox


def publish(
    exchange: MailTransport,
    mailbox: SandboxMailbox,
    item: Item,
    send: Send,
    *,
    save_copy: bool = True,
    dropped: Iterable[Item] = (),
) -> None:
    """Tell the attendees about a meeting, a series or an occurrence as it is now.

    With `Send.CHANGED` only attendees who were added or removed get a message. A change
    of the times raises the sequence and makes all earlier answers void. `dropped` are
    exceptions that a series has lost: attendees of nothing else get a cancellation.
    """
    meeting = item.meeting
    if meeting is None or send is Send.NONE:
        return
    known = item.told
    if known is None and not meeting.attendees and not item.exceptions:
        return
    if known is not None and series.significant(known, meeting):
        meeting = replace(
            meeting,
            sequence=max(known.sequence, item.last_sequence) + 1,
            attendees=tuple(Attendee(a.person, a.role) for a in meeting.attendees),
        )
    meeting = replace(meeting, critical_change=exchange.now())
    item.meeting = item.told = meeting
    _remember_sequence(mailbox, item, meeting)
    mailbox.changed(item)
    meeting = series.meeting_of(item)

    before = _addresses(known.attendees if known is not None else ())
    after = _addresses(meeting.attendees)
    recipients = [
        attendee
        for attendee in meeting.attendees
        if send is Send.ALL or attendee.person.address.casefold() not in before
    ]
    _send_requests(exchange, mailbox, item, recipients, before, save_copy)
    removed = [
        attendee
        for attendee in (known.attendees if known is not None else ())
        if attendee.person.address.casefold() not in after
    ]
    _send_cancellations(exchange, mailbox, item, meeting, removed, save_copy)
    if item.exceptions:
        added = [
            attendee
            for attendee in meeting.attendees
            if attendee.person.address.casefold() not in before
        ]
        _carry_over(exchange, mailbox, item, added, removed, save_copy)
    for exception in dropped:
        _cancel_strays(exchange, mailbox, exception, before | after, save_copy)


def cancel(
    exchange: MailTransport,
    mailbox: SandboxMailbox,
    item: Item,
    *,
    text: Body = EMPTY_BODY,
    save_copy: bool = True,
) -> None:
    """Send all attendees a cancellation of the meeting, the series or the occurrence.

    The item stays where it is.
    """
    if item.meeting is None:
        return
    exceptions = item.exceptions
    if item.told is not None:
        meeting = replace(
            item.meeting,
            sequence=max(item.told.sequence, item.last_sequence) + 1,
            critical_change=exchange.now(),
        )
        told = item.told.attendees
        if text != EMPTY_BODY:
            item.body = bodies.appended(text, item.body)
        item.meeting = item.told = replace(meeting, cancelled=True)
        _remember_sequence(mailbox, item, meeting)
        mailbox.changed(item)
        off = series.meeting_of(item)
        _send_cancellations(exchange, mailbox, item, off, told, save_copy)
    invited = _addresses(item.told.attendees if item.told is not None else ())
    for exception in exceptions:
        _cancel_strays(exchange, mailbox, exception, invited, save_copy)


def replace_role(
    attendees: Sequence[Attendee], role: Role, people: Sequence[MailboxUser]
) -> tuple[Attendee, ...]:
    """Return the attendees with another list of people for one role.

    Attendees who stay keep the answer that they have given.
    """
    known = {a.person.address.casefold(): a for a in attendees}
    listed = []
    for person in people:
        before = known.get(person.address.casefold())
        if before is None:
            listed.append(Attendee(person, role))
        else:
            listed.append(replace(before, person=person, role=role))
    chosen = {person.address.casefold() for person in people}
    others = [
        attendee
        for attendee in attendees
        if attendee.role is not role
        and attendee.person.address.casefold() not in chosen
    ]
    return _in_order([*others, *listed])


_ORDER = {Role.REQUIRED: 0, Role.OPTIONAL: 1, Role.RESOURCE: 2}


def _in_order(attendees: Iterable[Attendee]) -> tuple[Attendee, ...]:
    return tuple(sorted(attendees, key=lambda each: _ORDER[each.role]))


def _addresses(attendees: Iterable[Attendee]) -> set[str]:
    return {attendee.person.address.casefold() for attendee in attendees}


def _without(attendees: Iterable[Attendee], addresses: set[str]) -> list[Attendee]:
    return [a for a in attendees if a.person.address.casefold() not in addresses]


def _remember_sequence(mailbox: SandboxMailbox, item: Item, meeting: Meeting) -> None:
    """Note the highest sequence that was sent about a series or its occurrences: no
    later update may have a lower one (PidLidAppointmentLastSequence)."""
    item.last_sequence = max(item.last_sequence, meeting.sequence)
    if meeting.recurrence_id is not None:
        master = mailbox.master(meeting.goid)
        if master is not None:
            master.last_sequence = max(master.last_sequence, meeting.sequence)


def _carry_over(
    exchange: MailTransport,
    mailbox: SandboxMailbox,
    master: Item,
    added: Sequence[Attendee],
    removed: Sequence[Attendee],
    save_copy: bool,
) -> None:
    """Add attendees to the exceptions of a series, with a request for each, and remove
    others from them."""
    if not added and not removed:
        return
    for exception in master.exceptions:
        meeting = series.meeting_of(exception)
        here = _addresses(meeting.attendees)
        newcomers = _without(added, here)
        staying = _without(meeting.attendees, _addresses(removed))
        exception.meeting = replace(
            meeting, attendees=_in_order([*staying, *newcomers])
        )
        if exception.told is not None:
            exception.told = exception.meeting
        _send_requests(exchange, mailbox, exception, newcomers, here, save_copy)
    mailbox.changed(master)


def _cancel_strays(
    exchange: MailTransport,
    mailbox: SandboxMailbox,
    exception: Item,
    invited: set[str],
    save_copy: bool,
) -> None:
    """Cancel an exception for attendees who were invited to nothing else."""
    if exception.told is None:
        return
    meeting = replace(
        series.meeting_of(exception),
        sequence=exception.told.sequence + 1,
        critical_change=exchange.now(),
    )
    strays = _without(exception.told.attendees, invited)
    _send_cancellations(exchange, mailbox, exception, meeting, strays, save_copy)


def _send_requests(
    exchange: MailTransport,
    mailbox: SandboxMailbox,
    item: Item,
    recipients: Sequence[Attendee],
    before: set[str],
    save_copy: bool,
) -> None:
    meeting = item.meeting
    # Organizers do not invite themselves.
    recipients = [
        attendee
        for attendee in recipients
        if exchange.find(attendee.person.address) is not mailbox
    ]
    if meeting is None or not recipients:
        return
    template = _message(exchange, mailbox, item, meeting)
    template.kind = ItemKind.REQUEST
    template.item_class = "IPM.Schedule.Meeting.Request"
    template.subject = item.subject
    template.response = ResponseType.NONE
    for attendee in recipients:
        request = replace(template, extended={})
        if attendee.person.address.casefold() in before:
            request.request_type = "FullUpdate"
        exchange.deliver(attendee.person.address, request)
    if save_copy:
        mailbox.add(replace(template, is_read=True, extended={}), "sentitems")


def _send_cancellations(
    exchange: MailTransport,
    mailbox: SandboxMailbox,
    item: Item,
    meeting: Meeting,
    recipients: Sequence[Attendee],
    save_copy: bool,
) -> None:
    if not recipients:
        return
    template = _message(exchange, mailbox, item, replace(meeting, cancelled=True))
    template.kind = ItemKind.CANCELLATION
    template.item_class = "IPM.Schedule.Meeting.Canceled"
    template.subject = f"Canceled: {item.subject}"
    template.to = tuple(attendee.person for attendee in recipients)
    template.cc = ()
    for attendee in recipients:
        exchange.deliver(attendee.person.address, replace(template, extended={}))
    if save_copy:
        mailbox.add(replace(template, is_read=True, extended={}), "sentitems")


def _message(
    exchange: MailTransport, mailbox: SandboxMailbox, item: Item, meeting: Meeting
) -> Item:
    now = exchange.now()
    return Item(
        kind=ItemKind.REQUEST,
        item_class="",
        body=item.body,
        created=now,
        modified=now,
        received=now,
        sent=now,
        # A delegate may send it for the organizer.
        sender=item.sender or meeting.organizer,
        author=meeting.organizer,
        to=_people(meeting, Role.REQUIRED),
        cc=_people(meeting, Role.OPTIONAL),
        importance=item.importance,
        sensitivity=item.sensitivity,
        message_id=exchange.message_id(mailbox.address),
        meeting=meeting,
    )


def _people(meeting: Meeting, role: Role) -> tuple[MailboxUser, ...]:
    return tuple(a.person for a in meeting.attendees if a.role is role)
