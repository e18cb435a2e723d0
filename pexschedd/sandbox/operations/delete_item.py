"""DeleteItem and MoveItem."""

from collections.abc import Callable

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items.records import EMPTY_BODY, Item, ItemKind, MeetingAnswer
from pexschedd.sandbox.mailboxes import attending
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall, no_items
from pexschedd.sandbox.operations.create_item import INVITATIONS
from pexschedd.sandbox.properties.response_shape import write_id

_TYPES = ("HardDelete", "SoftDelete", "MoveToDeletedItems")


def delete_item(call: OperationCall) -> Element:
    """DeleteItem: delete items, or move them to the deleted items."""
    element = call.element
    markup.in_order(element, ("ItemIds",))
    kind = markup.need(element, "DeleteType", _TYPES)
    sending = markup.maybe(element, "SendMeetingCancellations", INVITATIONS)

    def job(one: Element) -> Callable[[Element], None]:
        def write(good: Element) -> None:
            del good
            mailbox, item = call.item(one)
            if item.kind is ItemKind.CALENDAR:
                if sending is None:
                    raise EwsError("ErrorSendMeetingCancellationsRequired")
                item = _call_off(call, mailbox, item, sending)
            if mailbox.get(item.id) is None:
                # Calling an occurrence off has taken it out of its series already.
                return
            if kind == "MoveToDeletedItems" and item.folder != "deleteditems":
                mailbox.move(item, "deleteditems")
            elif kind != "MoveToDeletedItems":
                mailbox.remove(item)

        return write

    return call.answer([job(one) for one in markup.need_m(element, "ItemIds")])


def _call_off(
    call: OperationCall, mailbox: SandboxMailbox, item: Item, sending: str
) -> Item:
    """Tell the others that a calendar item is about to go; return the item."""
    if sending == "SendToNone" or item.meeting is None or item.meeting.cancelled:
        return item
    copy = sending == "SendToAllAndSaveCopy"
    if item.is_organizer:
        call.exchange.cancel(item, save_copy=copy)
        return item
    attending.respond(
        call.exchange, mailbox, item, MeetingAnswer.DECLINE, EMPTY_BODY, save_copy=copy
    )
    return item


def move_item(call: OperationCall) -> Element:
    """MoveItem: move items to another folder of their mailbox."""
    element = call.element
    markup.in_order(element, ("ToFolderId", "ItemIds", "ReturnNewItemIds"))
    markup.need_m(element, "ToFolderId")
    tell = markup.find_m(element, "ReturnNewItemIds")
    wanted = tell is None or markup.boolean(tell, tell.text or "")

    def job(one: Element) -> Callable[[Element], None]:
        def write(good: Element) -> None:
            mailbox, item = call.item(one)
            target = call.target("ToFolderId")
            if target is None:
                raise markup.missing(element, "ToFolderId")
            if target[0] is not mailbox:
                raise EwsError("ErrorCrossMailboxMoveCopy")
            if mailbox.master_of(item) is not None:
                raise EwsError("ErrorCalendarCannotMoveOrCopyOccurrence")
            mailbox.move(item, target[1].name)
            items = markup.m(good, "Items")
            if wanted:
                write_id(items, item, mailbox)

        return write

    return call.answer(
        [job(one) for one in markup.need_m(element, "ItemIds")], no_items
    )
