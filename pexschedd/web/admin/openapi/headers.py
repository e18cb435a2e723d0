"""Headers of requests and of answers. Pure."""

from collections.abc import Mapping
from typing import Any

from pexschedd.web.admin.openapi.operation import Parameter

REQUEST_ID, WARNING = "X-Request-Id", "X-Configuration-Warning"

_TAGS = r'^(\*|(W/)?"[!#-~]*"( ?, ?(W/)?"[!#-~]*")*)$'

IF_MATCH = Parameter(
    "If-Match",
    "The record is changed only if it still has this `ETag`; otherwise the answer is "
    "412. Several tags are separated by commas, and `*` stands for any.",
    {"type": "string", "pattern": _TAGS, "examples": ['"0123abcd"']},
    place="header",
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    "The answer is 304, without a body, if the record still has this `ETag`.",
    {"type": "string", "pattern": _TAGS, "examples": ['"0123abcd"']},
    place="header",
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "A request with the same key can be sent again within 24 hours: it gets the same "
    "answer, and there is one record.",
    {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
        "examples": ["0b9e3a52-6c1f-4f7e-9d54-6f2f2c1f6a3e"],
    },
    place="header",
)

HEADERS: Mapping[str, Mapping[str, Any]] = {
    REQUEST_ID: {
        "description": "The correlation id of the request, as the log's lines have it.",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
    },
    "ETag": {
        "description": "The tag of the record as it is now: see `If-Match`.",
        "required": True,
        "schema": {"type": "string", "pattern": '^".+"$'},
    },
    "Location": {
        "description": "The address of the record.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    WARNING: {
        "description": "Fields that were saved but have not the effect that they seem "
        "to have, and what is left to do: one header for each, `<field>: <text>`.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "The seconds after which it is worth trying again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {
        "description": "The ways to sign in, one header for each.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Content-Disposition": {
        "description": "The name under which browsers save the file.",
        "schema": {"type": "string"},
    },
}
"""Of answers, by name."""
