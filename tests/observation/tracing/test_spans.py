"""Addresses of messages' traces, and the queue of spans."""

from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from pexschedd.observation.tracing.spans import Span, SpanQueue, message_context

TRACE = b"0123456789abcdef"


def spans(*names: str) -> list[Span]:
    return [Span(name, b"8" * 8, 1, 2, trace_id=TRACE) for name in names]


def names(queue: SpanQueue) -> list[str]:
    return [span.name for span in queue.take(100)]


@given(st.uuids(version=4))
def test_a_trace_has_the_correlation_id(id: UUID) -> None:
    """Whoever has the one, from a mail or the log, can enter the other."""
    context = message_context(str(id))
    assert context.trace_id.hex() == str(id).replace("-", "")
    assert context.span_id == context.trace_id[8:]


@given(st.text(max_size=80))
@example("")
@example("00000000-0000-0000-0000-000000000000")
@example("0123456789abcdef0000000000000000")
def test_any_text_has_an_address(text: str) -> None:
    """One that is none of ours, too: never zeros, which are not allowed."""
    context = message_context(text)
    assert len(context.trace_id) == 16
    assert len(context.span_id) == 8
    assert any(context.trace_id)
    assert any(context.span_id)
    assert context == message_context(text)


def test_the_queue_has_an_end() -> None:
    """What finds no room is counted; the oldest go first."""
    queue = SpanQueue(3)
    for span in spans("a", "b", "c", "d"):
        queue.add(span)
    assert queue.dropped == 1
    taken = queue.take(2)
    assert [span.name for span in taken] == ["a", "b"]
    for span in spans("e"):
        queue.add(span)
    queue.put_back(taken)
    assert queue.dropped == 2
    assert names(queue) == ["b", "c", "e"]
    assert names(queue) == []


def test_a_full_queue_takes_nothing_back() -> None:
    """What has come meanwhile stays."""
    queue = SpanQueue(2)
    old = spans("a", "b")
    for span in spans("c", "d"):
        queue.add(span)
    queue.put_back(old)
    assert queue.dropped == 2
    assert names(queue) == ["c", "d"]
