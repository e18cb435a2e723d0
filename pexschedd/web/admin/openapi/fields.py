"""JSON schemas of declared fields: as records show them, and as they are sent. Pure.

Answers have the type alone: records that earlier versions have stored may hold what is
refused today. What is sent has all limits.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pexschedd.management.resource import Column, uri_of
from pexschedd.model.fields import secret_destinations, unsupported
from pexschedd.model.fields.declaration import Declared
from pexschedd.model.fields.times import format_time
from pexschedd.model.fields.validation import LARGEST
from pexschedd.web.admin.openapi.patterns import TIME, pattern_of
from pexschedd.web.admin.openapi.types import schemas_of

PLAIN_TYPES: Mapping[type, str] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    datetime: "string",
}
_EXAMPLE_TIME = "2026-11-21T09:30:00.000000"


def shown(declared: Declared, column: Column, help: str = "") -> dict[str, Any]:  # noqa: A002
    """Return the schema of a field in answers.

    `help` explains it if its declaration does not.
    """
    schema = _shown_type(declared, column)
    if column.nullable:
        schema = _or_null(schema)
    text = explained(declared) or help
    if text:
        schema["description"] = text
    if declared.field.readonly:
        schema["readOnly"] = True
    return schema


def _shown_type(declared: Declared, column: Column) -> dict[str, Any]:
    if column.nested:
        return {"$ref": f"#/components/schemas/{component_name(column.related)}"}
    if column.related:
        return {
            "type": "string",
            "format": "uri-reference",
            "examples": [uri_of(column.related, 1)],
        }
    choices = declared.field.choices
    if choices and column.nullable:
        # Null and an empty text are two values: the one that was sent is shown.
        return {"type": "string", "enum": [*choices, ""]}
    if choices:
        return {"type": "string", "enum": [*choices]}
    return _types(column.type)


def _types(kind: type) -> dict[str, Any]:
    if kind is datetime:
        return {
            "type": "string",
            "format": "date-time-local",
            "pattern": TIME,
            "examples": [_EXAMPLE_TIME],
        }
    if kind in PLAIN_TYPES:
        return {"type": PLAIN_TYPES[kind]}
    (schema,), _ = schemas_of([kind])
    return schema


def sent(declared: Declared, *, is_new: bool) -> dict[str, Any]:
    """Return the schema of a field in requests; new records have defaults."""
    field = declared.field
    if field.readonly:
        text = "Set by the server: what is sent here is ignored."
        return {"description": f"{explained(declared)} {text}".strip()}
    schema = _sent_type(declared)
    if not declared.required:
        schema = _or_null(schema)
    text = explained(declared)
    if text:
        schema["description"] = text
    if field.secret:
        schema["writeOnly"] = True
    if is_new and not declared.required and declared.name not in _OWN_DEFAULTS:
        schema["default"] = _plain(declared.default)
    return schema


_OWN_DEFAULTS = ("personal_vmr_oauth_client_id",)
"""Fields whose default is made for each record."""


def _sent_type(declared: Declared) -> dict[str, Any]:
    field = declared.field
    if field.unsupported:
        return _unsupported(declared)
    if field.related:
        return {"$ref": f"#/components/schemas/{reference_name(field.related)}"}
    if field.choices:
        empty = [""] if declared.nullable else []
        return {"type": "string", "enum": [*field.choices, *empty]}
    schema = _types(declared.type)
    if declared.type is int:
        schema["minimum"] = -LARGEST if field.minimum is None else field.minimum
        schema["maximum"] = LARGEST if field.maximum is None else field.maximum
    if declared.type is str:
        schema |= pattern_of(field)
        if field.min_length:
            schema["minLength"] = field.min_length
        if field.max_length is not None:
            schema["maxLength"] = field.max_length
        if field.secret:
            schema["format"] = "password"
    return schema


def _unsupported(declared: Declared) -> dict[str, Any]:
    values = [_plain(declared.default), *declared.field.honoured]
    return {"enum": [value for value in values if value is not None]}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The same or null, which takes a value away."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    nullable = dict(schema)
    if "type" in schema:
        nullable["type"] = [schema["type"], "null"]
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def _plain(value: object) -> object:
    return format_time(value) if isinstance(value, datetime) else value


def explained(declared: Declared) -> str:
    """Return the explanation of a field, with what the schema cannot say."""
    field = declared.field
    parts = [f"{field.label}." if field.label else "", field.help]
    if declared.name == "id" and not field.help:
        parts.append("The record's number; never given twice.")
    if field.unit:
        parts.append(f"In {field.unit}.")
    if field.unique:
        parts.append("Unique.")
    if field.template is not None:
        names = ", ".join(f"`{name}`" for name in sorted(field.template))
        parts.append(f"A template. Variables: {names or 'none'}.")
    if field.multiline or field.template is not None:
        parts.append("No control characters but line ends and tabs.")
    if field.manifest:
        parts.append("A change has to be deployed with a new manifest.")
    if field.secret:
        parts.append("Never returned.")
    parts.append(secret_destinations.told(field))
    parts.append(unsupported.told(declared))
    return " ".join(filter(None, parts))


def component_name(resource: str, kind: str = "configuration") -> str:
    """Return the name under which the document has a resource's records."""
    words = (
        resource.split("_") if kind == "configuration" else [kind, *resource.split("_")]
    )
    return "".join(word[:1].upper() + word[1:] for word in words)


def reference_name(resource: str) -> str:
    """Return the name under which the document has references to a resource."""
    return f"{component_name(resource)}Reference"
