"""Traces of messages: from the notification to the recorded answer, one trace each.

    process message          from the notification, or the look, until it is durable
      notification           from the notification until the look begins
      list messages          what has arrived; with its requests to Exchange
      read messages          with its requests to Exchange
      decide
      commit
      answer                 until it is recorded; with its requests, and `record`
      rewrite meeting        an attempt; with its requests

The answer may be given much later and by another process, so the first span does not
wait for it. What is done for several messages at once is in a trace of its own, and a
link leads there from each message's. A look that finds nothing, or fails, leaves no
trace: the metrics count its requests.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from msgspec.structs import replace

from pexschedd.model.meeting import MessageRef
from pexschedd.model.outbox import PendingAnswer
from pexschedd.observation.tracing.recorder import (
    SpanRecorder,
    Step,
    as_current,
    current_step,
    error_code,
)
from pexschedd.observation.tracing.spans import (
    Attributes,
    Span,
    SpanContext,
    SpanKind,
    message_context,
)
from pexschedd.scheduling.ports.mailbox import Outcome, OutcomeKind
from pexschedd.scheduling.ports.tracing import FAILED, POSTPONED

READ = "read messages"


class _Decision:
    """A decision about one message, until it is durable."""

    def __init__(self, began: int) -> None:
        self.began = began
        self.ended = began
        self.correlation_id = ""
        self.result = ""
        self.error = ""


class _Look(Step):
    """One look into a mailbox: a step that becomes a span only for what it finds."""

    def __init__(self, integration: int, now: int, notified: int | None) -> None:
        super().__init__([], b"")
        self.integration = integration
        self.notified = notified
        self.began = now
        self.read: dict[str, list[Span]] = {}
        """Spans of what was read for a batch, by the item id of its first message."""
        self.requested = 0
        """The number of messages in the batch at hand."""
        self.shared: list[Span] = []
        """Spans of what was read for it."""
        self.decisions: dict[str, _Decision] = {}
        """By item id."""

    @property
    def start(self) -> int:
        """The time at which its messages' traces begin."""
        return self.began if self.notified is None else self.notified

    @property
    def batch_size(self) -> Attributes:
        """The attribute of what is done for several messages."""
        return _batch_size(self.requested)


class _Answering:
    """The outcomes of answers, and the time at which they were known."""

    def __init__(self, began: int, moment: Callable[[], int]) -> None:
        self.began = began
        self._moment = moment
        self.taken_at: int | None = None
        self.outcomes: Sequence[Outcome] = ()
        self.error = ""

    def taken(self, outcomes: Sequence[Outcome]) -> None:
        """Note what the mailbox has made of the answers."""
        self.taken_at = self._moment()
        self.outcomes = outcomes


class InboxTracer:
    """A `MessageTracer` for all integrations."""

    def __init__(self, recorder: SpanRecorder) -> None:
        self._recorder = recorder
        self._notified: dict[int, int] = {}
        """The times of notifications since the last look, by integration."""

    def notified(self, integration: int) -> None:
        """Note that something has arrived, which the next look will read."""
        self._notified.setdefault(integration, self._recorder.moment())

    def look(self, integration: int) -> AbstractContextManager[None]:
        """Trace one look into a mailbox."""
        notified = self._notified.pop(integration, None)
        return as_current(_Look(integration, self._recorder.moment(), notified))

    def listing(self) -> AbstractContextManager[None]:
        """Trace the listing of what has arrived."""
        look = current_step()
        if look is None:
            return nullcontext()
        return self._recorder.child(look, "list messages")

    def reading(self, refs: Sequence[MessageRef]) -> AbstractContextManager[None]:
        """Trace the reading of a batch, which may go on while another is processed."""
        look = current_step()
        if not isinstance(look, _Look) or not refs:
            return nullcontext()
        own = Step([], b"")
        look.read[refs[0].item_id] = own.spans
        return self._recorder.child(own, READ)

    def processing(self, requested: Sequence[MessageRef]) -> None:
        """Note that these messages have been fetched and are decided about now."""
        look = current_step()
        if not isinstance(look, _Look) or not requested:
            return
        look.requested = len(requested)
        look.shared = look.spans + look.read.pop(requested[0].item_id, [])
        look.spans.clear()

    def deciding(self, item_id: str) -> None:
        """Note that a message is decided about now."""
        look = current_step()
        if isinstance(look, _Look):
            look.decisions[item_id] = _Decision(self._recorder.moment())

    def decided(
        self, item_id: str, correlation_id: str, result: str, error: str = ""
    ) -> None:
        """Note what was decided; see `MessageTracer`."""
        look = current_step()
        if not isinstance(look, _Look):
            return
        now = self._recorder.moment()
        decision = look.decisions.setdefault(item_id, _Decision(now))
        decision.ended = now
        decision.correlation_id = correlation_id
        decision.result = result
        decision.error = error

    def committed(self) -> None:
        """Note that all decisions since `processing` are durable."""
        look = current_step()
        if not isinstance(look, _Look):
            return
        decisions = [each for each in look.decisions.values() if each.result]
        shared = look.shared + look.spans
        look.shared = []
        look.spans.clear()
        look.decisions.clear()
        if not decisions:
            return
        recorder = self._recorder
        if look.requested == 1:
            self._processed(look, decisions[0], shared)
            return
        batch = recorder.new_trace()
        read = next((span for span in shared if span.name == READ), None)
        for decision in decisions:
            self._processed(look, decision, self._linked(read, batch))
        recorder.export_below(shared, batch)
        attributes = {"pexschedd.integration": look.integration, **look.batch_size}
        recorder.export(
            recorder.span(
                "process batch", look.start, context=batch, attributes=attributes
            )
        )

    def _linked(self, read: Span | None, batch: SpanContext) -> list[Span]:
        """Return a message's own span for what was read for it and others."""
        if read is None:
            return []
        link = SpanContext(batch.trace_id, read.span_id)
        return [replace(read, span_id=self._recorder.new_id(), links=(link,))]

    def _processed(self, look: _Look, decision: _Decision, read: list[Span]) -> None:
        """Export what was done for a message until its decision was durable."""
        recorder = self._recorder
        context = message_context(decision.correlation_id)
        if decision.result in (POSTPONED, FAILED):
            # Another attempt may follow in the same trace.
            context = replace(context, span_id=recorder.new_id())
        attributes: Attributes = {
            "pexschedd.integration": look.integration,
            "pexschedd.correlation_id": decision.correlation_id,
            "pexschedd.result": decision.result,
            "pexschedd.trigger": "poll" if look.notified is None else "notification",
            **look.batch_size,
        }
        recorder.export(
            recorder.span(
                "process message",
                look.start,
                context=context,
                kind=SpanKind.CONSUMER,
                attributes=attributes,
                error=decision.error,
            )
        )
        notified = look.notified
        waited = [] if notified is None else [("notification", notified, look.began)]
        steps = [
            recorder.span(name, began, ended=ended)
            for name, began, ended in (
                *waited,
                ("decide", decision.began, decision.ended),
                ("commit", decision.ended, None),
            )
        ]
        recorder.export_below([*read, *steps], context)

    @contextmanager
    def answering(self, answers: Sequence[PendingAnswer]) -> Iterator[_Answering]:
        """Trace the giving of answers, until they are recorded."""
        recorder = self._recorder
        answering = _Answering(recorder.moment(), recorder.moment)
        step = Step([], recorder.new_id())
        try:
            with as_current(step):
                yield answering
        except BaseException as raised:
            answering.error = error_code(raised)
            raise
        finally:
            if answering.taken_at is not None:
                step.add(
                    recorder.span(
                        "record",
                        answering.taken_at,
                        parent_id=step.span_id,
                        error=answering.error,
                    )
                )
            if len(answers) == 1:
                own = self._answered(answers[0], 0, 1, answering, step.span_id)
                recorder.export_below(step.spans, own)
            elif answers:
                self._answered_together(answers, answering, step)

    def _answered_together(
        self, answers: Sequence[PendingAnswer], answering: _Answering, step: Step
    ) -> None:
        recorder, count = self._recorder, len(answers)
        batch = recorder.new_trace(step.span_id)
        for number, answer in enumerate(answers):
            own_id = recorder.new_id()
            self._answered(answer, number, count, answering, own_id, batch)
        recorder.export_below(step.spans, batch)
        attributes = {
            "pexschedd.integration": answers[0].exchange_connector,
            **_batch_size(count),
        }
        recorder.export(
            recorder.span(
                "answer batch",
                answering.began,
                context=batch,
                attributes=attributes,
                error=answering.error,
            )
        )

    def _answered(
        self,
        answer: PendingAnswer,
        number: int,
        count: int,
        answering: _Answering,
        span_id: bytes,
        *links: SpanContext,
    ) -> SpanContext:
        """Export the span of one answer, and return its address."""
        recorder = self._recorder
        message = message_context(answer.correlation_id)
        context = SpanContext(message.trace_id, span_id)
        attributes: Attributes = {
            "pexschedd.integration": answer.exchange_connector,
            "pexschedd.correlation_id": answer.correlation_id,
            "pexschedd.action": answer.action,
            **_batch_size(count),
        }
        error = answering.error
        if answering.outcomes:
            kind = answering.outcomes[number].kind
            attributes["pexschedd.outcome"] = str(kind)
            if kind in (OutcomeKind.RETRY, OutcomeKind.FAILED):
                error = error or str(kind)
        recorder.export(
            recorder.span(
                "answer",
                answering.began,
                context=context,
                parent_id=message.span_id,
                attributes=attributes,
                error=error,
                links=links,
            )
        )
        return context

    @contextmanager
    def rewriting(self, correlation_id: str) -> Iterator[None]:
        """Trace one attempt at rewriting an organizer's meeting."""
        message = message_context(correlation_id)
        step = Step([], message.span_id)
        attributes: Attributes = {"pexschedd.correlation_id": correlation_id}
        try:
            with self._recorder.child(step, "rewrite meeting", attributes):
                yield
        finally:
            self._recorder.export_below(step.spans, message)


def _batch_size(count: int) -> Attributes:
    return {"messaging.batch.message_count": count} if count > 1 else {}
