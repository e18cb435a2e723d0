"""Answers to requests that are refused. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from pexschedd.web.admin.openapi.operation import ApiOperation, Schema

_TEXT = {"type": "string"}

SCHEMAS: Mapping[str, Schema] = {
    "Error": {
        "type": "object",
        "description": "A refused request.",
        "properties": {
            "error": {**_TEXT, "description": "What is wrong, in words."},
            "code": {
                **_TEXT,
                "description": "A stable word for programs, such as `not_found`.",
            },
            "correlation_id": {
                **_TEXT,
                "description": "The request's id, as in the log.",
            },
            "fields": {
                "$ref": "#/components/schemas/Problems",
                "description": "Wrong arguments, where the request is about no "
                "resource.",
            },
        },
        "required": ["error", "code", "correlation_id"],
    },
    "Problems": {
        "type": "object",
        "description": "What is wrong with each field, in words.",
        "additionalProperties": {"type": "array", "items": _TEXT},
    },
    "InvalidRecord": {
        "type": "object",
        "description": "Wrong fields or arguments, all at once, under the name of the "
        "resource.",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": {"$ref": "#/components/schemas/Problems"},
        "examples": [
            {"conference": {"name": ["This field is required."]}},
        ],
    },
}

_ERROR: Schema = {"$ref": "#/components/schemas/Error"}
_WRONG: Schema = {
    "anyOf": [{"$ref": "#/components/schemas/InvalidRecord"}, _ERROR],
}
_RESPONSES: Mapping[int, tuple[str, str, Schema, tuple[str, ...]]] = {
    400: ("BadRequest", "Something in the request is wrong.", _WRONG, ()),
    401: (
        "NotSignedIn",
        "The name, the password or the token is wrong or missing.",
        _ERROR,
        ("WWW-Authenticate",),
    ),
    403: (
        "NotAllowed",
        "The role does not allow it, or a page of another site sent the request.",
        _ERROR,
        (),
    ),
    404: ("NotFound", "There is no such record.", _ERROR, ()),
    409: (
        "InUse",
        "Others refer to what is to be deleted, or something else is under way.",
        _ERROR,
        (),
    ),
    412: (
        "RecordChanged",
        "The record is not as the request expects it to be. Nothing was changed.",
        _ERROR,
        (),
    ),
    413: ("TooLarge", "The body is larger than 1 MiB.", _ERROR, ()),
    415: (
        "UnsupportedMediaType",
        "The body is not what its headers say, or is compressed.",
        _ERROR,
        (),
    ),
    422: (
        "KeyReused",
        "The `Idempotency-Key` belongs to a request with another body.",
        _ERROR,
        (),
    ),
    429: (
        "TooManyRequests",
        "Too many sign-ins have failed.",
        _ERROR,
        ("Retry-After",),
    ),
    502: ("ServerFailed", "Another server gave no usable answer.", _ERROR, ()),
    503: (
        "Unavailable",
        "It cannot be done at present, as when the disk is nearly full.",
        _ERROR,
        ("Retry-After",),
    ),
}
STATUSES = frozenset(_RESPONSES)


def components(
    response: "Mapping[str, Any]",
) -> dict[str, Any]:
    """Return the responses of the document; `response` are the headers of all."""
    return {
        name: {
            "description": description,
            "headers": {
                **response,
                **{h: {"$ref": f"#/components/headers/{h}"} for h in headers},
            },
            "content": {"application/json": {"schema": schema}},
        }
        for name, description, schema, headers in _RESPONSES.values()
    }


def statuses(
    operation: ApiOperation, *, public: bool, has_variables: bool
) -> Iterator[int]:
    """Yield the statuses of errors that an operation may be answered with."""
    found = {400, 503, *operation.errors}
    if not public:
        found |= {401, 403, 429}
    if has_variables:
        found.add(404)
    if operation.body is not None:
        found |= {413, 415}
    yield from sorted(found - operation.answers.keys())


def reference(status: int) -> dict[str, str]:
    """Return the reference to the response of a status."""
    return {"$ref": f"#/components/responses/{_RESPONSES[status][0]}"}
