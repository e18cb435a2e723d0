"""Spans of OpenTelemetry's data model, and the queue of those to export. Pure.

A span is one step with its beginning and end. Those with the same trace id are one
trace, a tree by their parents; a link leads from a span to one of another trace.
"""

from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from hashlib import sha256

import msgspec

MOST = 20_000
"""Spans that wait for the collector, some ten megabytes; further ones are dropped."""

Attributes = dict[str, str | int]


class SpanKind(IntEnum):
    """The role of a span, with the numbers of OTLP."""

    INTERNAL = 1
    CLIENT = 3
    CONSUMER = 5


class SpanContext(msgspec.Struct, frozen=True):
    """The address of a span."""

    trace_id: bytes
    """16 bytes."""
    span_id: bytes
    """8 bytes."""


class Span(msgspec.Struct, frozen=True):
    """One step that has ended. Times are nanoseconds since 1970."""

    name: str
    span_id: bytes
    began: int
    ended: int
    parent_id: bytes = b""
    """Empty for the first span of its trace, and until that is known."""
    trace_id: bytes = b""
    """Empty until the trace is known to which it belongs."""
    kind: SpanKind = SpanKind.INTERNAL
    attributes: Attributes = {}
    error: str = ""
    """The code of what went wrong; empty if nothing did."""
    links: tuple[SpanContext, ...] = ()


def message_context(correlation_id: str) -> SpanContext:
    """Return the address of a message's first span.

    The trace has the message's correlation id, a UUID without its hyphens; the span's
    id is the second half of it. So whoever knows one knows the other, after a restart
    too. (W3C Trace Context wants the last seven bytes random: a UUID's are.)
    """
    try:
        trace_id = bytes.fromhex(correlation_id.replace("-", ""))
    except ValueError:
        trace_id = b""
    if len(trace_id) != 16 or not any(trace_id[8:]):
        trace_id = sha256(correlation_id.encode()).digest()[:16]
    return SpanContext(trace_id, trace_id[8:])


class SpanQueue:
    """The spans that wait to be exported, at most `most`."""

    def __init__(self, most: int = MOST) -> None:
        self._waiting: deque[Span] = deque()
        self._most = most
        self.dropped = 0
        """Spans that found no room, or were refused, since the start."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, span: Span) -> None:
        """Add a span; drop it if there is no room."""
        if len(self._waiting) < self._most:
            self._waiting.append(span)
        else:
            self.dropped += 1

    def take(self, most: int) -> list[Span]:
        """Remove and return the oldest spans, at most `most`."""
        count = min(most, len(self._waiting))
        return [self._waiting.popleft() for _ in range(count)]

    def put_back(self, spans: Sequence[Span]) -> None:
        """Put spans back to where they were taken, as far as there is room."""
        room = max(0, self._most - len(self._waiting))
        kept = spans[max(0, len(spans) - room) :]
        self.dropped += len(spans) - len(kept)
        self._waiting.extendleft(reversed(kept))
