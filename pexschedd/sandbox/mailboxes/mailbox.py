"""A mailbox: its folders, their items, and the log of changes.

Every change gets a number that only rises. A folder's log holds (number, event, id) in
that order; synchronisation walks it from its end, so a page costs what it returns and
not what the folder holds.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec

from pexschedd.sandbox.items import ids, series
from pexschedd.sandbox.items.records import Item, ItemKind, Meeting
from pexschedd.sandbox.mailboxes.accounts import Account
from pexschedd.sandbox.mailboxes.folder_events import EventType, FolderEvent

FOLDERS: dict[str, tuple[str, str, str]] = {
    # distinguished name: (display name, class, parent)
    "root": ("", "", ""),
    "msgfolderroot": ("Top of Information Store", "IPF.Note", "root"),
    "recoverableitemsroot": ("Recoverable Items", "", "root"),
    "recoverableitemsdeletions": ("Deletions", "", "recoverableitemsroot"),
    "calendar": ("Calendar", "IPF.Appointment", "msgfolderroot"),
    "contacts": ("Contacts", "IPF.Contact", "msgfolderroot"),
    "deleteditems": ("Deleted Items", "IPF.Note", "msgfolderroot"),
    "drafts": ("Drafts", "IPF.Note", "msgfolderroot"),
    "inbox": ("Inbox", "IPF.Note", "msgfolderroot"),
    "journal": ("Journal", "IPF.Journal", "msgfolderroot"),
    "junkemail": ("Junk Email", "IPF.Note", "msgfolderroot"),
    "notes": ("Notes", "IPF.StickyNote", "msgfolderroot"),
    "outbox": ("Outbox", "IPF.Note", "msgfolderroot"),
    "sentitems": ("Sent Items", "IPF.Note", "msgfolderroot"),
    "tasks": ("Tasks", "IPF.Task", "msgfolderroot"),
}
_NUMBERS = {name: number for number, name in enumerate(FOLDERS, start=1)}
_KINDS = {kind: number for number, kind in enumerate(ItemKind, start=9)}


class MailboxChange(StrEnum):
    """The kinds of changes in a folder's log."""

    CHANGED = "c"
    """The item came in or was changed; its own numbers say which."""
    READ = "r"
    GONE = "g"


class LogEntry(msgspec.Struct, frozen=True, array_like=True):
    """A line of a folder's log."""

    number: int
    event: MailboxChange
    item: str
    entered: int
    """The number of the change by which the item came into the folder."""
    birth: int = 0
    """The number of the change by which the item came into the mailbox."""


class MailboxFolder:
    """One folder: its items in the order they came in, and its log."""

    def __init__(self, folder_id: str, name: str) -> None:
        self.id = folder_id
        self.name = name
        self.display_name, self.folder_class, self.parent = FOLDERS[name]
        self.items: dict[str, Item] = {}
        self.log: list[LogEntry] = []
        self._compact_at = 1000
        self.moves = 0
        """The number of moves of the mailbox; sync states do not survive one."""
        self.extended: dict[str, str | list[str]] = {}
        """Extended properties that clients have set."""
        self.change = 0
        """The number of the last change of the folder itself."""
        self.deleted = 0
        """The number of items that were ever taken out."""
        self.views: dict[object, list[Item]] = {}
        """Sorted and filtered lists that were asked for; void after any change."""

    @property
    def unread(self) -> int:
        """The number of unread items."""
        return sum(not item.is_read for item in self.items.values())

    @property
    def last_change(self) -> int:
        """The number of the last change in the log, 0 if there is none."""
        return self.log[-1].number if self.log else 0

    def record(self, number: int, event: MailboxChange, item: Item) -> None:
        """Add a line about an item to the log."""
        entry = LogEntry(number, event, item.id, item.entered, item.birth)
        self.log.append(entry)
        self.views.clear()
        if len(self.log) > self._compact_at:
            self._compact()

    def is_current(self, entry: LogEntry) -> bool:
        """Return False if a later line of the log says more about the same item."""
        item = self.items.get(entry.item)
        if entry.event is MailboxChange.GONE:
            return item is None
        if item is None:
            return False
        if entry.event is MailboxChange.READ:
            return item.read_change == entry.number
        return item.change == entry.number

    def _compact(self) -> None:
        # Lines about deleted items stay: a client may still have an older state.
        self.log = [entry for entry in self.log if self.is_current(entry)]
        self._compact_at = max(1000, 2 * len(self.log))


class SandboxMailbox:
    """One account's mailbox. Changes go through the methods, so that the log is right.

    `number` returns the next change number, which belongs to the whole server.
    """

    def __init__(self, account: Account, guid: str, number: Callable[[], int]) -> None:
        self.account = account
        self.guid = guid
        self._number = number
        self.folders = {
            name: MailboxFolder(ids.folder_id(guid, count), name)
            for name, count in _NUMBERS.items()
        }
        self._names_by_id = {f.id: name for name, f in self.folders.items()}
        self._where: dict[str, MailboxFolder] = {}
        self._born: dict[int, Item] = {}
        self._meetings: dict[bytes, list[Item]] = {}
        self._watchers: list[Callable[[FolderEvent], object]] = []

    def __repr__(self) -> str:
        return f"<Mailbox {self.account.address}>"

    @property
    def address(self) -> str:
        """The primary address."""
        return self.account.address

    def folder_with_id(self, folder_id: str) -> MailboxFolder | None:
        """Return the folder with this id, if there is one."""
        name = self._names_by_id.get(folder_id)
        return None if name is None else self.folders[name]

    def items(self, folder: str) -> list[Item]:
        """Return the items of the folder with this distinguished name, oldest first."""
        return list(self.folders[folder].items.values())

    def inbox(self) -> list[Item]:
        """Return the items of the inbox, newest first."""
        newest_first = list(reversed(self.folders["inbox"].items.values()))
        newest_first.sort(key=lambda item: item.received, reverse=True)
        return newest_first

    def calendar(self) -> list[Item]:
        """Return the calendar items, by start."""
        return sorted(self.folders["calendar"].items.values(), key=_start)

    def all_items(self) -> Iterator[Item]:
        """Return the items of all folders."""
        for folder in self.folders.values():
            yield from folder.items.values()

    def get(self, item_id: str) -> Item | None:
        """Return the item, or the occurrence of a series, with this id."""
        folder = self._where.get(item_id)
        if folder is not None:
            return folder.items[item_id]
        found = ids.occurrence_of(item_id)
        master = self._master(item_id)
        if found is None or master is None:
            return None
        return series.occurrence(master, found[1])

    def born(self, birth: int) -> Item | None:
        """Return the item that came into the mailbox by the change with this number,
        wherever it lies now."""
        return self._born.get(birth)

    def meeting(self, goid: bytes) -> Item | None:
        """Return the calendar item of the meeting with this clean global object id: the
        series rather than a single occurrence that is there by itself."""
        items = self._meetings.get(goid, ())
        for item in items:
            if item.meeting is not None and item.meeting.recurrence_id is None:
                return item
        return items[0] if items else None

    def entry(self, meeting: Meeting) -> Item | None:
        """Return the calendar item that a message about a meeting is about: the
        occurrence, if it is about one."""
        found = self.meeting(meeting.goid)
        original = meeting.recurrence_id
        if original is not None and found is not None and series.is_series(found):
            return series.occurrence(found, original)
        for item in self._meetings.get(meeting.goid, ()):
            if item.meeting is not None and item.meeting.recurrence_id == original:
                return item
        return None

    def master(self, goid: bytes) -> Item | None:
        """Return the series with this clean global object id."""
        found = self.meeting(goid)
        return found if series.is_series(found) else None

    def master_of(self, item: Item) -> Item | None:
        """Return the series that an occurrence's item belongs to; None for other
        items."""
        return self._master(item.id)

    def meetings(self, goid: bytes) -> list[Item]:
        """Return all calendar items with this clean global object id."""
        return list(self._meetings.get(goid, ()))

    def watch(self, callback: Callable[[FolderEvent], object]) -> Callable[[], None]:
        """Have `callback` called with each event; return a function that ends that."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    def add(self, item: Item, folder: str, *, new_mail: bool = False) -> Item:
        """Put an item that is in no folder into one, under a new id.

        `new_mail` says that it was sent to this mailbox. Returns the item.
        """
        item.birth = 0
        self._put(item, folder)
        self._tell(EventType.CREATED, item)
        if new_mail:
            self._tell(EventType.NEW_MAIL, item)
        self._tell_of_folder(folder)
        return item

    def _put(self, item: Item, folder: str) -> None:
        number = self._number()
        item.id = ids.item_id(self.guid, number)
        item.mailbox = self.guid
        item.folder = folder
        item.change = item.entered = number
        item.birth = item.birth or number
        self._born[item.birth] = item
        target = self.folders[folder]
        target.items[item.id] = item
        self._where[item.id] = target
        self._index(item)
        target.record(number, MailboxChange.CHANGED, item)

    def changed(self, item: Item) -> Item:
        """Record that an item's properties have changed. Returns the item.

        A changed occurrence is an exception of its series from then on.
        """
        master = self._master(item.id)
        if master is not None:
            series.put(master, item)
            self.changed(master)
            item.change = master.change
            return item
        item.change = self._number()
        self.folders[item.folder].record(item.change, MailboxChange.CHANGED, item)
        self._tell(EventType.MODIFIED, item)
        return item

    def mark_read(self, item: Item, is_read: bool = True) -> Item:
        """Mark an item as read or unread. Returns the item."""
        if item.is_read != is_read:
            item.is_read = is_read
            item.read_change = self._number()
            self.folders[item.folder].record(item.read_change, MailboxChange.READ, item)
            self._tell(EventType.MODIFIED, item)
            self._tell_of_folder(item.folder)
        return item

    def remove(self, item: Item) -> None:
        """Delete an item for good, or an occurrence from its series; with its last
        occurrence the series goes as well."""
        master, found = self._master(item.id), ids.occurrence_of(item.id)
        if master is not None and found is not None:
            series.drop(master, found[1])
            self.changed(master)
            if series.first(series.meeting_of(master)) is None:
                self.remove(master)
            return
        self._take(item)
        self._tell(EventType.DELETED, item)
        self._tell_of_folder(item.folder)

    def _take(self, item: Item) -> None:
        folder = self.folders[item.folder]
        del folder.items[item.id], self._where[item.id], self._born[item.birth]
        if item.folder == "calendar" and item.meeting is not None:
            items = self._meetings[item.meeting.goid]
            items.remove(item)
            if not items:
                del self._meetings[item.meeting.goid]
        folder.deleted += 1
        folder.record(self._number(), MailboxChange.GONE, item)

    def move(self, item: Item, folder: str) -> Item:
        """Move an item to another folder, which gives it another id. Returns the
        item."""
        if self._master(item.id) is not None:
            self.remove(item)
            return self.add(item, folder)
        old_item, old_folder = item.id, item.folder
        self._take(item)
        self._put(item, folder)
        self._tell(EventType.MOVED, item, old_item, old_folder)
        self._tell_of_folder(old_folder)
        self._tell_of_folder(folder)
        return item

    def change_key(self, item: Item) -> str:
        """Return the change key of an item."""
        newest = max(item.change, item.read_change)
        return ids.change_key(_KINDS[item.kind], self.guid, newest)

    def folder_change_key(self, folder: MailboxFolder) -> str:
        """Return the change key of a folder."""
        newest = max(folder.last_change, folder.change)
        return ids.change_key(1, self.guid, newest)

    def change_folder(
        self, folder: MailboxFolder, extended: dict[str, str | list[str]]
    ) -> None:
        """Give a folder other extended properties."""
        folder.extended = extended
        folder.change = self._number()
        self._tell_of_folder(folder.name)

    def moved(self, times: int = 1) -> None:
        """Note that the mailbox lies on another server now: sync states become
        invalid."""
        for folder in self.folders.values():
            folder.moves += times

    def restore(self, item: Item) -> None:
        """Put an item of a snapshot where it was, as it was."""
        folder = self.folders[item.folder]
        # Snapshots were once written without it.
        item.birth = item.birth or item.entered
        folder.items[item.id] = item
        self._where[item.id] = folder
        self._born[item.birth] = item
        self._index(item)

    def _master(self, item_id: str) -> Item | None:
        """Return the series of the occurrence that an id names."""
        if item_id in self._where:
            return None
        found = ids.occurrence_of(item_id)
        folder = self._where.get(found[0]) if found is not None else None
        if found is None or folder is None:
            return None
        master = folder.items[found[0]]
        return master if series.is_series(master) else None

    def _tell(
        self, event: EventType, item: Item, old_item: str = "", old_folder: str = ""
    ) -> None:
        if self._watchers:
            key = self.change_key(item)
            self._tell_all(
                FolderEvent(
                    event,
                    item.folder,
                    item.id,
                    key,
                    old_item,
                    old_folder,
                    item.birth,
                )
            )

    def _tell_of_folder(self, folder: str) -> None:
        """Tell subscribers that the counts of a folder have changed."""
        self._tell_all(FolderEvent(EventType.MODIFIED, folder))

    def _tell_all(self, event: FolderEvent) -> None:
        for watcher in list(self._watchers):
            watcher(event)

    def _index(self, item: Item) -> None:
        if item.folder == "calendar" and item.meeting is not None:
            self._meetings.setdefault(item.meeting.goid, []).append(item)


def _start(item: Item) -> float:
    return item.meeting.start.timestamp() if item.meeting is not None else 0.0
