"""Conditional requests: `ETag`, `If-Match` and `If-None-Match` (RFC 9110, section 13).

The tags are strong. `If-Match` therefore never matches a weak one, which begins with
W/; `If-None-Match` compares them without that.
"""

import re
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from twisted.web.server import Request

from pexschedd.errors import RecordChanged
from pexschedd.management.guards.entity_tag import Expectation, expect_nothing
from pexschedd.web.routes import (
    BadRequest,
    ResponseBody,
    empty_response,
    json_response,
)

IF_MATCH = b"if-match"
IF_NONE_MATCH = b"if-none-match"
_MOST_BYTES = 8 * 1024
_DIGITS = 32
_TAG = rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rb"[ \t]*" + _TAG + rb"(?:[ \t]*,[ \t]*" + _TAG + rb")*[ \t]*")
_ONE = re.compile(_TAG)


class EntityTags(msgspec.Struct, frozen=True):
    """The tags of a conditional header; `*` stands for those of all records."""

    tags: tuple[str, ...] = ()
    """With their quotes, and W/ where they have it."""
    is_any: bool = False

    def have(self, tag: str, *, weakly: bool = False) -> bool:
        """Return whether a record's tag is among them; `weakly` passes over W/."""
        known = [each.removeprefix("W/") if weakly else each for each in self.tags]
        return self.is_any or quoted(tag) in known


def quoted(tag: str) -> str:
    """Return a tag as headers have it."""
    return f'"{tag}"'


def parse_tags(header: str, values: Sequence[bytes]) -> EntityTags | None:
    """Return the tags of a header's lines, or None if there are none.

    Raises `BadRequest` that says what a tag looks like.
    """
    if not values:
        return None
    text = b", ".join(values)
    if text.strip() == b"*":
        return EntityTags(is_any=True)
    if len(text) > _MOST_BYTES or not _LIST.fullmatch(text):
        raise BadRequest(
            f"The header {header} must be *, or one or more tags with commas, each in "
            'double quotes as the header ETag of an answer has it: "0123abcd".'
        )
    return EntityTags(tuple(tag.decode("latin-1") for tag in _ONE.findall(text)))


def expectation_of(request: Request) -> Expectation:
    """Return the condition of a change, `expect_nothing` if it has none.

    Raises `BadRequest` for a header that cannot be read.
    """
    get = request.requestHeaders.getRawHeaders
    wanted = parse_tags("If-Match", get(IF_MATCH) or [])
    unwanted = parse_tags("If-None-Match", get(IF_NONE_MATCH) or [])
    if wanted is None and unwanted is None:
        return expect_nothing

    def expect(tag: str) -> None:
        if wanted is not None and not wanted.have(tag):
            set_tag(request, tag)
            raise RecordChanged(_changed(tag, wanted))
        if unwanted is not None and unwanted.have(tag, weakly=True):
            set_tag(request, tag)
            raise RecordChanged(
                "The record exists, and has a tag that the header If-None-Match "
                "excludes. Nothing was changed."
            )

    return expect


def _changed(tag: str, wanted: EntityTags) -> str:
    if wanted.have(tag) or wanted.have(tag, weakly=True):
        return (
            "The tag in the header If-Match begins with W/, and such a tag never "
            "matches: a proxy that compresses answers may have put that before it. "
            f"Nothing was changed. The record has not changed either; send If-Match: "
            f"{quoted(tag)}."
        )
    return (
        "The record has changed since it was read: by another administrator or script, "
        "or by the scheduling of a meeting. Nothing was changed now. Read the record "
        f"again, look at what is different, and send the change with its new ETag, now "
        f"{quoted(tag)}."
    )


def refuse_conditions(request: Request) -> None:
    """Raise `RecordChanged` for a condition where there is no tag to compare."""
    if any(map(request.requestHeaders.hasHeader, (IF_MATCH, IF_NONE_MATCH))):
        raise RecordChanged(
            "A list has no ETag, so If-Match and If-None-Match cannot be fulfilled "
            "here. Nothing was changed. Send the request without them, or change the "
            "records one by one."
        )


def set_tag(request: Request, tag: str) -> None:
    """Add the header `ETag` to the answer."""
    request.responseHeaders.setRawHeaders(b"etag", [quoted(tag).encode("ascii")])


def tagged_json(request: Request, payload: object) -> ResponseBody:
    """Return `payload` as a JSON body with a tag of its own; 304 without a body if the
    client has it already."""
    tag = sha256(msgspec.json.encode(payload)).hexdigest()[:_DIGITS]
    set_tag(request, tag)
    if is_not_modified(request, tag):
        return empty_response(request, 304)
    return json_response(request, payload)


def is_not_modified(request: Request, tag: str) -> bool:
    """Return whether the client of a read has the record already, by its tag."""
    values = request.requestHeaders.getRawHeaders(IF_NONE_MATCH) or []
    known = parse_tags("If-None-Match", values)
    return known is not None and known.have(tag, weakly=True)
