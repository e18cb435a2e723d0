"""SyncFolderItems."""

from pexschedd.sandbox import markup
from pexschedd.sandbox.items import ids
from pexschedd.sandbox.mailboxes import synchronisation
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall
from pexschedd.sandbox.properties.response_shape import ResponseShape

_ORDER = (
    *("ItemShape", "SyncFolderId", "SyncState", "Ignore", "MaxChangesReturned"),
    "SyncScope",
)


def sync_folder_items(call: OperationCall) -> Element:
    """SyncFolderItems: the changes in a folder since a state."""
    element = call.element
    markup.in_order(element, _ORDER)
    shape = ResponseShape.read(markup.need_m(element, "ItemShape"), from_find=True)
    most = markup.need_m(element, "MaxChangesReturned")
    limit = markup.integer(most, most.text or "", 1, 512)
    markup.need_m(element, "SyncFolderId")
    ignore = markup.find_m(element, "Ignore")
    ignored = {markup.need(c, "Id") for c in (ignore if ignore is not None else ())}
    before = markup.find_m(element, "SyncState")

    def job(good: Element) -> None:
        target = call.target("SyncFolderId")
        if target is None:
            raise markup.missing(element, "SyncFolderId")
        mailbox, folder = target
        state = synchronisation.SyncState()
        if before is not None and before.text:
            state = synchronisation.SyncState.unseal(before.text, folder)
        page = synchronisation.page(folder, state, limit)
        markup.m(good, "SyncState", page.state.seal(folder))
        markup.m(good, "IncludesLastItemInRange", markup.as_text(page.is_last))
        changes = markup.m(good, "Changes")
        for kind, item_id, item in page.changes:
            if item_id in ignored:
                continue
            change = markup.t(changes, kind)
            if item is None:
                number = ids.change_key(1, mailbox.guid, folder.last_change)
                markup.t(change, "ItemId", Id=item_id, ChangeKey=number)
            elif kind == "ReadFlagChange":
                key = mailbox.change_key(item)
                markup.t(change, "ItemId", Id=item_id, ChangeKey=key)
                markup.t(change, "IsRead", markup.as_text(item.is_read))
            else:
                shape.write(change, item, mailbox)

    return call.answer([job], _no_changes)


def _no_changes(bad: Element) -> None:
    """Add the elements that Exchange writes even when synchronisation fails."""
    markup.m(bad, "SyncState", "")
    markup.m(bad, "IncludesLastItemInRange", "true")
