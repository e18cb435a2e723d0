"""An equipment mailbox in memory. `test_mailbox_contract.py` holds it to the same
promises as the one that speaks to Exchange."""

from collections.abc import Sequence

from pexschedd.errors import CursorLost
from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    ArrivalPage,
    Outcome,
    OutcomeKind,
    Unreadable,
)


class MemoryInbox:
    """What the server holds; outlives its clients."""

    def __init__(self) -> None:
        self.messages: dict[str, MeetingMessage] = {}
        self.arrivals: list[str] = []
        self.directory: dict[str, str] = {}
        """Primary addresses by address, both in lower case."""
        self.told: list[tuple[str, Action, str]] = []
        """Every answer that took effect: item id, action, body."""
        self.tried: list[tuple[str, Action, str]] = []
        """Every answer that was asked for, whether or not it took effect."""

    def deliver(self, message: MeetingMessage) -> None:
        self.messages[message.ref.item_id] = message
        self.arrivals.append(message.ref.item_id)


class MemoryMailbox:
    """A client of the inbox."""

    def __init__(self, inbox: MemoryInbox, page: int = 512) -> None:
        self.inbox = inbox
        self.page = page
        self.calls: list[str] = []

    async def check(self) -> None:
        self.calls.append("check")

    async def arrivals(self, cursor: str) -> ArrivalPage:
        self.calls.append("changes")
        if cursor and not cursor.isdecimal():
            raise CursorLost("The synchronisation state is not valid.")
        seen = int(cursor or 0)
        new = self.inbox.arrivals[seen : seen + self.page]
        refs = [
            self.inbox.messages[i].ref
            for i in reversed(new)
            if i in self.inbox.messages
        ]
        reached = seen + len(new)
        more = reached < len(self.inbox.arrivals)
        return ArrivalPage(tuple(refs), str(reached), more)

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        self.calls.append("fetch")
        here = self.inbox.messages
        found = [here[ref.item_id] for ref in refs if ref.item_id in here]
        return [*sorted(found, key=lambda message: message.received)]

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        self.calls.append("answer")
        return [self._answer(answer) for answer in answers]

    def _answer(self, answer: Answer) -> Outcome:
        said = (answer.ref.item_id, answer.action, answer.body)
        self.inbox.tried.append(said)
        if self.inbox.messages.pop(answer.ref.item_id, None) is None:
            return Outcome(OutcomeKind.GONE)
        self.inbox.told.append(said)
        return Outcome(OutcomeKind.DONE)

    async def primary_address(self, address: str) -> str:
        self.calls.append("primary_address")
        return self.inbox.directory.get(address.casefold(), "")

    async def close(self) -> None:
        self.calls.append("close")
