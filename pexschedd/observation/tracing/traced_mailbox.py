"""A mailbox whose reading is traced."""

from collections.abc import Sequence

from pexschedd.model.meeting import MeetingMessage, MessageRef
from pexschedd.observation.tracing.inbox_tracer import InboxTracer
from pexschedd.scheduling.ports.mailbox import (
    Answer,
    ArrivalPage,
    Mailbox,
    Outcome,
    Unreadable,
)


class TracedMailbox:
    """The `Mailbox` that it is given. Answers are traced where they are recorded."""

    def __init__(self, mailbox: Mailbox, tracer: InboxTracer) -> None:
        self._mailbox = mailbox
        self._tracer = tracer

    async def check(self) -> None:
        """Sign in and open the inbox."""
        await self._mailbox.check()

    async def arrivals(self, cursor: str) -> ArrivalPage:
        """Return a page of messages that have arrived since `cursor`."""
        with self._tracer.listing():
            return await self._mailbox.arrivals(cursor)

    async def fetch(
        self, refs: Sequence[MessageRef]
    ) -> list[MeetingMessage | Unreadable]:
        """Return the messages, oldest first."""
        with self._tracer.reading(refs):
            return await self._mailbox.fetch(refs)

    async def answer(self, answers: Sequence[Answer]) -> list[Outcome]:
        """Give answers; return one outcome for each."""
        return await self._mailbox.answer(answers)

    async def primary_address(self, address: str) -> str:
        """The primary SMTP address of the mailbox that has this address."""
        return await self._mailbox.primary_address(address)

    async def close(self) -> None:
        """Close all connections."""
        await self._mailbox.close()
