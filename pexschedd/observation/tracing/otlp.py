"""Spans as OTLP, OpenTelemetry's protocol, in its binary form. Pure.

The form is that of Protocol Buffers: a message is a sequence of fields, each a key -
its number and the type of its value - and a value. Field numbers are those of
`opentelemetry/proto/trace/v1/trace.proto`, which are stable. An export has some twenty
fields of five kinds, so no library is needed for it.
"""

from collections.abc import Iterable, Mapping

from pexschedd.observation.tracing.spans import Attributes, Span, SpanContext

_VARINT, _FIXED64, _BYTES = 0, 1, 2
"""Types of values."""

_ERROR = 2
"""A span's status; without one it is unset, which means that nothing went wrong."""


def export_request(
    spans: Iterable[Span], resource: Attributes, scope: str, version: str
) -> bytes:
    """Return an ExportTraceServiceRequest.

    `resource` says which service the spans come from; `scope` and `version` name what
    recorded them.
    """
    scope_spans = _field(1, _text(1, scope) + _text(2, version)) + b"".join(
        _field(2, _span(span)) for span in spans
    )
    return _field(1, _field(1, _attributes(1, resource)) + _field(2, scope_spans))


def _span(span: Span) -> bytes:
    attributes = span.attributes
    status = b""
    if span.error:
        attributes = {**attributes, "error.type": span.error}
        status = _field(15, _number(3, _ERROR))
    return b"".join(
        (
            _field(1, span.trace_id),
            _field(2, span.span_id),
            _field(4, span.parent_id) if span.parent_id else b"",
            _text(5, span.name),
            _number(6, span.kind),
            _fixed(7, span.began),
            _fixed(8, span.ended),
            _attributes(9, attributes),
            *(_field(13, _link(link)) for link in span.links),
            status,
        )
    )


def _link(context: SpanContext) -> bytes:
    return _field(1, context.trace_id) + _field(2, context.span_id)


def _attributes(number: int, attributes: Mapping[str, str | int]) -> bytes:
    return b"".join(
        _field(number, _text(1, key) + _field(2, _any_value(value)))
        for key, value in attributes.items()
    )


def _any_value(value: str | int) -> bytes:
    return _text(1, value) if isinstance(value, str) else _number(3, value)


def _text(number: int, text: str) -> bytes:
    # A lone surrogate, which an answer's JSON can hold, is no UTF-8.
    return _field(number, text.encode("utf-8", "backslashreplace"))


def _field(number: int, value: bytes) -> bytes:
    return b"%c%b%b" % (number << 3 | _BYTES, _varint(len(value)), value)


def _fixed(number: int, value: int) -> bytes:
    return b"%c%b" % (number << 3 | _FIXED64, value.to_bytes(8, "little"))


def _number(number: int, value: int) -> bytes:
    return b"%c%b" % (number << 3 | _VARINT, _varint(value))


def _varint(value: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first; the highest bit of a
    byte says that another one follows. A negative one has 64 bits."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
