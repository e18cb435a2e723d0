"""The folders of the emulated mailbox, and GetFolder and FindFolder. Pure.

There are four: the two roots, an inbox without anything in it, by which some clients
try a server out, and the calendar. All can be read, and nothing can be changed.
"""

from functools import partial

import msgspec

from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.soap import (
    Element,
    ExchangeRefusal,
    SoapCall,
    add_m,
    add_t,
    child,
    children,
    listed,
    local_name,
    needed,
    response_messages,
    text_of,
    yes_or_no,
)

MOST_FOLDERS = 50
"""Folders that one request may name."""


class EmulatedFolder(msgspec.Struct, frozen=True):
    """A folder of the mailbox."""

    name: str
    """Its distinguished name."""
    shown: str
    folder_class: str
    parent: str
    """The distinguished name of the folder that it is in; a root is in itself."""


FOLDERS = {
    each.name: each
    for each in (
        EmulatedFolder("root", "Root", "", "root"),
        EmulatedFolder("msgfolderroot", "Top of Information Store", "IPF", "root"),
        EmulatedFolder("inbox", "Inbox", "IPF.Note", "msgfolderroot"),
        EmulatedFolder("calendar", "Calendar", "IPF.Appointment", "msgfolderroot"),
    )
}
CALENDAR = FOLDERS["calendar"]


def folder_of(room: EmulatedRoom, reference: Element) -> EmulatedFolder:
    """Return the folder that an element names; raises `ExchangeRefusal` for one of
    another mailbox, and for one that is not there."""
    if local_name(reference) == "DistinguishedFolderId":
        address = text_of(reference, "Mailbox", "EmailAddress")
        if child(reference, "Mailbox") is not None and not room.is_own(address):
            raise ExchangeRefusal("ErrorAccessDenied")
        found = FOLDERS.get(reference.get("Id", ""))
    else:
        id = reference.get("Id", "")
        found = next(
            (f for f in FOLDERS.values() if room.folder_id(f.name) == id), None
        )
    if found is None:
        raise ExchangeRefusal("ErrorFolderNotFound")
    return found


def get_folder(call: SoapCall, room: EmulatedRoom) -> Element:
    """Answer GetFolder: a message for each folder."""
    wanted = _wanted(call.element)

    def answer(reference: Element, good: Element) -> None:
        folder = folder_of(room, reference)
        _write_folder(add_m(good, "Folders"), room, folder, wanted)

    references = listed(call.element, "FolderIds", MOST_FOLDERS)
    return response_messages(
        "GetFolder", [partial(answer, each) for each in references], "Folders"
    )


def find_folder(call: SoapCall, room: EmulatedRoom) -> Element:
    """Answer FindFolder: the folders below each, without any view or restriction."""
    is_deep = call.element.get("Traversal") == "Deep"
    wanted = _wanted(call.element)

    def answer(reference: Element, good: Element) -> None:
        parent = folder_of(room, reference).name
        found = [f for f in FOLDERS.values() if _is_below(f, parent, is_deep=is_deep)]
        count = str(len(found))
        root = add_m(
            good,
            "RootFolder",
            IndexedPagingOffset=count,
            TotalItemsInView=count,
            IncludesLastItemInRange="true",
        )
        folders = add_t(root, "Folders")
        for folder in found:
            _write_folder(folders, room, folder, wanted)

    references = listed(call.element, "ParentFolderIds", MOST_FOLDERS)
    return response_messages(
        "FindFolder", [partial(answer, each) for each in references]
    )


def _is_below(folder: EmulatedFolder, parent: str, *, is_deep: bool) -> bool:
    if folder.name == "root":
        return False
    return folder.parent == parent or (is_deep and parent == "root")


def _wanted(operation: Element) -> frozenset[str] | None:
    """The properties that are asked for besides the id; None for all of them."""
    shape = needed(operation, "FolderShape")
    if text_of(shape, "BaseShape") != "IdOnly":
        return None
    more = children(child(shape, "AdditionalProperties"))
    return frozenset(each.get("FieldURI", "") for each in more)


def _write_folder(
    parent: Element,
    room: EmulatedRoom,
    folder: EmulatedFolder,
    wanted: frozenset[str] | None,
) -> None:
    is_calendar = folder is CALENDAR
    element = add_t(parent, "CalendarFolder" if is_calendar else "Folder")
    write_folder_id(element, "FolderId", room, folder.name)
    if _has(wanted, "folder:ParentFolderId"):
        write_folder_id(element, "ParentFolderId", room, folder.parent)
    if folder.folder_class and _has(wanted, "folder:FolderClass"):
        add_t(element, "FolderClass", folder.folder_class)
    if _has(wanted, "folder:DisplayName"):
        add_t(element, "DisplayName", folder.shown)
    if _has(wanted, "folder:TotalCount"):
        add_t(element, "TotalCount", str(len(room.meetings) if is_calendar else 0))
    if _has(wanted, "folder:ChildFolderCount"):
        inside = (f for f in FOLDERS.values() if f.parent == folder.name)
        add_t(element, "ChildFolderCount", str(sum(f is not folder for f in inside)))
    if _has(wanted, "folder:EffectiveRights"):
        rights = add_t(element, "EffectiveRights")
        for name in _RIGHTS:
            add_t(rights, name, yes_or_no(name == "Read"))
    if _has(wanted, "folder:DistinguishedFolderId"):
        add_t(element, "DistinguishedFolderId", folder.name)
    if not is_calendar and _has(wanted, "folder:UnreadCount"):
        add_t(element, "UnreadCount", "0")


def _has(wanted: frozenset[str] | None, uri: str) -> bool:
    return wanted is None or uri in wanted


_RIGHTS = (
    *("CreateAssociated", "CreateContents", "CreateHierarchy"),
    *("Delete", "Modify", "Read", "ViewPrivateItems"),
)


def write_folder_id(
    parent: Element, name: str, room: EmulatedRoom, folder: str
) -> None:
    """Add the id of a folder under the given element name."""
    add_t(parent, name, Id=room.folder_id(folder), ChangeKey="AQAAAA==")
