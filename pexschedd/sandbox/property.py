"""What a property of items is: its URI, who has it, where the value comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pexschedd.sandbox.mailbox import Mailbox
from pexschedd.sandbox.model import Item, Kind, Meeting
from pexschedd.sandbox.values import Type

ALL = frozenset(Kind)
MAIL = ALL - {Kind.CALENDAR}
MEETING_MAIL = frozenset({Kind.REQUEST, Kind.CANCELLATION, Kind.RESPONSE})
REQUEST = frozenset({Kind.REQUEST})
CALENDAR = frozenset({Kind.CALENDAR})
FULL = REQUEST | CALENDAR
TIMED = MEETING_MAIL | CALENDAR

Getter = Callable[[Item, Mailbox], Any]


@dataclass(frozen=True)
class Property:
    uri: str
    kinds: frozenset[Kind]
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
    kinds: frozenset[Kind],
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
