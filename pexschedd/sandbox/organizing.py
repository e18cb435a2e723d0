"""What organizers do: invite, change, cancel; and who is told what."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pexschedd.sandbox import bodies
from pexschedd.sandbox.delivery import significant
from pexschedd.sandbox.mailbox import Mailbox
from pexschedd.sandbox.model import (
    EMPTY_BODY,
    Attendee,
    Body,
    Item,
    Kind,
    Meeting,
    Person,
    ResponseType,
    Role,
    Send,
)

if TYPE_CHECKING:
    from pexschedd.sandbox.exchange import Exchange


def publish(
    exchange: "Exchange",
    mailbox: Mailbox,
    item: Item,
    send: Send,
    *,
    save_copy: bool = True,
) -> None:
    """Tells the attendees about a meeting as it is now.

    With `Send.CHANGED` only those who were added or taken out hear of it. A change of
    the times raises the sequence and makes all earlier answers void.
    """
    meeting = item.meeting
    if meeting is None or send is Send.NONE:
        return
    known = item.told
    if known is None and not meeting.attendees:
        return
    now = exchange.now()
    if known is not None and significant(known, meeting):
        meeting = replace(
            meeting,
            sequence=known.sequence + 1,
            attendees=tuple(Attendee(a.person, a.role) for a in meeting.attendees),
        )
    meeting = replace(meeting, critical_change=now)
    item.meeting = item.told = meeting
    mailbox.changed(item)

    before = _addresses(known.attendees if known is not None else ())
    after = _addresses(meeting.attendees)
    recipients = [
        attendee
        for attendee in meeting.attendees
        if (send is Send.ALL or attendee.person.address.casefold() not in before)
        # Organizers do not invite themselves.
        and exchange.find(attendee.person.address) is not mailbox
    ]
    if recipients:
        _send_requests(exchange, mailbox, item, recipients, before, save_copy)
    if known is not None:
        removed = [
            attendee
            for attendee in known.attendees
            if attendee.person.address.casefold() not in after
        ]
        _send_cancellations(exchange, mailbox, item, meeting, removed, save_copy)


def cancel(
    exchange: "Exchange",
    mailbox: Mailbox,
    item: Item,
    *,
    text: Body = EMPTY_BODY,
    save_copy: bool = True,
) -> None:
    """Tells all attendees that the meeting is off. The item stays where it is."""
    if item.meeting is None or item.told is None:
        return
    meeting = replace(
        item.meeting,
        sequence=item.told.sequence + 1,
        critical_change=exchange.now(),
    )
    told = item.told.attendees
    if text != EMPTY_BODY:
        item.body = bodies.appended(text, item.body)
    item.meeting = item.told = replace(meeting, cancelled=True)
    mailbox.changed(item)
    _send_cancellations(exchange, mailbox, item, meeting, told, save_copy)


def replace_role(
    attendees: Sequence[Attendee], role: Role, people: Sequence[Person]
) -> tuple[Attendee, ...]:
    """Another list of people for one role; who stays keeps the answer already given."""
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
    together = sorted([*others, *listed], key=lambda each: _ORDER[each.role])
    return tuple(together)


_ORDER = {Role.REQUIRED: 0, Role.OPTIONAL: 1, Role.RESOURCE: 2}


def _addresses(attendees: Sequence[Attendee]) -> set[str]:
    return {attendee.person.address.casefold() for attendee in attendees}


def _send_requests(
    exchange: "Exchange",
    mailbox: Mailbox,
    item: Item,
    recipients: Sequence[Attendee],
    before: set[str],
    save_copy: bool,
) -> None:
    meeting = item.meeting
    if meeting is None:
        return
    template = _message(exchange, mailbox, item, meeting)
    template.kind = Kind.REQUEST
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
    exchange: "Exchange",
    mailbox: Mailbox,
    item: Item,
    meeting: Meeting,
    recipients: Sequence[Attendee],
    save_copy: bool,
) -> None:
    if not recipients:
        return
    template = _message(exchange, mailbox, item, replace(meeting, cancelled=True))
    template.kind = Kind.CANCELLATION
    template.item_class = "IPM.Schedule.Meeting.Canceled"
    template.subject = f"Canceled: {item.subject}"
    template.to = tuple(attendee.person for attendee in recipients)
    template.cc = ()
    for attendee in recipients:
        exchange.deliver(attendee.person.address, replace(template, extended={}))
    if save_copy:
        mailbox.add(replace(template, is_read=True, extended={}), "sentitems")


def _message(
    exchange: "Exchange", mailbox: Mailbox, item: Item, meeting: Meeting
) -> Item:
    now = exchange.now()
    return Item(
        kind=Kind.REQUEST,
        item_class="",
        body=item.body,
        created=now,
        modified=now,
        received=now,
        sent=now,
        sender=meeting.organizer,
        author=meeting.organizer,
        to=_people(meeting, Role.REQUIRED),
        cc=_people(meeting, Role.OPTIONAL),
        importance=item.importance,
        sensitivity=item.sensitivity,
        message_id=exchange.message_id(mailbox.address),
        meeting=meeting,
    )


def _people(meeting: Meeting, role: Role) -> tuple[Person, ...]:
    return tuple(a.person for a in meeting.attendees if a.role is role)
