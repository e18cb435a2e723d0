"""The mailbox of one room as its screen sees it, and the ids of what is in it. Pure.

Ids are hashes of what they stand for, with the room's address in them. They tell a
client nothing, stay the same over a restart, and are looked up among the room's own
meetings only: an id of another room is just one that is not there.
"""

import re
from base64 import b64encode
from datetime import datetime
from functools import cached_property
from hashlib import sha256

import msgspec

from pexschedd.onetouch.emulation.soap import ExchangeRefusal
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting

ID_BYTES = 18
_ID = re.compile(r"[A-Za-z0-9+/]{24}")
KEY_BYTES = 6


class EmulatedRoom(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All that the emulated Exchange tells a client: one room."""

    email: str
    """The room's address, in lower case."""
    name: str
    meetings: tuple[ScreenMeeting, ...]
    """The screen's list, in the order of the starts."""
    now: datetime

    @cached_property
    def by_id(self) -> dict[str, ScreenMeeting]:
        """The meetings by the ids that clients know them by."""
        return {self.id_of(meeting): meeting for meeting in self.meetings}

    def id_of(self, meeting: ScreenMeeting) -> str:
        """Return a meeting's id: it says nothing about the one in Exchange."""
        return _opaque("item", self.email, meeting.item_id)

    def folder_id(self, folder: str) -> str:
        """Return the id of a folder by its distinguished name."""
        return _opaque("folder", self.email, folder)

    def meeting(self, id: str) -> ScreenMeeting:
        """Return a meeting by its id; raises `ExchangeRefusal`."""
        found = self.by_id.get(id)
        if found is not None:
            return found
        raise ExchangeRefusal(
            "ErrorItemNotFound" if _ID.fullmatch(id) else "ErrorInvalidIdMalformed"
        )

    def is_own(self, address: str) -> bool:
        """Return whether an address is the room's, in upper or lower case."""
        plain = address.strip()
        if plain[:5].casefold() == "smtp:":
            plain = plain[5:]
        return plain.casefold() == self.email.casefold()


def change_key(meeting: ScreenMeeting) -> str:
    """Return a meeting's change key: another one if anything about it is other."""
    digest = sha256(msgspec.json.encode(meeting)).digest()
    return b64encode(digest[:KEY_BYTES]).decode()


def meeting_uid(room: EmulatedRoom, meeting: ScreenMeeting) -> str:
    """Return the meeting's UID, which is not the organizer's."""
    text = f"uid\0{room.email}\0{meeting.item_id}"
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:40].upper()


def _opaque(kind: str, room: str, what: str) -> str:
    digest = sha256(f"{kind}\0{room}\0{what}".encode("utf-8", "replace")).digest()
    return b64encode(digest[:ID_BYTES]).decode()
