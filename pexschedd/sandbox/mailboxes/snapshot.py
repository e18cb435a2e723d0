"""Snapshots: the state of all mailboxes as a JSON document."""

from typing import Self

import msgspec

from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes.accounts import Account
from pexschedd.sandbox.mailboxes.mailbox import LogEntry, SandboxMailbox


class MailboxState(msgspec.Struct):
    """The state of one mailbox."""

    guid: str
    items: list[Item]
    logs: dict[str, list[LogEntry]]
    deleted: dict[str, int]
    extended: dict[str, dict[str, str | list[str]]] = {}
    """The extended properties of folders, by name."""
    moves: int = 0

    @classmethod
    def of(cls, mailbox: SandboxMailbox) -> Self:
        """Return the state of a mailbox."""
        folders = mailbox.folders.items()
        return cls(
            guid=mailbox.guid,
            moves=mailbox.folders["inbox"].moves,
            items=list(mailbox.all_items()),
            logs={name: folder.log for name, folder in folders if folder.log},
            deleted={name: folder.deleted for name, folder in folders},
            extended={
                name: folder.extended for name, folder in folders if folder.extended
            },
        )

    def fill(self, mailbox: SandboxMailbox) -> None:
        """Put the state into an empty mailbox."""
        for item in self.items:
            mailbox.restore(item)
        mailbox.moved(self.moves)
        for name, log in self.logs.items():
            mailbox.folders[name].log = log
        for name, count in self.deleted.items():
            mailbox.folders[name].deleted = count
        for name, properties in self.extended.items():
            mailbox.folders[name].extended = properties


class SandboxState(msgspec.Struct):
    """The state of all mailboxes, and of what belongs to the server."""

    number: int
    """The number of the last change."""
    accounts: list[Account]
    mailboxes: list[MailboxState]
    """In the order of the accounts."""
    certificate: bytes | None
    """PEM, with the private key; None if it was never needed."""
    held: dict[str, list[Item]] = {}
    """Messages held back, by the GUID of the mailbox they are for."""

    def encode(self) -> bytes:
        """Return the JSON document."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the state in a JSON document. Raises ValueError."""
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError as error:
            raise ValueError(f"no snapshot of the sandbox: {error}") from None
