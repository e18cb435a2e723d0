"""All mailboxes of the sandbox, and what people do with them.

The package's docstring shows how it is used.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import msgspec
from msgspec import UNSET, UnsetType

from pexschedd.sandbox import answering, bodies, delivery, ids, organizing, timezones
from pexschedd.sandbox.accounts import Account, check_accounts
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailbox import Mailbox
from pexschedd.sandbox.model import (
    Answer,
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
from pexschedd.sandbox.signing import Certificate
from pexschedd.sandbox.snapshot import MailboxState, State

Who = str | Person


class Exchange:
    """The mailboxes of all accounts, in memory.

    `now` gives aware UTC datetimes; `unique` random bytes.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        now: Callable[[], datetime],
        unique: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.now = now
        self._unique = unique
        self._number = 0
        self._listeners: list[Callable[[], object]] = []
        self._certificate: Certificate | None = None
        self.accounts = list(accounts)
        check_accounts(self.accounts)
        self._by_address: dict[str, Mailbox] = {}
        self._by_guid: dict[str, Mailbox] = {}
        for account in self.accounts:
            self._open(account, self._guid())

    @property
    def version(self) -> int:
        """Rises with every change."""
        return self._number

    @property
    def certificate(self) -> Certificate:
        """What identity tokens are signed with: made when first needed."""
        if self._certificate is None:
            self._certificate = Certificate.generate(self.now())
            self._next_number()
        return self._certificate

    # Mailboxes and addresses

    def mailboxes(self) -> list[Mailbox]:
        return list(self._by_guid.values())

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox with this address, primary or not. Raises KeyError."""
        return self._by_address[address.casefold()]

    def find(self, address: str) -> Mailbox | None:
        return self._by_address.get(address.casefold())

    def with_guid(self, guid: str) -> Mailbox | None:
        return self._by_guid.get(guid)

    def holder(self, item: Item) -> Mailbox:
        """The mailbox that an item lies in."""
        return self._by_guid[item.mailbox]

    def person(self, who: Who) -> Person:
        """Somebody with the name that the address book has."""
        if isinstance(who, Person):
            if who.name:
                return who
            who = who.address
        mailbox = self.find(who)
        name = mailbox.account.name if mailbox is not None else ""
        return Person(name or who, who)

    # What organizers do

    def schedule(
        self,
        organizer: Mailbox | str,
        *,
        subject: str,
        start: datetime,
        end: datetime,
        required: Sequence[Who] = (),
        optional: Sequence[Who] = (),
        resources: Sequence[Who] = (),
        body: str | Body = "",
        location: str = "",
        zone: str = "UTC",
        send: bool = True,
    ) -> Item:
        """Puts a meeting into the organizer's calendar and invites people to it.

        `body` is HTML; `zone` a Windows time zone id. Raises ValueError.
        """
        if not timezones.known(zone):
            raise ValueError(f"{zone!r} is no Windows time zone")
        mailbox = self._mailbox(organizer)
        now = self.now()
        item = Item(
            kind=Kind.CALENDAR,
            item_class="IPM.Appointment",
            subject=bodies.clean_text(subject),
            body=_body(body),
            created=now,
            modified=now,
            received=now,
            meeting=Meeting(
                goid=self.new_goid(),
                organizer=self.person(mailbox.address),
                start=_utc(start),
                end=_utc(end),
                zone=zone,
                location=bodies.clean_text(location),
                attendees=self._attendees(required, optional, resources),
                critical_change=now,
            ),
        )
        return self.organize(mailbox, item, Send.ALL if send else Send.NONE)

    def organize(
        self,
        mailbox: Mailbox,
        item: Item,
        send: Send,
        *,
        save_copy: bool = True,
        folder: str = "calendar",
    ) -> Item:
        """The same for a calendar item that is ready but in no folder yet."""
        item.is_read = True
        item.my_response = ResponseType.ORGANIZER
        me = self.person(mailbox.address)
        item.sender = item.author = me
        mailbox.add(item, folder)
        organizing.publish(self, mailbox, item, send, save_copy=save_copy)
        return item

    def update(
        self,
        item: Item,
        *,
        subject: str | UnsetType = UNSET,
        body: str | Body | UnsetType = UNSET,
        location: str | UnsetType = UNSET,
        start: datetime | UnsetType = UNSET,
        end: datetime | UnsetType = UNSET,
        required: Sequence[Who] | UnsetType = UNSET,
        optional: Sequence[Who] | UnsetType = UNSET,
        resources: Sequence[Who] | UnsetType = UNSET,
        send: Send = Send.ALL,
    ) -> Item:
        """Changes a meeting in its organizer's calendar and tells people about it."""
        mailbox = self.holder(item)
        meeting = item.meeting
        if meeting is None:
            raise EwsError("ErrorInvalidOperation")
        if subject is not UNSET:
            item.subject = bodies.clean_text(subject)
        if body is not UNSET:
            item.body = _body(body)
        changes: dict[str, Any] = {}
        if location is not UNSET:
            changes["location"] = bodies.clean_text(location)
        if start is not UNSET:
            changes["start"] = _utc(start)
        if end is not UNSET:
            changes["end"] = _utc(end)
        lists = ((Role.REQUIRED, required), (Role.OPTIONAL, optional))
        attendees = meeting.attendees
        for role, people in (*lists, (Role.RESOURCE, resources)):
            if people is not UNSET:
                attendees = organizing.replace_role(
                    attendees, role, [self.person(who) for who in people]
                )
        item.meeting = msgspec.structs.replace(meeting, attendees=attendees, **changes)
        self.updated(mailbox, item, send)
        return item

    def updated(
        self, mailbox: Mailbox, item: Item, send: Send, *, save_copy: bool = True
    ) -> None:
        """To be called after the properties of a calendar item have been changed."""
        item.modified = self.now()
        mailbox.changed(item)
        if item.is_organizer:
            organizing.publish(self, mailbox, item, send, save_copy=save_copy)

    def cancel(
        self, item: Item, *, text: str | Body = "", save_copy: bool = True
    ) -> None:
        """Calls a meeting off, tells everybody, and takes it out of the calendar.

        Raises `EwsError` if it is not the organizer's own.
        """
        if not item.is_organizer:
            raise EwsError("ErrorCalendarIsNotOrganizer")
        mailbox = self.holder(item)
        organizing.cancel(self, mailbox, item, text=_body(text), save_copy=save_copy)
        mailbox.move(item, "deleteditems")

    # What everybody does

    def respond(
        self,
        item: Item,
        answer: Answer,
        *,
        text: str | Body = "",
        send: bool = True,
        save_copy: bool = True,
    ) -> list[Item]:
        """Answers a meeting request; see `answering.respond`."""
        return answering.respond(
            self,
            self.holder(item),
            item,
            answer,
            _body(text),
            send=send,
            save_copy=save_copy,
        )

    def take_away(self, item: Item) -> None:
        """Moves an item to the deleted items without a word to anybody."""
        self.holder(item).move(item, "deleteditems")

    def send_message(
        self,
        sender: Mailbox | str,
        *,
        to: Sequence[Who],
        subject: str,
        body: str | Body = "",
        cc: Sequence[Who] = (),
    ) -> Item:
        """Sends plain mail. Gives the copy in the sender's Sent Items."""
        mailbox = self._mailbox(sender)
        now = self.now()
        me = self.person(mailbox.address)
        item = Item(
            kind=Kind.MESSAGE,
            item_class="IPM.Note",
            subject=bodies.clean_text(subject),
            body=_body(body),
            created=now,
            modified=now,
            received=now,
            sender=me,
            author=me,
            to=tuple(self.person(who) for who in to),
            cc=tuple(self.person(who) for who in cc),
        )
        self.post(mailbox, item)
        return mailbox.add(item, "sentitems")

    def post(self, mailbox: Mailbox, item: Item) -> None:
        """Delivers copies of a message that is in no folder to all its recipients."""
        item.sent = self.now()
        item.is_draft = False
        item.message_id = item.message_id or self.message_id(mailbox.address)
        for person in (*item.to, *item.cc, *item.bcc):
            copy = msgspec.structs.replace(
                item, bcc=(), extended=dict(item.extended), is_read=False
            )
            copy.received = self.now()
            self.deliver(person.address, copy)
        item.is_read = True

    def deliver(self, address: str, message: Item) -> Item | None:
        """Puts a message into somebody's inbox; None if they have no mailbox here."""
        mailbox = self.find(address)
        if mailbox is None:
            return None
        return delivery.deliver(self, mailbox, message)

    # Identifiers

    def new_goid(self) -> bytes:
        return ids.global_object_id(self.now(), self._unique(16))

    def message_id(self, address: str) -> str:
        domain = address.partition("@")[2]
        return f"<{self._unique(16).hex()}@{domain}>"

    # Keeping it

    def on_change(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Has `callback` called after each change; gives what ends that.

        It may be called in the middle of something larger: note that something has
        changed, and look at it in another turn of the reactor.
        """
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def snapshot(self) -> bytes:
        """Everything, as JSON. Holds the accounts' passwords and the private key."""
        return State(
            number=self._number,
            accounts=self.accounts,
            mailboxes=[MailboxState.of(each) for each in self._by_guid.values()],
            certificate=self._certificate.pem if self._certificate else None,
        ).encode()

    @classmethod
    def restore(cls, data: bytes, *, now: Callable[[], datetime]) -> Self:
        """What `snapshot` gave. Raises ValueError for anything else."""
        state = State.decode(data)
        self = cls(state.accounts, now=now)
        self._by_address.clear()
        self._by_guid.clear()
        for account, saved in zip(state.accounts, state.mailboxes, strict=True):
            saved.fill(self._open(account, saved.guid))
        self._number = state.number
        if state.certificate is not None:
            self._certificate = Certificate.load(state.certificate)
        return self

    # Inside

    def _open(self, account: Account, guid: str) -> Mailbox:
        mailbox = Mailbox(account, guid, self._next_number)
        self._by_guid[guid] = mailbox
        for address in (account.address, *account.aliases):
            self._by_address[address.casefold()] = mailbox
        return mailbox

    def _next_number(self) -> int:
        self._number += 1
        for listener in self._listeners:
            listener()
        return self._number

    def _guid(self) -> str:
        raw = self._unique(16).hex()
        return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))

    def _mailbox(self, who: Mailbox | str) -> Mailbox:
        return who if isinstance(who, Mailbox) else self.mailbox(who)

    def _attendees(
        self,
        required: Sequence[Who],
        optional: Sequence[Who],
        resources: Sequence[Who],
    ) -> tuple[Attendee, ...]:
        return (
            *(Attendee(self.person(who), Role.REQUIRED) for who in required),
            *(Attendee(self.person(who), Role.OPTIONAL) for who in optional),
            *(Attendee(self.person(who), Role.RESOURCE) for who in resources),
        )


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)


def _body(body: str | Body) -> Body:
    return body if isinstance(body, Body) else bodies.from_html(body)
