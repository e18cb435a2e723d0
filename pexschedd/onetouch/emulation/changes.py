"""SyncFolderItems: what has changed since a state that the client brings along. Pure.

The state is what the client has been told: the ids of meetings with the change keys
that they had. Nothing is kept here, so a restart changes nothing, and a client that
alters its state deceives itself only.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping

from pexschedd.onetouch.emulation.emulated_room import (
    ID_BYTES,
    KEY_BYTES,
    EmulatedRoom,
    change_key,
)
from pexschedd.onetouch.emulation.folders import CALENDAR, folder_of
from pexschedd.onetouch.emulation.items import read_shape, write_item
from pexschedd.onetouch.emulation.soap import (
    Element,
    ExchangeRefusal,
    SoapCall,
    add_m,
    add_t,
    needed,
    response_messages,
    schema_error,
    text_of,
    whole_number,
    yes_or_no,
)

MOST_CHANGES = 512
_VERSION = b"1"
_ENTRY = ID_BYTES + KEY_BYTES
_MOST_KNOWN = 2_000
"""Meetings in a state; a list has fewer."""


def known_meetings(room: EmulatedRoom) -> dict[str, str]:
    """Return what a client knows that has been told everything: the meetings' change
    keys by their ids."""
    return {id: change_key(meeting) for id, meeting in room.by_id.items()}


def sync_folder_items(call: SoapCall, room: EmulatedRoom) -> Element:
    """Answer SyncFolderItems."""
    shape = read_shape(call.element, is_found=True)
    reference = next(iter(needed(call.element, "SyncFolderId")), None)
    if reference is None:
        raise schema_error("The element 'SyncFolderId' has incomplete content.")
    most = whole_number(
        text_of(call.element, "MaxChangesReturned"), 1, MOST_CHANGES, "MaxChanges"
    )

    def answer(good: Element) -> None:
        is_calendar = folder_of(room, reference) is CALENDAR
        before = _read_state(room, text_of(call.element, "SyncState"))
        told = dict(before)
        now = known_meetings(room) if is_calendar else {}
        gone = [id for id in told if id not in now]
        new = [id for id in now if told.get(id) != now[id]]
        chosen = (gone + new)[:most]
        for id in chosen:
            if id in now:
                told[id] = now[id]
            else:
                del told[id]
        add_m(good, "SyncState", _state(room, told))
        is_last = len(chosen) == len(gone) + len(new)
        add_m(good, "IncludesLastItemInRange", yes_or_no(is_last))
        changes = add_m(good, "Changes")
        for id in chosen:
            if id not in now:
                add_t(add_t(changes, "Delete"), "ItemId", Id=id, ChangeKey=before[id])
                continue
            kind = add_t(changes, "Update" if id in before else "Create")
            write_item(kind, room, room.meeting(id), shape)

    return response_messages("SyncFolderItems", [answer])


def _state(room: EmulatedRoom, told: Mapping[str, str]) -> str:
    entries = b"".join(b64decode(id) + b64decode(key) for id, key in told.items())
    return b64encode(_VERSION + _owner(room) + entries).decode()


def _read_state(room: EmulatedRoom, text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        data = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raise ExchangeRefusal("ErrorInvalidSyncStateData") from None
    head = _VERSION + _owner(room)
    entries = data[len(head) :]
    if (
        not data.startswith(head)
        or len(entries) % _ENTRY
        or len(entries) > _MOST_KNOWN * _ENTRY
    ):
        raise ExchangeRefusal("ErrorInvalidSyncStateData")
    return {
        b64encode(entries[at : at + ID_BYTES]).decode(): b64encode(
            entries[at + ID_BYTES : at + _ENTRY]
        ).decode()
        for at in range(0, len(entries), _ENTRY)
    }


def _owner(room: EmulatedRoom) -> bytes:
    """The room that a state belongs to, as a part of it."""
    return b64decode(room.folder_id("calendar"))
