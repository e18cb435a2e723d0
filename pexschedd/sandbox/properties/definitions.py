"""Definitions of properties: the URI, the kinds of items that have it, and its
value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pexschedd.sandbox.items.records import Item, ItemKind, Meeting
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.properties.value_types import ValueType

ALL = frozenset(ItemKind)
MAIL = ALL - {ItemKind.CALENDAR}
MEETING_MAIL = frozenset({ItemKind.REQUEST, ItemKind.CANCELLATION, ItemKind.RESPONSE})
REQUEST = frozenset({ItemKind.REQUEST})
CALENDAR = frozenset({ItemKind.CALENDAR})
FULL = REQUEST | CALENDAR
TIMED = MEETING_MAIL | CALENDAR

Getter = Callable[[Item, SandboxMailbox], Any]


@dataclass(frozen=True)
class ItemProperty:
    """A property of items."""

    uri: str
    kinds: frozenset[ItemKind]
    type: ValueType
    get: Getter
    """None (or an empty list): the item does not have it."""
    default: bool = False
    """The property is part of the Default shape."""
    found: bool = True
    """FindItem returns it as well; GetItem always does."""
    searchable: bool = True

    @property
    def name(self) -> str:
        """The name of the property's element."""
        return self.uri.partition(":")[2]


def from_meeting(read: Callable[[Meeting], Any]) -> Getter:
    """Return a getter that takes the value from the item's meeting, if it has one."""
    return lambda item, _: read(item.meeting) if item.meeting is not None else None


def declare(
    uri: str,
    kinds: frozenset[ItemKind],
    kind: ValueType,
    get: Getter,
    flags: str = "",
) -> ItemProperty:
    """Return a property.

    `flags`: d, part of the Default shape; g, only GetItem returns it; u, unsearchable.
    """
    return ItemProperty(
        uri,
        kinds,
        kind,
        get,
        "d" in flags,
        "g" not in flags,
        "u" not in flags and kind.parse is not None,
    )
