"""UpdateFolder: extended properties of folders, set and deleted."""

from collections.abc import Callable

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import ids
from pexschedd.sandbox.mailboxes.mailbox import MailboxFolder, SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall
from pexschedd.sandbox.operations.folders import element_name, write_identifier
from pexschedd.sandbox.properties import extended_properties
from pexschedd.sandbox.properties.extended_properties import ExtendedKey

_CHANGES = ("SetFolderField", "DeleteFolderField", "AppendToFolderField")
Values = dict[str, str | list[str]]


def update_folder(call: OperationCall) -> Element:
    """UpdateFolder: change extended properties of folders; all others are read-only."""
    markup.in_order(call.element, ("FolderChanges",))
    changes = markup.need_m(call.element, "FolderChanges")
    if not len(changes):
        raise markup.missing(changes, "FolderChange")

    def job(change: Element) -> Callable[[Element], None]:
        updates = markup.find_t(change, "Updates")
        if updates is None or not len(updates) or len(change) != 2:
            raise markup.missing(change, "Updates")
        for update in updates:
            if markup.name_of(update) not in _CHANGES:
                raise markup.unexpected(update)

        def write(good: Element) -> None:
            mailbox, folder = _find(call, change[0])
            # Either all of it or none.
            values: Values = dict(folder.extended)
            for update in updates:
                _apply(values, update)
            mailbox.change_folder(folder, values)
            element = markup.t(markup.m(good, "Folders"), element_name(folder))
            write_identifier(element, "FolderId", mailbox, folder)

        return write

    return call.answer(
        [job(change) for change in changes], lambda bad: markup.m(bad, "Folders")
    )


def _find(
    call: OperationCall, element: Element
) -> tuple[SandboxMailbox, MailboxFolder]:
    """Return the folder. Old change keys are accepted: the last writer wins."""
    key = element.get("ChangeKey")
    if key and ids.change_of(key) is None:
        raise EwsError("ErrorInvalidChangeKey")
    if not key and markup.name_of(element) == "FolderId":
        raise EwsError("ErrorChangeKeyRequiredForWriteOperations")
    return call.folder(element)


def _apply(values: Values, update: Element) -> None:
    kind = markup.name_of(update)
    if kind == "DeleteFolderField":
        if len(update) != 1:
            raise markup.missing(update, "ExtendedFieldURI")
        values.pop(_path(update[0]).text, None)
        return
    if len(update) != 2:
        raise markup.missing(update, "Folder")
    key = _path(update[0])
    if len(update[1]) != 1:
        raise EwsError("ErrorIncorrectUpdatePropertyCount")
    if kind == "AppendToFolderField":
        raise EwsError("ErrorInvalidPropertyAppend")
    given = update[1][0]
    if markup.name_of(given) != "ExtendedProperty":
        raise EwsError("ErrorUpdatePropertyMismatch")
    same, value = extended_properties.read_value(given)
    if same.text != key.text:
        raise EwsError("ErrorUpdatePropertyMismatch")
    values[key.text] = value


def _path(element: Element) -> ExtendedKey:
    if markup.name_of(element) != "ExtendedFieldURI":
        raise EwsError("ErrorInvalidPropertySet")
    key = ExtendedKey.read(element)
    if key.text.startswith("tag:"):
        # Those of folders are all Exchange's own.
        raise EwsError("ErrorInvalidPropertySet")
    return key
