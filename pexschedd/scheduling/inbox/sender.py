"""Telling Exchange what was decided: answers, and meetings to be rewritten."""

from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.inbox.offline_rewrite import OfflineRewriter
from pexschedd.scheduling.inbox.outbox import Outbox


class DecisionSender:
    """One integration's durable decisions, until Exchange has taken them."""

    def __init__(self, outbox: Outbox, rewriter: OfflineRewriter) -> None:
        self._outbox = outbox
        self._rewriter = rewriter

    @property
    def has_pending(self) -> bool:
        """True while an answer or a rewrite still has to be told."""
        return self._outbox.has_pending or self._rewriter.has_pending

    def holds(self, ref: MessageRef) -> bool:
        """Return whether a message is decided already and only has to be told."""
        return self._outbox.holds(ref) or self._rewriter.holds(ref)

    async def send_answers(self) -> None:
        """Tell the mailbox every answer that is due, and record the outcomes."""
        await self._outbox.send()

    async def rewrite_meetings(self) -> None:
        """Take meetings that were sent while offline as far as possible."""
        await self._rewriter.work()

    async def close(self) -> None:
        """Give up the connections to organizers' calendars."""
        await self._rewriter.close()
