"""Changes in a mailbox as subscribers hear of them, one event for each."""

from dataclasses import dataclass
from enum import StrEnum


class EventType(StrEnum):
    """The kinds of events that a client may subscribe to, by their element names."""

    COPIED = "CopiedEvent"
    CREATED = "CreatedEvent"
    DELETED = "DeletedEvent"
    MODIFIED = "ModifiedEvent"
    MOVED = "MovedEvent"
    NEW_MAIL = "NewMailEvent"
    FREE_BUSY = "FreeBusyChangedEvent"


@dataclass(frozen=True)
class FolderEvent:
    """One change of an item in a folder, or of the folder itself."""

    type: EventType
    folder: str
    """The distinguished name of the folder."""
    item: str = ""
    """The id of the item; "" if the folder itself has changed."""
    key: str = ""
    """The change key of the item."""
    old_item: str = ""
    """The id of the item before it was moved."""
    old_folder: str = ""
    """The distinguished name of the folder that the item was moved from."""
    birth: int = 0
    """The number of the change by which the item came into its mailbox."""

    def concerns(self, folders: frozenset[str] | None) -> bool:
        """Return whether this happened in one of the folders; None stands for all."""
        return folders is None or self.folder in folders or self.old_folder in folders
