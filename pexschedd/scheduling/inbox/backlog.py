"""What has arrived and waits to be decided about: who is next. Pure.

A backlog can be long: everything that was sent while the daemon was stopped. Somebody
who sends a meeting now should not wait until it is worked off, so what arrives during
that time goes first. But the messages about one meeting are decided about in the order
in which they arrived: one that is about a meeting with older messages waiting waits
behind them.
"""

from collections import Counter, deque
from collections.abc import Sequence

from pexschedd.model.meeting import MessageRef


class Backlog:
    def __init__(self) -> None:
        self._urgent: deque[MessageRef] = deque()
        self._waiting: deque[MessageRef] = deque()
        self._meetings: Counter[str] = Counter()
        """How many of those in `_waiting` are about each meeting."""
        self._ids: set[str] = set()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._waiting)

    def add(self, refs: Sequence[MessageRef]) -> None:
        """Takes messages in, oldest first; none twice."""
        behind = bool(self._waiting)
        for ref in refs:
            if ref.item_id in self._ids:
                continue
            self._ids.add(ref.item_id)
            # Of which meeting it is may be unknown: then it could be any.
            known = bool(ref.meeting)
            if behind and known and not self._meetings[ref.meeting]:
                self._urgent.append(ref)
            else:
                self._waiting.append(ref)
                self._meetings[ref.meeting] += 1

    def take(self, most: int) -> list[MessageRef]:
        """The next ones."""
        taken: list[MessageRef] = []
        while len(taken) < most and self:
            if self._urgent:
                ref = self._urgent.popleft()
            else:
                ref = self._waiting.popleft()
                self._meetings[ref.meeting] -= 1
                if not self._meetings[ref.meeting]:
                    del self._meetings[ref.meeting]
            self._ids.discard(ref.item_id)
            taken.append(ref)
        return taken

    def clear(self) -> None:
        self._urgent.clear()
        self._waiting.clear()
        self._meetings.clear()
        self._ids.clear()
