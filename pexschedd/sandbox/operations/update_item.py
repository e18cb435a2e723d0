"""UpdateItem."""

from collections.abc import Callable

import msgspec

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import ids
from pexschedd.sandbox.items.records import Item, ItemKind, Send
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall, no_items
from pexschedd.sandbox.operations.create_item import DISPOSITIONS, send_message
from pexschedd.sandbox.properties import extended_properties, property_writer
from pexschedd.sandbox.properties.property_writer import PropertyWriter
from pexschedd.sandbox.properties.response_shape import read_uri, write_id

_RESOLUTIONS = ("NeverOverwrite", "AutoResolve", "AlwaysOverwrite")
_SENDS = {
    "SendToNone": Send.NONE,
    "SendOnlyToAll": Send.ALL,
    "SendOnlyToChanged": Send.CHANGED,
    "SendToAllAndSaveCopy": Send.ALL,
    "SendToChangedAndSaveCopy": Send.CHANGED,
}
_LOCAL = frozenset(
    {"IsRead", "Categories", "Importance", "Sensitivity", "ReminderIsSet", "Flag"}
    | {"ReminderMinutesBeforeStart", "ExtendedProperty"}
)
"""The properties of a meeting message that may be changed; the others are its
sender's."""


def update_item(call: OperationCall) -> Element:
    """UpdateItem: change the fields of items, all of one item or none."""
    element = call.element
    markup.in_order(element, ("SavedItemFolderId", "ItemChanges"))
    resolution = markup.need(element, "ConflictResolution", _RESOLUTIONS)
    disposition = markup.maybe(element, "MessageDisposition", DISPOSITIONS)
    sending = markup.maybe(
        element, "SendMeetingInvitationsOrCancellations", tuple(_SENDS)
    )
    update = _Update(call, resolution, disposition, sending)

    def job(change: Element) -> Callable[[Element], None]:
        def write(good: Element) -> None:
            mailbox, item = update.apply(change)
            items = markup.m(good, "Items")
            if item is not None:
                write_id(items, item, mailbox)
            markup.t(markup.m(good, "ConflictResults"), "Count", "0")

        return write

    changes = markup.need_m(element, "ItemChanges")
    return call.answer([job(change) for change in changes], no_items)


class _Update:
    def __init__(
        self,
        call: OperationCall,
        resolution: str,
        disposition: str | None,
        sending: str | None,
    ) -> None:
        self._call = call
        self._resolution = resolution
        self._disposition = disposition
        self._sending = sending
        self._writer = PropertyWriter(call.exchange, call.zone)

    def apply(self, change: Element) -> tuple[SandboxMailbox, Item | None]:
        """The changed item; None if it was a message that has been sent."""
        updates = markup.find_t(change, "Updates")
        if updates is None or not len(updates) or len(change) < 2:
            raise markup.missing(change, "Updates")
        mailbox, item = self._call.item(change[0])
        self._check(change[0], item)
        # On a copy first: either all fields change or none.
        draft = msgspec.structs.replace(item)
        for update in updates:
            self._field(draft, update)
        property_writer.check_meeting(draft)
        read = draft.is_read
        draft.is_read = item.is_read
        only_read = read != item.is_read and _same(draft, item)
        if item.kind is ItemKind.CALENDAR:
            if not only_read:
                sending = self._sending or ""
                self._call.exchange.change(
                    item,
                    draft,
                    _SENDS.get(sending, Send.NONE),
                    save_copy=sending.endswith("AndSaveCopy"),
                )
            return mailbox, item
        for name in Item.__struct_fields__:
            setattr(item, name, getattr(draft, name))
        mailbox.mark_read(item, read)
        if only_read:
            return mailbox, item
        item.modified = self._call.exchange.now()
        mailbox.changed(item)
        if item.is_draft and self._disposition in ("SendOnly", "SendAndSaveCopy"):
            mailbox.remove(item)
            keep = self._disposition == "SendAndSaveCopy"
            send_message(self._call, item, save_copy=keep)
            return mailbox, None
        return mailbox, item

    def _check(self, element: Element, item: Item) -> None:
        if item.kind is ItemKind.CALENDAR and self._sending is None:
            raise EwsError("ErrorSendMeetingInvitationsOrCancellationsRequired")
        if item.kind is not ItemKind.CALENDAR and self._disposition is None:
            raise EwsError("ErrorMessageDispositionRequired")
        if self._resolution == "AlwaysOverwrite":
            return
        key = element.get("ChangeKey")
        if not key:
            raise EwsError("ErrorChangeKeyRequiredForWriteOperations")
        known = ids.change_of(key)
        if self._resolution == "NeverOverwrite" and (known or 0) < item.change:
            raise EwsError("ErrorIrresolvableConflict")

    def _field(self, item: Item, update: Element) -> None:
        kind = markup.name_of(update)
        if kind not in ("SetItemField", "AppendToItemField", "DeleteItemField"):
            raise markup.unexpected(update)
        if not len(update):
            raise markup.missing(update, "FieldURI")
        path = update[0]
        key, name = None, "ExtendedProperty"
        if markup.name_of(path) == "ExtendedFieldURI":
            key = extended_properties.ExtendedKey.read(path)
        elif markup.name_of(path) == "FieldURI":
            name = read_uri(path).partition(":")[2]
        else:
            raise EwsError("ErrorInvalidPropertySet", "Such a path cannot be set.")
        if (
            item.kind not in (ItemKind.MESSAGE, ItemKind.CALENDAR)
            and name not in _LOCAL
        ):
            raise EwsError("ErrorSentMeetingRequestUpdate")
        if kind == "DeleteItemField":
            if key is not None:
                self._writer.clear_extended(item, key)
            else:
                self._writer.clear(item, name)
            return
        value = self._value(item, update, name)
        if (
            key is not None
            and extended_properties.read_value(value)[0].text != key.text
        ):
            raise EwsError("ErrorUpdatePropertyMismatch")
        if kind == "SetItemField":
            self._writer.put(item, value)
        else:
            self._writer.append(item, value)

    def _value(self, item: Item, update: Element, name: str) -> Element:
        """The element of the one property that the update holds."""
        if len(update) != 2:
            raise markup.missing(update, item.kind.value)
        wrapper = update[1]
        if markup.name_of(wrapper) != item.kind.value:
            raise EwsError(
                "ErrorInvalidPropertySet",
                f"The item is a {item.kind.value}, not a {markup.name_of(wrapper)}.",
            )
        if len(wrapper) != 1:
            raise EwsError("ErrorIncorrectUpdatePropertyCount")
        if markup.name_of(wrapper[0]) != name:
            raise EwsError("ErrorUpdatePropertyMismatch")
        return wrapper[0]


def _same(one: Item, other: Item) -> bool:
    return msgspec.structs.asdict(one) == msgspec.structs.asdict(other)
