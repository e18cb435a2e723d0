"""How messages get from one mailbox to another, and what can happen on the way."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from pexschedd.sandbox import bodies, delivery
from pexschedd.sandbox.alterations import Alteration
from pexschedd.sandbox.directory import Directory, Who
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.model import Body, Item, ItemKind


class PostOffice(Directory):
    """Sends mail, keeps it back on demand, delivers it in any order and twice."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self._held: dict[str, list[Item]] = {}
        """Messages kept back, by the GUID of the mailbox they are for."""
        self._changes: list[Alteration] = []
        super().__init__(*args, **more)

    def send_message(
        self,
        sender: SandboxMailbox | str,
        *,
        to: Sequence[Who],
        subject: str,
        body: str | Body = "",
        cc: Sequence[Who] = (),
        item_class: str = "IPM.Note",
    ) -> Item:
        """Sends mail that is about no meeting, by default a plain message. Gives the
        copy in the sender's Sent Items."""
        mailbox = self._mailbox(sender)
        now = self.now()
        me = self.person(mailbox.address)
        item = Item(
            kind=ItemKind.MESSAGE,
            item_class=item_class,
            subject=bodies.clean_text(subject),
            body=bodies.of(body),
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

    def forward(
        self, message: Item, forwarder: SandboxMailbox | str, *, to: Sequence[Who]
    ) -> None:
        """Passes a request or a calendar item on: the same meeting with the same
        organizer, but from the forwarder. The organizer gets a notification."""
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
            to=tuple(self.person(who) for who in to),
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
        """Delivers copies of a message that is in no folder to all its recipients."""
        item.sent = self.now()
        item.is_draft = False
        item.message_id = item.message_id or self.message_id(mailbox.address)
        for person in (*item.to, *item.cc, *item.bcc):
            copy = replace(item, bcc=(), extended=dict(item.extended), is_read=False)
            self.deliver(person.address, copy)
        item.is_read = True

    def deliver(self, address: str, message: Item) -> Item | None:
        """Puts a message into somebody's inbox; None if they have no mailbox here, or
        if their mail is kept back."""
        mailbox = self.find(address)
        if mailbox is None:
            return None
        for change in self._changes:
            change(message)
        if mailbox.guid in self._held:
            self._held[mailbox.guid].append(message)
            return None
        return self._bring(mailbox, message)

    def deliver_again(
        self, message: Item, to: SandboxMailbox | str | None = None
    ) -> Item:
        """Brings another copy of a message, by default to where it lies already: the
        same in all but its id and when it was received."""
        mailbox = self.holder(message) if to is None else self._mailbox(to)
        copy = replace(message, extended=dict(message.extended))
        copy.is_read = copy.processed = False
        return self._bring(mailbox, copy)

    @contextmanager
    def on_the_way(self, change: Alteration) -> Iterator[None]:
        """While this lasts, `change` is applied to every message that is sent; see
        `alterations` for what tends to happen to messages."""
        self._changes.append(change)
        try:
            yield
        finally:
            self._changes.remove(change)

    # Order

    def hold(self, address: str) -> None:
        """Keeps back from now on what is sent to this mailbox."""
        self._held.setdefault(self.mailbox(address).guid, [])

    def held(self, address: str) -> list[Item]:
        """What is kept back, as it was sent."""
        return list(self._held.get(self.mailbox(address).guid, ()))

    def release(self, address: str, order: Iterable[int] | None = None) -> list[Item]:
        """Delivers what was kept back, and keeps back nothing any more.

        `order` numbers the messages from 0, as they were sent: (1, 0, 0) brings the
        second one first and the first one twice; what is not in it is lost. Gives
        the messages as they were delivered.
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
        return delivery.deliver(self, mailbox, message)
