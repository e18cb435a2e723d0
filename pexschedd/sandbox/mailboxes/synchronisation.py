"""Synchronisation: the changes in a folder since a client last asked.

The state that a client carries says up to which change it knows everything (`known`),
and, while it is still paging, up to which change the pages reach (`until`) and how far
down they have come (`down_to`): the newest changes come first.
"""

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes.mailbox import LogEntry, MailboxChange, MailboxFolder

_MARK = b"SBX1"


@dataclass(frozen=True)
class SyncState:
    """The progress of a client, by numbers of changes."""

    known: int = 0
    until: int = 0
    down_to: int = 0
    """0: not in the middle of paging."""

    def seal(self, folder: MailboxFolder) -> str:
        """Return the state as a text that is opaque to the client and bound to the
        folder."""
        raw = _MARK + struct.pack(">QQQ", self.known, self.until, self.down_to)
        check = _check(raw, folder)
        return base64.b64encode(raw + struct.pack(">I", check)).decode()

    @classmethod
    def unseal(cls, text: str, folder: MailboxFolder) -> "SyncState":
        """Return the state in a sealed text.

        Raises `EwsError` for anything but a state of this folder.
        """
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        body, check = raw[:-4], raw[-4:]
        expected = struct.pack(">I", _check(body, folder))
        if len(body) != len(_MARK) + 24 or check != expected:
            raise EwsError("ErrorInvalidSyncStateData")
        return cls(*struct.unpack(">QQQ", body[len(_MARK) :]))


def _check(raw: bytes, folder: MailboxFolder) -> int:
    return zlib.crc32(raw + folder.id.encode(), folder.moves)


@dataclass(frozen=True)
class ChangePage:
    """A page of changes, and the state of a client that has it."""

    changes: list[tuple[str, str, Item | None]]
    """The change (an element name), the item's id, and the item unless it is gone."""
    state: SyncState
    is_last: bool


def page(folder: MailboxFolder, state: SyncState, limit: int) -> ChangePage:
    """Return the next changes, newest first."""
    paging = state.down_to > 0
    newest = folder.last_change
    until = max(newest, state.until)
    changes: list[tuple[str, str, Item | None]] = []
    last_seen = 0
    for entry in reversed(folder.log):
        if entry.number <= state.known:
            break
        if paging and state.down_to <= entry.number <= state.until:
            continue
        change = _change(folder, entry, state, paging)
        if change is None:
            continue
        if len(changes) == limit:
            # What is above this entry has been given; what comes next time starts
            # here. Changes since the paging began were given first of all.
            return ChangePage(
                changes, SyncState(state.known, until, last_seen), is_last=False
            )
        changes.append(change)
        last_seen = entry.number
    return ChangePage(changes, SyncState(known=until), is_last=True)


def _change(
    folder: MailboxFolder, entry: LogEntry, state: SyncState, paging: bool
) -> tuple[str, str, Item | None] | None:
    if not folder.is_current(entry):
        return None
    if entry.event is MailboxChange.GONE:
        # A client that never saw an item need not learn that it is gone. In the middle
        # of paging it is not known which ones it has seen.
        if entry.entered > state.known and not paging:
            return None
        return ("Delete", entry.item, None)
    item = folder.items[entry.item]
    if entry.event is MailboxChange.READ:
        # Covered by the item's own line, if that is still to come.
        given = paging and state.down_to <= item.change <= state.until
        if item.change > state.known and not given:
            return None
        return ("ReadFlagChange", entry.item, item)
    kind = "Create" if item.entered > state.known else "Update"
    return (kind, entry.item, item)
