"""JSON in the bodies of requests, and what is sent in its place, named as what it is.

RFC 8259: JSON is UTF-8. A byte order mark before it is passed over, as Windows' tools
write one; a name that stands twice in an object is refused, as nobody knows which of
the two values was meant.
"""

import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from twisted.web.server import Request

from pexschedd.web.routes import BadRequest, UnsupportedMediaType, body_of

T = TypeVar("T")

MOST_VALUES = 100_000
"""Values in a JSON body, counted by its commas and brackets: decoding makes an object
of each."""

_LOOKED_AT = 64 * 1024
"""Bytes of a wrong body in which words outside of texts are looked for."""
_FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
_GZIP = b"\x1f\x8b"
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_NUMBER = re.compile(rb"-?\b(?:NaN|Infinity)\b")
_HALF = re.compile(rb"\\u[dD][89a-fA-F][0-9A-Fa-f]{2}")
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}")
_FORM = re.compile(rb"[\w.%+-]{1,100}=")


def read_json(request: Request, kind: type[T]) -> T:
    """Return the body as `kind`; raises `BadRequest` that says where it is wrong, and
    `UnsupportedMediaType` for one that calls itself something else than JSON."""
    require_json(request)
    body = body_of(request)
    found = decode_json(body, kind)
    check_names(body)
    return found


def read_object(request: Request) -> dict[str, Any]:
    """Return the body, a JSON object; raises what `read_json` does."""
    require_json(request)
    return decode_object(body_of(request))


def decode_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object in which no name stands twice; raises `BadRequest`."""
    body = body.removeprefix(BOM_UTF8)
    payload = decode_json(body, Any)
    if not isinstance(payload, dict):
        raise BadRequest(
            "The request body must be a JSON object, such as "
            '{"name": "value"}, and not a list or a single value.'
        )
    check_names(body)
    return payload


def check_names(body: bytes) -> None:
    """Raise `BadRequest` if a name stands twice in an object of a body that was
    decoded; takes half a second for a large document."""
    body = body.removeprefix(BOM_UTF8)
    try:
        # Numbers stay texts here: they are read elsewhere, if at all.
        json.loads(body, object_pairs_hook=_named_once, parse_int=str, parse_float=str)
    except RecursionError:
        raise BadRequest(_TOO_DEEP) from None
    except ValueError as error:
        # What is decoded later, if at all, may be wrong still.
        raise BadRequest(_wrong(body, error)) from None


def decode_json(body: bytes, kind: type[T], most: int = MOST_VALUES) -> T:
    """Return a request's body as `kind`; raises `BadRequest`. `most` is the number of
    values that it may have."""
    body = body.removeprefix(BOM_UTF8)
    if sum(map(body.count, (b",", b"[", b"{"))) > most:
        raise BadRequest(f"The request body holds more than {most} values.")
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError:
        raise BadRequest(_TOO_DEEP) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(_wrong(body, error)) from None


def require_json(request: Request) -> None:
    """Raise `UnsupportedMediaType` for a body that says it is something else than JSON.

    A client that names no type is taken at the body's word.
    """
    for value in request.requestHeaders.getRawHeaders(b"content-type") or []:
        kind = value.partition(b";")[0].strip().lower()
        if kind not in (b"application/json", b"text/json") and not kind.endswith(
            b"+json"
        ):
            shown = kind[:100].decode("ascii", "replace")
            what = f"a form ({shown})" if kind in _FORMS else shown
            raise UnsupportedMediaType(
                f"The request body must be JSON, not {what}. Send it with the "
                "header Content-Type: application/json."
            )


_TOO_DEEP = "The request body is nested too deeply."


def _named_once(members: Sequence[tuple[str, object]]) -> None:
    if len(dict(members)) == len(members):
        return
    counts = Counter(name for name, _ in members)
    shown = json.dumps(counts.most_common(1)[0][0][:100])
    raise BadRequest(
        f"The name {shown} stands twice in one object of the request body. Leave one "
        "of them out."
    )


def _wrong(body: bytes, error: Exception) -> str:
    """The text about a body that is not the JSON it should be."""
    if isinstance(error, msgspec.ValidationError) and "out of range" not in str(error):
        return f"The request body has an invalid value: {error}"
    return next(_suspicions(body), f"The request body is not valid JSON: {error}")


def _suspicions(body: bytes) -> Iterator[str]:
    """Yield what the body seems to be, the most certain one first."""
    if not body.strip():
        yield "The request body is empty. It must be JSON."
    if body.startswith(_GZIP):
        yield "The request body is compressed (gzip). Send it as it is."
    if body.startswith((BOM_UTF16_BE, BOM_UTF16_LE)) or b"\0" in body[:2]:
        yield "The request body is UTF-16. JSON must be UTF-8."
    yield from _not_utf8(body)
    yield from _half_pairs(body)
    bare = _STRING.sub(
        lambda found: b'"' + b"_" * (len(found[0]) - 1), body[:_LOOKED_AT]
    )
    for found in _NO_NUMBER.finditer(bare):
        name = found[0].decode("ascii")
        yield (
            f"The request body has {name} (byte {found.start()}), which is no value in "
            "JSON. Send a number, or null for none."
        )
    if body.lstrip()[:1] not in (b"{", b"[", b'"') and _FORM.match(body.lstrip()):
        yield (
            "The request body looks like a form (name=value). It must be JSON: "
            '{"name": "value"}.'
        )
    quote = bare.find(b"'")
    if quote >= 0:
        yield (
            f"The request body has a single quote (byte {quote}). Names and "
            "texts in JSON are in double quotes."
        )
    if re.search(rb"\d[eE]\+?\d{3}", bare):
        yield "The request body has a number that is too large."


def _not_utf8(body: bytes) -> Iterator[str]:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        byte = body[error.start]
        if body[error.start : error.start + 2] >= b"\xed\xa0" and byte == 0xED:
            yield (
                f"The request body has half of a surrogate pair (byte {error.start}), "
                "which is no character. JSON must be UTF-8."
            )
        letter = bytes([byte]).decode("latin-1")
        meant = f", which is {letter} in Latin-1" if byte >= 0xA0 else ""
        yield (
            f"The request body is not UTF-8: byte {error.start} is 0x{byte:02x}{meant}."
            " JSON must be UTF-8."
        )


def _half_pairs(body: bytes) -> Iterator[str]:
    """Escapes of one half of a surrogate pair, without the other one beside it."""
    escapes = _PAIR.sub(b"_" * 12, body.replace(rb"\\", b"__"))
    found = _HALF.search(escapes)
    if found is not None:
        yield (
            f"The request body has {found[0].decode('ascii')} (byte {found.start()}), "
            "half of a surrogate pair without the other half: that is no character."
        )
