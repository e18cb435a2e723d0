"""The transport of messages between mailboxes, and what can go wrong with it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import bodies
from pexschedd.sandbox.items.records import Body, Item, ItemKind
from pexschedd.sandbox.mailboxes import delivery
from pexschedd.sandbox.mailboxes.alterations import Alteration
from pexschedd.sandbox.mailboxes.directory import Addressee, MailboxDirectory
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox


class MailTransport(MailboxDirectory):
    """A transport that sends messages, holds them back on demand, and delivers them in
    any order and twice."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self._held: dict[str, list[Item]] = {}
        """Messages held back, by the GUID of the mailbox they are for."""
        self._changes: list[Alteration] = []
        self.altering: Callable[[str, Item], None] | None = None
        """Changes what is sent to an address, as the server's behaviour says."""
        self.attendant: Callable[[SandboxMailbox, Item], bool] | None = None
        """Takes it on itself to process what has arrived, later perhaps; returns
        whether it does."""
        super().__init__(*args, **more)

    def send_message(
        self,
        sender: SandboxMailbox | str,
        *,
        to: Sequence[Addressee],
        subject: str,
        body: str | Body = "",
        cc: Sequence[Addressee] = (),
        item_class: str = "IPM.Note",
    ) -> Item:
        """Send mail that is about no meeting, by default a plain message.

        Returns the copy in the sender's Sent Items.
        """
        mailbox = self._mailbox(sender)
        now = self.now()
        me = self.person(mailbox.address)
        item = Item(
            kind=ItemKind.MESSAGE,
            item_class=item_class,
            subject=bodies.clean_text(subject),
            body=bodies.as_body(body),
            created=now,
            modified=now,
            received=now,
            sender=me,
            author=me,
            to=tuple(self.person(each) for each in to),
            cc=tuple(self.person(each) for each in cc),
        )
        self.post(mailbox, item)
        return mailbox.add(item, "sentitems")

    def forward(
        self, message: Item, forwarder: SandboxMailbox | str, *, to: Sequence[Addressee]
    ) -> None:
        """Forward a request or a calendar item: the same meeting with the same
        organizer, but from the forwarder. The organizer gets a notification.

        Raises `EwsError` for any other item.
        """
        meeting = message.meeting
        if meeting is None or message.kind not in (ItemKind.REQUEST, ItemKind.CALENDAR):
            raise EwsError("ErrorCalendarForwardActionNotAllowed")
        mailbox = self._mailbox(forwarder)
        me, now = self.person(mailbox.address), self.now()
        copy = Item(
            kind=ItemKind.REQUEST,
            item_class="IPM.Schedule.Meeting.Request",
            subject=f"FW: {message.subject}",
            body=message.body,
            created=now,
            modified=now,
            received=now,
            sender=me,
            author=me,
            to=tuple(self.person(each) for each in to),
            meeting=replace(meeting, cancelled=False),
        )
        self.post(mailbox, copy)
        notice = Item(
            kind=ItemKind.MESSAGE,
            item_class="IPM.Schedule.Meeting.Notification.Forward",
            subject=f"Meeting Forward Notification: {message.subject}",
            created=now,
            modified=now,
            received=now,
            sender=me,
            author=me,
            to=(meeting.organizer,),
        )
        self.post(mailbox, notice)

    def post(self, mailbox: SandboxMailbox, item: Item) -> None:
        """Deliver copies of a message that is in no folder to all its recipients."""
        item.sent = self.now()
        item.is_draft = False
        item.message_id = item.message_id or self.message_id(mailbox.address)
        for person in (*item.to, *item.cc, *item.bcc):
            copy = replace(item, bcc=(), extended=dict(item.extended), is_read=False)
            self.deliver(person.address, copy)
        item.is_read = True

    def deliver(self, address: str, message: Item) -> Item | None:
        """Put a message into the inbox of an address.

        Returns None if it has no mailbox here, or if its mail is held back.
        """
        mailbox = self.find(address)
        if mailbox is None:
            return None
        for change in self._changes:
            change(message)
        if self.altering is not None:
            self.altering(mailbox.address, message)
        if mailbox.guid in self._held:
            self._held[mailbox.guid].append(message)
            return None
        return self._bring(mailbox, message)

    def deliver_again(
        self, message: Item, to: SandboxMailbox | str | None = None
    ) -> Item:
        """Deliver another copy of a message, by default to the mailbox where it lies.

        It is the same in all but its id and the time when it was received.
        """
        mailbox = self.holder(message) if to is None else self._mailbox(to)
        copy = replace(message, extended=dict(message.extended))
        copy.is_read = copy.processed = False
        return self._bring(mailbox, copy)

    @contextmanager
    def on_the_way(self, change: Alteration) -> Iterator[None]:
        """Apply `change` to every message that is sent meanwhile; see `alterations`."""
        self._changes.append(change)
        try:
            yield
        finally:
            self._changes.remove(change)

    # Order

    def hold(self, address: str) -> None:
        """Hold back from now on what is sent to this mailbox."""
        self._held.setdefault(self.mailbox(address).guid, [])

    def held(self, address: str) -> list[Item]:
        """Return the messages held back for a mailbox, as they were sent."""
        return list(self._held.get(self.mailbox(address).guid, ()))

    def release(self, address: str, order: Iterable[int] | None = None) -> list[Item]:
        """Deliver the messages held back, and hold back no more.

        `order` numbers the messages from 0, as they were sent: (1, 0, 0) delivers the
        second one first and the first one twice; those not in it are lost. Returns the
        messages as they were delivered.
        """
        mailbox = self.mailbox(address)
        waiting = self._held.get(mailbox.guid, [])
        chosen = [waiting[i] for i in (range(len(waiting)) if order is None else order)]
        self._held.pop(mailbox.guid, None)
        return [
            self._bring(mailbox, replace(message, extended=dict(message.extended)))
            for message in chosen
        ]

    def _bring(self, mailbox: SandboxMailbox, message: Item) -> Item:
        message.received = self.now()
        delivery.arrive(mailbox, message)
        if self.attendant is None or not self.attendant(mailbox, message):
            delivery.process(self, mailbox, message)
        return message
