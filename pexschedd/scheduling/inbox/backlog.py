"""The order in which messages that have arrived are decided about. Pure.

A backlog can be long: everything that was sent while the daemon was stopped. A meeting
that is sent now should not wait until it is worked off, so messages that arrive during
that time go first. But messages about one meeting are decided about in the order in
which they arrived: a new one waits behind older ones about the same meeting.
"""

from collections import Counter, deque
from collections.abc import Sequence

from pexschedd.model.meeting import MessageRef


class Backlog:
    """A queue of messages, with newcomers first."""

    def __init__(self) -> None:
        self._urgent: deque[MessageRef] = deque()
        self._waiting: deque[MessageRef] = deque()
        self._meetings: Counter[str] = Counter()
        """The number of messages in `_waiting` about each meeting."""
        self._ids: set[str] = set()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._waiting)

    def add(self, refs: Sequence[MessageRef]) -> None:
        """Add messages, oldest first; those already in the queue are ignored."""
        behind = bool(self._waiting)
        for ref in refs:
            if ref.item_id in self._ids:
                continue
            self._ids.add(ref.item_id)
            # The meeting may be unknown: then it could be any of those that wait.
            known = bool(ref.uid)
            if behind and known and not self._meetings[ref.uid]:
                self._urgent.append(ref)
            else:
                self._waiting.append(ref)
                self._meetings[ref.uid] += 1

    def take(self, most: int) -> list[MessageRef]:
        """Remove and return the next messages, at most `most`."""
        taken: list[MessageRef] = []
        while len(taken) < most and self:
            if self._urgent:
                ref = self._urgent.popleft()
            else:
                ref = self._waiting.popleft()
                self._meetings[ref.uid] -= 1
                if not self._meetings[ref.uid]:
                    del self._meetings[ref.uid]
            self._ids.discard(ref.item_id)
            taken.append(ref)
        return taken

    def clear(self) -> None:
        """Forget all messages."""
        self._urgent.clear()
        self._waiting.clear()
        self._meetings.clear()
        self._ids.clear()
