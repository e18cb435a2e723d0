"""Extended properties: the ids to ask for, and values as they come back.

Graph names a MAPI property by a text, `Binary {set} Id 0x23` or `String 0x1A`. It is
answered with another spelling, lower-case sets and shorter numbers, so ids are compared
as they are read. Values are texts: binary in base64, times in UTC. What is missing or
makes no sense reads as empty.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from pexschedd.exchange.global_ids import canonical_uid
from pexschedd.exchange.meeting_texts import read_number
from pexschedd.exchange.moments import read_time
from pexschedd.model.recurrence import FIRST_YEAR, LAST_YEAR

_MEETING = "{6ED8DA90-450B-101B-98DA-00AA003F1305}"
_APPOINTMENT = "{00062002-0000-0000-C000-000000000046}"

CLEAN_GLOBAL_ID = f"Binary {_MEETING} Id 0x23"
GLOBAL_ID = f"Binary {_MEETING} Id 0x3"
OWNER_CRITICAL_CHANGE = f"SystemTime {_MEETING} Id 0x1A"
APPOINTMENT_SEQUENCE = f"Integer {_APPOINTMENT} Id 0x8201"
APPOINTMENT_START = f"SystemTime {_APPOINTMENT} Id 0x820D"
APPOINTMENT_END = f"SystemTime {_APPOINTMENT} Id 0x820E"
"""The times as instants, also of whole days, which Graph tells as dates."""
APPOINTMENT_RECUR = f"Binary {_APPOINTMENT} Id 0x8216"
APPOINTMENT_STATE = f"Integer {_APPOINTMENT} Id 0x8217"
EXCEPTION_REPLACE_TIME = f"SystemTime {_APPOINTMENT} Id 0x8228"
ZONE_OF_START = f"Binary {_APPOINTMENT} Id 0x825E"
ZONE_OF_SERIES = f"Binary {_APPOINTMENT} Id 0x8260"
MESSAGE_CLASS = "String 0x1A"
SENDER_ADDRESS = "String 0x5D02"
"""The SMTP address of the one for whom a message was sent."""

STATE_CANCELLED = 4
"""In APPOINTMENT_STATE: the organizer has cancelled the meeting."""

MAX_BINARY = 1 << 20
"""Bytes of a property's value."""

_NAME = "singleValueExtendedProperties"

_ID = re.compile(
    r"[A-Za-z]+\s+(?:\{([0-9A-Fa-f-]{36})\}\s+Id\s+)?0x([0-9A-Fa-f]{1,8})\Z",
    re.ASCII | re.IGNORECASE,
)

_PropertyKey = tuple[str, int]
"""The property set in lower case, "" for a tag; and the number."""


class ExtendedProperty(msgspec.Struct, frozen=True):
    """A property as Graph writes it: its id, and its value as a text."""

    id: str | None = None
    value: str | None = None


class ExtendedProperties:
    """The extended properties of one entity, by the ids that they are asked for by."""

    def __init__(self, entries: Iterable[ExtendedProperty] | None) -> None:
        self._values: dict[_PropertyKey, str] = {}
        for each in entries or ():
            key = _key(each.id or "")
            if key is not None and each.value is not None:
                self._values[key] = each.value.strip()

    def __bool__(self) -> bool:
        return bool(self._values)

    def text(self, identifier: str) -> str:
        """Return a value as it came; empty if there is none."""
        key = _key(identifier)
        return self._values.get(key, "") if key is not None else ""

    def number(self, identifier: str) -> int:
        """Return a number; 0 if there is none."""
        return read_number(self.text(identifier))

    def moment(self, identifier: str) -> datetime | None:
        """Return a time as aware UTC; None if there is none, or for a time outside of
        Exchange's calendar, which stands for none."""
        found = read_time(self.text(identifier))
        if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
            return None
        return found

    def binary(self, identifier: str) -> bytes:
        """Return the bytes of a value; empty if there are none, or too many."""
        text = self.text(identifier)
        if len(text) > MAX_BINARY // 3 * 4:
            return b""
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return b""

    @property
    def uid(self) -> str:
        """The meeting's canonical id, the same in every mailbox; empty if there is
        none."""
        return canonical_uid(self.binary(CLEAN_GLOBAL_ID)) or canonical_uid(
            self.binary(GLOBAL_ID)
        )


def expand_properties(identifiers: Sequence[str]) -> str:
    """Return the item of $expand that asks for these properties."""
    wanted = " or ".join(f"id eq '{each}'" for each in identifiers)
    return f"{_NAME}($filter={wanted})"


class _PartOfEntity(msgspec.Struct, frozen=True):
    id: str | None = None
    properties: tuple[msgspec.Raw, ...] | None = msgspec.field(name=_NAME, default=None)


def merge_properties(parts: Sequence[bytes]) -> bytes:
    """Return the first of several documents of one entity, with the extended properties
    of all.

    Raises ValueError for what is no document, or that of another entity.
    """
    try:
        read = [msgspec.json.decode(each, type=_PartOfEntity) for each in parts]
        whole = msgspec.json.decode(parts[0], type=dict[str, msgspec.Raw])
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None
    if len({each.id for each in read}) != 1:
        raise ValueError("the parts of an entity have different ids")
    properties = [one for each in read for one in each.properties or ()]
    whole[_NAME] = msgspec.Raw(msgspec.json.encode(properties))
    return msgspec.json.encode(whole)


def _key(identifier: str) -> _PropertyKey | None:
    match = _ID.match(identifier)
    if match is None:
        return None
    return (match[1] or "").lower(), int(match[2], 16)
