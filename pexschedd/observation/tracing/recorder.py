"""Steps that are traced while they go on, and become spans when they end.

The step under way is a context variable: whatever a step starts knows its parent, while
other steps go on. Spans are collected until it shows which trace they belong to.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.errors import PexscheddError
from pexschedd.observation.tracing.spans import (
    Attributes,
    Span,
    SpanContext,
    SpanKind,
)

MOST_COLLECTED = 500
"""Spans that are collected for a trace that is not known yet; further ones are left
out. A look at a long backlog makes one request for each few hundred messages."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Step:
    """A step under way, the parent of what is done meanwhile."""

    def __init__(self, spans: list[Span], span_id: bytes) -> None:
        self.spans = spans
        """Its descendants that have ended, in the order of their ends."""
        self.span_id = span_id
        """Empty if the step becomes no span, or its trace is not known yet."""

    def add(self, span: Span) -> None:
        """Add a descendant."""
        if len(self.spans) < MOST_COLLECTED:
            self.spans.append(span)


_current: ContextVar[Step | None] = ContextVar("step", default=None)


def current_step() -> Step | None:
    """Return the step that is under way where this is called."""
    return _current.get()


@contextmanager
def as_current(step: Step) -> Iterator[None]:
    """Make a step the one under way."""
    token = _current.set(step)
    try:
        yield
    finally:
        # What the process's end breaks off is closed in another context.
        with suppress(ValueError):
            _current.reset(token)


class SpanRecorder:
    """Makes spans of steps, and hands those on to `export` whose trace is known.

    `now` gives the wall clock; `random` returns so many random bytes.
    """

    def __init__(
        self,
        export: Callable[[Span], object],
        *,
        now: Now,
        random: Callable[[int], bytes],
    ) -> None:
        self.export = export
        self._now = now
        self._random = random

    def moment(self) -> int:
        """Return the time, in nanoseconds since 1970."""
        return (self._now() - _EPOCH) // _MICROSECOND * 1000

    def new_id(self) -> bytes:
        """Return an id for a span."""
        return self._random(8)

    def new_trace(self, span_id: bytes = b"") -> SpanContext:
        """Return the first address of a trace that is no message's."""
        return SpanContext(self._random(16), span_id or self.new_id())

    def span(
        self,
        name: str,
        began: int,
        *,
        ended: int | None = None,
        context: SpanContext | None = None,
        parent_id: bytes = b"",
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        error: str = "",
        links: tuple[SpanContext, ...] = (),
    ) -> Span:
        """Return a span that ends now, unless `ended` says otherwise. Without a
        `context` it has an id of its own and no trace yet."""
        context = context or SpanContext(b"", self.new_id())
        ended = self.moment() if ended is None else ended
        return Span(
            name,
            context.span_id,
            began,
            max(began, ended),  # the clock may have been set back
            parent_id,
            context.trace_id,
            kind,
            attributes or {},
            error,
            links,
        )

    @contextmanager
    def child(
        self, parent: Step, name: str, attributes: Attributes | None = None
    ) -> Iterator[None]:
        """Trace a step below another one."""
        own = Step(parent.spans, self.new_id())
        began, error = self.moment(), ""
        try:
            with as_current(own):
                yield
        except BaseException as raised:
            error = error_code(raised)
            raise
        finally:
            parent.add(
                self.span(
                    name,
                    began,
                    context=SpanContext(b"", own.span_id),
                    parent_id=parent.span_id,
                    attributes=attributes,
                    error=error,
                )
            )

    def request(self, operation: str) -> Callable[[str], None] | None:
        """Trace a request to Exchange; return a function to call with its result, "ok"
        or an error's code. None where no step is under way."""
        step = current_step()
        if step is None:
            return None
        began = self.moment()

        def ended(result: str) -> None:
            step.add(
                self.span(
                    operation,
                    began,
                    parent_id=step.span_id,
                    kind=SpanKind.CLIENT,
                    attributes={"rpc.method": operation},
                    error="" if result == "ok" else result,
                )
            )

        return ended

    def export_below(self, spans: Sequence[Span], context: SpanContext) -> None:
        """Export collected spans as the descendants of one."""
        for span in spans:
            parent_id = span.parent_id or context.span_id
            self.export(replace(span, trace_id=context.trace_id, parent_id=parent_id))


def error_code(error: BaseException) -> str:
    """Return a stable name for an error, which never has a text from the network."""
    return error.code if isinstance(error, PexscheddError) else type(error).__name__
