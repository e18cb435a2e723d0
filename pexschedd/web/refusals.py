"""Refusals of requests, in the one shape of the side that is asked.

Each side of the server has a shape for all its errors: those of its routes, and those
of requests that never get to a route, because they cannot be read or are too large.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from itertools import count
from secrets import token_hex

import msgspec

ErrorShape = Callable[[str, str, str], dict[str, object]]
"""Takes the code, the text and the correlation id; returns what is answered as JSON."""

SAFE_HEADERS: Mapping[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}
"""Headers of all answers; a route may replace them."""
TLS_ONLY = (b"strict-transport-security", b"max-age=31536000")
"""The header of answers over TLS, which without it is forbidden (RFC 6797, 7.2)."""

INTERNAL = "Internal error. The log has the details under this correlation id."
"""The text of an error that is no caller's fault."""

_PROCESS = token_hex(4)
"""Keeps the request ids of this process apart from those of earlier ones."""
_numbers = count(1)


def next_request_id() -> str:
    """Return another id at each call."""
    return f"{_PROCESS}-{next(_numbers)}"


def client_shape(code: str, text: str, correlation_id: str) -> dict[str, object]:
    """Return an error as the add-in and the conferencing nodes read it."""
    return {
        "status": "error",
        "code": code,
        "message": text,
        "correlation_id": correlation_id,
    }


def admin_shape(code: str, text: str, correlation_id: str) -> dict[str, object]:
    """Return an error as the clients of the management API read it."""
    return {"error": text, "code": code, "correlation_id": correlation_id}


class EarlyRefusal(msgspec.Struct, frozen=True):
    """The reason why a request is refused before it gets to a route."""

    status: HTTPStatus
    code: str
    text: str


MALFORMED = EarlyRefusal(
    HTTPStatus.BAD_REQUEST,
    "bad_request",
    "This is not HTTP/1.1: the first line, a header or the length of the body is "
    "malformed.",
)
TOO_SLOW = EarlyRefusal(
    HTTPStatus.REQUEST_TIMEOUT,
    "too_slow",
    "The request did not arrive in time. Send it at once, over a new connection.",
)
ADDRESS_TOO_LONG = EarlyRefusal(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    "too_long",
    "The address of the request is longer than 16 KiB. Ask for less at once.",
)
HEADERS_TOO_LONG = EarlyRefusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "too_long",
    "The headers of the request are too large: one is longer than 16 KiB, or there are "
    "too many.",
)


def body_too_large(limit: int) -> EarlyRefusal:
    """Return the refusal of a body with more than `limit` bytes."""
    text = f"The request body is larger than {limit} bytes."
    return EarlyRefusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", text)


def closing_answer(
    refusal: EarlyRefusal, shape: ErrorShape, correlation_id: str, *, is_secure: bool
) -> bytes:
    """Return the whole answer, as it goes over the wire, after which the connection is
    closed."""
    body = msgspec.json.encode(shape(refusal.code, refusal.text, correlation_id))
    headers = {
        b"connection": b"close",
        b"content-type": b"application/json",
        b"content-length": b"%d" % len(body),
        b"x-request-id": correlation_id.encode(),
        **SAFE_HEADERS,
        **dict([TLS_ONLY] if is_secure else []),
    }
    words = _PHRASES.get(refusal.status, refusal.status.phrase)
    head = f"HTTP/1.1 {refusal.status.value} {words}\r\n".encode()
    lines = b"".join(b"%b: %b\r\n" % header for header in headers.items())
    return b"%b%b\r\n%b" % (head, lines, body)


_PHRASES = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.REQUEST_URI_TOO_LONG: "URI Too Long",
}
"""The words of RFC 9110, where Python's are older."""
