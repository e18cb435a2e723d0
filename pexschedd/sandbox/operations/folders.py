"""GetFolder and FindFolder."""

from collections.abc import Callable

from pexschedd.sandbox import markup
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.mailboxes.mailbox import MailboxFolder, SandboxMailbox
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall
from pexschedd.sandbox.properties import extended_properties
from pexschedd.sandbox.properties.response_shape import read_uri
from pexschedd.sandbox.properties.value_types import RIGHTS

_BASES = ("IdOnly", "Default", "AllProperties")
_DEFAULT = frozenset(
    {"folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount"}
    | {"folder:UnreadCount"}
)
_ELEMENTS = {
    "IPF.Appointment": "CalendarFolder",
    "IPF.Contact": "ContactsFolder",
    "IPF.Task": "TasksFolder",
}
_COMMIT_TIME = "tag:0x670a"
_DELETED_COUNT = "tag:0x670b"


class _Shape:
    """The properties of folders that a client asks for."""

    def __init__(self, element: Element) -> None:
        base = markup.find_t(element, "BaseShape")
        if base is None:
            raise markup.missing(element, "BaseShape")
        name = markup.chosen(base, "BaseShape", base.text or "", _BASES)
        self._all = name == "AllProperties"
        self._uris = set(_DEFAULT if name == "Default" else ())
        self._keys = []
        more = markup.find_t(element, "AdditionalProperties")
        for child in more if more is not None else ():
            if markup.name_of(child) == "ExtendedFieldURI":
                self._keys.append(extended_properties.ExtendedKey.read(child))
            elif markup.name_of(child) == "FieldURI":
                self._uris.add(read_uri(child))

    def write(
        self, parent: Element, mailbox: SandboxMailbox, folder: MailboxFolder
    ) -> None:
        kind = element_name(folder)
        element = markup.t(parent, kind)
        write_identifier(element, "FolderId", mailbox, folder)
        if self._wants("ParentFolderId") and folder.parent:
            write_identifier(
                element, "ParentFolderId", mailbox, mailbox.folders[folder.parent]
            )
        if self._wants("FolderClass") and folder.folder_class:
            markup.t(element, "FolderClass", folder.folder_class)
        if self._wants("DisplayName"):
            markup.t(element, "DisplayName", folder.display_name)
        if self._wants("TotalCount"):
            markup.t(element, "TotalCount", str(len(folder.items)))
        if self._wants("ChildFolderCount"):
            count = len(children(mailbox, folder, deep=False))
            markup.t(element, "ChildFolderCount", str(count))
        for key in self._keys:
            self._write_extended(element, key, folder)
        if self._wants("EffectiveRights"):
            RIGHTS.write(element, "EffectiveRights", True)
        if self._wants("DistinguishedFolderId"):
            markup.t(element, "DistinguishedFolderId", folder.name)
        if self._wants("UnreadCount") and kind in ("Folder", "TasksFolder"):
            markup.t(element, "UnreadCount", str(folder.unread))

    def _wants(self, name: str) -> bool:
        return self._all or f"folder:{name}" in self._uris

    @staticmethod
    def _write_extended(
        parent: Element, key: extended_properties.ExtendedKey, folder: MailboxFolder
    ) -> None:
        if key.text == _DELETED_COUNT:
            value = str(folder.deleted)
        elif key.text == _COMMIT_TIME and folder.items:
            newest = max(item.modified for item in folder.items.values())
            value = markup.stamp(newest)
        else:
            extended_properties.write_stored(parent, key, folder.extended.get(key.text))
            return
        extended_properties.write_stored(parent, key, value)


def get_folder(call: OperationCall) -> Element:
    """GetFolder: the properties of folders."""
    shape = _Shape(markup.need_m(call.element, "FolderShape"))
    folders = call.folders(markup.need_m(call.element, "FolderIds"))

    def job(
        find: Callable[[], tuple[SandboxMailbox, MailboxFolder]],
    ) -> Callable[[Element], None]:
        return lambda good: shape.write(markup.m(good, "Folders"), *find())

    return call.answer(
        [job(find) for find in folders], lambda bad: markup.m(bad, "Folders")
    )


def find_folder(call: OperationCall) -> Element:
    """FindFolder: the folders below others. Restrictions are refused."""
    traversal = markup.need(
        call.element, "Traversal", ("Shallow", "Deep", "SoftDeleted")
    )
    shape = _Shape(markup.need_m(call.element, "FolderShape"))
    folders = call.folders(markup.need_m(call.element, "ParentFolderIds"))

    def job(
        find: Callable[[], tuple[SandboxMailbox, MailboxFolder]],
    ) -> Callable[[Element], None]:
        def write(good: Element) -> None:
            if markup.find_m(call.element, "Restriction") is not None:
                raise EwsError("ErrorUnsupportedPathForQuery")
            mailbox, folder = find()
            found = (
                []
                if traversal == "SoftDeleted"
                else children(mailbox, folder, deep=traversal == "Deep")
            )
            view = markup.find_m(call.element, "IndexedPageFolderView")
            start, count = 0, len(found)
            if view is not None:
                start = markup.need_int(view, "Offset", 0, 1_000_000)
                if view.get("MaxEntriesReturned"):
                    count = markup.need_int(view, "MaxEntriesReturned", 1, 1_000_000)
            root = markup.m(
                good,
                "RootFolder",
                IndexedPagingOffset=str(min(start + count, len(found))),
                TotalItemsInView=str(len(found)),
                IncludesLastItemInRange=markup.as_text(start + count >= len(found)),
            )
            listed = markup.t(root, "Folders")
            for each in found[start : start + count]:
                shape.write(listed, mailbox, each)

        return write

    return call.answer([job(find) for find in folders])


def element_name(folder: MailboxFolder) -> str:
    """Return the element name of a folder by its class."""
    return _ELEMENTS.get(folder.folder_class, "Folder")


def children(
    mailbox: SandboxMailbox, folder: MailboxFolder, *, deep: bool
) -> list[MailboxFolder]:
    """Return the folders below a folder; with `deep`, those below them as well."""
    found = []
    for each in mailbox.folders.values():
        if each.parent == folder.name:
            found.append(each)
            if deep:
                found.extend(children(mailbox, each, deep=True))
    return found


def write_identifier(
    parent: Element, name: str, mailbox: SandboxMailbox, folder: MailboxFolder
) -> None:
    """Add an element with a folder's id and change key."""
    key = mailbox.folder_change_key(folder)
    markup.t(parent, name, Id=folder.id, ChangeKey=key)
