"""Sends to Exchange what was decided: answers, and meetings to be rewritten."""

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
        """True while an answer or a rewrite has not been sent."""
        return self._outbox.has_pending or self._rewriter.has_pending

    def holds(self, ref: MessageRef) -> bool:
        """Return whether a message's answer or rewrite is still to be sent."""
        return self._outbox.holds(ref) or self._rewriter.holds(ref)

    async def send_answers(self) -> None:
        """Send every answer that is due, and record the outcomes."""
        await self._outbox.send()

    async def rewrite_meetings(self) -> None:
        """Rewrite meetings that were sent while the add-in could not reach us."""
        await self._rewriter.work()

    async def close(self) -> None:
        """Give up the connections to organizers' calendars."""
        await self._rewriter.close()
