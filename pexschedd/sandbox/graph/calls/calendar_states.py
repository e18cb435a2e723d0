"""States of calendar views that clients know: what they were told, and what is next."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True)
class CalendarState:
    """A view of a calendar at one time, and the way there from the one before."""

    known: dict[str, str]
    """The ETags of the events, by immutable id."""
    changes: tuple[str, ...]
    """The immutable ids of those that are new, changed or gone."""
    gone: dict[str, str]
    """The default ids of those that are gone, by immutable id."""
    names: dict[str, str]
    """The default ids of those that are known, by immutable id."""


class CalendarStates:
    """The states of all mailboxes: of each only the last ones."""

    def __init__(self) -> None:
        self._states: dict[str, OrderedDict[int, CalendarState]] = {}
        self._number = 0

    def keep(self, mailbox: str, state: CalendarState, most: int) -> int:
        """Keep a state of the mailbox with this GUID, and drop the oldest beyond
        `most`. Returns its number."""
        self._number += 1
        kept = self._states.setdefault(mailbox, OrderedDict())
        kept[self._number] = state
        while len(kept) > most:
            kept.popitem(last=False)
        return self._number

    def find(self, mailbox: str, number: int) -> CalendarState | None:
        """Return a state, unless it was dropped."""
        kept = self._states.get(mailbox)
        if kept is None or number not in kept:
            return None
        kept.move_to_end(number)
        return kept[number]
