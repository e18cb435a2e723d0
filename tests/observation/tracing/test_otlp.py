"""Our encoding, read by OpenTelemetry's own types."""

from time import process_time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from pexschedd.observation.tracing.otlp import export_request
from pexschedd.observation.tracing.spans import Span, SpanContext, SpanKind
from tests.observation.tracing.otlp_receiver import failed, values

MOMENTS = st.integers(0, 2**64 - 1)
TEXTS = st.text(max_size=300)
SPAN_IDS = st.binary(min_size=8, max_size=8)
TRACE_IDS = st.binary(min_size=16, max_size=16)
ATTRIBUTES = st.dictionaries(
    TEXTS, TEXTS | st.integers(-(2**63), 2**63 - 1), max_size=20
)
SPANS = st.builds(
    Span,
    name=TEXTS,
    span_id=SPAN_IDS,
    began=MOMENTS,
    ended=MOMENTS,
    parent_id=SPAN_IDS | st.just(b""),
    trace_id=TRACE_IDS,
    kind=st.sampled_from(SpanKind),
    attributes=ATTRIBUTES.filter(lambda a: "error.type" not in a),
    error=TEXTS,
    links=st.lists(st.builds(SpanContext, TRACE_IDS, SPAN_IDS), max_size=3).map(tuple),
)


def decoded(body: bytes) -> Any:
    request = ExportTraceServiceRequest()
    assert request.ParseFromString(body) == len(body)
    (resource_spans,) = request.resource_spans
    (scope_spans,) = resource_spans.scope_spans
    return resource_spans.resource, scope_spans


@given(st.lists(SPANS, max_size=5), ATTRIBUTES, TEXTS)
def test_nothing_is_lost(
    spans: list[Span], resource: dict[str, str | int], version: str
) -> None:
    """Every field of every span arrives as it was, and no other."""
    said, scope = decoded(export_request(spans, resource, "pexschedd", version))
    assert values(said) == resource
    assert (scope.scope.name, scope.scope.version) == ("pexschedd", version)
    assert len(scope.spans) == len(spans)
    for span, found in zip(spans, scope.spans, strict=True):
        error = {"error.type": span.error} if span.error else {}
        assert values(found) == {**span.attributes, **error}
        assert failed(found) is bool(span.error)
        assert (
            found.name,
            found.trace_id,
            found.span_id,
            found.parent_span_id,
            found.kind,
            found.start_time_unix_nano,
            found.end_time_unix_nano,
        ) == (
            span.name,
            span.trace_id,
            span.span_id,
            span.parent_id,
            span.kind,
            span.began,
            span.ended,
        )
        links = [(link.trace_id, link.span_id) for link in found.links]
        assert links == [(link.trace_id, link.span_id) for link in span.links]


def test_a_lone_surrogate_is_written_out() -> None:
    """JSON can express one, and UTF-8 cannot."""
    span = Span("a\ud800", b"8" * 8, 1, 2, trace_id=b"1" * 16)
    _, scope = decoded(export_request([span], {}, "", ""))
    assert scope.spans[0].name == "a\\ud800"


def test_a_request_does_not_hold_the_reactor() -> None:
    """As many spans as go at once are encoded well within a turn's 50 milliseconds."""
    attributes: dict[str, str | int] = {f"pexschedd.key{n}": "v" * 40 for n in range(6)}
    span = Span("answer", b"8" * 8, 1, 2, b"9" * 8, b"1" * 16, attributes=attributes)
    took = []
    for _ in range(5):
        began = process_time()
        export_request([span] * 256, {}, "pexschedd", "1")
        took.append(process_time() - began)
    assert min(took) < 0.025
