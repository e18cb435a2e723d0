"""What a property of items is: its URI, who has it, where the value comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.model import Item, ItemKind, Meeting
from pexschedd.sandbox.values import Type

ALL = frozenset(ItemKind)
MAIL = ALL - {ItemKind.CALENDAR}
MEETING_MAIL = frozenset({ItemKind.REQUEST, ItemKind.CANCELLATION, ItemKind.RESPONSE})
REQUEST = frozenset({ItemKind.REQUEST})
CALENDAR = frozenset({ItemKind.CALENDAR})
FULL = REQUEST | CALENDAR
TIMED = MEETING_MAIL | CALENDAR

Getter = Callable[[Item, SandboxMailbox], Any]


@dataclass(frozen=True)
class Property:
    uri: str
    kinds: frozenset[ItemKind]
    type: Type
    get: Getter
    """None (or an empty list): the item does not have it."""
    default: bool = False
    """Part of the Default shape."""
    found: bool = True
    """FindItem can give it, too; GetItem always can."""
    searchable: bool = True

    @property
    def name(self) -> str:
        """The element's."""
        return self.uri.partition(":")[2]


def of(read: Callable[[Meeting], Any]) -> Getter:
    """Takes the value from the item's meeting, if it has one."""
    return lambda item, _: read(item.meeting) if item.meeting is not None else None


def declare(
    uri: str,
    kinds: frozenset[ItemKind],
    kind: Type,
    get: Getter,
    flags: str = "",
) -> Property:
    """`flags`: d default shape, g only GetItem gives it, u unsearchable."""
    return Property(
        uri,
        kinds,
        kind,
        get,
        "d" in flags,
        "g" not in flags,
        "u" not in flags and kind.parse is not None,
    )
