"""The protocol for tracing messages through the inbox, and a tracer that does nothing.

The inbox tells a tracer what it is about to do; what a trace looks like is none of its
business. A message's trace goes by its correlation id, which is durable with all that
is decided: so it needs no state of its own, and survives a restart.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from pexschedd.model.meeting import MessageRef
from pexschedd.model.outbox import PendingAnswer
from pexschedd.scheduling.ports.mailbox import Outcome

POSTPONED = "postponed"
FAILED = "failed"
SET_ASIDE = "set_aside"
"""Results of a message about which nothing could be decided: the first two may be
followed by another attempt, with the same correlation id."""


class AnswerTrace(Protocol):
    """The trace of answers that are being given."""

    def taken(self, outcomes: Sequence[Outcome]) -> None:
        """Note what the mailbox has made of the answers; they are recorded next."""


class MessageTracer(Protocol):
    """Traces the messages of all integrations.

    What happens within `look`, requests to Exchange included, belongs to the messages
    that are decided about there.
    """

    def notified(self, integration: int) -> None:
        """Note that something has arrived, which the next look will read."""

    def look(self, integration: int) -> AbstractContextManager[object]:
        """Trace one look into a mailbox."""

    def processing(self, requested: Sequence[MessageRef]) -> None:
        """Note that these messages have been fetched and are decided about now."""

    def deciding(self, item_id: str) -> None:
        """Note that a message is decided about now."""

    def decided(
        self, item_id: str, correlation_id: str, result: str, error: str = ""
    ) -> None:
        """Note what was decided: the action as administrators read it, or one of the
        results above; and the code of the error that led to it. Of several decisions
        about a message the last one counts."""

    def committed(self) -> None:
        """Note that all decisions since `processing` are durable."""

    def answering(
        self, answers: Sequence[PendingAnswer]
    ) -> AbstractContextManager[AnswerTrace]:
        """Trace the giving of answers, until they are recorded."""

    def rewriting(self, correlation_id: str) -> AbstractContextManager[object]:
        """Trace one attempt at rewriting an organizer's meeting."""


class _NoTracer:
    """Traces nothing. The same object stands for everything that could be traced, so
    that nothing is made."""

    def notified(self, integration: int) -> None:
        pass

    def look(self, integration: int) -> "_NoTracer":
        return self

    def processing(self, requested: Sequence[MessageRef]) -> None:
        pass

    def deciding(self, item_id: str) -> None:
        pass

    def decided(
        self, item_id: str, correlation_id: str, result: str, error: str = ""
    ) -> None:
        pass

    def committed(self) -> None:
        pass

    def answering(self, answers: Sequence[PendingAnswer]) -> "_NoTracer":
        return self

    def rewriting(self, correlation_id: str) -> "_NoTracer":
        return self

    def taken(self, outcomes: Sequence[Outcome]) -> None:
        pass

    def __enter__(self) -> "_NoTracer":
        return self

    def __exit__(self, *error: object) -> None:
        pass


NO_TRACER: MessageTracer = _NoTracer()
"""Used unless traces are configured."""
