"""The JSON schema of `schema/`, in which resources describe themselves. Pure."""

from typing import Any


def resource_schema() -> dict[str, Any]:
    """Return the schema of such an answer."""
    texts = {"type": "array", "items": {"type": "string"}}
    field = {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "default": {},
            "nullable": {"type": "boolean"},
            "blank": {"type": "boolean"},
            "readonly": {"type": "boolean"},
            "unique": {"type": "boolean"},
            "help_text": {"type": "string"},
            "related_type": {"type": "string", "enum": ["to_one", "to_many"]},
            "related_schema": {"type": "string", "format": "uri-reference"},
            "valid_choices": texts,
        },
        "required": [
            "type",
            "default",
            "nullable",
            "blank",
            "readonly",
            "unique",
            "help_text",
        ],
    }
    return {
        "type": "object",
        "description": "The description of a resource, as clients of the platform's "
        "API know it.",
        "properties": {
            "allowed_detail_http_methods": texts,
            "allowed_list_http_methods": texts,
            "default_format": {"type": "string"},
            "default_limit": {"type": "integer"},
            "fields": {"type": "object", "additionalProperties": field},
            "filtering": {"type": "object", "additionalProperties": texts},
            "ordering": texts,
            "version": {
                "type": "string",
                "description": "Another one if anything but the help texts is.",
            },
        },
        "required": [
            "allowed_detail_http_methods",
            "allowed_list_http_methods",
            "default_format",
            "default_limit",
            "fields",
            "filtering",
            "ordering",
            "version",
        ],
    }
