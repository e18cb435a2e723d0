"""Mail folders by their names and ids, and as JSON."""

from typing import Any

from pexschedd.sandbox.graph.entities import item_ids
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.mailboxes.mailbox import MailboxFolder, SandboxMailbox

SHOWN = ("inbox", "deleteditems", "drafts", "sentitems", "junkemail", "outbox")
"""The folders of mail that a client sees, by their well-known names."""
ALL = (*SHOWN, "recoverableitemsdeletions")
"""The folders that messages may lie in: those, and where deleted ones go to."""


def named(mailbox: SandboxMailbox, text: str) -> MailboxFolder:
    """Return a folder by its id or well-known name. Raises `GraphError`."""
    name = text.lower()
    if name in (*ALL, "msgfolderroot"):
        return mailbox.folders[name]
    for folder in mailbox.folders.values():
        if item_ids.folder_id(folder) == text:
            return folder
    raise GraphError(
        "ErrorItemNotFound" if item_ids.is_id(text) else "ErrorInvalidIdMalformed"
    )


def written(folder: MailboxFolder) -> dict[str, Any]:
    """Return a folder as JSON."""
    return {
        "id": item_ids.folder_id(folder),
        "displayName": folder.display_name,
        "parentFolderId": None,
        "childFolderCount": 0,
        "unreadItemCount": folder.unread,
        "totalItemCount": len(folder.items),
        "isHidden": False,
    }
