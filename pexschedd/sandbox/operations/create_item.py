"""CreateItem: calendar items with their invitations, messages, and the response
objects that answer, remove and cancel meetings."""

from collections.abc import Callable

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import series
from pexschedd.sandbox.items.records import (
    EMPTY_BODY,
    Item,
    ItemKind,
    Meeting,
    MeetingAnswer,
    Send,
)
from pexschedd.sandbox.mailboxes import attending
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall, no_items
from pexschedd.sandbox.properties import element_order, property_writer
from pexschedd.sandbox.properties.property_writer import PropertyWriter
from pexschedd.sandbox.properties.response_shape import write_id

DISPOSITIONS = ("SaveOnly", "SendOnly", "SendAndSaveCopy")
INVITATIONS = ("SendToNone", "SendOnlyToAll", "SendToAllAndSaveCopy")
_ANSWERS = {
    "AcceptItem": MeetingAnswer.ACCEPT,
    "TentativelyAcceptItem": MeetingAnswer.TENTATIVE,
    "DeclineItem": MeetingAnswer.DECLINE,
}
_ORDER = ("SavedItemFolderId", "Items")
_CHILDREN = {
    "CalendarItem": element_order.ORDER[ItemKind.CALENDAR],
    "Message": element_order.ORDER[ItemKind.MESSAGE],
    **dict.fromkeys(_ANSWERS, element_order.RESPONSE_OBJECT),
    "CancelCalendarItem": element_order.SMART_RESPONSE,
    "ReplyToItem": element_order.SMART_RESPONSE,
}


def create_item(call: OperationCall) -> Element:
    """CreateItem: carry out each creation, and return the ids."""
    element = call.element
    markup.in_order(element, _ORDER)
    disposition = markup.maybe(element, "MessageDisposition", DISPOSITIONS)
    invitations = markup.maybe(element, "SendMeetingInvitations", INVITATIONS)
    creation = _Creation(call, disposition, invitations)
    elements = markup.need_m(element, "Items")
    # The whole request is checked before the first item is made.
    for each in elements:
        allowed = _CHILDREN.get(markup.name_of(each))
        if allowed is not None:
            markup.in_order(each, allowed)

    def job(one: Element) -> Callable[[Element], None]:
        def write(good: Element) -> None:
            made = creation.create(one)
            items = markup.m(good, "Items")
            for item in made:
                write_id(items, item, call.exchange.holder(item))

        return write

    return call.answer([job(one) for one in elements], no_items)


class _Creation:
    def __init__(
        self, call: OperationCall, disposition: str | None, invitations: str | None
    ) -> None:
        self._call = call
        self._exchange = call.exchange
        self._disposition = disposition
        self._invitations = invitations
        self._writer = PropertyWriter(call.exchange, call.zone)

    def create(self, element: Element) -> list[Item]:
        name = markup.name_of(element)
        if name == "CalendarItem":
            return [self._calendar_item(element)]
        if name == "Message":
            return self._message(element)
        if name in _ANSWERS:
            return self._answer(element, _ANSWERS[name])
        if name == "RemoveItem":
            mailbox, item = self._reference(element)
            return attending.remove(mailbox, item)
        if name == "CancelCalendarItem":
            return self._cancel(element)
        if name == "ReplyToItem":
            return self._reply(element)
        raise EwsError("ErrorInvalidOperation", f"{name} cannot be created here.")

    def _calendar_item(self, element: Element) -> Item:
        if self._invitations is None:
            raise EwsError("ErrorSendMeetingInvitationsRequired")
        now = self._exchange.now()
        for name in ("Start", "End"):
            if markup.find_t(element, name) is None:
                raise EwsError("ErrorRequiredPropertyMissing", f"{name} is missing.")
        mailbox, folder = self._call.target("SavedItemFolderId") or (
            self._call.mailbox,
            self._call.mailbox.folders["calendar"],
        )
        if folder.folder_class != "IPF.Appointment":
            raise EwsError("ErrorInvalidFolderTypeForOperation")
        item = Item(
            kind=ItemKind.CALENDAR,
            item_class="IPM.Appointment",
            created=now,
            modified=now,
            received=now,
            reminder=True,
            meeting=Meeting(
                goid=self._exchange.new_goid(),
                organizer=self._exchange.person(mailbox.address),
                start=now,
                end=now,
                zone=self._call.request.zone,
                critical_change=now,
            ),
        )
        for child in element:
            self._writer.put(item, child)
        property_writer.check_meeting(item)
        series.settle(item, None)
        send = Send.NONE if self._invitations == "SendToNone" else Send.ALL
        copy = self._invitations == "SendToAllAndSaveCopy"
        return self._exchange.organize(
            mailbox, item, send, save_copy=copy, folder=folder.name
        )

    def _message(self, element: Element) -> list[Item]:
        disposition = self._need_disposition()
        mailbox = self._call.mailbox
        now = self._exchange.now()
        me = self._exchange.person(mailbox.address)
        item = Item(
            kind=ItemKind.MESSAGE,
            item_class="IPM.Note",
            created=now,
            modified=now,
            received=now,
            is_draft=True,
            is_read=True,
            sender=me,
            author=me,
        )
        for child in element:
            self._writer.put(item, child)
        if disposition == "SaveOnly":
            holder, folder = self._call.target("SavedItemFolderId") or (
                mailbox,
                mailbox.folders["drafts"],
            )
            return [holder.add(item, folder.name)]
        return send_message(self._call, item, save_copy=disposition != "SendOnly")

    def _answer(self, element: Element, answer: MeetingAnswer) -> list[Item]:
        disposition = self._need_disposition()
        body = markup.find_t(element, "Body")
        mailbox, item = self._reference(element)
        return attending.respond(
            self._exchange,
            mailbox,
            item,
            answer,
            EMPTY_BODY if body is None else self._writer.body(body),
            send=disposition != "SaveOnly",
            save_copy=disposition == "SendAndSaveCopy",
        )

    def _cancel(self, element: Element) -> list[Item]:
        _, item = self._reference(element)
        if item.kind is not ItemKind.CALENDAR:
            raise EwsError("ErrorInvalidItemForOperationCancelItem")
        body = markup.find_t(element, "NewBodyContent")
        self._exchange.cancel(
            item,
            text=EMPTY_BODY if body is None else self._writer.body(body),
            save_copy=self._disposition != "SendOnly",
        )
        return []

    def _reply(self, element: Element) -> list[Item]:
        """To the sender alone; the message that is replied to stays where it is."""
        disposition = self._need_disposition()
        mailbox, item = self._reference(element)
        if item.kind is ItemKind.CALENDAR or item.author is None:
            raise EwsError("ErrorInvalidItemForOperationCreateItem")
        body = markup.find_t(element, "NewBodyContent")
        now = self._exchange.now()
        me = self._exchange.person(mailbox.address)
        reply = Item(
            kind=ItemKind.MESSAGE,
            item_class="IPM.Note",
            created=now,
            modified=now,
            received=now,
            is_read=True,
            subject=f"RE: {item.subject}",
            body=EMPTY_BODY if body is None else self._writer.body(body),
            sender=me,
            author=me,
            to=(item.author,),
        )
        return send_message(
            self._call, reply, save_copy=disposition == "SendAndSaveCopy"
        )

    def _reference(self, element: Element) -> tuple[SandboxMailbox, Item]:
        reference = markup.find_t(element, "ReferenceItemId")
        if reference is None:
            raise markup.missing(element, "ReferenceItemId")
        return self._call.item(reference)

    def _need_disposition(self) -> str:
        if self._disposition is None:
            raise EwsError("ErrorMessageDispositionRequired")
        return self._disposition


def send_message(call: OperationCall, item: Item, *, save_copy: bool) -> list[Item]:
    """Send a message that lies in no folder, and keep a copy if that is wanted.

    Returns no items: the copy gets an id, but the answer does not name it.
    """
    if not (item.to or item.cc or item.bcc):
        raise EwsError("ErrorMissingRecipients", "The message has no recipients.")
    call.exchange.post(call.mailbox, item)
    if not save_copy:
        return []
    mailbox, folder = call.target("SavedItemFolderId") or (
        call.mailbox,
        call.mailbox.folders["sentitems"],
    )
    # The copy gets its id, but the answer does not tell it.
    mailbox.add(item, folder.name)
    return []
